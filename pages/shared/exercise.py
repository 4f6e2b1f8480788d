"""An exercise: a network whose mends stay hidden, as whoever has sent its address wants.

What is wrong is told as ever; what would repair it, by a click or in words, is not.
"""

from typing import Final

import streamlit as st

ENTRY: Final = "mends"
HIDDEN: Final = "hidden"
_HIDES: Final = "hides_mends"


def hides_mends() -> bool:
    """Tell whether this session is not to be told how a network is mended."""
    hides: bool = st.session_state.get(_HIDES, False)
    return hides


def hide_mends(hide: bool) -> None:
    """Tell no mends from now on, or tell them again. For use as a callback."""
    st.session_state[_HIDES] = hide


def take_exercise(query: dict[str, str]) -> None:
    """Take out of an address what it says of it."""
    hide_mends(query.pop(ENTRY, None) == HIDDEN)


def exercise_entry() -> dict[str, str]:
    """Return what the address has to say of it."""
    return {ENTRY: HIDDEN} if hides_mends() else {}
