import math
import re

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from core.words.message import Quoted, message
from core.words.translation import FOLDER, LANGUAGES, tell, tell_number
from pages.shared.words import disk_size, duration, percent, plain, shape, short


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (None, "–"),
        (0.0, "0.0\xa0%"),
        (0.5, "50.0\xa0%"),
        (0.9862, "98.6\xa0%"),
        (1.0, "100.0\xa0%"),
    ],
)
def test_percent(share, words):
    assert percent(share) == words


def test_percent_with_more_digits():
    assert percent(0.98765, digits=2) == "98.77\xa0%"
    assert percent(0.98765, digits=0) == "99\xa0%"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0, "0.0\xa0s"),
        (-0.01, "0.0\xa0s"),
        (4.24, "4.2\xa0s"),
        (10.0, "10\xa0s"),
        (59.4, "59\xa0s"),
        (59.6, "1\xa0min 00\xa0s"),
        (65.0, "1\xa0min 05\xa0s"),
        (3599.6, "1\xa0h 00\xa0min"),
        (7800.0, "2\xa0h 10\xa0min"),
    ],
)
def test_duration(seconds, words):
    assert duration(seconds) == words


def seconds_in(words: str) -> float:
    size = {"s": 1, "min": 60, "h": 3600}
    return sum(float(n) * size[unit] for n, unit in re.findall(r"([\d.]+)\xa0(min|s|h)", words))


@given(st.floats(0, 200 * 3600))
def test_a_duration_is_off_by_no_more_than_its_last_place(seconds):
    words = duration(seconds)
    last_place = 0.1 if seconds < 10 else 1 if seconds < 3599.5 else 60
    assert abs(seconds_in(words) - seconds) <= last_place
    assert not re.search(r"\b60\s(s|min)", words)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0"),
        (7, "7"),
        (999, "999"),
        (1000, "1\xa0k"),
        (24_123, "24.1\xa0k"),
        (999_499, "999\xa0k"),
        (999_999, "1\xa0M"),
        (12_700_000, "12.7\xa0M"),
        (3.21e9, "3.21\xa0G"),
        (4e12, "4\xa0T"),
    ],
)
def test_short(number, words):
    assert short(number) == words


@given(st.integers(0, 10**14))
def test_a_short_number_is_right_to_three_figures(number):
    digits, _, letter = short(number).partition("\xa0")
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


def split(escaped):
    """The pieces of text that Streamlit's Markdown makes of what `plain` has written."""
    pieces = re.split(r"(?<!\\):color\[(\\?.)\]", escaped, flags=re.DOTALL)
    return [re.sub(r"\\(.)", r"\1", piece, flags=re.DOTALL) for piece in pieces]


@given(st.text(st.one_of(st.sampled_from([*sorted(SPECIAL), "a", "1", " "]), st.characters())))
def test_plain_leaves_nothing_to_be_understood_as_markdown(text):
    escaped = plain(text)
    assert "".join(split(escaped)) == text
    bare = re.sub(r"(?<!\\):color\[(?:\\?.)\]|\\.", "", escaped, flags=re.DOTALL)
    assert not SPECIAL & set(bare)


# What Streamlit looks for in each piece of text, once the marks are read.
FOUND_LATER = re.compile(
    r"https?://|www\.|[-.\w+]@[-\w]|:\w[\w+-]*:|:material[/_]|:streamlit:"
    r"|(?:^|\s)(?:<->|->|<-|--|>=|<=|~=)(?:\s|$)",
    re.IGNORECASE,
)
ALIVE = st.sampled_from(
    [
        *("http", "s", "://", "www", ".", "a.b", "@", ":", "material/", "delete", "smile"),
        *("streamlit", "<->", "->", "<-", "--", "-", "<", ">", "=", "~", " ", "[", "]", "\\"),
        "color",
    ]
)


@given(st.lists(ALIVE, max_size=12).map("".join))
def test_plain_leaves_no_piece_in_which_a_link_an_icon_or_an_arrow_is_found(text):
    assert not [piece for piece in split(plain(text)) if FOUND_LATER.search(piece)]


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
    bare = re.sub(r"(?<!\\):color\[(?:\\?.)\]", "", plain(text))
    assert not re.search(r"(?<!\\)[!\[\]()<>:*$`_&]", bare)


def test_plain_leaves_ordinary_words_alone():
    assert plain("4 blocks, 2 dense; “ok” × 3") == "4 blocks, 2 dense; “ok” × 3"


@pytest.mark.parametrize(
    ("num_bytes", "words"),
    [
        (0, "0\xa0B"),
        (840, "840\xa0B"),
        (999_600, "1.0\xa0MB"),
        (98_300, "98\xa0kB"),
        (1_440_000, "1.4\xa0MB"),
        (34_200_000, "34\xa0MB"),
        (5_000_000_000, "5.0\xa0GB"),
        (2_500_000_000_000, "2.5\xa0TB"),
    ],
)
def test_sizes_on_the_disk(num_bytes, words):
    assert disk_size(num_bytes) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_breaks_between_a_number_and_its_unit(language):
    """Told from the catalogue of every page: fields stand for numbers there."""
    with (FOLDER / "zh_CN" / "LC_MESSAGES" / "netsketch.po").open("rb") as file:
        entries = [entry for entry in read_po(file) if entry.id]
    texts = [
        text
        for entry in entries
        for text in (entry.id if isinstance(entry.id, tuple) else (entry.id,))
    ]
    told = [tell(text, language) for text in texts]
    counted = [tell_number(*entry.id, 5, language) for entry in entries if len(entry.id) == 2]
    units = "%|‰|[kMGT]B|KB|px|ms|s|min|h|epochs?|pixels?|秒|毫秒|分钟?|小时|天|轮|像素"
    breaking = re.compile(rf"[\d}}] ({units})(?![a-z])")
    assert len(texts) > 500
    assert [text for text in told + counted if breaking.search(text)] == []
    assert any("}\xa0MB" in text for text in told)


def test_a_number_in_a_sentence_of_core_keeps_its_unit():
    assert tell(message("It has {size:.1f} MB.", size=2.5), "en") == "It has 2.5\xa0MB."
    share = message("within {share}", share="5 %")
    assert tell(share, "en") == "within 5\xa0%"
    assert tell(share, "zh").endswith("5\xa0%")


def test_what_a_person_wrote_keeps_its_spaces():
    assert tell(message("{name} ends.", name=Quoted("my 5 %")), "en") == "my 5 % ends."
