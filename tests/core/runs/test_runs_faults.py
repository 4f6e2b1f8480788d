"""Errors at every read and write of a server's start, of start, resume, duel and bring-in."""

import threading
import time
from dataclasses import replace

import pytest
import torch

from core.data.catalogue import DATASETS
from core.machine.device import take_one_core
from core.network.model import build, initialise
from core.runs import worker as worker_module
from core.runs.handover import execute, steps_of
from core.runs.manager import Runs
from core.runs.new_record import new_record
from core.runs.record import ENDED
from core.runs.store import Store
from core.runs.store import index as index_module
from core.runs.view import Run
from core.spec import BlockSpec, RunSpec
from core.training.trainer import Trainer
from core.words.errors import UserError
from tests.core.runs.os_faults import KINDS, OsFaults

SPEC = RunSpec(
    blocks=(BlockSpec(channels=2, kernel_size=5),),
    lr=0.01,
    batch_size=20,
    num_epochs=2,
    device="cpu",
)
OTHER = SPEC.with_value("lr", 0.02)
STEPS = 10


@pytest.fixture(autouse=True)
def quick(make_digits, monkeypatch):
    """Small data, one core for exact results, and no waiting for what comes back by itself."""
    digits = make_digits(100)
    info = replace(DATASETS["embedded"], train=100, validation=20, test=30)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    monkeypatch.setattr(worker_module, "load", lambda key: digits)
    monkeypatch.setattr("core.training.trainer.REPORT_S", 0.0)
    monkeypatch.setattr("core.runs.store.disk.time.sleep", lambda s: None)
    monkeypatch.setattr("core.runs.store.passage.time.sleep", lambda s: None)
    monkeypatch.setattr(index_module, "RETRY_S", 0.0)
    # Nothing is trained but by a test itself, so that every run is of the same reads and writes.
    monkeypatch.setattr(Runs, "_ensure_worker", lambda line: None)
    take_one_core()
    return digits


@pytest.fixture
def faults(tmp_path, monkeypatch):
    return OsFaults(monkeypatch, tmp_path)


@pytest.fixture
def weights():
    model = build(SPEC)
    initialise(model, 7)
    return model.state_dict()


def points(faults, act):
    """How many things an action asks of the system."""
    with faults.at(-1, 0, 0):
        act()
    assert len(faults.seen) > 20
    return len(faults.seen)


def each(count, kind):
    """The points at which to fail: every one, and for the other kinds some of them."""
    if kind == "EIO once":
        return range(1, count + 1)
    return range(1 + len(kind) % 4, count + 1, 4 if count > 40 else 2)


def tried(act, of):
    """Do something, and tell what came of it and what a person was told if it was refused."""
    try:
        return act(of), ""
    except UserError as error:
        told = str(error)
    assert "could not be saved" in told or "cannot be read now" in told, told
    return None, told


def opened(root):
    return Runs(Store(root))


def actions(weights):
    return {
        "start": lambda line: (line.start(SPEC, "ann"),),
        "duel": lambda line: line.duel(SPEC, OTHER, "ann"),
        "bring-in": lambda line: (line.bring_in("Mine", SPEC, weights, "ann"),),
    }


def whole(line, root):
    """What there is: every run of the line waits in it, and the disk has no other and none half."""
    line._store.sweep()  # as is done by the clock
    waiting = {run_id for entry in line._queue.line.all() for run_id in entry.run_ids}
    shown = {run.id: run for run in line.all()}
    assert {id for id, run in shown.items() if run.in_line} == waiting
    assert {row.id for row in line.rows()} == shown.keys()
    again = Store(root)
    assert {row.id for row in again.rows()} == shown.keys()
    for id in shown:
        record = again.get(id)
        assert record.status in ("queued", "imported")
        assert not record.rival or record.rival in shown
        if record.status == "imported":
            assert shown[id].weights() is not None
    again.close()
    return set(shown)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["start", "duel", "bring-in"])
def test_runs_are_made_whole_or_not_at_all(tmp_path, faults, weights, what, kind):
    act = actions(weights)[what]
    number, times = KINDS[kind]
    line = Runs(Store(tmp_path / "whole"))
    count = points(faults, lambda: act(line))
    line.close()
    refused = 0
    for point in each(count, kind):
        root = tmp_path / str(point)
        line = Runs(Store(root))
        with faults.at(point, number, times):
            made, said = tried(act, line)
        refused += bool(said)
        made = {run.id for run in made or ()}
        assert whole(line, root) == made, faults.hit
        again = {run.id for run in act(line)}
        assert whole(line, root) == made | again, faults.hit
        assert len(again) == (2 if what == "duel" else 1)
        line.close()
    assert refused > 2 or kind == "EMFILE once"


