"""The language in which this browser's session reads, and the words for whoever writes a page.

`_("A text")` and `n_("{n:,} run", "{n:,} runs", n)` are literals told in that language; `say` tells
what core hands out: names that it has marked, sentences, and errors.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.words.errors import UserError
from core.words.translation import DEFAULT, LANGUAGES, language_of, tell, tell_number

_CHOSEN = "language"
_WIDGET = "language_switch"
# As HTML names them, for browsers and screen readers.
_HTML_NAMES = {"en": "en", "zh": "zh-CN"}
# Served from static/, so that a browser keeps it.
_SCRIPT = "app/static/page.js"


def language() -> str:
    """Return the language chosen in this session, or else the browser's."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return DEFAULT
    chosen: str | None = st.session_state.get(_CHOSEN)
    return chosen or language_of(st.context.locale)


def chosen_language() -> str | None:
    """Return the language that a person has chosen, by the switch or in the address."""
    chosen: str | None = st.session_state.get(_CHOSEN)
    return chosen


def choose_language(wanted: str | None) -> None:
    """Read in a language from now on; one that there is not changes nothing."""
    if wanted in LANGUAGES:
        st.session_state[_CHOSEN] = wanted


def language_switch() -> None:
    """Show the switch between languages, in the header."""
    st.session_state[_WIDGET] = language()
    with st.container(key="language"):
        st.segmented_control(
            _("Language"),
            list(LANGUAGES),
            key=_WIDGET,
            format_func=LANGUAGES.__getitem__,
            required=True,
            on_change=lambda: choose_language(st.session_state[_WIDGET]),
            label_visibility="collapsed",
        )
        _tell_browser(_HTML_NAMES[language()])


def _tell_browser(name: str) -> None:
    """Let the page say its language, and its first link in it; Streamlit leaves both at English."""
    skip = _("Skip to main content")
    told = f'data-language="{name}" data-skip="{skip}"'
    st.html(f'<script src="{_SCRIPT}" {told}></script>', unsafe_allow_javascript=True)


def _(text: str) -> str:
    """Tell a literal text."""
    return tell(text, language())


def n_(one: str, many: str, count: int, **values: object) -> str:
    """Tell a literal text that fits a number, which stands in it as `{n}`, beside other values."""
    return tell_number(one, many, count, language()).format(n=count, **values)


def say(text: str | UserError) -> str:
    """Tell what core handed out."""
    return tell(text.message if isinstance(text, UserError) else text, language())
