"""What an earlier version wrote is read, and means what it meant.

`tests/samples/before_rooms.zip` holds a data folder, files that were taken home and addresses, all
written by the version of November 2026 whose `core/` had no rooms yet, and `said.json`: what that
version itself said of them.
"""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from core.bring_in import configuration, weights
from core.data.catalogue import class_names_of
from core.data.loading import load
from core.data.own.kept import is_known
from core.machine.device import Device
from core.network.layers import lay_out
from core.runs.manager import Runs
from core.runs.store import Store
from core.spec.codec import from_json, from_query, to_json, to_query
from core.spec.presets import DEFAULT
from core.spec.summary import Outline

SAMPLES = Path(__file__).parents[2] / "samples" / "before_rooms.zip"
with zipfile.ZipFile(SAMPLES) as _archive:
    SAID = json.loads(_archive.read("said.json"))
RUNS = {run["number"]: run for run in SAID["runs"]}
CONFIGURATIONS = SAID["configurations"]
TAKEN_HOME = (1, 3, 6)


@pytest.fixture
def kept(tmp_path, monkeypatch, data_home):
    """The earlier version's folder, as that version left it."""
    with zipfile.ZipFile(SAMPLES) as archive:
        archive.extractall(tmp_path)
    for cached in Path(data_home).rglob("embedded-v1.npz"):
        shutil.copy(cached, tmp_path / "data")
        break
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def runs(kept):
    line = Runs(Store(kept / "data"))
    yield line
    line.close()


def digest(values: bytes) -> str:
    return hashlib.sha256(values).hexdigest()[:16]


def tensor_digest(tensor: torch.Tensor) -> str:
    return digest(tensor.detach().contiguous().numpy().tobytes())


def in_words(fact: object) -> str:
    """What a person reads of a fact that was kept as words before."""
    match fact:
        case None:
            return ""
        case Device():
            return fact.name
        case Outline():
            return fact.words
    return str(fact)


def number(run: dict) -> str:
    return f"run {run}"


def test_all_runs_are_there_and_a_deleted_one_can_come_back(runs):
    assert [run.number for run in runs.all()] == sorted(RUNS, reverse=True)
    assert 8 not in RUNS
    deleted = RUNS[7]["row"]["rival"]
    runs.restore([deleted], "ann")
    assert runs.get(deleted).snapshot().status == "finished"


@pytest.mark.parametrize("number", sorted(RUNS), ids=number)
def test_a_run_says_what_it_said(runs, number):
    said = RUNS[number]
    run = runs.get(said["id"])
    now = run.snapshot()
    assert (run.owner, run.number) == (said["owner"], number)
    for fact in ("name", "status", "step", "num_steps", "epoch", "val_accuracy", "resumable"):
        assert getattr(now, fact) == said[fact], fact
    # That NetSketch ended is said by the status now.
    ended = now.status == "interrupted" and said["message"].startswith("NetSketch ended")
    assert str(now.message) == ("" if ended else said["message"])
    assert in_words(now.device) == said["device"]
    assert now.spec == from_json(said["spec"])
    for fact, value in (said["test"] or {}).items():
        assert getattr(now.test, fact) == value, fact
    assert (now.test is None) == (said["test"] is None)
    curves = run.curves(max_points=10**6)
    assert len(curves.loss) == said["points"]
    assert digest(np.asarray(curves.loss, dtype=np.float64).tobytes()) == said["loss"]
    assert len(curves.epochs) == said["epochs"]


@pytest.mark.parametrize("number", sorted(RUNS), ids=number)
def test_its_weights_and_answers_are_there_to_the_last_bit(runs, number):
    said = RUNS[number]
    run = runs.get(said["id"])
    found, logits = run.weights(), run.logits()
    assert (found is None) == (said["weights"] is None)
    if found is not None:
        assert {name: tensor_digest(value) for name, value in found.items()} == said["weights"]
    assert (logits is None) == (said["logits"] is None)
    if logits is not None:
        assert tensor_digest(logits) == said["logits"]


@pytest.mark.parametrize("number", sorted(RUNS), ids=number)
def test_its_row_in_the_list_says_what_it_said(runs, number):
    said = RUNS[number]["row"]
    row = next(row for row in runs.rows() if row.id == said["id"])
    for fact, value in said.items():
        # Files that the server needs beside it may come or go; a list shows no message any more.
        if fact not in ("num_bytes", "message"):
            told = getattr(row, fact)
            assert (in_words(told) if isinstance(value, str) else told) == value, fact


def test_what_people_wrote_to_a_run_is_kept(runs):
    row = next(row for row in runs.rows() if row.number == 1)
    assert (row.name, row.tags, row.starred) == ("Erste 一号", ("alpha", "β"), True)
    assert row.note == "kept\nwords <b>"


def test_a_broken_off_run_goes_on_to_its_end(runs):
    run = runs.get(RUNS[9]["id"])
    epochs = run.curves().epochs
    run = runs.go_on(run.id, run.owner)
    assert run.wait(60)
    assert run.snapshot().status == "finished"
    assert run.snapshot().step == run.snapshot().num_steps
    assert run.curves().epochs[: len(epochs)] == epochs


def test_own_pictures_are_found_with_their_classes(kept):
    key = SAID["own"]
    assert is_known(key)
    assert class_names_of(key) == ("left", "右")
    digits = load(key)
    assert sum(len(split.labels) for split in (digits.train, digits.validation, digits.test)) == 80


@pytest.mark.parametrize("said", CONFIGURATIONS, ids=lambda said: f"{len(said['layers'])} layers")
def test_an_address_and_a_file_mean_the_same_network(said):
    spec = from_json(said["json"])
    read, problems = from_query(said["address"], DEFAULT)
    assert (read, problems) == (spec, [])
    network = lay_out(spec)
    broken = network.broken.path if network.broken else None
    assert broken == said["broken"]
    assert [
        [
            layer.name,
            layer.op,
            dict(layer.args),
            list(layer.shape),
            layer.params,
            layer.multiply_adds,
            layer.receptive_field,
        ]
        for layer in network.layers
    ] == said["layers"]
    assert from_json(to_json(spec)) == spec
    assert from_query(to_query(spec), DEFAULT) == (spec, [])


@pytest.mark.parametrize("number", TAKEN_HOME, ids=number)
def test_files_that_were_taken_home_come_back(kept, number):
    said = RUNS[number]
    file = {
        kind: (kept / "files" / f"{said['id']}-{kind}").read_bytes()
        for kind in ("configuration.json", "weights.safetensors")
    }
    assert configuration(file["configuration.json"]) == from_json(said["spec"])
    brought = weights(file["weights.safetensors"])
    assert brought.spec == from_json(said["spec"])
    assert {name: tensor_digest(value) for name, value in brought.weights.items()} == said[
        "weights"
    ]