@pytest.fixture
def half_done(tmp_path, quick):
    """A folder in which a process died in the second epoch, with what the run had saved."""
    root = tmp_path / "data"
    store = Store(root)
    run = Runs(store).start(SPEC, "ann")
    for _ in steps_of(run):
        if run.snapshot().step == 8:
            break
    folder = store.folder(run.id)
    trainer = Trainer(SPEC, quick)
    events = trainer.fit()
    while trainer.state().step < 8:
        next(events)
    folder.save(trainer.state(), run._figures())
    store.put(replace(run.record(), status="running"))
    store.close()
    saved = {path: path.read_bytes() for path in folder.path.glob("state-*")}
    assert len(saved) == 4
    return root, run.id, saved


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "ENOSPC from then on"])
def test_an_error_as_the_server_starts_costs_no_run_anything(tmp_path, faults, half_done, kind):
    root, run_id, saved = half_done
    number, times = KINDS[kind]
    record = Store(root).folder(run_id).path / "run.json"
    as_left = record.read_bytes()
    count = points(faults, lambda: Runs(Store(root)).close())
    for point in each(count, kind):
        record.write_bytes(as_left)
        with faults.at(point, number, times):
            line, _ = tried(opened, root)
        line = line or Runs(Store(root))
        line._retention.look_again()
        assert [row.id for row in line.rows()] == [run_id], faults.hit
        (run,) = line.all()
        now = run.snapshot()
        assert (now.status, now.step, now.resumable) == ("interrupted", 8, True), faults.hit
        assert not now.message or "cannot be read now" in now.message, faults.hit
        assert {path: path.read_bytes() for path in saved} == saved, faults.hit
        assert line.go_on(run_id) is run
        assert line.place_in_line(run) == 0
        assert len(line._queue.line) == 1
        line.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_in_a_resumed_run_loses_nothing_and_it_goes_on(
    tmp_path, faults, half_done, quick, kind
):
    root, run_id, _ = half_done
    number, times = KINDS[kind]
    straight = Trainer(SPEC, quick)
    list(straight.fit())
    files = {path: path.read_bytes() for path in (root / "runs" / run_id).iterdir()}

    def begin():
        for path in (root / "runs" / run_id).iterdir():
            path.unlink()
        for path, content in files.items():
            path.write_bytes(content)
        store = Store(root)
        store.interrupt_orphans()
        return store, Run(store.get(run_id), store)

    def resumed(run):
        if run.requeue():
            execute(run)

    store, run = begin()
    count = points(faults, lambda: resumed(run))
    store.close()
    ends = set()
    for point in each(count, kind):
        store, run = begin()
        with faults.at(point, number, times):
            _, told = tried(resumed, run)
        assert run.status in ENDED, faults.hit
        ends.add(run.status)
        if run.status != "finished":
            assert told or run.snapshot().message, faults.hit
        kept = Store(root).folder(run_id).load_state()
        assert kept is not None, faults.hit
        assert kept.step >= 8, faults.hit
        # What is told of it later is what came of it, and it goes on from where it was.
        store.put(run.record())
        again = Run(store.get(run_id), store)
        resumed(again)
        assert again.status == "finished", (faults.hit, again.snapshot().message)
        found = again.weights()
        assert all(torch.equal(found[k], v) for k, v in straight.weights().items()), faults.hit
        assert len(again.curves().loss) == STEPS
        assert torch.isfinite(torch.tensor(again.curves().loss)).all()
        store.close()
    assert kind == "EMFILE once" or ends - {"finished"}


def test_a_run_that_another_process_works_on_is_left_to_it(tmp_path, monkeypatch):
    monkeypatch.setattr(worker_module, "CLAIM_S", 0.05)
    store = Store(tmp_path)
    record = new_record(1, SPEC, "ann")
    store.add(record)
    theirs = replace(record, status="running", step=3)
    store.put(theirs)
    run = Run(record, store)
    with store.claim(record.id):
        execute(run)
    assert run.status == "interrupted"
    assert "Another NetSketch on this machine is working on that run" in run.snapshot().message
    assert store.get(record.id) == theirs


def test_a_run_waits_for_whoever_only_looks_at_it(tmp_path):
    store = Store(tmp_path)
    record = new_record(1, SPEC, "ann")
    store.add(record)
    run, held = Run(record, store), threading.Event()

    def look() -> None:
        with store.claim(record.id):
            held.set()
            time.sleep(0.3)

    looker = threading.Thread(target=look)
    looker.start()
    held.wait(5)
    execute(run)
    looker.join()
    assert run.status == "finished"


def test_a_run_does_not_go_on_while_it_is_deleted(half_done, monkeypatch):
    root, run_id, _saved = half_done
    line = Runs(Store(root))
    deletes, asked = line._store.delete, threading.Event()
    refused: list[str] = []

    def go_on() -> None:
        asked.set()
        try:
            line.go_on(run_id, "ann")
        except UserError as error:
            refused.append(error.message)

    other = threading.Thread(target=go_on)

    def slowly(run_ids) -> None:
        other.start()
        asked.wait(5)
        time.sleep(0.2)
        deletes(run_ids)

    monkeypatch.setattr(line._store, "delete", slowly)
    try:
        line.delete([run_id], "ann")
        other.join(10)
        assert refused == ["There is no such run any more."]
        assert line.all() == ()
        assert line._store.get(run_id).status == "interrupted"
    finally:
        line.close()
