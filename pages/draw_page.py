"""Draw: sketch a digit and see what the network makes of it."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st
from torch import Tensor

from core.data.catalogue import info_of
from core.data.info import DatasetInfo
from core.data.preparation import from_ink
from core.drawing.strokes import StrokesError, ink_of_strokes
from core.judging.prediction import probabilities
from core.runs.manager import runs
from core.runs.sureness import sureness_of
from core.runs.view import Run
from core.spec.presets import DEFAULT
from core.words.message import N_
from pages.parts.draw.answer import answer, as_learned
from pages.parts.draw.canvas import canvas
from pages.parts.draw.picture_input import picture_input
from pages.shared import live, session
from pages.shared.data_words import class_titles
from pages.shared.language import _, say
from pages.shared.launch import launch
from pages.shared.palette import palette
from pages.shared.run_words import STATES
from pages.shared.words import percent, plain

CANVAS_PX = 340
LIVE_S = 1.0
MAX_NAMED = 12
INPUTS = {"Draw": N_("Draw"), "Picture": N_("Picture")}


def _usable() -> list[Run]:
    return [run for run in runs().all() if run.has_weights]


def _listed() -> tuple[object, ...]:
    """The runs that this page offers and their statuses; without any, whether one will come."""
    return tuple((run.id, run.status) for run in _usable()) or (runs().active() is None,)


def _title(run_id: str) -> str:
    run = runs().get(run_id)
    if run is None:
        return run_id
    now = run.snapshot()
    if now.test is not None:
        share = percent(now.test.correct / now.test.total)
        return _("{run}, {share} on test images").format(run=say(now.name), share=share)
    return _("{run}, {status}").format(run=say(now.name), status=say(STATES[now.status]))


def _choose(usable: list[Run]) -> Run:
    ids = [run.id for run in usable]
    chosen = session.chosen_run()
    run_id = st.selectbox(
        _("Network"),
        ids,
        format_func=_title,
        key=session.put("draw_with", chosen if chosen in ids else ids[0], anew=True),
        on_change=_take_run,
        help=_("A finished run, or the one in training with its weights of this moment."),
    )
    return next(run for run in usable if run.id == run_id)


def _take_run() -> None:
    if not session.is_stale("draw_with"):
        session.choose_run(st.session_state["draw_with"])


def _first_network() -> None:
    with st.container(border=True):
        st.markdown(_("#### There is no trained network yet"))
        st.markdown(_("Train the small default network here: a few seconds, on 4,000 real digits."))
        st.button(
            _("Train the default network"),
            type="primary",
            icon=":material/play_arrow:",
            key="train_default",
            on_click=launch,
            args=(replace(DEFAULT, data="embedded"),),
        )
        refused = session.take_refusal()
        if refused:
            st.error(plain(say(refused)), icon=":material/block:")


def _sketch(info: DatasetInfo) -> Tensor | None:
    try:
        drawing = canvas()
    except StrokesError as error:
        st.error(plain(say(error)), icon=":material/draw:")
        return None
    return from_ink(ink_of_strokes(drawing.strokes, CANVAS_PX), info)


def _named(names: Sequence[str]) -> str:
    """List classes by name; of many, the first and the last."""
    some = list(names) if len(names) <= MAX_NAMED else [*names[: MAX_NAMED - 2], "…", names[-1]]
    return _(", ").join(some)


def _invitation(data: str, how: str) -> None:
    names = plain(_named(class_titles(data)))
    if how != "Draw":
        st.markdown(_("#### Show it a picture"))
        st.markdown(
            _("The network answers as soon as it has one. It knows: {names}.").format(names=names)
        )
        return
    noun = info_of(data).noun
    heading = _("#### Draw an {noun}") if noun[0] in "aeiou" else _("#### Draw a {noun}")
    st.markdown(heading.format(noun=say(noun)))
    st.markdown(
        _(
            "Draw one {noun}, large, with the mouse or a finger: {names}. The network answers "
            "after every stroke."
        ).format(noun=say(noun), names=names)
    )


def _easel(run: Run | None, waits: bool) -> float | None:
    if waits and ((run is None and _usable()) or (run and run.snapshot().ended)):
        live.redraw()
    info = info_of(run.spec.data if run else DEFAULT.data)
    picture = ""
    with st.container(key="easel_input"):
        how = st.segmented_control(
            _("Input"),
            list(INPUTS),
            format_func=lambda way: say(INPUTS[way]),
            default="Draw",
            required=True,
            key="input",
            persist_state="session",
            label_visibility="collapsed",
        )
    with st.container(key="easel_canvas"):
        if how == "Draw":
            digit = _sketch(info)
        else:
            digit, picture = picture_input(info)
    with st.container(key="easel_answer"):
        weights = run.weights() if run else None
        if run is not None and weights is None and run.trouble:
            st.warning(plain(say(run.trouble)))
        elif run is None or weights is None:
            st.markdown(_("The answer appears here once a network has begun to learn."))
        elif digit is None:
            _invitation(run.spec.data, how)
            as_learned(info)
        else:
            names = class_titles(run.spec.data)
            chances = probabilities(run.spec, weights, digit)
            answer(digit, chances, names, palette(), info, sureness_of(run), picture)
    return LIVE_S if waits else None


live.depends_on(_listed)
usable = _usable()
if not usable and runs().active() is None:
    _first_network()
with st.container(key="easel"):
    run = _choose(usable) if usable else None
    waiting = run is None or not run.snapshot().ended
    live.live("easel", partial(_easel, run, waiting))
