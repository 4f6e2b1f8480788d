"""The activations as small curves side by side, the chosen one lit."""

from base64 import b64encode
from functools import cache
from html import escape
from typing import Final

import streamlit as st
import torch

from core.network.operations.activation import activation_of
from core.spec import ACTIVATIONS
from pages.shared.language import _, say
from pages.shared.palette import Palette, palette

_WIDTH: Final = 52
_HEIGHT: Final = 40
_GAP: Final = 6
_WORDS_HEIGHT: Final = 13
_FULL_WIDTH: Final = len(ACTIVATIONS) * (_WIDTH + _GAP) - _GAP + 2
# The curves are drawn from -REACH to REACH, with the same unit across and up.
_REACH: Final = 3.0
_UP: Final = 2.2
_DOWN: Final = -1.2


def activation_strip(chosen: str) -> None:
    """Show the curve of every activation, and which one is chosen."""
    # As a picture: an SVG among a page's HTML is taken out of it.
    picture = b64encode(strip(chosen, palette()).encode()).decode()
    words = _("What each activation makes of a value; chosen: {activation}").format(
        activation=say(ACTIVATIONS[chosen])
    )
    st.html(
        f'<img src="data:image/svg+xml;base64,{picture}" alt="{escape(words)}" '
        f'style="width:100%;max-width:{1.25 * _FULL_WIDTH:.0f}px">'
    )


def strip(chosen: str, colours: Palette) -> str:
    """Draw the curves as an SVG.

    Args:
        chosen: the activation to light up, such as `relu`.
        colours: of the present theme.
    """
    parts = []
    for i, (key, name) in enumerate(ACTIVATIONS.items()):
        lit = key == chosen
        colour = colours.lit if lit else colours.quiet
        weight = "600" if lit else "400"
        parts.append(
            f'<g transform="translate({i * (_WIDTH + _GAP)},0)">'
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="none" stroke="{colour}" '
            f'stroke-opacity="{1 if lit else 0.35}"/>'
            f'<path d="M0,{_y(0)}H{_WIDTH}M{_WIDTH / 2},0V{_HEIGHT}" stroke="{colours.quiet}" '
            'stroke-opacity="0.35" fill="none"/>'
            f'<path d="{_path(key)}" fill="none" stroke="{colour}" '
            f'stroke-width="{2.4 if lit else 1.6}"/>'
            f'<text x="{_WIDTH / 2}" y="{_HEIGHT + _WORDS_HEIGHT - 2}" text-anchor="middle" '
            f'font-size="10" font-weight="{weight}" fill="{colours.ink if lit else colour}">'
            f"{escape(say(name))}</text></g>"
        )
    height = _HEIGHT + _WORDS_HEIGHT + 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {_FULL_WIDTH} {height}" '
        f'font-family="Inter, Helvetica, Arial, sans-serif">{"".join(parts)}</svg>'
    )


@cache
def _path(key: str) -> str:
    """The curve of an activation as PyTorch computes it, up to where it leaves the picture."""
    x = torch.linspace(-_REACH, _REACH, 61)
    y = activation_of(key)(x)
    points = [
        f"{(at + _REACH) / (2 * _REACH) * _WIDTH:.1f},{_y(value):.1f}"
        for at, value in zip(x.tolist(), y.tolist(), strict=True)
        if _DOWN <= value <= _UP
    ]
    return "M" + "L".join(points)


def _y(value: float) -> float:
    return (_UP - value) / (_UP - _DOWN) * _HEIGHT
