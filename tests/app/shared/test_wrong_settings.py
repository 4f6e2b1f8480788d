"""A server whose settings are wrong is used by nobody, and ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pages.shared import wrong_settings


@pytest.fixture
def ended(monkeypatch) -> list[bool]:
    """Whether the process would have ended."""
    found: list[bool] = []
    monkeypatch.setattr(wrong_settings, "end_soon", lambda: found.append(True))
    return found


@pytest.mark.parametrize("name", ["build", "train", "draw", "runs", "article"])
def test_every_visitor_is_told_and_no_page_runs_with_defaults(
    visit, canvas, monkeypatch, tmp_path, caplog, ended, name
):
    file = tmp_path / "class.toml"
    file.write_text("[people]\nonly_own_run = true\n")
    monkeypatch.setenv("NETSKETCH_CONFIG", str(file))
    monkeypatch.setattr("core.runs.manager._runs", None)
    tab = visit()
    if name != "build":
        tab.switch_page(f"pages/{name}_page.py").run()
    (said,) = tab.error
    assert "line 2, [people] only_own_run" in said.value.replace("\\", "")
    assert "Did you mean only_own_runs?" in said.value.replace("\\", "")
    assert not tab.button
    assert not tab.selectbox
    assert ended
    assert "NetSketch does not start" in caplog.text


def test_a_sound_server_goes_on(visit, ended):
    assert visit().has("train")
    assert not ended


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("NETSKETCH_CONFIG", "{folder}/class.toml", "line 2, [people] only_own_run is no setting"),
        ("NETSKETCH_CONFIG", "{folder}/clas.toml", "there is no such file"),
        ("NETSKETCH_DATE", "{folder}", "Did you mean NETSKETCH_DATA?"),
    ],
    ids=["a misspelt entry", "no such file", "a misspelt variable"],
)
def test_streamlit_run_says_so_and_ends_before_anybody_comes(tmp_path, variable, value, words):
    (tmp_path / "class.toml").write_text("[people]\nonly_own_run = true\n")
    told = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port=0"],
        cwd=Path(wrong_settings.__file__).parents[2],
        env=os.environ | {variable: value.format(folder=tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.returncode == 1
    assert "NetSketch does not start. " in told.stderr
    assert words in told.stderr
    assert "Traceback" not in told.stderr
