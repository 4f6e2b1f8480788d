"""What two networks that are to be compared differ in, before anything is trained."""

from typing import Final

import streamlit as st

from core.article.advice import Advice
from core.article.digits import picture
from core.network.layers import lay_out
from core.spec import RunSpec
from pages.parts.article.digit_choice import FIRST
from pages.parts.article.tiles import grey, tile
from pages.shared.language import _
from pages.shared.palette import palette

_SIDE: Final = 28


def preview(advice: Advice) -> None:
    """Show how much of a digit one value of each network sees, or how each takes its steps."""
    if advice.first.blocks == advice.second.blocks:
        st.latex(r"\text{A:}\quad m\leftarrow 0.9\,m+g\qquad w\leftarrow w-\eta\,m")
        st.latex(
            r"\text{B:}\quad w\leftarrow w-\eta\,\frac{\hat m}{\sqrt{\hat v}+\epsilon},\quad "
            r"\hat m\approx\overline{g},\; \hat v\approx\overline{g^2}"
        )
        return
    seen = "".join(
        _seen(letter, spec, colour)
        for letter, spec, colour in zip(
            "AB", (advice.first, advice.second), palette().runs, strict=False
        )
    )
    st.html(f'<div class="previews">{seen}</div>')


def _seen(letter: str, spec: RunSpec, colour: str) -> str:
    """Write a digit with the square that one value before the dense layers depends on."""
    blocks = [layer for layer in lay_out(spec).layers if layer.part.startswith("blocks")]
    side = blocks[-1].receptive_field
    place = f"{100 * (_SIDE - side) / 2 / _SIDE:.1f}%"
    box = (
        f"top:{place};left:{place};width:{100 * side / _SIDE:.1f}%;height:{100 * side / _SIDE:.1f}%"
    )
    words = _("{letter}: one value sees {side} × {side} pixels").format(letter=letter, side=side)
    digit = tile(grey(picture(FIRST)[0, 0].float(), 0, 255), words)
    return (
        f'<div><div class="read">{digit}<b style="{box};border-color:{colour}"></b></div>'
        f"<small>{words}</small></div>"
    )
