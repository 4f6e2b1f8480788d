"""Who has workers work: one that is a process of its own, of which this one knows what it is told.

What holds there holds for a thread too, which all other tests of runs have.
"""

import threading
import time
from dataclasses import replace

import pytest

from core.machine.device import take_one_core
from core.runs.handover import end_unreported, execute, handed_over
from core.runs.manager import Runs
from core.runs.messages import Saved
from core.runs.new_record import new_record
from core.runs.store import Store
from core.runs.view import Run
from core.spec import BlockSpec, RunSpec
from tests.core.runs.elsewhere import Elsewhere
from tests.core.runs.seen import eventually, same
from tests.house import modules

SPEC = RunSpec(
    blocks=(BlockSpec(channels=2, stride=3, kernel_size=5, norm="batch", dropout=0.1),),
    batch_size=500,
    num_epochs=2,
    shift=1,
    device="cpu",
)
LONG = replace(SPEC, batch_size=50, num_epochs=200)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    yield made
    made.close()


def waiting(store, spec, **words):
    record = new_record(store.new_number(), spec, **words)
    store.add(record)
    return Run(record, store)


@pytest.fixture
def begin(tmp_path):
    """Let runs be trained elsewhere, as a thread of the server would."""
    begun = []

    def start(*runs):
        executor = Elsewhere(tmp_path)
        thread = threading.Thread(target=lambda: executor.execute(*handed_over(runs)))
        thread.start()
        begun.append((runs, thread, executor))
        return executor

    yield start
    for runs, thread, executor in begun:
        for run in runs:
            run.stop()
        if executor.process is not None and executor.process.is_alive():
            executor.process.join(30)
        thread.join(30)
        assert not thread.is_alive()


def test_a_duel_elsewhere_is_seen_as_one_of_this_thread(store, begin):
    take_one_core()
    specs = (SPEC, SPEC.with_value("optimizer", "sgd"))
    here = [waiting(store, spec) for spec in specs]
    there = [waiting(store, spec) for spec in specs]
    there[0].join_rival(there[1])
    begin(*there)
    for run in here:
        execute(run)
    for run, other in zip(here, there, strict=True):
        assert other.wait(60)
        now, then = other.snapshot(), run.snapshot()
        assert (now.status, now.message, now.step) == ("finished", "", then.num_steps)
        assert (now.test, now.device) == (then.test, then.device)
        assert same(other.weights(), run.weights())
        assert other.curves().loss.tolist() == run.curves().loss.tolist()
        assert other.curves().epochs == run.curves().epochs
        assert other.logits().equal(run.logits())
        # What this process was told is what that one has kept.
        assert store.get(other.id) == other.record()
        assert store.get(run.id) == run.record()


def test_what_is_wished_of_a_run_is_done_elsewhere(store, begin):
    run = waiting(store, LONG)
    begin(run)
    eventually(lambda: run.snapshot().step > 0)
    assert run.weights() is not None
    run.pause()
    eventually(lambda: run.status == "paused")
    eventually(lambda: store.folder(run.id).load_state() is not None)
    held = run.snapshot()
    assert store.folder(run.id).load_state().step == held.step
    run.set_lr(0.0005)
    assert run.snapshot().lr_wanted == 0.0005
    time.sleep(0.2)
    assert run.snapshot() == replace(held, lr_wanted=0.0005)
    run.resume()
    eventually(lambda: run.snapshot().lr_changes)
    assert run.snapshot().lr_changes == ((held.step, 0.0005),)
    assert run.snapshot().lr_wanted is None
    run.stop()
    assert run.wait(30)
    done = run.snapshot()
    assert (done.status, done.test.total, done.resumable) == ("stopped", 500, True)
    assert store.get(run.id) == run.record()


def test_what_was_told_to_be_saved_outlives_a_kill(store, begin, monkeypatch, tmp_path):
    saved = []
    take = Run.take

    def noted(run, report):
        take(run, report)
        if isinstance(report, Saved):
            saved.append(report.step)

    monkeypatch.setattr(Run, "take", noted)
    spec = replace(SPEC, batch_size=50, num_epochs=6)
    run = waiting(store, spec)
    executor = begin(run)
    eventually(lambda: len(saved) >= 2)
    executor.process.kill()
    executor.process.join(10)
    assert store.folder(run.id).load_state().step >= saved[-1]
    saved_step = store.folder(run.id).load_state().step
    end_unreported([run])
    assert (run.status, run.snapshot().resumable) == ("interrupted", True)
    assert store.interrupt_orphans() == ()
    kept = store.get(run.id)
    assert (kept.status, kept.step) == ("interrupted", saved_step)
    again, straight = Run(store.get(run.id), store), waiting(store, spec)
    assert again.requeue()
    take_one_core()
    execute(again)
    execute(straight)
    assert again.status == "finished"
    assert same(again.weights(), straight.weights())


def test_what_trains_knows_nothing_of_what_pages_see():
    known = modules("core")
    reached, ahead = set(), {"core.runs.executor", "core.runs.worker"}
    while ahead:
        name = ahead.pop()
        reached.add(name)
        ahead |= known[name].imports - reached
    assert {"core.training.learner", "core.runs.store.folder"} <= reached
    seen = ("view", "facts", "registry", "queue", "manager", "handover", "retention")
    assert reached.isdisjoint(f"core.runs.{name}" for name in seen)


def test_the_runs_of_a_server_are_trained_by_the_executor_that_it_is_given(tmp_path, store):
    """Whoever asks for runs, watches and stops them need not know where they are trained."""
    made = []

    def elsewhere(patience):
        made.append(Elsewhere(tmp_path))
        return made[-1]

    line = Runs(store, executor=elsewhere)
    try:
        done, other = line.start(SPEC, "ann"), line.start(LONG, "ann")
        assert done.wait(60)
        assert done.snapshot().status == "finished"
        eventually(lambda: other.snapshot().step > 0)
        line.stop(other.id, "ann")
        assert other.wait(60)
        assert other.snapshot().status == "stopped"
    finally:
        line.close()
    assert len(made) == 2
    assert all(executor.process is not None for executor in made)
