import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.judging.measures import measure
from pages.parts.train.measures_panel import (
    bin_chart,
    bin_rows,
    calibration_words,
    class_chart,
    class_rows,
    class_words,
    confusion_matrix,
    confusion_words,
)
from pages.shared.palette import DARK, LIGHT

NAMES = ("cat", "dog", "*owl*")
# Two cats are right and one is taken for a dog; all dogs and owls are right.
LABELS = torch.tensor([0, 0, 0, 1, 1, 2])
SAID = torch.tensor([0, 0, 1, 1, 1, 2])


def found(said=SAID, labels=LABELS, sure=8.0):
    return measure(torch.nn.functional.one_hot(said, 3) * sure, labels, NAMES)


def test_every_class_has_its_precision_and_recall():
    rows = class_rows(found())
    known = {(row["name"], row["measure"]): row["share"] for row in rows.to_dict("records")}
    assert known["cat", "Recall"] == pytest.approx(2 / 3)
    assert known["cat", "Precision"] == 1.0
    assert known["dog", "Precision"] == pytest.approx(2 / 3)
    assert len(rows) == 6


def test_words_name_the_weakest_classes():
    words = class_words(found())
    assert "Hardest to find: “cat”" in words
    assert "the answer “dog”, right 66.7\xa0%" in words


def test_of_classes_without_a_mistake_none_is_called_the_hardest():
    assert class_words(found(said=LABELS)) == "Not one mistake on 6 test images."


def test_few_classes_have_as_much_room_each_as_many():
    made = found()
    # Legend and axis take 96 pixels, however many classes there are.
    two, ten = (
        class_chart(replace(made, classes=made.classes[:1] * n), LIGHT)["height"] - 96
        for n in (2, 10)
    )
    assert two / 2 == ten / 10 >= 16


def test_the_most_frequent_mistake_is_named():
    assert confusion_words(found(), NAMES) == (
        "1 mistakes on 6 test images. The most frequent: cat taken for dog, 1 of 3 times."
    ).replace("1 mistakes", "1 mistake")
    assert confusion_words(found(said=LABELS), NAMES) == "Not one mistake on 6 test images."


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_cells_say_how_often_and_mistakes_stand_out(colours):
    figure = confusion_matrix(found(), NAMES, colours)
    (heat,) = figure.data
    assert list(heat.text[0]) == ["2", "1", ""]
    assert heat.hovertext[0][1] == "cat taken for dog: 1 of 3"
    assert heat.hovertext[1][1] == "dog named rightly: 2 of 2"
    assert heat.z[0][1] == -1
    assert heat.z[1][1] > 0
    assert heat.z[2][0] == 0


def test_a_network_that_is_too_sure_is_called_so():
    assert "too sure of itself" in calibration_words(found())
    unsure = calibration_words(found(said=LABELS, sure=0.5))
    assert "more often right than it believes" in unsure


@given(st.lists(st.integers(0, 2), min_size=1, max_size=30), st.integers(0, 100))
def test_any_answers_can_be_drawn(labels, seed):
    draw = torch.Generator().manual_seed(seed)
    made = measure(torch.randn(len(labels), 3, generator=draw), torch.tensor(labels), NAMES)
    for rows, chart in (
        (class_rows(made), class_chart(made, LIGHT)),
        (bin_rows(made), bin_chart(DARK)),
    ):
        json.dumps(chart)
        assert len(rows) > 0
        assert rows.notna().all().all()
    assert "nan" not in class_words(made) + confusion_words(made, NAMES) + calibration_words(made)


def percent_label(share: float, form: str) -> str:
    """What d3 writes for a share in one of the two forms that an axis of per cents may have."""
    digits = {"~%": 6, ".0%": 0}[form]
    text = f"{100 * share:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@pytest.mark.parametrize("step", [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005])
def test_no_two_ticks_of_an_axis_read_the_same(step):
    said = torch.tensor([0, 1, 2, 0])
    found = measure(torch.nn.functional.one_hot(said, 3) * 5.0, said, NAMES)
    form = class_chart(found, LIGHT)["encoding"]["x"]["axis"]["format"]
    ticks = [1 - step * i for i in range(5)]
    assert len({percent_label(tick, form) for tick in ticks}) == 5
    bins = bin_chart(LIGHT)["layer"][1]["encoding"]
    assert bins["x"]["axis"]["format"] == bins["y"]["axis"]["format"] == form
