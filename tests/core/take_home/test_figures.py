"""Every step and epoch as a table, and the picture of them."""

import io
import re

import numpy as np
import pandas
import pytest
from PIL import Image

from core.take_home.contents import TakeHomeError
from core.take_home.figures import epochs_csv, picture, steps_csv
from core.words.palette import DARK, LIGHT
from tests.core.take_home.conftest import SPEC, untrained


@pytest.fixture
def contents(trained):
    return trained()


def test_every_step_stands_in_its_epoch(contents):
    table = pandas.read_csv(io.StringIO(steps_csv(contents)))
    assert list(table.columns) == ["step", "epoch", "train_loss", "train_accuracy"]
    assert table["step"].tolist() == list(range(1, 16))
    assert table["epoch"].tolist() == [1] * 5 + [2] * 5 + [3] * 5
    # Read back, they are the very numbers.
    assert np.array_equal(table["train_loss"].astype("float32"), contents.steps.loss)
    assert np.array_equal(table["train_accuracy"].astype("float32"), contents.steps.accuracy)


def test_every_epoch_has_its_figures(contents):
    table = pandas.read_csv(io.StringIO(epochs_csv(contents)))
    assert table["epoch"].tolist() == [1, 2, 3]
    assert table["step"].tolist() == [5, 10, 15]
    last = contents.steps.epochs[-1]
    assert table.iloc[-1][2:].tolist() == [
        last.train_loss,
        last.train_accuracy,
        last.val_loss,
        last.val_accuracy,
    ]


def test_the_picture_has_the_pages_colours(contents):
    image = Image.open(io.BytesIO(picture(contents, LIGHT, "png"))).convert("RGB")
    assert image.size == (1600, 576)
    colours = {colour for _, colour in image.getcolors(1 << 20)}
    for wanted in (LIGHT.training, LIGHT.validation):
        assert tuple(bytes.fromhex(wanted[1:])) in colours
    assert image.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_drawing_has_the_pages_colours_and_no_ground(contents, colours):
    text = picture(contents, colours, "svg").decode()
    for wanted in (colours.training, colours.validation, colours.ink):
        assert wanted.lower() in text
    assert ">Loss</text>" in text
    assert ">Accuracy</text>" in text
    assert not re.search(r"fill: #ffffff(?!.*opacity: 0)", text)


@pytest.mark.filterwarnings("error")
def test_a_run_that_was_stopped_in_its_first_epoch_fills_the_picture_too(trained):
    contents = trained(stop_at=3)
    assert not contents.curves.epochs
    image = Image.open(io.BytesIO(picture(contents, LIGHT, "png"))).convert("RGB")
    row = np.asarray(image)[:, :, 2] < 200
    columns = row.any(0).nonzero()[0]
    assert columns.min() < 100
    assert columns.max() > 1500
    assert ">Validation</text>" not in picture(contents, LIGHT, "svg").decode()


def test_the_same_figures_give_the_same_bytes(contents):
    assert picture(contents, LIGHT, "svg") == picture(contents, LIGHT, "svg")
    assert picture(contents, LIGHT, "png") == picture(contents, LIGHT, "png")


def test_without_steps_there_is_nothing_to_draw():
    for make in (steps_csv, epochs_csv, lambda contents: picture(contents, LIGHT, "png")):
        with pytest.raises(TakeHomeError, match="has no curves"):
            make(untrained(SPEC))
