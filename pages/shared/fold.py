"""Settings that are folded away until somebody opens them."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from pages.shared import session

PREFIX: Final = "fold_"
_KEPT: Final = "kept_"


def fold(label: str, key: str, icon: str, content: Callable[[], None]) -> None:
    """Show a heading, and what belongs to it only once it is open.

    What is closed is neither made nor sent nor drawn: the browser goes through every widget of a
    page whenever one of them changes, so a page of a few widgets answers sooner.

    Args:
        label: of the heading.
        key: of the fold; the session keeps whether it is open.
        icon: before the heading.
        content: shows what belongs there.
    """
    key = PREFIX + key
    # The widget's own state ends when another page is shown.
    if key not in st.session_state and st.session_state.get(_KEPT + key):
        st.session_state[key] = True
    place = st.expander(label, icon=icon, key=session.labelled(key, [label]), on_change="rerun")
    st.session_state[_KEPT + key] = place.open
    if place.open:
        with place:
            content()
