"""Settings that are folded away until somebody opens them."""

from collections.abc import Callable
from typing import Final

import streamlit as st

PREFIX: Final = "fold_"


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
    place = st.expander(label, icon=icon, key=PREFIX + key, on_change="rerun")
    if place.open:
        with place:
            content()
