import inspect
from itertools import pairwise

import numpy as np
import pytest

from core.runs.history import Curves
from core.training.events import Epoch
from core.words.palette import DARK, LIGHT
from pages.shared.charts.overlay_chart import (
    DASHES,
    LETTERS,
    FairQueue,
    letter_rows,
    overlay_chart,
    overlay_rows,
)


def curves(num_epochs: int, last: float, steps_per_epoch: int = 10) -> Curves:
    """A run whose every figure tells what it is of."""
    epochs = tuple(
        Epoch(
            epoch=n,
            step=n * steps_per_epoch,
            train_loss=1 / n,
            train_accuracy=last - 0.2 / n,
            val_loss=2 / n,
            val_accuracy=last - 0.1 / n,
        )
        for n in range(1, num_epochs + 1)
    )
    step = np.arange(1, num_epochs * steps_per_epoch + 1)
    return Curves(
        step=step,
        loss=(1 / step).astype("float32"),
        accuracy=(step / 1000).astype("float32"),
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
    )


LINES = [
    FairQueue(letter="A", name="first", curves=curves(3, 0.9)),
    FairQueue(letter="B", name="second", curves=curves(2, 0.8, steps_per_epoch=5)),
]


def drawn(rows, letter):
    part = rows[rows.run == letter]
    return part.x.tolist(), [round(y, 6) for y in part.y]


@pytest.mark.parametrize(
    ("images", "axis", "first", "second"),
    [
        ("validation", "epoch", ([1, 2, 3], [2, 1, 0.666667]), ([1, 2], [2, 1])),
        ("validation", "step", ([10, 20, 30], [2, 1, 0.666667]), ([5, 10], [2, 1])),
        ("training", "epoch", ([1, 2, 3], [1, 0.5, 0.333333]), ([1, 2], [1, 0.5])),
    ],
)
def test_each_run_has_its_own_points(images, axis, first, second):
    rows = overlay_rows(LINES, "loss", images, axis)
    assert drawn(rows, "A") == first
    assert drawn(rows, "B") == second
    assert set(rows[rows.run == "B"].name) == {"second"}


def test_training_by_step_is_every_point_of_the_curves():
    rows = overlay_rows(LINES, "accuracy", "training", "step")
    assert drawn(rows, "A") == (list(range(1, 31)), [n / 1000 for n in range(1, 31)])
    assert len(rows[rows.run == "B"]) == 10


def test_each_letter_stands_at_the_end_of_its_line():
    rows = overlay_rows(LINES, "accuracy", "validation", "epoch")
    placed = {row["run"]: (row["x"], pytest.approx(row["y"])) for row in letter_rows(rows)}
    assert placed["A"] == (3, 0.9 - 0.1 / 3)
    assert placed["B"] == (2, 0.75)


def test_letters_of_lines_that_end_together_do_not_cover_each_other():
    lines = [
        FairQueue(letter=x, name=x, curves=curves(2, 0.9 + i / 1e4)) for i, x in enumerate("ABCDE")
    ]
    rows = overlay_rows(lines, "accuracy", "validation", "epoch")
    heights = sorted(row["y"] for row in letter_rows(rows))
    least = 0.05 * (rows.y.max() - rows.y.min())
    assert all(upper - lower > least for lower, upper in pairwise(heights))


def test_runs_without_figures_are_an_empty_chart():
    rows = overlay_rows([], "loss", "validation", "epoch")
    assert len(rows) == 0
    assert letter_rows(rows) == []
    assert overlay_chart(rows, "loss", "epoch", LIGHT)["layer"][2]["data"] == {"values": []}


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_a_run_is_told_by_colour_and_by_dashes(colours):
    rows = overlay_rows(LINES, "loss", "validation", "epoch")
    chart = overlay_chart(rows, "loss", "epoch", colours)
    assert chart["encoding"]["color"]["scale"] == {
        "domain": list(LETTERS),
        "range": list(colours.runs),
    }
    dashes = chart["layer"][0]["encoding"]["strokeDash"]["scale"]["range"]
    assert dashes == [list(dash) for dash in DASHES]
    assert len({str(dash) for dash in dashes}) == len(LETTERS) == len(colours.runs)


def test_a_chart_of_accuracies_is_in_percent_and_says_the_name():
    rows = overlay_rows(LINES, "accuracy", "validation", "step")
    chart = overlay_chart(rows, "accuracy", "step", LIGHT)
    assert "%" in chart["encoding"]["y"]["axis"]["format"]
    assert chart["encoding"]["x"]["title"] == "Step"
    assert {tip["field"] for tip in chart["layer"][0]["encoding"]["tooltip"]} == set(rows.columns)


def test_the_lines_are_drawn_without_any_page():
    assert "streamlit" not in inspect.getsource(inspect.getmodule(overlay_chart))
