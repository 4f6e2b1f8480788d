import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.limits import CONFIG, Limits, LimitsError, limits, parse


def test_the_file_that_comes_with_netsketch_says_the_defaults():
    assert parse(CONFIG.read_text()) == Limits()


def test_what_the_file_says_counts(tmp_path):
    file = tmp_path / "class.toml"
    file.write_text("[queue]\nmax_waiting_per_person = 2\nmax_run_minutes = 5\n")
    found = limits(file)
    assert (found.max_waiting_per_person, found.max_waiting, found.run_s) == (2, 30, 300.0)


def test_no_limit_of_time_is_none():
    assert Limits().run_s is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[queue\n", "not TOML"),
        ("[que]\nmax_waiting = 3\n", "que"),
        ("[queue]\nmax_wating = 3\n", "max_wating"),
        ("[queue]\nmax_waiting = -1\n", "from 1 on"),
        ("[queue]\nmax_waiting = 0\n", "from 1 on"),
        ("[queue]\nmax_run_minutes = true\n", "whole number"),
        ("[people]\nonly_own_runs = 1\n", "true or false"),
        ('[store]\nkeep_deleted_days = "7"\n', "whole number"),
    ],
)
def test_what_cannot_be_is_named_and_does_not_count(tmp_path, caplog, text, words):
    with pytest.raises(LimitsError, match=words):
        parse(text)
    file = tmp_path / "bad.toml"
    file.write_text(text)
    assert limits(file) == Limits()
    assert words in caplog.text


def test_without_a_file_the_defaults_count(tmp_path):
    assert limits(tmp_path / "none.toml") == Limits()


@given(st.text())
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except LimitsError:
        return
