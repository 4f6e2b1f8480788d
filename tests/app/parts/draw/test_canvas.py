"""What the canvas relies on in Streamlit."""

import inspect
import shutil

import pytest

from pages.parts.draw import canvas


def test_streamlit_still_unpacks_what_a_browser_sends_by_the_function_that_is_guarded():
    from streamlit.runtime.state import session_state

    source = inspect.getsource(session_state)
    # Defined elsewhere, and looked up here by name wherever a value is read.
    assert "unpack_widget_state_value(" in source
    assert callable(session_state.unpack_widget_state_value)


@pytest.mark.parametrize("script", ["easel.js", "strokes.js", "loader.js"])
def test_a_browser_asks_anew_for_all_scripts_where_one_has_changed(script, tmp_path, monkeypatch):
    shutil.copytree(canvas._FILES, tmp_path / "canvas")
    before = canvas._version()
    monkeypatch.setattr(canvas, "_FILES", tmp_path / "canvas")
    assert canvas._version() == before
    with (tmp_path / "canvas" / script).open("a") as file:
        file.write("// changed")
    assert canvas._version() != before
