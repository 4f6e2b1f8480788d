"""All runs: what is said of them, by whom, and which of them are still going on."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from core.machine.device import Device
from core.runs.record import MAX_NOTE, VERSION, RunRecord, Status, from_plain, to_plain
from core.runs.store import RunRow, Store, StoreError, disk
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.codec import from_dict
from core.spec.summary import Outline
from core.words.errors import UserError
from tests.core.runs.store.samples import (
    ERRORS,
    WORDS,
    history,
    record,
    state,
)

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(root):
    made = Store(root)
    yield made
    made.close()


def ids(store):
    return [row.id for row in store.rows()]


def test_a_run_comes_back_as_it_was_added(store, root):
    kept = record(3, tags=("a",), note="b", owner="me", rival="2-ffffff")
    store.add(kept)
    assert store.get(kept.id) == kept
    store.close()
    assert Store(root).get(kept.id) == kept


def test_a_row_says_in_short_what_the_record_says(store):
    spec = RunSpec(
        blocks=(BlockSpec(channels=16), BlockSpec(channels=32)), dense=(DenseSpec(units=128),)
    )
    kept = record(
        3,
        spec=spec,
        status="finished",
        message="done",
        owner="me",
        elapsed_s=9.5,
        device=Device("cpu", cores=2),
        step=100,
        epoch=10,
        val_accuracy=0.9,
        test_correct=49,
        test_total=50,
        rival="2-ffffff",
        **WORDS,
    )
    folder = store.add(kept)
    (row,) = store.rows()
    assert row == RunRow(
        id=kept.id,
        number=3,
        status="finished",
        network=Outline(family="conv", channels=(16, 32), dense=(128,)),
        data="embedded",
        step=100,
        num_steps=100,
        epoch=10,
        val_accuracy=0.9,
        test_accuracy=0.98,
        params=24_000,
        elapsed_s=9.5,
        device=Device("cpu", cores=2),
        created_at=kept.created_at,
        num_bytes=disk.size_of(folder.path),
        owner="me",
        rival="2-ffffff",
        **WORDS,
    )


KEPT = Path(__file__).parent / "kept"


@pytest.mark.parametrize(
    ("run_id", "words"),
    [("1-68ce7f", "conv 4 + 8"), ("2-49d15d", "2 × LSTM 8 both ways + 8")],
    ids=["conv", "lstm"],
)
def test_a_run_of_before_devices_were_facts_is_what_it_was(root, run_id, words):
    """The files are as the version before wrote them on a machine of two cores."""
    old = json.loads((KEPT / f"{run_id}.json").read_text())
    folder = root / "runs" / run_id
    folder.mkdir(parents=True)
    shutil.copy(KEPT / f"{run_id}.json", folder / "run.json")
    store = Store(root)
    (row,) = store.rows()
    assert row.name == old["name"]
    assert row.network.words == words
    assert row.device == Device("cpu", cores=2)
    assert row.device.name == old["device"]
    kept = store.get(run_id)
    now = to_plain(kept)
    assert kept.spec == from_dict(old["spec"])
    changed = {"version", "device", "spec"}
    assert {key: now[key] for key in now.keys() - changed} == {
        key: old[key] for key in old.keys() - changed
    }
    # Whatever is changed of it, it is kept in the new form, and means the same.
    store.change(run_id, note="old but gold")
    assert json.loads((folder / "run.json").read_text())["version"] == VERSION
    assert store.get(run_id) == replace(kept, note="old but gold")
    store.close()


def test_rows_are_newest_first_and_newest_are_the_first_of_them(store):
    for number in (2, 10, 1, 9):
        store.add(record(number))
    assert [row.number for row in store.rows()] == [10, 9, 2, 1]
    assert store.newest(2) == (record(10), record(9))


def test_what_the_training_says_leaves_what_people_say(store):
    store.add(record())
    changed = store.change("1-a1b2c3", **WORDS)
    store.put(record(status="running", step=5, elapsed_s=2.0, name="from the engine"))
    expected = record(status="running", step=5, elapsed_s=2.0, **WORDS)
    assert store.get("1-a1b2c3") == expected
    assert changed == record(**WORDS)
    (row,) = store.rows()
    assert (row.name, row.starred, row.status, row.step) == ("my best", True, "running", 5)


def test_one_word_can_be_changed_and_emptied(store):
    store.add(record(**WORDS))
    store.change("1-a1b2c3", note="", starred=False, tags=())
    assert store.get("1-a1b2c3") == record(name="my best")


@pytest.mark.parametrize("words", [{"name": " "}, {"note": "x" * (MAX_NOTE + 1)}, {"tags": ("",)}])
def test_words_that_do_not_fit_change_nothing(store, words):
    store.add(record())
    with pytest.raises(UserError):
        store.change("1-a1b2c3", **words)
    assert store.get("1-a1b2c3") == record()


BAD_IDS = ["", ".", "..", "../1-a1b2c3", "/etc", "a/b", "a\\b", "A1", "nul", "com1", "1-a\n", "é"]


@pytest.mark.parametrize("bad", [*BAD_IDS, "x" * 65, "~", "1-a1b2c3.", "-1"])
def test_what_is_no_id_never_becomes_a_path(store, root, bad):
    store.add(record())
    before = sorted(root.rglob("*"))
    assert store.get(bad) is None
    for action in (
        lambda: store.folder(bad),
        lambda: store.add(record(id=bad)),
        lambda: store.put(record(id=bad)),
        lambda: store.change(bad, starred=True),
        lambda: store.claim(bad).__enter__(),
    ):
        with pytest.raises(StoreError, match="no such run"):
            action()
    store.delete([bad])
    store.restore([bad])
    assert sorted(root.rglob("*")) == before


def test_a_run_that_is_not_there_is_said(store):
    assert store.get("7-abcdef") is None
    with pytest.raises(StoreError, match="no such run any more"):
        store.change("7-abcdef", starred=True)
    with pytest.raises(StoreError, match="gone"):
        store.put(record(7))
    with pytest.raises(StoreError, match="no such run"), store.claim("7-abcdef"):
        pass


def test_no_run_is_added_twice(store):
    store.add(record())
    with pytest.raises(StoreError, match="already"):
        store.add(record(note="another"))
    assert store.get("1-a1b2c3") == record()


def test_deletion_is_undone(store):
    for number in (1, 2, 3):
        store.add(record(number, **WORDS))
    store.delete([record(1).id, record(3).id])
    assert ids(store) == [record(2).id]
    assert [kept.number for kept in store.newest(5)] == [2]
    store.restore([record(3).id])
    assert ids(store) == [record(3).id, record(2).id]
    assert store.get(record(3).id) == record(3, **WORDS)


def test_a_deleted_run_takes_disk_until_it_is_purged(store, root):
    kept, gone = store.add(record(1)), store.add(record(2))
    gone.save(state(10), history(10))
    assert store.disk_used() == disk.size_of(kept.path) + disk.size_of(gone.path)
    store.delete([record(2).id])
    store.purge(3600.0)
    assert store.disk_used() == disk.size_of(kept.path) + disk.size_of(gone.path)
    store.purge(0.0)
    assert store.disk_used() == disk.size_of(kept.path)
    assert [path.name for path in (root / "runs").iterdir()] == [record(1).id]
    assert store.get(record(2).id) is None
    store.restore([record(2).id])
    assert ids(store) == [record(1).id]


def test_a_deleted_run_that_is_worked_on_is_not_purged(store):
    store.add(record())
    store.delete([record().id])
    with store.claim(record().id):
        store.purge(0.0)
    store.restore([record().id])
    assert ids(store) == [record().id]


def test_a_run_that_goes_on_after_its_deletion_stays_deleted(store):
    store.add(record())
    store.delete([record().id])
    store.put(record(status="running"))
    assert ids(store) == []
    store.restore([record().id])
    assert [row.status for row in store.rows()] == ["running"]


def test_a_saved_run_takes_as_much_as_its_folder(store, root):
    folder = store.add(record())
    folder.save(state(10, size=5000), history(10))
    (row,) = store.rows()
    assert row.num_bytes == disk.size_of(folder.path) > 100_000
    store.close()
    again = Store(root)
    assert again.disk_used() == row.num_bytes


def test_numbers_count_up_in_all_stores_and_threads(store, root):
    other = Store(root)
    numbers = []

    def take(which):
        for _ in range(20):
            numbers.append(which.new_number())

    threads = [threading.Thread(target=take, args=(which,)) for which in (store, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 81))
    store.add(record(200))
    assert other.new_number() == 201


def test_two_stores_see_each_other(store, root):
    other = Store(root)
    store.add(record(1))
    assert ids(other) == [record(1).id]
    other.change(record(1).id, name="seen")
    store.put(record(1, status="running"))
    assert [(row.name, row.status) for row in other.rows()] == [("seen", "running")]
    store.delete([record(1).id])
    assert ids(other) == []


def test_nothing_is_lost_when_all_write_at_once(store, root):
    stores = [store, Store(root)]
    for number in (1, 2):
        store.add(record(number))
    problems = []

    def work(action):
        try:
            for i in range(15):
                action(i)
        except Exception as error:
            problems.append(error)

    actions = [
        lambda i: stores[0].put(record(1, status="running", step=i)),
        lambda i: stores[1].change(record(1).id, note=f"note {i}"),
        lambda i: stores[0].change(record(1).id, name=f"name {i}"),
        lambda i: stores[1].put(record(2, step=i)),
        lambda i: stores[1].add(record(100 + i)),
        lambda i: stores[0].rows(),
    ]
    threads = [threading.Thread(target=work, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    expected = record(1, status="running", step=14, note="note 14", name="name 14")
    for each in stores:
        assert each.get(record(1).id) == expected
        assert len(each.rows()) == 17
        (row,) = [row for row in each.rows() if row.number == 1]
        assert (row.name, row.note, row.step) == ("name 14", "note 14", 14)


def test_a_change_waits_for_another_process_and_not_for_ever(store, root, monkeypatch):
    store.add(record())
    held = FileLock(root / "store.lock")
    change = threading.Thread(target=store.change, args=(record().id,), kwargs={"note": "late"})
    with held:
        change.start()
        change.join(0.3)
        assert store.get(record().id).note == ""
    change.join()
    assert store.get(record().id).note == "late"
    monkeypatch.setattr(store._file_lock, "timeout", 0.05)
    with held:
        store.change(record().id, note="all the same")
    assert store.get(record().id).note == "all the same"


HOLD = """
import sys, time
from pathlib import Path
from core.runs.store import Store
store = Store(Path(sys.argv[1]))
with store.claim(sys.argv[2]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(root):
    """Start processes that hold a run each; yield how."""
    processes = []

    def hold(run_id):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(root), run_id],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_runs_whose_process_died_are_interrupted_and_no_others(store, holder):
    for number, status in enumerate(
        ("queued", "running", "paused", "running", "finished", "stopped"), start=1
    ):
        folder = store.add(record(number, status=status, device=Device("cpu"), **WORDS))
        if number == 2:
            folder.save(state(20), history(20))
            folder.save(state(27), history(27))
    process = holder(record(4).id)
    with pytest.raises(StoreError, match="Another NetSketch"), store.claim(record(4).id):
        pass
    assert set(store.interrupt_orphans()) == {record(n).id for n in (1, 2, 3)}
    assert [(row.number, row.status) for row in reversed(store.rows())] == [
        (1, "interrupted"),
        (2, "interrupted"),
        (3, "interrupted"),
        (4, "running"),
        (5, "finished"),
        (6, "stopped"),
    ]
    found = store.get(record(2).id)
    assert (found.step, found.epoch, found.best_epoch) == (27, 2, 2)
    assert found.val_accuracy == history(20).epochs[-1].val_accuracy
    assert found.resumable
    assert found.name == "my best"
    assert abs(found.ended_at - time.time()) < 60
    assert store.interrupt_orphans() == ()
    process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    process.wait()
    assert store.interrupt_orphans() == (record(4).id,)


