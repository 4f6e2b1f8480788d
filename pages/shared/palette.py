"""The colours of the theme that a browser shows."""

import streamlit as st

from core.words.palette import DARK, LIGHT, Palette

__all__ = ["DARK", "LIGHT", "Palette", "is_dark", "palette"]


def is_dark() -> bool:
    """Tell whether this browser shows the dark theme."""
    return st.context.theme.type == "dark"


def palette() -> Palette:
    """Return the colours for the theme that this browser shows."""
    return DARK if is_dark() else LIGHT
