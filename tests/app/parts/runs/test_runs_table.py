from dataclasses import replace
from typing import get_args

import pandas as pd
import pytest

from core.machine.device import Device
from core.runs.record import Status
from core.runs.store import RunRow
from core.spec.summary import Outline
from core.words.errors import UserError
from pages.parts.runs.held_files import Page, held_files
from pages.parts.runs.runs_table import Wanted, table_csv, table_file, table_rows

ROW = RunRow(
    id="3-abcdef",
    number=3,
    name="3 · Small and fast",
    tags=("baseline", "Lesson 2"),
    note="Was it the seed?",
    starred=False,
    status="finished",
    network=Outline(family="conv", channels=(16, 32, 64)),
    data="embedded",
    step=504,
    num_steps=504,
    epoch=8,
    val_accuracy=0.98,
    test_accuracy=0.986,
    params=29_434,
    elapsed_s=5.25,
    device=Device("cpu", cores=2),
    created_at=1_764_000_000.0,
    num_bytes=1_400_000,
    owner="",
    rival="",
)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), True),
        (Wanted(text="small"), True),
        (Wanted(text="  FAST 3 "), True),
        (Wanted(text="fast slow"), False),
        (Wanted(text="lesson"), True),
        (Wanted(text="seed"), True),
        (Wanted(text="16–32"), True),
        (Wanted(text="tanh"), False),
        (Wanted(starred=True), False),
        (Wanted(tags=("baseline",)), True),
        (Wanted(tags=("other", "Lesson 2")), True),
        (Wanted(tags=("other",)), False),
        (Wanted(data=("embedded",)), True),
        (Wanted(data=("mnist",)), False),
        (Wanted(states=("finished", "failed")), True),
        (Wanted(states=("failed",)), False),
        (Wanted(text="small", states=("failed",)), False),
    ],
)
def test_what_is_listed(wanted, fits):
    assert wanted.fits(ROW) is fits
    assert wanted.everything is (wanted == Wanted())


def test_a_starred_run_is_among_the_starred():
    assert Wanted(starred=True).fits(replace(ROW, starred=True))


def test_a_row_in_the_words_of_people():
    (row,) = table_rows([ROW], "Asia/Shanghai").to_dict("records")
    assert row["★"] == "☆"
    assert row["Name"] == "3 · Small and fast"
    assert row["Test"] == pytest.approx(98.6)
    assert row["State"] == "finished"
    assert row["Network"] == "conv 16–32–64"
    assert row["Data"] == "5,000 digits"
    assert row["Tags"] == ["baseline", "Lesson 2"]
    assert row["Begun"] == pd.Timestamp("2025-11-25 00:00", tz="Asia/Shanghai")
    assert (row["Parameters"], row["Time"], row["Disk"]) == (29_434, 5.25, 1_400_000)


@pytest.mark.parametrize("status", get_args(Status))
def test_a_state_is_one_word_or_two_without_marks(status):
    (row,) = table_rows([replace(ROW, status=status)], "UTC").to_dict("records")
    assert row["State"]
    assert not set(row["State"]) & set(":[]_")


def test_numbers_stay_numbers_for_a_column_to_sort_by():
    table = table_rows([replace(ROW, test_accuracy=None), replace(ROW, starred=True)], "UTC")
    assert table["★"].tolist() == ["☆", "★"]
    assert table["Test"].isna().tolist() == [True, False]
    for name in ("Test", "Parameters", "Time", "Disk"):
        assert pd.api.types.is_numeric_dtype(table[name]), name


def test_a_status_or_data_set_of_a_later_version_is_shown_as_it_is():
    (row,) = table_rows([replace(ROW, data="tomorrow")], "UTC").to_dict("records")
    assert row["Data"] == "tomorrow"


def test_the_table_for_a_spreadsheet_is_held_until_it_is_fetched(monkeypatch):
    held, page = [], Page()
    monkeypatch.setattr(held_files, "hold", lambda *what: held.append(what))
    made = table_file(page, [ROW])
    assert made.decode() == table_csv([ROW])
    assert held == [(page, made, "text/csv", "runs.csv")]

    def refuse(*what):
        raise UserError("no room")

    monkeypatch.setattr(held_files, "hold", refuse)
    assert table_file(page, [ROW]) == made