@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("changes", [{}, {"step": 100}, {"step": 100, "test_correct": 1}])
def test_a_row_can_go_on_where_its_record_can(store, status, changes):
    kept = record(status=status, test_total=2, **changes)
    store.add(kept)
    assert [row.resumable for row in store.rows()] == [kept.resumable]


def test_a_claim_is_one_thread_s(store):
    store.add(record())
    with store.claim(record().id):
        with pytest.raises(StoreError, match="Another NetSketch"), store.claim(record().id):
            pass
        assert store.interrupt_orphans() == ()
    with store.claim(record().id):
        pass


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="folder for runs"):
        Store(tmp_path / "file" / "data")


def test_runs_can_still_be_deleted_on_a_full_disk(store, root, faults, monkeypatch):
    for number in (1, 2, 3):
        store.add(record(number)).save(state(10), history(10))
    store.delete([record(1).id])
    full = disk.size_of(root / "runs" / record(1).id)
    assert full

    def no_room(step, path):
        if step == "write" and (root / "runs" / record(1).id).exists():
            raise OSError(ERRORS[0], "No space left on device")

    monkeypatch.setattr(disk, "before", no_room)
    again = Store(root)
    assert ids(again) == [record(3).id, record(2).id]
    again.delete([record(2).id])
    assert ids(again) == [record(3).id]
    assert again.get(record(2).id).deleted_at is not None


