"""The live charts of a run: loss, accuracy and, on demand, its learning rate."""

import streamlit as st

from core.history import Curves
from core.run import Run
from core.snapshot import RunSnapshot
from pages.shared.curves_chart import ZOOM, Axis, Measure, curve_chart, curve_rows
from pages.shared.ghost import ghost_line, ghost_of, ghost_rows
from pages.shared.palette import palette
from pages.shared.schedule_chart import schedule_chart, schedule_rows


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
        words = "What training makes small. Lower is better."
        _chart(run.id, curves, ghost, last_x, "loss", axis, words)
    with accuracy:
        words = "Share of the images that the network names correctly."
        _chart(run.id, curves, ghost, last_x, "accuracy", axis, words)
    ghost_line(run, ghost)
    _schedule(now, curves.steps_per_epoch)


def _schedule(now: RunSnapshot, steps_per_epoch: int) -> None:
    """Show on demand where the run is on its way from one learning rate to the next."""
    if now.spec.schedule == "constant":
        return
    place = st.expander(
        "Learning rate", icon=":material/trending_down:", key="schedule_now", on_change="rerun"
    )
    if place.open:
        with place:
            st.vega_lite_chart(
                schedule_rows(now.spec, steps_per_epoch, now.step),
                schedule_chart(now.spec.num_epochs, palette()),
                key=f"schedule_{now.id}",
            )


def _chart(
    run_id: str,
    curves: Curves,
    ghost: Run | None,
    last_x: int,
    measure: Measure,
    axis: Axis,
    words: str,
) -> None:
    st.markdown(
        f"**{measure.capitalize()}** &ensp; :blue[:material/show_chart: training] &ensp; "
        ":orange[:material/timeline: validation]",
        help=f"{words} Validation: images that are only looked at, never learned from. Turn the "
        "wheel over a chart to zoom, drag to move, double-click to see all again.",
    )
    st.vega_lite_chart(
        curve_rows(curves, measure, axis, ghost_rows(ghost, measure, axis)),
        curve_chart(last_x, measure, axis, palette()),
        # A zoom belongs to one run and one axis.
        key=f"{measure}_{axis}_{run_id}",
        # Unless the zoom is a selection that is sent here, Streamlit takes it back with new data.
        on_select="rerun",
        selection_mode=ZOOM,
    )
