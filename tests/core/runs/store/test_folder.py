"""One run's folder: what is saved comes back, and whatever happens to it, something whole does."""

import errno
import hashlib
import os
import shutil
import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.store import RunFolder, StoreError, disk
from core.runs.store.checkpoint import checkpoints
from core.runs.store.figures import EPOCHS, STEPS, SUMS
from core.training.state import State
from tests.core.runs.store.samples import (
    ERRORS,
    PER_EPOCH,
    Killed,
    history,
    record,
    same_history,
    same_state,
    state,
)

DTYPES = [torch.float32, torch.float64, torch.int64, torch.uint8, torch.bool, torch.bfloat16]
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def new_folder(tmp_path_factory) -> RunFolder:
    return RunFolder(tmp_path_factory.mktemp("run"))


def names(folder):
    return sorted(path.name for path in folder.path.iterdir())


def saved(path, *steps):
    """A folder into which a run was saved after these steps."""
    folder = RunFolder(path)
    for step in steps:
        folder.save(state(step), history(step))
    return folder


@settings(max_examples=50)
@given(
    shapes=st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda name: name != "__metadata__"),
        st.tuples(st.lists(st.integers(0, 4), max_size=3), st.sampled_from(DTYPES)),
        max_size=4,
    ),
    numbers=st.dictionaries(st.text(max_size=5), plain, max_size=4),
    step=st.integers(0, 10**9),
)
def test_any_state_comes_back_as_it_was(tmp_path_factory, shapes, numbers, step):
    tensors = {name: (torch.rand(shape) * 100).to(dtype) for name, (shape, dtype) in shapes.items()}
    kept = State(step=step, epoch=3, tensors=tensors, numbers=numbers)
    folder = new_folder(tmp_path_factory)
    folder.save(kept, history(5))
    assert same_state(folder.load_state(), kept)


