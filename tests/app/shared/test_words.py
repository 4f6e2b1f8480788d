import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.shared.words import disk_size, duration, percent, plain, shape, short


@pytest.mark.parametrize(
    ("share", "words"),
    [(None, "–"), (0.0, "0.0 %"), (0.5, "50.0 %"), (0.9862, "98.6 %"), (1.0, "100.0 %")],
)
def test_percent(share, words):
    assert percent(share) == words


def test_percent_with_more_digits():
    assert percent(0.98765, digits=2) == "98.77 %"
    assert percent(0.98765, digits=0) == "99 %"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0, "0.0 s"),
        (-0.01, "0.0 s"),
        (4.24, "4.2 s"),
        (10.0, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (65.0, "1 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7800.0, "2 h 10 min"),
    ],
)
def test_duration(seconds, words):
    assert duration(seconds) == words


def seconds_in(words: str) -> float:
    size = {"s": 1, "min": 60, "h": 3600}
    return sum(float(n) * size[unit] for n, unit in re.findall(r"([\d.]+) (min|s|h)", words))


@given(st.floats(0, 200 * 3600))
def test_a_duration_is_off_by_no_more_than_its_last_place(seconds):
    words = duration(seconds)
    last_place = 0.1 if seconds < 10 else 1 if seconds < 3599.5 else 60
    assert abs(seconds_in(words) - seconds) <= last_place
    assert not re.search(r"\b60 (s|min)", words)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1000, "1 k"),
        (24_123, "24.1 k"),
        (999_499, "999 k"),
        (999_999, "1 M"),
        (12_700_000, "12.7 M"),
        (3.21e9, "3.21 G"),
        (4e12, "4 T"),
    ],
)
def test_short(number, words):
    assert short(number) == words


@given(st.integers(0, 10**14))
def test_a_short_number_is_right_to_three_figures(number):
    digits, _, letter = short(number).partition(" ")
    assert "e" not in digits
    told = float(digits.replace(",", "")) * 1000 ** " kMGT".index(letter or " ")
    assert math.isclose(told, number, rel_tol=0.005)


def test_shape():
    assert shape((16, 14, 14)) == "16 × 14 × 14"
    assert shape((4096,)) == "4,096"


# What Streamlit's Markdown gives a meaning to inside a line: emphasis, code, links and pictures,
# HTML and its entities, headings, lists, quotes, tables, strike-through, formulas, coloured text
# and icons.
SPECIAL = set(r"\`*_{}[]()#+-.!|<>$~:&")


@given(st.text(st.one_of(st.sampled_from([*sorted(SPECIAL), "a", "1", " "]), st.characters())))
def test_plain_leaves_nothing_to_be_understood_as_markdown(text):
    escaped = plain(text)
    assert re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL) == text
    bare = re.sub(r"\\.", "", escaped, flags=re.DOTALL)
    assert not SPECIAL & set(bare)


@pytest.mark.parametrize(
    "text",
    [
        "![](https://example.org/spy.png)",
        "<img src=x onerror=alert(1)>",
        ":material/check_circle: **finished**",
        ":red[failed]",
        "$x^2$",
        "`code`",
        "&lt;b&gt;",
        "[a link](https://example.org)",
    ],
)
def test_plain_disarms(text):
    assert not re.search(r"(?<!\\)[!\[\]()<>:*$`_&]", plain(text))


def test_plain_leaves_ordinary_words_alone():
    assert plain("4 blocks, 2 dense; “ok” × 3") == "4 blocks, 2 dense; “ok” × 3"


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [
        (0, "0 B"),
        (840, "840 B"),
        (999_600, "1.0 MB"),
        (98_300, "98 kB"),
        (1_440_000, "1.4 MB"),
        (34_200_000, "34 MB"),
        (5_000_000_000, "5.0 GB"),
        (2_500_000_000_000, "2.5 TB"),
    ],
)
def test_sizes_on_the_disk(num_bytes, words):
    assert disk_size(num_bytes) == words
