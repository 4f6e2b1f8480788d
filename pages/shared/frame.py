"""What every page has around it: the window, navigation, language, and the strip of the run."""

from pathlib import Path
from typing import Final

import streamlit as st

from pages.shared import live, session
from pages.shared.language import _, language_switch, say
from pages.shared.palette import is_dark
from pages.shared.strip import strip
from pages.shared.words import plain
from pages.shared.wrong_settings import require_sound_server

ROOT: Final = Path(__file__).resolve().parents[2]


def frame() -> None:
    """Show the page that the address names, and all that stands around it."""
    st.set_page_config(
        page_title="NetSketch", page_icon=str(ROOT / "static/brand/icon.svg"), layout="wide"
    )
    st.logo(ROOT / f"static/brand/logo-{'dark' if is_dark() else 'light'}.svg", size="large")
    st.html(ROOT / "pages/shared/style.css")
    if is_dark():
        st.html(ROOT / "pages/shared/dark.css")
    require_sound_server()
    live.begin()
    session.read_address()
    page = st.navigation(
        [
            st.Page(
                "pages/build_page.py",
                title=_("Build"),
                icon=":material/deployed_code:",
                default=True,
            ),
            st.Page(
                "pages/train_page.py",
                title=_("Train"),
                icon=":material/show_chart:",
                url_path="train",
            ),
            st.Page("pages/draw_page.py", title=_("Draw"), icon=":material/draw:", url_path="draw"),
            st.Page(
                "pages/runs_page.py", title=_("Runs"), icon=":material/table_rows:", url_path="runs"
            ),
            st.Page(
                "pages/article_page.py",
                title=_("Article"),
                icon=":material/menu_book:",
                url_path="article",
            ),
        ],
        position="top",
    )
    language_switch()
    if turn := session.take_turn():
        st.switch_page(turn)
    below = strip()
    page.run()
    # Of a page that has no place of its own for it.
    if refused := session.take_refusal():
        below.error(plain(say(refused)), icon=":material/block:")
    session.write_address()
    session.all_shown()
    live.end()
