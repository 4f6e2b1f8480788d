"""Article: a tutorial article, tried out step by step, its mistakes mended."""

from pathlib import Path

import streamlit as st

from core.article.digits import DATA
from core.data.loading import load
from core.words.errors import UserError
from pages.parts.article.sections import SECTIONS
from pages.shared import session
from pages.shared.language import _, say
from pages.shared.palette import palette
from pages.shared.words import plain

_NAMES = list(SECTIONS)
_TURNED = "article_turned"


def _steps(opened: str) -> None:
    st.segmented_control(
        _("Section"),
        _NAMES,
        key=session.put("article_section", opened),
        format_func=lambda name: f"{_NAMES.index(name) + 1} {say(SECTIONS[name].name)}",
        required=True,
        on_change=_take_section,
        label_visibility="collapsed",
        width="stretch",
    )


def _take_section() -> None:
    if not session.is_stale("article_section"):
        session.open_section(st.session_state["article_section"])


def _turn(name: str) -> None:
    session.open_section(name)
    st.session_state[_TURNED] = name


def _way_on(opened: str) -> None:
    """Lead to the section before and the one after."""
    at = _NAMES.index(opened)
    with st.container(horizontal=True, key="article_way"):
        if at > 0:
            st.button(
                say(SECTIONS[_NAMES[at - 1]].name),
                icon=":material/arrow_back:",
                key="article_back",
                on_click=_turn,
                args=(_NAMES[at - 1],),
            )
        st.space("stretch")
        if at + 1 < len(_NAMES):
            st.button(
                say(SECTIONS[_NAMES[at + 1]].name),
                icon=":material/arrow_forward:",
                icon_position="right",
                key="article_next",
                on_click=_turn,
                args=(_NAMES[at + 1],),
            )


def _colours() -> str:
    """Let the style sheet use the colours of the present theme."""
    colours = palette()
    named = (
        f"--right: {colours.right}; --wrong: {colours.wrong}; --validation: {colours.validation};"
    )
    return f"<style>.stApp {{ {named} }}</style>"


def _to_the_top(name: str) -> None:
    """Let the browser begin at the top of a section; a script is run where its text is new."""
    st.html(
        "<script>document.querySelector('[data-testid=stMain]').scrollTo(0, 0); "
        f"// {name}</script>",
        unsafe_allow_javascript=True,
    )


st.html(Path(__file__).parent / "parts/article/article.css")
st.html(_colours())
opened = session.section(_NAMES)
st.caption(
    _(
        "A tutorial article on PyTorch, tried out: what it explains moves here, what it advises is "
        "put to the test, and the mistakes in its printed program are shown and mended."
    )
)
_steps(opened)
refused = session.take_refusal()
if refused:
    st.error(plain(say(refused)), icon=":material/block:")
try:
    load(DATA)
except UserError as error:
    st.error(plain(say(error)), icon=":material/error:")
else:
    st.markdown(f"### {_NAMES.index(opened) + 1} · {say(SECTIONS[opened].heading)}")
    SECTIONS[opened].show()
    _way_on(opened)
if turned := st.session_state.pop(_TURNED, None):
    _to_the_top(turned)
