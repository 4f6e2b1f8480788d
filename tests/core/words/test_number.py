"""Numbers as people write them."""
# ruff: noqa: RUF001

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spec import setting_at
from core.spec.codec import from_query
from core.spec.presets import DEFAULT
from core.words.number import NumberError, read_number, written

SCRIPTS = {
    "latin": "0123456789",
    "full-width": "０１２３４５６７８９",
    "arabic": "٠١٢٣٤٥٦٧٨٩",
    "persian": "۰۱۲۳۴۵۶۷۸۹",
    "devanagari": "०१२३४५६७८९",
}
UNDERSTOOD = {
    "comma": ("0,002", 0.002),
    "point": ("0.002", 0.002),
    "no-zero": (",5", 0.5),
    "end": ("5,", 5),
    "exponent": ("2e-3", 0.002),
    "comma-exponent": ("2,5E-3", 0.0025),
    "power": ("2·10^-3", 0.002),
    "raised": ("2·10⁻³", 0.002),
    "times": ("2 × 10^-3", 0.002),
    "python-power": ("2*10**-3", 0.002),
    "power-alone": ("10^-3", 0.001),
    "figures": ("1.000e-3", 0.001),
    "german": ("1.000,5", 1000.5),
    "english": ("1,000.5", 1000.5),
    "french": ("1\u202f000,5", 1000.5),
    "swiss": ("1’000.5", 1000.5),
    "millions": ("1.000.000", 1_000_000),
    "chinese-point": ("0。5", 0.5),
    "chinese-comma": ("0，5", 0.5),
    "arabic-marks": ("٠٫٠٠٢", 0.002),
    "arabic-thousands": ("١٬٠٠٠", 1000),
    "minus": ("−3", -3),
    "plus": ("+3", 3),
    "zeros": ("0,000", 0),
    "spaces": ("  7 ", 7),
    "unseen-marks": ("\u200e0.0\u200b02\ufeff", 0.002),
}
REFUSED = [
    *("", " ", "abc", "1.2.3", "1,2,3", "1,00,000", "1 5", "0, 002", "0,0 02", "--1", "1e", "e3"),
    *("nan", "inf", "1/2", "5 %", "1e999", "1e-999", "0x10", "²", "210^3", "1.000 5", "9" * 60),
    *("0 002", "0'002", "٠٬٠٠٢", "0.000.002", "0,000.5", "1" + " " * 1_000_000 + "x"),
    *("１．２．３", "一百", "<b>1</b>", "1\x002"),
]


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_each_way_of_writing_is_understood(name):
    text, value = UNDERSTOOD[name]
    assert read_number(text) == value


@pytest.mark.parametrize("text", ["1.000", "1,000", "12.345", "999,999"])
def test_what_could_be_two_numbers_is_refused_with_both(text):
    with pytest.raises(NumberError) as told:
        read_number(text)
    plain = text.replace(",", ".")
    assert f"as {plain.replace('.', '')} or as {plain}" in told.value.message
    safe = told.value.message.rpartition(" or ")[2].rstrip(".")
    assert read_number(safe) == float(plain)


@pytest.mark.parametrize("place", range(len(REFUSED)))
def test_what_is_no_number_is_told_in_a_sentence(place):
    with pytest.raises(NumberError) as told:
        read_number(REFUSED[place])
    assert told.value.message.endswith(".")
    assert len(told.value.message) < 150


@given(
    st.decimals("0.000001", 1_000_000, places=6),  # six decimals are no group of thousands
    st.sampled_from(list(SCRIPTS)),
    st.sampled_from(".,"),
)
def test_decimals_in_any_script_with_either_mark_are_the_number(value, script, mark):
    text = f"{value:f}".replace(".", mark).translate(str.maketrans("0123456789", SCRIPTS[script]))
    assert read_number(text) == pytest.approx(float(value), rel=1e-15)


@given(st.integers(0, 10**15), st.sampled_from(".,' \u202f’"))
def test_groups_of_thousands_are_the_number_or_refused(value, mark):
    text = f"{value:,}".replace(",", mark)
    if mark in ".," and 1000 <= value < 1_000_000:
        with pytest.raises(NumberError):
            read_number(text)
    else:
        assert read_number(text) == value


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_number_of_its_own_digits_or_a_sentence(text):
    with suppress(NumberError):
        value = read_number(text)
        assert any(letter.isdecimal() for letter in text)
        assert value == value


@given(st.one_of(st.integers(-(10**12), 10**12), st.floats(1e-9, 1e9)))
def test_what_is_written_is_read_again(value):
    assert read_number(written(value)) == value
    assert "e" not in written(value)
    assert Decimal(written(value)) == Decimal(repr(value))


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("lr", "0,002", 0.002),
        ("lr", "2·10⁻³", 0.002),
        ("num_epochs", "１２", 12),
        ("dropout_of_a_block", "0,25", 0.25),
    ],
    ids=["comma", "power", "full-width", "block"],
)
def test_an_address_written_by_hand_is_read_like_a_field(path, text, value):
    key, at = ("b1.dropout", "blocks.0.dropout") if "block" in path else (path, path)
    spec, mended = from_query({"v": "1", "blocks": "1", "dense": "0", key: text}, DEFAULT)
    assert mended == []
    assert spec.value(at) == value


@pytest.mark.parametrize("text", ["1,5", "1.000", "0,0,2", "999999"])
def test_an_address_whose_number_cannot_be_taken_says_so(text):
    _, mended = from_query({"v": "1", "blocks": "1", "dense": "0", "num_epochs": text}, DEFAULT)
    assert len(mended) == 1
    assert text.replace(",", ".") in mended[0].replace(",", ".")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,5", "Epochs: it must be a whole number from 1 to 200, not “1.5”."),
        ("201", "Epochs: it must be from 1 to 200, not 201."),
        ("0", "Epochs: it must be from 1 to 200, not 0."),
        ("two", "Epochs: “two” cannot be read as a number; write it like 5, 0.002 or 2e-3."),
    ],
)
def test_a_setting_refuses_what_it_cannot_be_by_its_name(text, words):
    with pytest.raises(NumberError) as told:
        setting_at("num_epochs").read(text)
    assert told.value.message == words
