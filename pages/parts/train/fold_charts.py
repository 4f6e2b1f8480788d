"""The charts of a cross-validation: a line for each fold, and where the folds end, as Vega-Lite."""

from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import streamlit as st

from core.judging.fold_verdict import FoldResults
from core.runs.history import Curves
from core.runs.snapshot import RunSnapshot
from core.runs.view import Run
from core.spec import RunSpec
from core.training.length import length_of
from pages.shared.charts.curves_chart import HEIGHT_PX, TICKS_COUNT, TICKS_PERCENT, Axis, Measure
from pages.shared.language import _
from pages.shared.palette import Palette, palette
from pages.shared.words import percent

EARLIER: Final = "earlier"
NEWEST: Final = "newest"
_STRIP_PX: Final = 100


def fold_result(found: FoldResults) -> None:
    """Say what the finished folds have shown so far, and draw where each of them ended."""
    with st.container(border=True, key="folds"):
        if found.mean is None:
            st.markdown(
                _(
                    "**Cross-validation, {folds} folds.** Its first figure comes with the end of "
                    "the first fold."
                ).format(folds=found.folds)
            )
            return
        done = len(found.accuracies)
        mean = percent(found.mean, 2)
        if found.deviation is None:
            words = _(
                "**{mean}** of the images held back are right, after the first of {folds} folds."
            ).format(mean=mean, folds=found.folds)
        else:
            words = _(
                "**{mean} ± {deviation}** of the images held back are right: mean and standard "
                "deviation over {done} of {folds} folds."
            ).format(mean=mean, deviation=percent(found.deviation, 2), done=done, folds=found.folds)
        st.markdown(
            f":material/donut_small: {words}",
            help=_(
                "Each network was trained anew on {train:,} images and judged by up to {held:,} "
                "others that it had never seen. The standard deviation says how much of such a "
                "figure is luck: of the images held back, and of those learned from."
            ).format(train=found.train, held=found.held),
        )
        st.vega_lite_chart(_strip_rows(found), strip_chart(found, palette()), key="fold_strip")
        if done == found.folds:
            st.caption(
                _("The test images judged the last fold’s network, which also reads drawings.")
            )


def fold_charts(run: Run, now: RunSnapshot, curves: Curves, axis: Axis) -> None:
    """Show how each fold's network has learned so far, one laid over the other."""
    loss, accuracy = st.columns(2, gap="medium")
    help_ = _("A line a fold; the strong one is the newest.")
    with loss:
        st.markdown(_("**Loss** on the images learned from, of each fold"), help=help_)
        _chart(run, now, curves, "loss", axis)
    with accuracy:
        st.markdown(_("**Accuracy** on the images held back, of each fold"), help=help_)
        _chart(run, now, curves, "accuracy", axis)


def _chart(run: Run, now: RunSnapshot, curves: Curves, measure: Measure, axis: Axis) -> None:
    st.vega_lite_chart(
        fold_lines(curves, now.spec, measure, axis),
        fold_chart(now.spec, measure, axis, palette()),
        key=f"folds_{measure}_{axis}_{run.id}",
    )


def fold_lines(curves: Curves, spec: RunSpec, measure: Measure, axis: Axis) -> pa.Table:
    """Return columns x, y, fold (from 1) and series, one row a point.

    The loss is that of the images learned from, by steps or epochs of the fold; the accuracy that
    of the images held back, after each epoch.
    """
    course = length_of(spec)
    if measure == "loss" and axis == "step":
        last = np.asarray(curves.step, np.int64) - 1
        first = np.concatenate([[0], last[:-1] + 1])
        # A point that is the mean of two folds' steps belongs to neither.
        whole = first // course.steps_per_fold == last // course.steps_per_fold
        folds, steps = np.divmod(last[whole], course.steps_per_fold)
        x, y = steps + 1.0, np.asarray(curves.loss, np.float64)[whole]
    else:
        at = np.asarray([epoch.epoch for epoch in curves.epochs], np.int64) - 1
        folds, epochs = at // course.epochs, at % course.epochs + 1.0
        x = epochs * course.steps_per_epoch if axis == "step" else epochs
        y = np.asarray(
            [e.train_loss if measure == "loss" else e.val_accuracy for e in curves.epochs],
            np.float64,
        )
    newest = int(folds.max(initial=-1))
    series = [NEWEST if fold == newest else EARLIER for fold in folds.tolist()]
    return pa.table({"x": x, "y": y, "fold": folds + 1, "series": pa.array(series, pa.string())})


