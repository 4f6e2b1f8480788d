"""What is held for a page goes soon after the page was closed.

Streamlit keeps a session for two minutes after that, for a connection that breaks off may come
back, and whatever lies in its state as long.
"""

import weakref
from collections.abc import Callable
from typing import Final, Protocol

from streamlit.runtime.scriptrunner import get_script_run_ctx


class Holder(Protocol):
    """Something in a session's state that takes much memory."""

    def let_go(self) -> None:
        """Keep no more of it than can be had again. Called in any thread."""
        ...


class _Watched:
    """A holder and its session, for as long as the session keeps this."""

    def __init__(self, holder: Holder, session: str) -> None:
        self._holder = weakref.ref(holder)
        self._session = session
        self._was_left = False

    def look(self, is_here: Callable[[str], bool]) -> None:
        """Let it let go where nobody is there any more, nor was at the look before."""
        is_left = not is_here(self._session)
        if is_left and self._was_left and (holder := self._holder()) is not None:
            holder.let_go()
        self._was_left = is_left


_all: Final[weakref.WeakSet[_Watched]] = weakref.WeakSet()


def until_closed(holder: Holder) -> object:
    """Watch a holder of the session whose script runs; keep in it what is returned."""
    context = get_script_run_ctx()
    watched = _Watched(holder, context.session_id if context is not None else "")
    _all.add(watched)
    return watched


def let_go_of_closed(is_here: Callable[[str], bool]) -> None:
    """Look after all of them. For use in regular intervals.

    Args:
        is_here: tells whether a browser is connected to a session.
    """
    for watched in list(_all):
        watched.look(is_here)