def test_the_first_deletion_on_a_full_disk_has_room_of_its_own(store, root, monkeypatch):
    for number in (1, 2):
        store.add(record(number)).save(state(10), history(10))
    kept = root / "runs.reserve"

    def no_room(step, path):
        if step == "write" and kept.exists():
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "before", no_room)
        store.delete([record(1).id])
    assert ids(store) == ids(Store(root)) == [record(2).id]
    store.restore([record(1).id])
    store.sweep()
    assert kept.stat().st_size > 8192


@settings(max_examples=60)
@given(
    name=st.text(min_size=1, max_size=80).filter(lambda t: t.strip() and t.isprintable()),
    note=st.text(max_size=200),
    tags=st.lists(st.text(min_size=1, max_size=24), max_size=8).map(tuple),
    starred=st.booleans(),
    elapsed_s=st.floats(0, 1e9),
    val_accuracy=st.none() | st.floats(0, 1),
    message=st.text(max_size=100),
)
def test_any_words_come_back(tmp_path_factory, name, note, tags, starred, **engine):
    root = tmp_path_factory.mktemp("data")
    store = Store(root)
    store.add(record(**engine))
    changed = store.change(record().id, name=name, note=note, tags=tags, starred=starred)
    assert changed == record(name=name, note=note, tags=tags, starred=starred, **engine)
    for each in (store, Store(root)):
        assert each.get(record().id) == changed
        (row,) = each.rows()
        assert (row.name, row.note, row.tags, row.starred) == (name, note, tags, starred)
        assert (row.elapsed_s, row.val_accuracy) == (engine["elapsed_s"], engine["val_accuracy"])
        each.close()


def test_a_record_is_kept_as_plain_json(store):
    folder = store.add(record(**WORDS))
    text = (folder.path / "run.json").read_text(encoding="ascii")
    assert from_plain(json.loads(text)) == record(**WORDS)
    assert json.loads(text) == json.loads(json.dumps(to_plain(record(**WORDS))))


def test_a_copied_folder_is_a_run_of_its_own(store, root):
    folder = store.add(record())
    shutil.copytree(folder.path, root / "runs" / "9-copied")
    store.close()
    again = Store(root)
    assert set(ids(again)) == {record().id, "9-copied"}
    copy: RunRecord = again.get("9-copied")
    assert copy == replace(record(), id="9-copied")
