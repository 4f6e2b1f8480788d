"""Tables for a spreadsheet."""
# ruff: noqa: RUF001

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.take_home.sheet import sheet

FORMULAS = {
    "link": '=HYPERLINK("http://evil.example","run")',
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1)",
    "tab": "\t=1",
    "return": "\r=1",
    "line": "\n=1",
    "full-width": "＝1＋1",
    "full-width-at": "＠SUM(A1)",
    "space": "  =1",
    "no-break-space": "\u00a0=1",
    "zero-width": "\u200b=1",
    "byte-order": "\ufeff=1",
    "pipe": "|cmd",
}


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("name", FORMULAS)
def test_what_looks_like_a_formula_is_text(name):
    words = FORMULAS[name].replace("\r", "\n")
    assert read(sheet(["name"], [[FORMULAS[name]]]))[1] == [f"'{words}"]
    assert read(sheet([FORMULAS[name]], []))[0] == [f"'{words}"]


@pytest.mark.parametrize("mark", [";", "\t", "\n", "; ", "\n\u200b"], ids=ascii)
def test_where_semicolons_part_cells_no_formula_begins_either(mark):
    text = sheet(["name", "note"], [[f"a{mark}=HYPERLINK(1)", "b;c;-d"], ["é;＝1", "x"]])
    for part in (";", "\t"):
        # As a spreadsheet reads it where a comma stands before decimals: our quotes mean nothing.
        for cell in (cell for line in text.split("\n") for cell in line.split(part)):
            assert not cell.strip(" \u200b").startswith(("=", "+", "-", "@", "＝"))
    cell = read(text)[1][0]
    assert cell.replace("'", "") == f"a{mark}=HYPERLINK(1)"


def test_ordinary_words_and_numbers_stay_as_they_are():
    row = ["My run", "7 → 1", "a=b", "猫", "", -3, 2.5e-05]
    assert read(sheet(["x"] * len(row), [row]))[1] == [str(value) for value in row]
    assert read(sheet(["x"], [[None]]))[1] == [""]


@given(st.text(max_size=30))
def test_whatever_is_written_begins_no_formula_and_is_all_there(words):
    ((cell,),) = read(sheet(["x"], [[f"{words}."]]))[1:]
    lines = words.replace("\r\n", "\n").replace("\r", "\n")
    assert cell.replace("'", "") == f"{lines}.".replace("'", "")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
