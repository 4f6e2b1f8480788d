"""The live charts of a run: loss, accuracy and, on demand, its learning rate."""

import streamlit as st

from core.runs.history import Curves
from core.runs.snapshot import RunSnapshot
from core.runs.view import Run
from pages.parts.train.ghost import ghost_line, ghost_of, ghost_rows
from pages.shared.charts.curves_chart import ZOOM, Axis, Measure, curve_chart, curve_rows
from pages.shared.charts.schedule_chart import schedule_chart, schedule_rows
from pages.shared.language import _
from pages.shared.palette import palette


def run_charts(run: Run, now: RunSnapshot, curves: Curves, axis: Axis) -> None:
    """Show how a run has learned so far.

    Args:
        run: whose figures these are.
        now: the run at this instant.
        curves: its figures.
        axis: of both charts.
    """
    last_x = now.spec.num_epochs * (curves.steps_per_epoch if axis == "step" else 1)
    ghost = ghost_of(run)
    loss, accuracy = st.columns(2, gap="medium")
    with loss:
        st.markdown(_titled(_("Loss")), help=_how(_("What training makes small. Lower is better.")))
        _chart(run, curves, ghost, last_x, "loss", axis)
    with accuracy:
        words = _("Share of the images that the network names correctly.")
        st.markdown(_titled(_("Accuracy")), help=_how(words))
        _chart(run, curves, ghost, last_x, "accuracy", axis)
    ghost_line(run, ghost)
    _schedule(now, curves.steps_per_epoch)


def _schedule(now: RunSnapshot, steps_per_epoch: int) -> None:
    """Show on demand where the run is on its way from one learning rate to the next."""
    if now.spec.schedule == "constant" and not now.lr_changes:
        return
    place = st.expander(
        _("Learning rate"), icon=":material/trending_down:", key="schedule_now", on_change="rerun"
    )
    if place.open:
        with place:
            st.vega_lite_chart(
                schedule_rows(now.spec, steps_per_epoch, now.step, now.lr_changes),
                schedule_chart(now.spec.num_epochs, palette()),
                key=f"schedule_{now.id}",
            )


def _titled(measure: str) -> str:
    """Name a chart and both its lines, each in its colour."""
    return _(
        "**{measure}** &ensp; :blue[:material/show_chart: training] &ensp; "
        ":orange[:material/timeline: validation]"
    ).format(measure=measure)


def _how(words: str) -> str:
    """Say how a chart is to be read, after what it shows."""
    return _(
        "{words} Validation: images that are only looked at, never learned from. Turn the wheel "
        "over a chart to zoom, drag to move, double-click to see all again."
    ).format(words=words)


def _chart(
    run: Run, curves: Curves, ghost: Run | None, last_x: int, measure: Measure, axis: Axis
) -> None:
    st.vega_lite_chart(
        curve_rows(curves, measure, axis, ghost_rows(run, ghost, measure, axis)),
        curve_chart(last_x, measure, axis, palette()),
        # A zoom belongs to one run and one axis.
        key=f"{measure}_{axis}_{run.id}",
        # Unless the zoom is a selection that is sent here, Streamlit takes it back with new data.
        on_select="rerun",
        selection_mode=ZOOM,
    )