def fold_chart(spec: RunSpec, measure: Measure, axis: Axis, colours: Palette) -> dict[str, object]:
    """Describe the chart of `fold_lines`; it stays the same while the run trains.

    Args:
        spec: of the run.
        measure: what the y axis shows.
        axis: what the x axis shows.
        colours: of the present theme.
    """
    course = length_of(spec)
    share = measure == "accuracy"
    colour = colours.validation if share else colours.training
    title = _("Step of the fold") if axis == "step" else _("Epoch of the fold")
    tooltip = [
        {"field": "fold", "title": _("Fold"), "type": "quantitative", "format": ".0f"},
        {"field": "x", "title": title, "type": "quantitative", "format": ",.0f"},
        {
            "field": "y",
            "title": _("Accuracy") if share else _("Loss"),
            "type": "quantitative",
            "format": ".2%" if share else ".4f",
        },
    ]
    layers: list[dict[str, object]] = []
    for name, width, opacity in ((EARLIER, 1.5, 0.4), (NEWEST, 2.5, 1.0)):
        mark = {"color": colour, "opacity": opacity}
        chosen = [{"filter": f"datum.series === '{name}'"}]
        layers.append({"mark": {"type": "line", "strokeWidth": width, **mark}, "transform": chosen})
        if share or axis == "epoch":
            dot = {"type": "point", "filled": True, "size": 35, **mark}
            layers.append({"mark": dot, "transform": chosen})
    return {
        "height": HEIGHT_PX,
        "encoding": {
            "x": {
                "field": "x",
                "type": "quantitative",
                "title": title,
                "scale": {
                    "domain": [0, course.steps_per_fold if axis == "step" else course.epochs],
                    "nice": False,
                },
                "axis": {"grid": False, "tickMinStep": 1, "labelExpr": TICKS_COUNT},
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": None,
                "scale": {"zero": not share},
                "axis": {"format": TICKS_PERCENT if share else "~g", "tickCount": 5},
            },
            # Lines of one chart that are told apart by nothing but their fold.
            "detail": {"field": "fold", "type": "nominal"},
            "tooltip": tooltip,
        },
        "layer": layers,
    }


def strip_chart(found: FoldResults, colours: Palette) -> dict[str, object]:
    """Describe the line of numbers on which each fold stands where it ended.

    Args:
        found: with at least one fold's accuracy.
        colours: of the present theme.
    """
    mean, deviation = found.mean or 0.0, found.deviation or 0.0
    low, high = min(*found.accuracies, mean - deviation), max(*found.accuracies, mean + deviation)
    room = max(0.15 * (high - low), 0.0005)
    x = {
        "field": "x",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [low - room, min(1.0, high) + room], "nice": False},
        "axis": {"format": TICKS_PERCENT, "grid": False, "tickCount": 5},
    }
    number = {"align": "center", "baseline": "middle", "fontSize": 12, "fontWeight": 600}
    return {
        "height": _STRIP_PX,
        "layer": [
            {
                "data": {"values": [{"low": mean - deviation, "high": mean + deviation}]},
                "mark": {"type": "rect", "color": colours.validation, "opacity": 0.15},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
            },
            {
                "data": {"values": [{"x": mean}]},
                "mark": {"type": "rule", "color": colours.validation, "strokeWidth": 2},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "text", "color": colours.ink, **number},
                "encoding": {
                    "x": x,
                    "y": {
                        "field": "row",
                        "type": "quantitative",
                        "axis": None,
                        "scale": {"domain": [-0.7, 2.7]},
                    },
                    "text": {"field": "fold"},
                    "tooltip": [
                        {"field": "fold", "title": _("Fold")},
                        {
                            "field": "x",
                            "title": _("Held back, right"),
                            "type": "quantitative",
                            "format": ".2%",
                        },
                    ],
                },
            },
        ],
    }


def _strip_rows(found: FoldResults) -> pa.Table:
    """Return columns x, fold and row: folds that ended close together stand in different rows."""
    order = sorted(range(len(found.accuracies)), key=found.accuracies.__getitem__)
    near = 0.04 * max(found.accuracies[order[-1]] - found.accuracies[order[0]], 0.002)
    rows = {order[0]: 0}
    for before, fold in pairwise(order):
        apart = found.accuracies[fold] - found.accuracies[before]
        rows[fold] = (rows[before] + 1) % 3 if apart < near else 0
    return pa.table(
        {
            "x": list(found.accuracies),
            "fold": [f"{fold + 1}" for fold in range(len(found.accuracies))],
            "row": [rows[fold] for fold in range(len(found.accuracies))],
        }
    )
