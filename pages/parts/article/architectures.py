"""Three kinds of network, and how each of them reads the same digit."""

from typing import Final

import streamlit as st
from torch import Tensor

from core.article.reading import KINDS, ROWS, Facts, facts, read, window_side
from core.spec.presets import PRESETS
from pages.parts.article.digit_choice import digit_choice
from pages.parts.article.tiles import grey, tile
from pages.shared import session
from pages.shared.language import _, n_, say
from pages.shared.palette import palette
from pages.shared.words import short

_ROWS: Final = "article_rows"
_FORMULAS: Final = {
    "conv": r"y_{ij}=b+\sum_{u,v} w_{uv}\,x_{i+u,\,j+v}",
    "dense": r"y_k=b_k+\sum_{i,j} w_{kij}\,x_{ij}",
    "recurrent": r"h_t=f\,(W x_t+U h_{t-1}+b)",
}


@st.fragment
def architectures() -> None:
    """Show what a convolution, a dense layer and a recurrent layer have seen of a digit so far."""
    st.markdown(
        _(
            "Which architecture suits depends on what it takes for granted. Push the slider: each "
            "of the three reads the same digit in its own way. Beside the digit stands what its "
            "first layer makes of that, with random first weights."
        )
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        digit = digit_choice().picture
        rows = st.slider(
            _("Rows that have been passed"),
            1,
            ROWS,
            14,
            key=_ROWS,
            persist_state="session",
            width=320,
        )
    found = read(digit, rows)
    made = {
        "conv": found.conv,
        "dense": _square(found.dense),
        "recurrent": _square(found.recurrent),
    }
    columns = st.container(key="article_kinds").columns(3, gap="medium")
    for kind, column in zip(KINDS, columns, strict=True):
        with column.container(border=True, height="stretch"):
            _card(kind, digit, made[kind], rows)


def _card(kind: str, digit: Tensor, made: Tensor, rows: int) -> None:
    told = facts(kind)
    st.markdown(f"#### {_title(kind)}")
    st.html(_pictures(kind, digit, made, rows))
    st.caption(_made_in_words(kind, rows))
    st.markdown(_words(kind))
    st.latex(_FORMULAS[kind])
    st.space("stretch")
    _costs(told)
    opened = st.button(
        _("Open on Build"),
        icon=":material/deployed_code:",
        key=f"article_build_{kind}",
        on_click=_open,
        args=(told.preset,),
        help=say(PRESETS[told.preset].sentence),
        width="stretch",
    )
    if opened:
        st.rerun()  # a click within a fragment runs only that again, and no page is turned


def _open(preset: str) -> None:
    session.adopt(PRESETS[preset].spec)
    session.go_to("pages/build_page.py")


def _title(kind: str) -> str:
    return {
        "conv": _("Convolutional"),
        "dense": _("Dense"),
        "recurrent": _("Recurrent"),
    }[kind]


def _words(kind: str) -> str:
    return {
        "conv": _(
            "A small window slides over the picture, everywhere with the same weights. A stroke "
            "is recognised wherever it is: neighbours belong together, places do not matter."
        ),
        "dense": _(
            "Every pixel has a weight of its own to every value. Nothing is taken for granted, so "
            "that everything must be learned, for each place anew."
        ),
        "recurrent": _(
            "The picture is a sentence of 28 words, its rows. One after another is read, with the "
            "same weights, into a memory that goes on to the next."
        ),
    }[kind]


def _made_in_words(kind: str, rows: int) -> str:
    return {
        "conv": n_(
            "One of its 16 maps: the window has passed {n} row.",
            "One of its 16 maps: the window has passed {n} rows.",
            rows,
        ),
        "dense": _("All 256 values, at once and only from the whole picture."),
        "recurrent": n_(
            "The 128 values of its memory after {n} row.",
            "The 128 values of its memory after {n} rows.",
            rows,
        ),
    }[kind]


def _costs(told: Facts) -> None:
    st.markdown(
        _("**{params:,}** parameters · **{cost}** multiply–adds").format(
            params=told.params, cost=short(told.multiply_adds)
        )
    )
    st.caption(
        n_(
            "Its first layer has {weights:,} weights and uses each once for a picture.",
            "Its first layer has {weights:,} weights and uses each {n:,} times for a picture.",
            told.uses,
            weights=told.first_weights,
        )
    )


def _pictures(kind: str, digit: Tensor, made: Tensor, rows: int) -> str:
    """Write the digit with what is being read of it, and below it what came of that."""
    known = made[~made.isnan()]
    low, high = float(known.min()), float(known.max())
    mark = _mark(kind, rows)
    read_from = tile(grey(digit[0, 0].float(), 0, 255), _("The digit"))
    came_of_it = tile(grey(made, low, high), _("What the first layer makes of it"))
    return (
        f'<div class="reading"><div class="read">{read_from}{mark}</div>'
        f'<div class="arrow">→</div><div>{came_of_it}</div></div>'
    )


def _mark(kind: str, rows: int) -> str:
    """Outline what is read at this moment: a window, the whole picture, or a row."""
    colour = palette().lit
    side = window_side()
    top, left, height, width = {
        "conv": (rows - 1 - side // 2, ROWS // 2 - side // 2, side, side),
        "dense": (0, 0, ROWS, ROWS),
        "recurrent": (rows - 1, 0, 1, ROWS),
    }[kind]
    bottom = min(top + height, ROWS)
    top = max(top, 0)
    box = "".join(
        f"{name}:{100 * value / ROWS:.2f}%;"
        for name, value in (
            ("top", top),
            ("left", left),
            ("height", bottom - top),
            ("width", width),
        )
    )
    return f'<b style="{box}border-color:{colour}"></b>'


def _square(values: Tensor) -> Tensor:
    return values.reshape(-1, 16)
