"""The digit that the sections show what they say on; one choice for all of them."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import streamlit as st
from torch import Tensor

from core.article.digits import picture
from pages.shared.language import _
from pages.shared.pictures import data_uri

_DIGIT: Final = "article_digit"
_TURN: Final = "article_turn"
FIRST: Final = 3


@dataclass(frozen=True, eq=False)
class Chosen:
    """A digit, and the picture of it, uint8 (1, 1, 28, 28)."""

    digit: int
    picture: Tensor


def digit_choice() -> Chosen:
    """Let a person choose a digit by its picture, and another picture of it."""
    turn: int = st.session_state.get(_TURN, 0)
    with st.container(
        horizontal=True, vertical_alignment="center", key="article_digits", width="content"
    ):
        digit = st.segmented_control(
            _("Digit"),
            list(range(10)),
            default=FIRST,
            required=True,
            key=_DIGIT,
            persist_state="session",
            format_func=lambda digit: _label(digit, turn),
            label_visibility="collapsed",
        )
        st.button(
            _("Another hand"),
            icon=":material/refresh:",
            key="article_another",
            on_click=_next_turn,
            help=_("The same digit, written by somebody else"),
        )
    return Chosen(digit, picture(digit, turn))


def _next_turn() -> None:
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1


@lru_cache(maxsize=512)
def _label(digit: int, turn: int) -> str:
    return f"![{digit}]({data_uri(picture(digit, turn)[0, 0].numpy())})"
