"""Another run drawn faintly under the one that is watched, and what differs between the two."""

from functools import lru_cache
from typing import Final

import pyarrow as pa
import streamlit as st

from core.runs.manager import runs
from core.runs.snapshot import RunSnapshot
from core.runs.view import Run
from core.spec import RunSpec
from core.spec.difference import ALIKE, clauses, loss_in_words, same_loss
from core.words.message import N_, message
from pages.shared.charts.curves_chart import Axis, Measure, ghostly
from pages.shared.language import _, say
from pages.shared.words import percent, plain

_PREVIOUS: Final = ""
_ON, _OF = "ghost_on", "ghost_of"
_HOW: Final = N_(
    "Its curves lie under this run’s by step or by epoch, as the axis says. With other batch "
    "sizes the same step has seen more or fewer images: by epoch they compare fairly. If it was "
    "longer than this one, zoom out to see its end."
)


def ghost_of(run: Run) -> Run | None:
    """Return the run to draw under another one, or None where there is none or nobody wants it."""
    if run.status == "queued" or not st.session_state.get(_ON, True):
        return None
    known = _candidates(run)
    chosen = st.session_state.get(_OF, _PREVIOUS)
    if chosen in known:
        return known[chosen]
    if run.rival is not None and run.rival.id in known:
        return run.rival
    older = iter(runs().all())
    if not any(other is run or other.id == run.id for other in older):
        return None
    return next((other for other in older if other.id in known), None)


def ghost_control(run: Run) -> None:
    """Let a person choose the faint run, or none."""
    known = _candidates(run)
    if run.status == "queued" or not known:
        return
    words = _("Another run, drawn faintly under this one")
    with st.popover(_("Ghost"), icon=":material/layers:", key="ghost", help=words):
        st.toggle(
            _("Draw another run faintly"), True, key=_ON, persist_state="session", help=say(_HOW)
        )
        options = [_PREVIOUS, *known]
        if st.session_state.get(_OF) not in options:
            st.session_state[_OF] = _PREVIOUS
        st.selectbox(
            _("Which one"),
            options,
            format_func=lambda run_id: (
                say(known[run_id].name) if run_id else _("The one before this")
            ),
            key=_OF,
            persist_state="session",
            disabled=not st.session_state[_ON],
        )


def ghost_line(run: Run, ghost: Run | None) -> None:
    """Say whose the faint curves are, and what this run does differently."""
    if ghost is None:
        return
    now = ghost.snapshot()
    words = _("Faint: **{run}**, {result}. {difference}").format(
        run=plain(say(now.name)),
        result=_result(now),
        difference=plain(say(_differs(run.spec, ghost.spec))),
    )
    st.caption(words, help=say(_HOW))
    if not same_loss(run.spec, ghost.spec):
        words = _(
            "Its loss is another one, so only its accuracy is drawn: it makes “{other}” small, "
            "this run “{own}”, and the two cannot be held against each other."
        ).format(
            other=plain(say(loss_in_words(ghost.spec))), own=plain(say(loss_in_words(run.spec)))
        )
        st.caption(words)


def ghost_rows(run: Run, ghost: Run | None, measure: Measure, axis: Axis) -> pa.Table | None:
    """Return the rows of the faint curves; made once for each step that it has come to.

    There are none of a loss that is another one than the run's: their heights mean different
    things.
    """
    if ghost is None or (measure == "loss" and not same_loss(run.spec, ghost.spec)):
        return None
    return _rows(ghost, ghost.progress, measure, axis)


def _candidates(run: Run) -> dict[str, Run]:
    """Return the runs to draw, newest first; beside one that went astray nothing could be seen."""
    return {
        other.id: other
        for other in runs().all()
        if other.id != run.id and other.progress > 0 and other.status != "diverged"
    }


@lru_cache(maxsize=8)
def _rows(ghost: Run, progress: float, measure: Measure, axis: Axis) -> pa.Table:
    return ghostly(ghost.curves(), measure, axis)


@lru_cache(maxsize=8)
def _differs(spec: RunSpec, other: RunSpec) -> str:
    said = clauses(spec, other)
    return message("This run differs: {clauses}.", clauses=said) if said else ALIKE


def _result(now: RunSnapshot) -> str:
    if now.ended and now.test is not None:
        share = percent(now.test.correct / now.test.total)
        return _("{share} on test images").format(share=share)
    if now.val_accuracy is not None:
        return _("{share} on validation images").format(share=percent(now.val_accuracy))
    return _("not tested")
