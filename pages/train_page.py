"""Train: watch a network learn."""

import streamlit as st

from core.check import check
from core.data import DATASETS, is_available
from core.history import Curves
from core.run import Run
from core.runs import runs
from core.snapshot import RunSnapshot
from core.spec import setting_at
from core.trainer import how_it_runs
from pages.shared import state
from pages.shared.curves_chart import ZOOM, Axis, Measure, curve_chart, curve_rows
from pages.shared.launch import launch
from pages.shared.palette import palette
from pages.shared.strip import STATUS_WORDS, controls
from pages.shared.words import duration, percent, plain

LIVE_S = 0.5


def _top(run: Run) -> None:
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    with left:
        st.session_state["shown_run"] = run.id
        st.selectbox(
            "Run",
            [other.id for other in runs().all()],
            format_func=_title,
            key="shown_run",
            on_change=lambda: state.choose_run(st.session_state["shown_run"]),
            label_visibility="collapsed",
        )
    with right:
        _train_button(first=False)


def _nothing_yet() -> None:
    with st.container(border=True):
        st.markdown("#### Nothing has been trained yet")
        st.markdown(
            "Train the network of the Build page on real handwritten digits. Its curves will move "
            "here, and it goes on when you leave this page."
        )
        _train_button(first=True)


def _train_button(*, first: bool) -> None:
    draft = state.draft()
    ready = check(draft).problem is None and is_available(draft.data)
    st.button(
        "Train the network" if first else "Train Build’s network",
        type="primary" if first else "secondary",
        icon=":material/play_arrow:",
        key="train",
        on_click=launch,
        disabled=not ready,
        width="content" if first else "stretch",
        help=None if ready else "The Build page says what has to change first.",
    )
    refused = state.take_refusal()
    if refused:
        st.error(plain(refused), icon=":material/block:")


def _title(run_id: str) -> str:
    run = runs().get(run_id)
    return f"{run.name}, {run.status}" if run else run_id


def _panel(run: Run, was_live: bool) -> None:
    now = run.snapshot()
    if was_live and now.ended:
        st.rerun()
    axis = _headline(run, now)
    st.progress(now.progress)
    # In a place of its own: a sentence that comes at the end must not move the charts to another
    # place among their siblings, for the browser would then draw them anew and forget the zoom.
    with st.container():
        _result(now)
    _numbers(now)
    curves = run.curves()
    last_x = now.spec.num_epochs * (curves.steps_per_epoch if axis == "step" else 1)
    loss, accuracy = st.columns(2, gap="medium")
    with loss:
        _chart(run.id, curves, last_x, "loss", axis, "What training makes small. Lower is better.")
    with accuracy:
        words = "Share of the images that the network names correctly."
        _chart(run.id, curves, last_x, "accuracy", axis, words)
    _details(now)


def _chart(
    run_id: str, curves: Curves, last_x: int, measure: Measure, axis: Axis, words: str
) -> None:
    st.markdown(
        f"**{measure.capitalize()}** &ensp; :blue[:material/show_chart: training] &ensp; "
        ":orange[:material/timeline: validation]",
        help=f"{words} Validation: images that are only looked at, never learned from. Turn the "
        "wheel over a chart to zoom, drag to move, double-click to see all again.",
    )
    st.vega_lite_chart(
        curve_rows(curves, measure, axis),
        curve_chart(last_x, measure, axis, palette()),
        # A zoom belongs to one run and one axis.
        key=f"{measure}_{axis}_{run_id}",
        # Unless the zoom is a selection that is sent here, Streamlit takes it back with new data.
        on_select="rerun",
        selection_mode=ZOOM,
    )


def _headline(run: Run, now: RunSnapshot) -> Axis:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {STATUS_WORDS[now.status]}", width="content")
        place = runs().place_in_line(run)
        if place:
            st.markdown(f"· number {place} in line; it starts by itself", width="content")
        controls(run, now, "panel", small=False)
        st.space("stretch")
        axis: Axis = st.segmented_control(
            "Horizontal axis",
            ["step", "epoch"],
            key="axis",
            persist_state="session",
            default="step",
            required=True,
            format_func={"step": "By step", "epoch": "By epoch"}.__getitem__,
            label_visibility="collapsed",
            width="content",
        )
    return axis


def _result(now: RunSnapshot) -> None:
    if now.status in ("diverged", "failed"):
        st.error(plain(now.message), icon=":material/error:")
    elif now.status == "stopped" and now.message:
        st.info(plain(now.message), icon=":material/stop_circle:")
    if now.ended and now.test is not None:
        early = "Stopped early. " if now.status == "stopped" else ""
        st.success(
            f"{early}**{now.test.correct:,} of {now.test.total:,} right** "
            f"({percent(now.test.correct / now.test.total)}) on test images that were never used "
            "for a choice. Now draw a digit of your own on the **Draw** page.",
            icon=":material/verified:",
        )


def _numbers(now: RunSnapshot) -> None:
    columns = st.container(key="numbers").columns(4)
    columns[0].metric(
        "Validation accuracy",
        percent(now.val_accuracy),
        help="On images that training does not see, after each epoch.",
    )
    columns[1].metric(
        "Training accuracy",
        percent(now.train_accuracy),
        help="On the newest batches, while they are learned from.",
    )
    columns[2].metric(
        "Time left" if not now.ended else "Time taken",
        duration(now.elapsed_s if now.ended else now.remaining_s),
        help="Pauses are not counted.",
    )
    rate = now.images_per_s
    columns[3].metric("Images a second", "–" if rate is None else f"{rate:,.0f}")


def _details(now: RunSnapshot) -> None:
    spec = now.spec
    st.caption(
        f"Epoch {now.epoch} of {spec.num_epochs} · step {now.step:,} of {now.num_steps:,} · "
        f"{duration(now.elapsed_s)} elapsed · learning rate {now.lr:.3g} · "
        f"{setting_at('optimizer').name(spec.optimizer)} · batch of {spec.batch_size:,} · "
        f"seed {spec.seed} · {DATASETS[spec.data].title} · on {plain(now.device) or '–'}",
        help=f"How this runs. {plain(how_it_runs(spec))}" if now.device else None,
    )


def _chosen() -> Run | None:
    run_id = state.chosen_run()
    chosen = runs().get(run_id) if run_id else None
    if chosen is not None:
        return chosen
    known = runs().all()
    return runs().active() or (known[0] if known else None)


run = _chosen()
if run is None:
    _nothing_yet()
else:
    _top(run)
    state.choose_run(run.id)
    live = not run.snapshot().ended
    st.fragment(_panel, run_every=LIVE_S if live else None)(run, live)
