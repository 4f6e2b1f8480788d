"""Pooling on a real digit: before, after, and the window behind one value."""

from html import escape
from typing import Final, cast

import streamlit as st
from torch import Tensor

from core.article.pooling_window import Kind, Window, pooled, side_after, window_at
from pages.parts.article.digit_choice import digit_choice
from pages.parts.article.tiles import grey, tile
from pages.shared.language import _
from pages.shared.palette import palette
from pages.shared.words import percent

_SIDE: Final = 28
_SAME: Final = 0
# Size of the numbers in a window, in rem.
_LETTERS: Final = {2: 1.0, 3: 0.85, 4: 0.7, 7: 0.5}
_KIND, _SIZE, _STRIDE, _PLACE = (
    f"article_pool_{name}" for name in ("kind", "size", "stride", "place")
)


@st.fragment
def pooling() -> None:
    """Let a person pool a digit and look into one window."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            _(
                "**What.** A window of $k\\times k$ pixels becomes one value, its largest or its "
                "average; then the window moves on by the stride $s$. Nothing is learned here."
            )
        )
        st.markdown(
            _(
                "**Why.** The layers behind have less to do, each of their values sees more of "
                "the picture, and a stroke that moves by a pixel changes little. What is lost is "
                "where exactly it was."
            )
        )
        st.latex(r"n' = \left\lfloor\frac{n-k}{s}\right\rfloor + 1")
        kind, size, stride = _settings()
    with right:
        digit = digit_choice().picture
        side = side_after(_SIDE, size, stride)
        place = _place(side)
        found = window_at(digit, kind, size, stride, place)
        _figure(digit, pooled(digit, kind, size, stride), found, place)
        _in_words(kind, size, stride, side, found)


def _settings() -> tuple[Kind, int, int]:
    with st.container(horizontal=True, gap="medium"):
        kind = cast(
            Kind,
            st.segmented_control(
                _("Kind"),
                ["max", "avg"],
                default="max",
                required=True,
                key=_KIND,
                persist_state="session",
                format_func={"max": _("Max"), "avg": _("Average")}.__getitem__,
            ),
        )
        stride = st.segmented_control(
            _("Stride"),
            [_SAME, 1, 2, 3],
            default=_SAME,
            required=True,
            key=_STRIDE,
            persist_state="session",
            format_func=lambda stride: _("Same") if stride == _SAME else str(stride),
            on_change=_look_at_the_middle,
            help=_("Same: as far as the window is wide, so that no pixel is used twice."),
        )
    size = st.segmented_control(
        _("Window"),
        list(_LETTERS),
        default=2,
        required=True,
        key=_SIZE,
        persist_state="session",
        format_func=lambda size: f"{size} × {size}",
        on_change=_look_at_the_middle,
    )
    return kind, size, stride or size


def _place(side: int) -> int:
    """Let a person choose a value of what comes out, row by row; return it, from 0."""
    st.session_state.setdefault(_PLACE, side * (side // 2) + side // 2 + 1)
    place: int = st.slider(_("Look into window"), 1, side * side, key=_PLACE)
    return place - 1


def _look_at_the_middle() -> None:
    """Forget the chosen value: of another window or stride it would be another place."""
    st.session_state.pop(_PLACE, None)


def _figure(digit: Tensor, after: Tensor, found: Window, place: int) -> None:
    colours = palette()
    side, size = len(after), len(found.pixels)
    row, column = divmod(place, side)
    before = tile(grey(digit[0, 0].float(), 0, 255), _("Before"))
    made = tile(grey(after, 0, 1), _("After"))
    values = "".join(
        f'<span style="background:rgb({level},{level},{level});'
        f'color:{"#000" if level > 127 else "#fff"}">{_amount(value)}</span>'
        for value in found.pixels.flatten().tolist()
        for level in (round(255 * value),)
    )
    pixels = escape(_("{side} × {side} pixels").format(side=_SIDE))
    window = escape(_("this window"))
    left_over = escape(_("{side} × {side} values").format(side=side))
    st.html(
        '<div class="pooling">'
        f'<div class="read">{before}{_box(found.top, found.left, size, _SIDE, colours.lit)}</div>'
        f'<div class="arrow">→</div>'
        f'<div class="window" style="--columns:{size};font-size:{_LETTERS[size]}rem">{values}</div>'
        f'<div class="arrow">→</div>'
        f'<div class="read">{made}{_box(row, column, 1, side, colours.lit)}</div>'
        f"<small>{pixels}</small><i></i>"
        f"<small>{window} → <b>{_amount(found.value)}</b></small><i></i>"
        f"<small>{left_over}</small></div>"
    )


def _in_words(kind: Kind, size: int, stride: int, side: int, found: Window) -> None:
    share = percent(side * side / (_SIDE * _SIDE))
    st.latex(
        rf"\left\lfloor\frac{{{_SIDE}-{size}}}{{{stride}}}\right\rfloor+1={side}"
        rf"\qquad {_SIDE * _SIDE}\;\to\;{side * side}"
    )
    words = (
        _("The largest of these {count} pixels is {value}. Of the values {share} are handed on.")
        if kind == "max"
        else _("The mean of these {count} pixels is {value}. Of the values {share} are handed on.")
    )
    st.caption(words.format(count=size * size, value=_amount(found.value), share=share))


def _amount(value: float) -> str:
    return f"{value:.2f}"


def _box(top: int, left: int, size: int, whole: int, colour: str) -> str:
    """Outline a square of a picture whose side is `whole`."""
    place = "".join(
        f"{name}:{100 * value / whole:.2f}%;"
        for name, value in (("top", top), ("left", left), ("height", size), ("width", size))
    )
    return f'<b style="{place}border-color:{colour}"></b>'
