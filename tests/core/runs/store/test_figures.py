"""The figures on the disk: only added to, each piece with its sum; and those without sums."""

import builtins
import io
import json
import os
from dataclasses import asdict

import numpy as np
import pytest

from core.runs.history import History
from core.runs.store import RunFolder, disk
from core.runs.store.figures import EPOCHS, STEPS, SUMS, Figures
from core.training.events import Epoch, Steps
from tests.core.runs.store.samples import PER_EPOCH, history, same_history, state


def epoch_of(number, step):
    return Epoch(
        epoch=number, step=step, train_loss=1, train_accuracy=1, val_loss=1, val_accuracy=0.5
    )


def long_history(count):
    losses = (2.3 / np.sqrt(np.arange(1, count + 1))).astype(np.float32)
    epochs = [epoch_of(i, i * 700) for i in range(1, count // 700 + 1)]
    return History.restored(700, np.stack([losses, losses], axis=1), epochs)


def add(made, count):
    made.add(
        Steps(
            losses=(0.5,) * count,
            accuracies=(0.5,) * count,
            step=made.num_steps + count,
            lr=0.1,
            images=0,
            train_s=0.0,
        )
    )
    made.add(epoch_of(len(made.epochs) + 1, made.num_steps))


@pytest.fixture
def moved(monkeypatch):
    """How many bytes of the figures are read and written."""
    counted = {"read": 0, "written": 0}
    read, put = disk.read, disk._put

    def reading(path, most=-1):
        data = read(path, most)
        if path.name in (STEPS, SUMS, EPOCHS):
            counted["read"] += len(data)
        return data

    def putting(file, path, data, **more):
        if path.name.startswith((STEPS, SUMS, EPOCHS)):
            counted["written"] += len(data)
        put(file, path, data, **more)

    monkeypatch.setattr(disk, "read", reading)
    monkeypatch.setattr(disk, "_put", putting)
    return counted


@pytest.mark.parametrize("resumed", [False, True], ids=["going on", "resumed"])
def test_a_save_costs_the_same_after_7_000_and_7_000_000_steps(tmp_path, moved, resumed):
    costs = {}
    for count in (7_000, 7_000_000):
        folder = RunFolder(tmp_path / str(count))
        folder.path.mkdir()
        made = long_history(count)
        folder.save(state(count, 10), made)
        if resumed:
            folder = RunFolder(folder.path)
            made = folder.load_history(700, up_to_step=count)
        moved.update(read=0, written=0)
        for i in range(1, 4):
            add(made, 700)
            folder.save(state(count + 700 * i, 10), made)
        costs[count] = dict(moved)
        assert same_history(RunFolder(folder.path).load_history(700), made)
    few, many = costs.values()
    assert many["read"] == few["read"] == 0
    # Numbers of more digits take a few bytes more.
    assert few["written"] <= many["written"] <= few["written"] + 200
    assert many["written"] < 3 * (700 * 8 + 400)


def test_figures_without_sums_of_an_earlier_version_are_read_and_gone_on_with(tmp_path):
    made = history(30)
    (tmp_path / STEPS).write_bytes(made.since(0).astype("<f4").tobytes())
    lines = "".join(json.dumps(asdict(epoch)) + "\n" for epoch in made.epochs)
    (tmp_path / EPOCHS).write_text(lines)
    folder = RunFolder(tmp_path)
    assert same_history(folder.load_history(PER_EPOCH), made)
    folder.save(state(40), history(40))
    assert same_history(folder.load_history(PER_EPOCH, 40), history(40))
    assert (tmp_path / SUMS).read_text().startswith("0 320 ")


def test_a_flipped_bit_spoils_its_piece_only_and_is_not_shown_as_a_figure(tmp_path):
    made = long_history(14_000)
    figures = Figures(tmp_path)
    figures.save(made)
    data = bytearray((tmp_path / STEPS).read_bytes())
    data[8 * 5_000 + 3] ^= 0x40
    (tmp_path / STEPS).write_bytes(data)
    found = figures.load(700, None, None).since(0)
    assert np.isnan(found[4_096:8_192]).all()
    assert np.array_equal(found[:4_096], made.since(0)[:4_096])
    assert np.array_equal(found[8_192:], made.since(0)[8_192:])


@pytest.mark.parametrize("digit", [b"7", b"9"])
def test_an_epoch_whose_line_has_changed_is_left_out(tmp_path, digit):
    folder = RunFolder(tmp_path)
    folder.save(state(30), history(30))
    content = (tmp_path / EPOCHS).read_bytes()
    place = content.index(b"0.89")
    (tmp_path / EPOCHS).write_bytes(content[: place + 2] + digit + content[place + 3 :])
    assert [epoch.epoch for epoch in folder.load_history(PER_EPOCH).epochs] == [1, 3]


def test_what_somebody_else_changed_is_mended_by_the_next_save(tmp_path):
    folder, made = RunFolder(tmp_path), history(20)
    folder.save(state(20), made)
    for name in (STEPS, EPOCHS, SUMS):
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-5])
        made.add(epoch_of(3 + len(made.epochs), made.num_steps))
        folder.save(state(20), made)
        assert same_history(RunFolder(tmp_path).load_history(PER_EPOCH), made)


@pytest.mark.parametrize("name", [STEPS, EPOCHS, SUMS])
def test_figures_that_cannot_be_read_now_are_not_taken_for_lost(tmp_path, monkeypatch, name):
    folder = RunFolder(tmp_path, "Run 7")
    folder.save(state(20), history(20))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    opened = io.open

    def refuse(file, *args, **more):
        if os.fspath(file).endswith(name):
            raise OSError(24, "Too many open files", os.fspath(file))
        return opened(file, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(io, "open", refuse)
        patch.setattr(builtins, "open", refuse)
        patch.setattr(disk.time, "sleep", lambda s: None)
        with pytest.raises(
            disk.Unreadable, match=r"Run 7 cannot be read now .*too many files open"
        ):
            folder.load_history(PER_EPOCH, 20)
        with pytest.raises(disk.StoreError):
            RunFolder(tmp_path).save(state(30), history(30))
    # Something may have been added; nothing of what was there has changed.
    assert all((tmp_path / one).read_bytes().startswith(old) for one, old in before.items())
    assert (tmp_path / name).read_bytes() == before[name]
    assert same_history(folder.load_history(PER_EPOCH, 20), history(20))
