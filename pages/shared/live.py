"""Panels that look again by themselves, as often as the server can well bear.

Streamlit's `run_every` fixes how often a panel looks for as long as the page is not drawn anew, and
the browser begins to count as soon as the panel is there, while the rest of the page is still being
drawn. So the message that `run_every` sends is sent here: once the page has come to its end, and
again whenever a panel is to look more often, or less.
"""

import time
from collections.abc import Callable, Hashable
from typing import Final

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    ThreadState,
    get_script_run_ctx,
)

from core.machine.pace import Audience, Pace
from pages.shared import session

# A browser counts anew from each message: a slightly other interval is not worth one.
_WORTH: Final = 1.25
# How soon a panel looks whether it is its page's turn, at the soonest.
_SOON_S: Final = 0.2

_audience = Audience()


class _Page:
    """What the present page looks at, and when; one for each session."""

    def __init__(self) -> None:
        self.pace = Pace(session.asker(), _audience)
        self.begin()

    def begin(self) -> None:
        self.began_s = time.thread_time()
        self.refusals = session.refusals()
        # What the panels ask for once the page is there: seconds, by fragment.
        self.waiting: dict[str, float] = {}
        # Seconds until the page may be drawn anew, where the panel being drawn has asked for that.
        self.turn_s: float | None = None
        self.listed: list[tuple[Callable[[], Hashable], Hashable]] = []


def begin() -> None:
    """Note that the page is being drawn from its beginning."""
    _page().begin()


def end() -> None:
    """Note that the page has been drawn to its end, and let its panels look from now on."""
    page = _page()
    page.pace.drawn(time.thread_time() - page.began_s)
    for fragment_id, rest_s in page.waiting.items():
        _ask_every(fragment_id, rest_s)


def live(name: str, panel: Callable[[], float | None]) -> None:
    """Show a panel that looks again by itself.

    Args:
        name: of the panel; what a look at it takes is kept under it.
        panel: draws it, and returns after how many seconds at the soonest it has something new to
            show; None where it need not look again.
    """
    asked: float | None = None

    def look() -> None:
        nonlocal asked
        page, began_s, alone = _page(), time.perf_counter(), _is_alone()
        page.turn_s = None
        if alone and session.refusals() != page.refusals:
            st.rerun()  # the page has the place for what was refused
        shortest_s = panel()
        if alone:
            page.pace.looked(name, time.perf_counter() - began_s)
        rest_s = None if shortest_s is None else page.pace.rest_s(name, shortest_s)
        if page.turn_s is not None:
            rest_s = page.turn_s if rest_s is None else min(rest_s, page.turn_s)
        fragment_id = ThreadState.get().fragment_id
        assert fragment_id is not None
        if not alone:
            asked = rest_s
            if rest_s is not None:
                page.waiting[fragment_id] = rest_s
        elif _differ(asked, rest_s):
            asked = rest_s
            if rest_s is None:
                _ask_no_more(fragment_id)
            else:
                _ask_every(fragment_id, rest_s)

    st.fragment(look)()


def depends_on(listed: Callable[[], Hashable]) -> None:
    """Let the page be drawn anew, in its turn, when what it lists has changed elsewhere.

    Args:
        listed: what the page lists, as it is now; cheap, for it is asked again and again.
    """
    _page().listed.append((listed, listed()))


def redraw_if_changed() -> None:
    """Draw the page anew where what it lists has changed, if it is its turn."""
    if any(listed() != shown for listed, shown in _page().listed):
        redraw()


def redraw() -> None:
    """Draw the whole page anew when it is its turn: now, or at a later look of a panel."""
    page = _page()
    wait_s = page.pace.turn_in_s()
    if wait_s <= 0:
        st.rerun()
    page.turn_s = max(wait_s, _SOON_S)


def hurry() -> None:
    """Let the page be drawn as soon as a click has changed what it lists. For use as a callback."""
    _page().pace.hurry()


def _page() -> _Page:
    return session.held("live_page", _Page)


def _differ(asked: float | None, rest_s: float | None) -> bool:
    if asked is None or rest_s is None:
        return asked is not rest_s
    return not asked / _WORTH < rest_s < asked * _WORTH


def _is_alone() -> bool:
    """Tell whether a panel is drawn by itself, without the page around it."""
    context = get_script_run_ctx()
    return context is not None and bool(context.fragment_ids_this_run)


def _ask_every(fragment_id: str, rest_s: float) -> None:
    message = ForwardMsg()
    message.auto_rerun.fragment_id = fragment_id
    message.auto_rerun.interval = rest_s
    _send(message)


def _ask_no_more(fragment_id: str) -> None:
    message = ForwardMsg()
    message.stop_auto_rerun.fragment_ids.append(fragment_id)
    _send(message)


def _send(message: ForwardMsg) -> None:
    context = get_script_run_ctx()
    assert context is not None
    context.enqueue(message)
