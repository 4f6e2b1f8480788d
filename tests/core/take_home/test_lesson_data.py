"""The tutorial reads the very images that the dashboard's run learned from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.model_selection import train_test_split

from core.data import build
from core.data import catalogue as table
from core.data import loading as data
from core.data.catalogue import DATASETS
from core.data.loading import load
from core.data.npz import npz_path, write_npz
from core.data.own.kept import keep
from core.machine.folders import data_folder
from core.spec import RunSpec
from core.take_home import lesson_data
from core.take_home.lesson_data import data_code
from tests.core.data.own.test_kept import own


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))


def said_and_loaded(key: str) -> None:
    names: dict[str, object] = {
        "np": np,
        "torch": torch,
        "DEVICE": "cpu",
        "train_test_split": train_test_split,
    }
    exec("import os\nfrom pathlib import Path\n" + data_code(RunSpec(data=key)), names)
    found = load(key)
    for name in ("train", "validation", "test"):
        split = getattr(found, name)
        assert torch.equal(names[f"{name}_images"], split.images), name
        assert torch.equal(names[f"{name}_labels"], split.labels), name


def test_of_ones_own_images():
    said_and_loaded(keep(own(names=("a", "b", "c"), per_class=11)))


@pytest.mark.parametrize("key", ["fashion", "usps", "emnist_balanced"])
def test_of_a_data_set_that_was_downloaded(key, monkeypatch):
    classes = len(DATASETS[key].class_names)
    rng = np.random.default_rng(0)

    def part(count):
        labels = np.concatenate([np.arange(classes), rng.integers(classes, size=count - classes)])
        return rng.integers(256, size=(count, 28, 28), dtype=np.uint8), labels

    small = replace(DATASETS[key], train=353, validation=97, test=60)
    made = {**DATASETS, key: small}
    for module in (data, build, table):
        monkeypatch.setattr(module, "DATASETS", made)
    write_npz(npz_path(data_folder(), key), part(450), part(60))
    assert lesson_data.info_of(key) == small
    said_and_loaded(key)
