"""Choosing what in a picture is the digit, where more than one thing may be."""

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from pages.parts.draw.answer import enlarged
from pages.shared.language import _
from pages.shared.pictures import data_uri

_KEY = "reading"


def choose_reading(digits: Sequence[Tensor], picture: str) -> Tensor:
    """Return the digit that is meant: the likeliest, unless a person chooses another.

    Args:
        digits: uint8 (1, 1, 28, 28) each, likeliest first.
        picture: tells one picture from another; a choice is for one only.
    """
    if len(digits) == 1:
        return digits[0]
    with st.container(key="readings"):
        chosen = st.segmented_control(
            _("What may be meant in this picture"),
            range(len(digits)),
            format_func=lambda place: _as_label(digits[place], place),
            default=0,
            required=True,
            key=f"{_KEY}:{picture}",
        )
    return digits[chosen or 0]


def _as_label(digit: Tensor, place: int) -> str:
    return f"![{place + 1}]({data_uri(enlarged(digit, 2))})"
