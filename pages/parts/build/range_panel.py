"""A learning rate to begin with: the range test, its curve and what it suggests."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import pyarrow as pa
import streamlit as st

from core.questions.learning_rate import RangeTest
from core.runs.manager import runs
from core.spec import RunSpec
from core.training.check import Problem
from core.training.range_test import (
    HIGHEST,
    LOWEST,
    NUM_STEPS,
    RATES,
    lowest_point,
    smooth,
    suggest,
)
from pages.shared import live, session
from pages.shared.data_here import data_here
from pages.shared.fold import fold
from pages.shared.language import _, say
from pages.shared.launch import attempt
from pages.shared.palette import Palette, palette
from pages.shared.person import address, person
from pages.shared.words import duration, plain

HEIGHT_PX: Final = 210
_LIVE_S: Final = 0.3
_TICKS: Final = (1e-5, 1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0)
# The y axis ends above the loss of the first weights: what explodes leaves the picture.
_ROOM: Final = 1.25


def range_panel(spec: RunSpec, problem: Problem | None) -> None:
    """Offer the test of a spec, or show it, folded away until somebody opens it.

    Args:
        spec: the draft.
        problem: what keeps it from running, if anything.
    """
    fold(
        _("Find a learning rate"),
        "range",
        ":material/troubleshoot:",
        lambda: _panel(spec, problem),
    )


def _panel(spec: RunSpec, problem: Problem | None) -> None:
    found = runs().range_tested(session.asker(), spec)
    if found is not None and found.status in ("waiting", "running"):
        live.live("range", partial(_live, spec))
    elif found is None or found.status == "failed":
        if found is not None:
            st.warning(plain(say(found.trouble)), icon=":material/block:")
        _offer(spec, problem, again=found is not None)
    else:
        _found(spec, found)


def _offer(spec: RunSpec, problem: Problem | None, *, again: bool) -> None:
    st.caption(
        _(
            "Trains a copy of this network for {steps} steps while the learning rate grows from "
            "{low} to {high}, and looks where the loss falls. Nothing is kept of it."
        ).format(steps=NUM_STEPS, low=_told(LOWEST), high=_told(HIGHEST))
    )
    why = say(problem.message) if problem else None
    if why is None and not data_here(spec.data):
        why = _("The data are not on this computer yet.")
    st.button(
        _("Try again") if again else _("Try learning rates"),
        icon=":material/play_arrow:",
        key="range_start",
        disabled=why is not None,
        on_click=_ask,
        args=(spec,),
        help=plain(why) if why else None,
    )


def _ask(spec: RunSpec) -> None:
    """Callback: have learning rates tried."""
    attempt(lambda: runs().range_test(session.asker(), spec, person(), address()))


def _live(spec: RunSpec) -> float:
    found = runs().range_tested(session.asker(), spec)
    if found is None or found.status not in ("waiting", "running"):
        st.rerun()
    assert found is not None
    done = len(found.losses)
    if found.status == "waiting":
        text = _("Waiting for its turn …")
    elif found.remaining_s is None:
        text = _("Step {done} of {steps}").format(done=done, steps=NUM_STEPS)
    else:
        text = _("Step {done} of {steps}, at most {left} left").format(
            done=done, steps=NUM_STEPS, left=duration(found.remaining_s)
        )
    st.progress(done / NUM_STEPS, text=text)
    _curve(found.losses, None)
    st.button(
        _("Stop"),
        icon=":material/stop:",
        key="range_stop",
        on_click=runs().stop_range_test,
        args=(session.asker(),),
    )
    return _LIVE_S


def _found(spec: RunSpec, found: RangeTest) -> None:
    suggested = suggest(found.losses)
    _curve(found.losses, suggested)
    if suggested is None:
        st.info(
            _(
                "The loss fell at none of these rates, so no rate can be suggested. It is the "
                "network that does not learn: try another activation, batch norm or another loss."
            ),
            icon=":material/trending_flat:",
        )
        return
    st.markdown(
        _(
            "The smoothed loss was lowest at {lowest}: from there on, steps are too large. An "
            "eighth of that, **{rate}**, leaves room to learn steadily."
        ).format(lowest=_told(RATES[lowest_point(found.losses)]), rate=_told(suggested)),
        help=_(
            "A rule of thumb, found on 27 networks: 75 of 81 such suggestions were within a factor "
            "of 5 of the rate with the most validation images right, half of them within 1.4. The "
            "smoothed loss is a moving average that remembers about five steps."
        ),
    )
    if spec.schedule != "constant":
        st.caption(_("It is meant for a constant rate. With this schedule it is the highest one."))
    used = suggested == spec.lr
    words = _("{rate} is set") if used else _("Use {rate}")
    st.button(
        words.format(rate=_told(suggested)),
        icon=":material/check:" if used else ":material/input:",
        key="range_use",
        disabled=used,
        on_click=session.change,
        args=("lr", suggested),
    )


def _curve(losses: Sequence[float], suggested: float | None) -> None:
    st.caption(_("Loss of each step (dots) and smoothed (line) over the learning rate"))
    st.vega_lite_chart(
        range_rows(losses), range_chart(losses, suggested, palette()), key="range", width="stretch"
    )


def range_rows(losses: Sequence[float]) -> pa.Table:
    """Return columns step, lr, loss and smoothed, one row a step."""
    return pa.table(
        {
            "step": pa.array(range(len(losses)), pa.int64()),
            "lr": pa.array(RATES[: len(losses)], pa.float64()),
            "loss": pa.array(list(losses), pa.float64()),
            "smoothed": pa.array(smooth(losses), pa.float64()),
        }
    )


def range_chart(
    losses: Sequence[float], suggested: float | None, colours: Palette
) -> dict[str, object]:
    """Describe the chart of the loss over the learning rate; it stays the same after ten steps.

    Args:
        losses: of the steps so far.
        suggested: the rate to mark, if there is one yet.
        colours: of the present theme.
    """
    x = {
        "field": "lr",
        "type": "quantitative",
        "title": _("Learning rate"),
        "scale": {"type": "log", "domain": [LOWEST, HIGHEST], "nice": False},
        "axis": {"grid": False, "values": list(_TICKS), "format": "~g", "labelOverlap": True},
    }
    top = _ROOM * max(smooth(losses[:10]), default=1.0)
    y = {
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [0, top], "nice": False},
        "axis": {"format": "~g", "tickCount": 4, "labels": bool(losses)},
    }
    tooltip = [
        {"field": "lr", "title": _("Learning rate"), "type": "quantitative", "format": ".2~g"},
        {"field": "loss", "title": _("Loss"), "type": "quantitative", "format": ".4f"},
        {"field": "smoothed", "title": _("Smoothed"), "type": "quantitative", "format": ".4f"},
    ]
    smoothed = {"x": x, "y": {**y, "field": "smoothed"}, "tooltip": tooltip}
    dots = {"type": "point", "filled": True, "size": 18, "clip": True, "opacity": 0.6}
    line = {"type": "line", "strokeWidth": 2.5, "clip": True, "color": colours.training}
    layers: list[dict[str, object]] = [
        {
            "mark": {**dots, "color": colours.quiet},
            "encoding": {"x": x, "y": {**y, "field": "loss"}, "tooltip": tooltip},
        },
        {"mark": line, "encoding": smoothed},
    ]
    if suggested is not None:
        lowest = {"type": "point", "filled": True, "size": 70, "opacity": 1}
        chosen = [{"filter": f"datum.step === {lowest_point(losses)}"}]
        rule = {"type": "rule", "strokeWidth": 2, "color": colours.lit}
        words = {"type": "text", "align": "left", "baseline": "top", "dx": 6, "fontSize": 13}
        here = {"data": {"values": [{"lr": suggested, "words": _told(suggested)}]}}
        named = {"x": x, "y": {"value": 0}, "text": {"field": "words"}}
        layers += [
            {
                "mark": {**lowest, "color": colours.training},
                "transform": chosen,
                "encoding": smoothed,
            },
            {"mark": rule, "encoding": {"x": x}, **here},
            {
                "mark": {**words, "fontWeight": 600, "color": colours.lit},
                "encoding": named,
                **here,
            },
        ]
    return {"height": HEIGHT_PX, "layer": layers}


def _told(rate: float) -> str:
    """Write a rate in two significant digits, such as `0.0032`."""
    return f"{float(f'{rate:.1e}'):.10f}".rstrip("0").rstrip(".")
