"""Train: watch a network learn."""

from functools import partial

import streamlit as st

from core.runs.manager import runs
from core.runs.snapshot import RunSnapshot
from core.runs.view import Run
from core.spec.difference import differences, sentence
from core.training.check import check
from pages.parts.train.duel_result import duel_result
from pages.parts.train.fold_charts import fold_charts, fold_result
from pages.parts.train.ghost import ghost_control
from pages.parts.train.measures_panel import measures_panel
from pages.parts.train.other_data import other_data_panel
from pages.parts.train.rate_control import rate_changes, rate_control
from pages.parts.train.run_charts import run_charts
from pages.shared import live, session
from pages.shared.charts.curves_chart import Axis
from pages.shared.data_here import data_here
from pages.shared.language import _, say
from pages.shared.launch import duel, earlier, launch
from pages.shared.palette import palette
from pages.shared.person import person
from pages.shared.run_words import STATES, details, numbers, result
from pages.shared.strip import controls, status_words, statuses
from pages.shared.words import plain

LIVE_S = 0.5


def _top(run: Run) -> None:
    left, right = st.columns([5, 2])
    with left:
        st.selectbox(
            _("Run"),
            [other.id for other in runs().all()],
            format_func=_title,
            key=session.put("shown_run", run.id, anew=True),
            on_change=_take_run,
            label_visibility="collapsed",
        )
    with right:
        _train_button(first=False)
        _duel_button(run)


def _take_run() -> None:
    if not session.is_stale("shown_run"):
        session.choose_run(st.session_state["shown_run"])


def _nothing_yet() -> None:
    with st.container(border=True):
        st.markdown("#### " + _("Nothing has been trained yet"))
        st.markdown(
            _(
                "Train the network of the Build page on real handwritten digits. Its curves will "
                "move here, and it goes on when you leave this page."
            )
        )
        _train_button(first=True)


def _train_button(*, first: bool) -> None:
    draft = session.draft()
    ready = check(draft).problem is None and data_here(draft.data)
    st.button(
        _("Train the network") if first else _("Train Build’s network"),
        type="primary" if first else "secondary",
        icon=":material/play_arrow:",
        key="train",
        on_click=launch,
        disabled=not ready,
        width="content" if first else "stretch",
        help=None if ready else _("The Build page says what has to change first."),
    )
    refused = session.take_refusal()
    if refused:
        st.error(plain(say(refused)), icon=":material/block:")


def _duel_button(run: Run) -> None:
    draft = session.draft()
    found = differences([draft, run.spec])
    if len(found) != 1 or check(draft).problem is not None:
        return
    st.button(
        _("Duel with this run’s network"),
        icon=":material/compare_arrows:",
        key="duel",
        on_click=duel,
        args=(run.spec,),
        width="stretch",
        help=_(
            "Trains Build’s network and this one side by side, from the same seed, first weights "
            "and order of images. They differ in one thing: {difference}"
        ).format(difference=plain(say(sentence(draft, run.spec)))),
    )


def _title(run_id: str) -> str:
    run = runs().get(run_id)
    if run is None:
        return run_id
    return _("{run}, {state}").format(run=say(run.name), state=say(STATES[run.status]))


def _panel(run: Run, was_live: bool) -> float | None:
    now = run.snapshot()
    if was_live == now.ended:
        live.redraw()  # it has ended, or goes on again
    axis = _headline(run, now)
    st.progress(now.progress)
    # In a place of its own: a sentence that comes at the end must not move the charts to another
    # place among their siblings, for the browser would then draw them anew and forget the zoom.
    with st.container():
        result(now)
        if (found := run.folds()) is not None:
            fold_result(found)
        duel_result(run)
    curves = run.curves()
    numbers(now, curves)
    if now.spec.folds:
        fold_charts(run, now, curves, axis)
    else:
        run_charts(run, now, curves, axis)
    details(now)
    rate_changes(now)
    return None if now.ended else LIVE_S


def _headline(run: Run, now: RunSnapshot) -> Axis:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"#### {status_words(now)}", width="content")
        if place := runs().place_in_line(run):
            words = _("· number {place} in line; it starts by itself").format(place=place)
            st.markdown(words, width="content")
            _earlier(run)
        controls(run, now, "panel", small=False)
        rate_control(run, now)
        st.space("stretch")
        if not now.spec.folds:
            ghost_control(run)
        axis: Axis = st.segmented_control(
            _("Horizontal axis"),
            ["step", "epoch"],
            key="axis",
            persist_state="session",
            default="step",
            required=True,
            format_func={"step": _("By step"), "epoch": _("By epoch")}.__getitem__,
            label_visibility="collapsed",
            width="content",
        )
    return axis


def _earlier(run: Run) -> None:
    """Let a person change the order of their own waiting runs."""
    if runs().waiting_before(run):
        st.button(
            _("Earlier"),
            icon=":material/arrow_upward:",
            help=_("Let it go before the run that you put in line before it"),
            key="earlier",
            on_click=earlier,
            args=(run.id,),
            disabled=not runs().may_change(run.id, person()),
        )


def _chosen() -> Run | None:
    run_id = session.chosen_run()
    chosen = runs().get(run_id) if run_id else None
    if chosen is not None:
        return chosen
    known = runs().all()
    return runs().active() or (known[0] if known else None)


live.depends_on(statuses)
run = _chosen()
if run is None:
    _nothing_yet()
else:
    _top(run)
    session.choose_run(run.id)
    trains = not run.snapshot().ended
    live.live("train", partial(_panel, run, trains))
    if not trains:
        measures_panel(run, palette())
        other_data_panel(run)