@settings(max_examples=50)
@given(steps=st.lists(st.integers(1, 60), min_size=1, max_size=5).map(sorted))
def test_any_history_comes_back_as_it_was_however_often_it_was_saved(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("run")
    for step in steps:
        # A new object, as after a restart.
        RunFolder(path).save(state(step), history(step))
        assert same_history(RunFolder(path).load_history(PER_EPOCH), history(step))
    assert (path / STEPS).stat().st_size == 8 * steps[-1]


def test_an_empty_folder_holds_nothing(tmp_path):
    folder = RunFolder(tmp_path)
    assert folder.load_state() is None
    assert folder.load_weights() is None
    assert folder.load_weights("best") is None
    assert folder.load_logits() is None
    assert same_history(folder.load_history(PER_EPOCH), history(0))


@settings(max_examples=60)
@given(
    accuracies=st.lists(st.floats(0, 1), min_size=1, max_size=7),
    mid_epoch=st.sets(st.integers(1, 6)),
)
def test_the_newest_the_one_before_and_the_best_stay(tmp_path_factory, accuracies, mid_epoch):
    folder = new_folder(tmp_path_factory)
    done = []
    for epoch in range(1, len(accuracies) + 1):
        ends = epoch * PER_EPOCH
        for step in ([ends - 3] if epoch in mid_epoch else []) + [ends]:
            folder.save(state(step), history(step, lambda e: accuracies[e - 1]))
            done.append(step)
            best = max(range(step // PER_EPOCH), key=lambda e: accuracies[e], default=None)
            expected = {*done[-2:]} | ({(best + 1) * PER_EPOCH} if best is not None else set())
            assert {one.step for one in checkpoints(folder.path)} == expected
            wanted = step if best is None else (best + 1) * PER_EPOCH
            found = folder.load_weights("best")
            assert torch.equal(found["weight"], state(wanted).weights()["weight"])
    assert len([name for name in names(folder) if name.endswith(".sha256")]) == len(expected)


def test_the_sum_beside_a_checkpoint_is_one_that_sha256sum_reads(tmp_path):
    saved(tmp_path, 10)
    (path,) = tmp_path.glob("*.safetensors")
    words = (tmp_path / f"{path.name}.sha256").read_text()
    assert words == f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = saved(tmp_path_factory.mktemp("template"), 10, 20, 30, 40, 45)
    folder.write_record(record())
    folder.save_logits(torch.rand(30, 10))
    return folder.path


@settings(max_examples=300)
@given(data=st.data())
def test_damage_anywhere_leaves_the_newest_whole_checkpoint(tmp_path_factory, template, data):
    path = tmp_path_factory.mktemp("runs") / "run"
    shutil.copytree(template, path)
    folder = RunFolder(path)
    hurt = data.draw(st.lists(st.sampled_from(names(folder)), min_size=1, max_size=2, unique=True))
    for name in hurt:
        content = bytearray((path / name).read_bytes())
        # In a sum's file the name after the sum is for people.
        end = 64 if name.endswith(".sha256") else len(content)
        at = data.draw(st.integers(0, end - 1))
        if data.draw(st.booleans()):
            del content[at:]
        else:
            content[at] ^= data.draw(st.integers(1, 255))
        (path / name).write_bytes(content)
    whole = [
        one.step for one in checkpoints(path) if {one.path.name, one.sum_path.name}.isdisjoint(hurt)
    ]
    found = folder.load_state()
    assert found.step == max(whole)
    assert same_state(found, state(found.step))
    assert folder.load_weights("best") is not None
    figures = folder.load_history(PER_EPOCH, found.step)
    assert figures.num_steps == found.step
    assert len(figures.epochs) <= found.epoch
    assert (folder.load_logits() is None) == ("logits.safetensors" in hurt)
    # And the run goes on from there.
    RunFolder(path).save(state(50), history(50))
    assert same_state(folder.load_state(), state(50))
    assert same_history(folder.load_history(PER_EPOCH), history(50))


def test_a_torn_last_line_and_half_a_pair_are_cut_off(tmp_path):
    folder = saved(tmp_path, 20)
    for name, torn in ((STEPS, b"\x00\x01\x02"), (EPOCHS, b'{"epoch": 3, "st')):
        with (tmp_path / name).open("ab") as file:
            file.write(torn)
    assert same_history(folder.load_history(PER_EPOCH), history(20))
    folder.save(state(30), history(30))
    assert same_history(folder.load_history(PER_EPOCH), history(30))


def test_figures_beyond_the_checkpoint_are_left_out_and_overwritten(tmp_path):
    folder = saved(tmp_path, 20)
    # Killed after the figures of step 27 and before the checkpoint.
    (tmp_path / STEPS).write_bytes(history(27).since(0).astype("<f4").tobytes())
    assert folder.load_history(PER_EPOCH).num_steps == 27
    assert same_history(folder.load_history(PER_EPOCH, 20), history(20))
    # What is trained anew may differ, on a GPU.
    other = history(20)
    for event in history_of_another_run(21, 24):
        other.add(event)
    RunFolder(tmp_path).save(state(24), other)
    assert same_history(folder.load_history(PER_EPOCH), other)


def history_of_another_run(first, last):
    from core.training.events import Steps

    return [
        Steps(losses=(9.0,), accuracies=(0.0,), step=step, lr=0.1, images=0, train_s=0.0)
        for step in range(first, last + 1)
    ]


def test_steps_that_the_disk_has_lost_keep_their_places(tmp_path):
    folder = saved(tmp_path, 20)
    (tmp_path / STEPS).write_bytes((tmp_path / STEPS).read_bytes()[: 8 * 15 + 3])
    figures = folder.load_history(PER_EPOCH, 20).since(0)
    assert np.isnan(figures[15:]).all()
    assert np.array_equal(figures[:15], history(15).since(0))


def test_a_run_goes_on_from_the_one_before_when_the_newest_is_spoilt(tmp_path):
    folder = saved(tmp_path, 10, 20, 30, 40)
    newest = checkpoints(tmp_path)[0].path
    newest.write_bytes(newest.read_bytes()[:-1] + b"!")
    again = RunFolder(tmp_path)
    assert again.load_state().step == 30
    again.save(state(33), history(33))
    # What was spoilt came later than this, so it is of another future now.
    assert [one.step for one in checkpoints(tmp_path)] == [33, 30]
    assert same_history(folder.load_history(PER_EPOCH), history(33))


def test_the_one_before_is_one_that_loads(tmp_path):
    saved(tmp_path, 10, 20, 25)
    newest, before, *_ = checkpoints(tmp_path)
    newest.path.write_bytes(b"spoilt")
    RunFolder(tmp_path).save(state(27), history(27))
    kept = checkpoints(tmp_path)
    assert [one.step for one in kept] == [27, 20]
    assert before in kept


def test_logits_come_back_or_are_none(tmp_path):
    folder = RunFolder(tmp_path)
    logits = torch.randn(30, 10)
    folder.save_logits(logits)
    assert torch.equal(folder.load_logits(), logits)
    (path,) = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    assert folder.load_logits() is None


def test_whoever_asks_is_told_that_the_size_changed(tmp_path):
    told = []
    folder = RunFolder(tmp_path, on_saved=lambda: told.append(disk.size_of(tmp_path)))
    folder.save(state(10), history(10))
    folder.save_logits(torch.rand(30, 10))
    assert len(told) == 2
    assert told[-1] == sum(path.stat().st_size for path in tmp_path.iterdir())


def points_of_a_save(faults, path, size):
    """How many steps a save takes on the disk, with files of several pieces."""
    folder = RunFolder(path)
    folder.path.mkdir()
    folder.save(state(10, size), history(10))
    folder.save(state(20, size), history(20))
    faults.kill_at(-1)
    folder.save(state(30, size), history(30))
    return len(faults.seen)


SIZE = 12_000


def test_killed_anywhere_in_a_save_nothing_acknowledged_is_lost(tmp_path, faults):
    points = points_of_a_save(faults, tmp_path / "count", SIZE)
    assert points > 15
    for point in range(1, points + 1):
        folder = RunFolder(tmp_path / str(point))
        folder.path.mkdir()
        folder.save(state(10, SIZE), history(10))
        folder.save(state(20, SIZE), history(20))
        faults.kill_at(point)
        with pytest.raises(Killed):
            folder.save(state(30, SIZE), history(30))
        faults.stop()
        again = RunFolder(folder.path)
        found = again.load_state()
        assert found.step in (20, 30)
        assert same_state(found, state(found.step, SIZE)), faults.seen[-1]
        figures = again.load_history(PER_EPOCH, found.step)
        assert same_history(figures, history(found.step))
        again.save(state(40, SIZE), history(40))
        assert same_state(again.load_state(), state(40, SIZE))
        assert same_history(again.load_history(PER_EPOCH), history(40))
        assert not [name for name in names(again) if name.endswith(disk.TEMPORARY)]


@pytest.mark.parametrize("number", ERRORS)
def test_a_fault_anywhere_in_a_save_is_said_and_the_next_save_mends_it(tmp_path, faults, number):
    points = points_of_a_save(faults, tmp_path / "count", SIZE)
    said = set()
    for point in range(1, points + 1):
        folder = RunFolder(tmp_path / str(point), "Run 7")
        folder.path.mkdir()
        folder.save(state(10, SIZE), history(10))
        folder.save(state(20, SIZE), history(20))
        faults.fail_at(point, number)
        try:
            folder.save(state(30, SIZE), history(30))
        except StoreError as error:
            said.add(str(error))
        else:
            assert faults.seen[point - 1][0] == "remove"
        faults.stop()
        found = folder.load_state()
        assert found.step in (20, 30)
        assert same_state(found, state(found.step, SIZE))
        assert same_history(folder.load_history(PER_EPOCH, found.step), history(found.step))
        folder.save(state(33, SIZE), history(33))
        assert same_state(folder.load_state(), state(33, SIZE))
        assert same_history(folder.load_history(PER_EPOCH), history(33))
    words = {errno.ENOSPC: "disk is full", errno.EIO: "fault", errno.EROFS: "read-only"}
    assert len(said) == 1
    assert all(words[number] in text and text.startswith("Run 7 could not be") for text in said)


def test_figures_reach_the_disk_before_the_checkpoint_that_counts_on_them(tmp_path, faults):
    folder = saved(tmp_path, 10)
    faults.seen.clear()
    folder.save(state(20), history(20))
    done = [(step, path.name.removesuffix(disk.TEMPORARY)) for step, path in faults.seen]
    synced = [name for step, name in done if step == "fsync"]
    assert synced.index(STEPS) < synced.index(EPOCHS)
    renamed = next(i for i, (step, name) in enumerate(done) if step == "rename")
    assert {(step, name) for step, name in done[:renamed]} >= {("fsync", STEPS), ("fsync", EPOCHS)}
    # Every file is whole on the disk before it gets its name, and the name is before the end.
    for (step, name), (then, target) in pairwise(done):
        if then == "rename":
            assert step == "fsync"
            assert name.startswith(target)
    last_rename = max(i for i, (step, _) in enumerate(done) if step == "rename")
    assert ("fsync", tmp_path.name) in done[last_rename:]


def test_a_new_file_s_name_is_on_the_disk_before_a_checkpoint_counts_on_it(tmp_path, faults):
    saved(tmp_path, 10)
    done = [(step, path.name) for step, path in faults.seen]
    checkpoint = next(i for i, (step, _) in enumerate(done) if step == "rename")
    for name in (STEPS, EPOCHS):
        written = done.index(("fsync", name))
        assert ("fsync", tmp_path.name) in done[written:checkpoint]


def test_the_disk_is_waited_for(tmp_path, monkeypatch):
    waited = []
    monkeypatch.setattr(os, "fsync", lambda handle: waited.append(os.fstat(handle).st_ino))
    saved(tmp_path, 10)
    # Sums may come there later: figures without one count as they are.
    kept = [path for path in tmp_path.iterdir() if path.name not in ("run.json", SUMS)]
    assert len(kept) == 4
    # Windows keeps the names in a folder by itself.
    wanted = kept if os.name == "nt" else [*kept, tmp_path]
    assert {path.stat().st_ino for path in wanted} <= set(waited)


def test_after_a_failed_fsync_the_figures_are_written_anew(tmp_path, faults):
    folder = saved(tmp_path, 10)
    faults.fail_at(3, errno.EIO)
    with pytest.raises(StoreError):
        folder.save(state(20), history(20))
    assert faults.seen[-1] == ("fsync", tmp_path / STEPS)
    faults.fail_at(-1, 0)
    folder.save(state(20), history(20))
    # The system may have given up what it could not write, and show it nevertheless.
    written = [path.name for step, path in faults.seen if step == "write"]
    assert any(name.startswith(STEPS) and name.endswith(disk.TEMPORARY) for name in written)


def test_readers_find_something_whole_while_a_run_is_saved(tmp_path):
    folder = saved(tmp_path, 10)
    done = threading.Event()
    wrong = []

    def read():
        reader = RunFolder(tmp_path)
        while not done.is_set():
            found = reader.load_state()
            if found is None or not same_state(found, state(found.step)):
                wrong.append(found)
            figures = reader.load_history(PER_EPOCH).since(0)
            if not np.array_equal(figures, history(len(figures)).since(0)):
                wrong.append(figures)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for step in range(11, 80):
        folder.save(state(step), history(step))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_folder_that_is_gone_is_said(tmp_path):
    folder = RunFolder(tmp_path / "gone", "Run 7")
    with pytest.raises(StoreError, match=r"Run 7 .* its folder is gone"):
        folder.save(state(10), history(10))
