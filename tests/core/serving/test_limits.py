import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.serving.limits import CONFIG, Limits, LimitsError, limits, parse


def test_the_file_that_comes_with_netsketch_says_the_defaults():
    assert parse(CONFIG.read_text()) == Limits()


def test_what_the_file_says_counts(tmp_path):
    file = tmp_path / "class.toml"
    file.write_text("[queue]\nmax_waiting_per_person = 2\nmax_run_minutes = 5\n")
    found = limits(file)
    assert (found.max_waiting_per_person, found.max_waiting, found.run_s) == (2, 30, 300.0)


def test_the_mark_that_windows_puts_at_the_beginning_is_no_fault(tmp_path):
    file = tmp_path / "class.toml"
    file.write_text("\ufeff[people]\r\nonly_own_runs = true\r\n", encoding="utf-8")
    assert limits(file).only_own_runs


def test_no_limit_of_time_is_none():
    assert Limits().run_s is None
    assert Limits(max_pause_minutes=0).pause_s is None
    assert Limits(max_pause_minutes=3).pause_s == 180.0


WRONG = {
    "not TOML": ("[queue\n", "it is not TOML: .*line 1, column 7"),
    "a misspelt section": ("\n[que]\nmax_waiting = 3\n", r"line 2, \[que\] .*\[queue\]"),
    "a strange section": (
        "[zoo]\nape = 3\n",
        r"line 1, \[zoo\] .*\[queue\], \[people\]",
    ),
    "no section": ("max_waiting = 3\n", r"line 1, max_waiting must stand below \[queue\]"),
    "a misspelt entry": (
        "[queue]\nmax_wating = 3\n",
        r"line 2, \[queue\] max_wating .*Did you mean max_waiting\?",
    ),
    "a strange entry": ("[store]\nape = 3\n", r"\[store\] ape .*keep_deleted_days"),
    "another section's entry": (
        "[queue]\n# by whom\nonly_own_runs = true\n",
        r"line 3, \[queue\] only_own_runs must stand below \[people\]",
    ),
    "below the lowest": ("[queue]\nmax_waiting = -1\n", "line 2.*from 1 on"),
    "nought": ("[queue]\nmax_waiting = 0\n", "line 2.*from 1 on"),
    "far too much": ("[store]\nkeep_deleted_days = 9999999999999999\n", "at most 1,000,000"),
    "a truth for a number": ("[queue]\nmax_run_minutes = true\n", "line 2.*whole number"),
    "a fraction": ("[queue]\nmax_pause_minutes = 2.5\n", "line 2.*whole number"),
    "a number for a truth": ("[people]\nonly_own_runs = 1\n", "line 2.*true or false"),
    "a word for a truth": ('[people]\nonly_own_runs = "yes"\n', "line 2.*true or false"),
    "a word for a number": ('[store]\nkeep_deleted_days = "7"\n', "line 2.*whole number"),
    "a dotted entry": ("queue.max_run_minutes = -1\n", "line 1.*from 0 on"),
    "twice": ("[queue]\nmax_waiting = 3\nmax_waiting = 4\n", "not TOML.*line 3"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_named_with_its_file_and_line_and_no_default_counts(
    tmp_path, text, words
):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(LimitsError, match=f"bad.toml: .*{words}"):
        limits(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(LimitsError, match="cannot be read: Is a directory"):
        limits(tmp_path)
    (tmp_path / "photo.toml").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(LimitsError, match=r"photo\.toml cannot be read: .*utf-8"):
        limits(tmp_path / "photo.toml")


def test_a_file_that_is_named_must_be_there(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_CONFIG", str(tmp_path / "clas.toml"))
    with pytest.raises(LimitsError, match=r"NETSKETCH_CONFIG names .*clas\.toml.*no such file"):
        limits()
    (tmp_path / "clas.toml").write_text("[people]\nonly_own_runs = true\n")
    assert limits().only_own_runs


def test_without_a_file_the_defaults_count(tmp_path):
    assert limits(tmp_path / "none.toml") == Limits()


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except LimitsError:
        return
