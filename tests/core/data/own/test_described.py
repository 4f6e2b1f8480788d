"""What is known of own images goes along with a network's weights, to where they never were."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.bring_in.weights import weights
from core.data.catalogue import info_of
from core.data.own.described import description_of, remember
from core.data.own.kept import OwnImages, keep, own_keys
from core.data.preparation import from_ink
from core.network.model import build
from core.runs.manager import Runs
from core.runs.store import Store
from core.spec.presets import DEFAULT
from core.take_home.weights import weights_file
from tests.core.take_home.conftest import untrained


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Move to another computer."""

    def move() -> None:
        monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "there"))

    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "here"))
    return move


def own() -> OwnImages:
    images = np.full((80, 28, 28), 245, np.uint8)
    for i, image in enumerate(images):
        image[i % 18 : i % 18 + 8, (1 if i < 40 else 22) : (5 if i < 40 else 26)] = 20 + i // 10
    return OwnImages("sides", ("left", "right"), images, np.repeat([0, 1], 40), preparation="as_is")


def taken_home(key: str) -> bytes:
    spec = replace(DEFAULT, data=key, batch_size=8)
    state = {name: value.contiguous() for name, value in build(spec).state_dict().items()}
    return weights_file(replace(untrained(spec), weights=state))


def test_weights_bring_along_how_an_image_is_prepared(elsewhere, tmp_path):
    key = keep(own())
    here, file = info_of(key), taken_home(key)
    elsewhere()
    assert info_of(key).class_names == ("class 1", "class 2")
    brought = weights(file)
    runs = Runs(Store(tmp_path / "there"))
    try:
        run = runs.bring_in("sides", brought.spec, brought.weights, images=brought.images)
        assert run.weights() is not None
        there = info_of(run.spec.data)
    finally:
        runs.close()
    for name in ("class_names", "preparation", "paper", "ink", "mean", "std", "train"):
        assert getattr(there, name) == getattr(here, name), name
    ink = np.zeros((340, 340), np.uint8)
    ink[100:200, 20:50] = 255
    assert torch.equal(from_ink(ink, there), from_ink(ink, here))
    assert own_keys() == ()


def test_the_images_themselves_have_the_last_word(elsewhere):
    mine = own()
    key = keep(mine)
    wrong = json.loads(description_of(key)) | {"class_names": ["x", "y"], "train": 7}
    elsewhere()
    remember(key, json.dumps(wrong))
    assert info_of(key).class_names == ("x", "y")
    assert keep(mine) == key
    assert info_of(key).class_names == ("left", "right")
    remember(key, json.dumps(wrong))
    assert info_of(key).class_names == ("left", "right")


@pytest.mark.parametrize(
    "wrong",
    [
        {"class_names": ["only one"]},
        {"class_names": ["same", "same"]},
        {"class_names": ["x" * 41, "y"]},
        {"class_names": ["a\nb", "y"]},
        {"class_names": "ab"},
        {"class_names": [["a"], "y"]},
        {"title": ""},
        {"title": 3},
        {"train": 0},
        {"train": 10**9},
        {"train": True},
        {"mean": float("nan")},
        {"std": 0},
        {"std": "0.3"},
        {"paper": 300},
        {"ink": 245},
        {"preparation": "upside down"},
        {"preparation": ["as_is"]},
    ],
    ids=[
        *("one class", "same names", "long name", "two lines", "no list", "no text", "no title"),
        *("title no text", "no images", "too many images", "count no number", "mean none"),
        *("no spread", "spread no number", "paper too light", "no contrast", "unknown", "no word"),
    ],
)
def test_what_makes_no_sense_is_passed_over(elsewhere, wrong):
    key = keep(own())
    about = json.loads(description_of(key))
    elsewhere()
    remember(key, json.dumps(about | wrong))
    assert info_of(key).class_names == ("class 1", "class 2")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 10_000, "null", "{}", "x" * 30_000],
    ids=["nothing", "list", "cut off", "deep", "null", "empty", "long"],
)
def test_no_text_breaks_the_reader(elsewhere, text):
    key = keep(own())
    elsewhere()
    remember(key, text)
    remember("embedded", text)
    assert info_of(key).class_names == ("class 1", "class 2")


def test_data_sets_that_everybody_has_need_no_description():
    spec = replace(DEFAULT, data="embedded")
    state = {name: value.contiguous() for name, value in build(spec).state_dict().items()}
    assert weights(weights_file(replace(untrained(spec), weights=state))).images == ""
