import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.serving.environment import require_sound
from core.serving.limits import Limits
from core.words.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("NETSKETCH_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))


def test_a_sound_server_may_start(tmp_path, monkeypatch):
    assert require_sound() == Limits()
    (tmp_path / "class.toml").write_text("[queue]\nmax_waiting = 3\n")
    monkeypatch.setenv("NETSKETCH_CONFIG", str(tmp_path / "class.toml"))
    assert require_sound() == Limits(max_waiting=3)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("NETSKETCH_DATE", "NETSKETCH_DATA"),
        ("NETSKETCH_CONFG", "NETSKETCH_CONFIG"),
        ("netsketch_config", "NETSKETCH_CONFIG"),
        ("NETSKECTH_CONFIG", "NETSKETCH_CONFIG"),
        ("NET_SKETCH_DATA", "NETSKETCH_DATA"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_one_that_was_meant(monkeypatch, name, meant):
    monkeypatch.setenv(name, "/srv/class")
    with pytest.raises(UserError, match=f"sets {name}, .*Did you mean {meant}"):
        require_sound()


def test_what_others_call_theirs_is_none_of_our_business(monkeypatch):
    monkeypatch.setenv("NETSKETCH_ROOM", "12")
    monkeypatch.setenv("NETBOX_CONFIG", "12")
    assert require_sound() == Limits()


def test_a_folder_for_data_that_can_be_none_is_named(monkeypatch, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "notes.txt"))
    with pytest.raises(UserError, match=r"NETSKETCH_DATA names .*notes\.txt, which is no folder"):
        require_sound()
    monkeypatch.setenv("NETSKETCH_DATA", " ")
    with pytest.raises(UserError, match="begins or ends with a space"):
        require_sound()


def test_the_terminal_is_told_and_the_exit_status_says_so(tmp_path):
    (tmp_path / "class.toml").write_text("[people]\nonly_own_run = true\n")
    told = subprocess.run(
        [sys.executable, "-m", "core.start"],
        cwd=ROOT,
        env=os.environ | {"NETSKETCH_CONFIG": str(tmp_path / "class.toml")},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1
    assert told.stderr.startswith("NetSketch does not start. ")
    assert "class.toml: line 2, [people] only_own_run is no setting" in told.stderr
    assert "Did you mean only_own_runs?" in told.stderr


def test_make_run_looks_before_it_serves():
    recipe = (ROOT / "Makefile").read_text().partition("\nrun: ")[2].partition("\ntest: ")[0]
    look, serve = recipe.index("-m core.start"), recipe.index("streamlit run")
    assert look < serve
