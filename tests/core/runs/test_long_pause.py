"""A pause that holds others up: the run gives its place up, and loses nothing."""

import time
from dataclasses import replace

import pytest

from core.runs.manager import Runs
from core.runs.pause_limit import Patience
from core.runs.record import from_plain, to_plain
from core.runs.store import Store
from core.runs.worker import Worker
from core.serving.limits import Limits
from core.spec import BlockSpec, RunSpec
from core.training.learner import learner
from tests.core.runs.seen import eventually, same

pytestmark = pytest.mark.usefixtures("quick", "one_core")

SPEC = RunSpec(
    blocks=(BlockSpec(channels=4, kernel_size=5, norm="batch", dropout=0.1),),
    lr=0.01,
    batch_size=8,
    num_epochs=3,
    device="cpu",
)
LONG = replace(SPEC, num_epochs=200)
# Minutes; as good as none in a test that has others waiting.
SHORT = Limits(max_pause_minutes=0.002)


@pytest.fixture
def open_runs(tmp_path, monkeypatch):
    """Open the runs of a server, on a disk or in memory only."""
    monkeypatch.setattr("core.runs.executor.LOOK_S", 0.01)
    opened = []

    def again(allowed=SHORT, *, kept=True):
        opened.append(Runs(Store(tmp_path) if kept else None, allowed))
        return opened[-1]

    yield again
    for line in opened:
        line.close()


def paused_at(run, step):
    """Pause a run as soon as it has done so many steps."""
    eventually(lambda: run.snapshot().step >= step)
    run.pause()
    eventually(lambda: run.status == "paused")


def alone(spec, quick):
    """What a run without any pause comes to."""
    trainer = learner(spec, quick)
    list(trainer.fit())
    return trainer.weights()


@pytest.mark.parametrize("kept", [True, False], ids=["on the disk", "in memory"])
@pytest.mark.parametrize("folds", [0, 2], ids=["one network", "two folds"])
def test_it_gives_its_place_up_and_goes_on_to_the_very_same_weights(open_runs, quick, kept, folds):
    spec = replace(SPEC, folds=folds)
    line = open_runs(kept=kept)
    run = line.start(spec, "ann")
    paused_at(run, 30)
    other = line.start(LONG, "ben")
    eventually(lambda: other.status == "running")
    assert (run.status, run.held, run.snapshot().held) == ("queued", True, True)
    assert line.place_in_line(run) == 0  # it would not be taken
    assert line.active() is other
    step = run.snapshot().step
    assert run.weights() is not None
    other.stop()
    assert other.wait(20)
    time.sleep(0.1)
    assert (run.snapshot().step, run.held) == (step, True)  # nobody has resumed it
    line.resume(run.id, "ann")
    assert run.wait(30)
    assert run.status == "finished"
    assert same(run.weights(), alone(spec, quick))
    assert len(run.curves().loss) == run.snapshot().step
    best = max(run.curves().epochs, key=lambda epoch: epoch.val_accuracy)
    assert run.record().best_epoch == best.epoch


def test_both_of_a_duel_give_their_place_up_and_come_back_together(open_runs, quick):
    line = open_runs()
    other_spec = SPEC.with_value("optimizer", "sgd")
    duel = line.duel(SPEC, other_spec, "ann")
    paused_at(duel[0], 20)
    ben = line.start(LONG, "ben")
    eventually(lambda: ben.status == "running")
    assert [run.held for run in duel] == [True, True]
    line.resume(duel[1].id, "ann")
    assert [run.held for run in duel] == [False, False]
    assert [line.place_in_line(run) for run in duel] == [1, 1]
    ben.stop()
    eventually(lambda: {run.id for run in line.all_active()} == {run.id for run in duel})
    assert all(run.wait(30) for run in duel)
    for run, spec in zip(duel, (SPEC, other_spec), strict=True):
        assert run.status == "finished"
        assert same(run.weights(), alone(spec, quick))


def test_whoever_resumes_has_the_place_of_before_among_those_who_waited(open_runs):
    line = open_runs()
    anns = line.start(LONG, "ann")
    eventually(lambda: anns.status == "running")
    bens, bens_second, carls = (
        line.start(LONG.with_value("seed", seed), owner)
        for seed, owner in ((1, "ben"), (2, "ben"), (3, "carl"))
    )
    anns.pause()
    eventually(lambda: bens.status == "running")
    assert [line.place_in_line(run) for run in (carls, bens_second)] == [1, 2]
    line.resume(anns.id, "ann")
    assert [line.place_in_line(run) for run in (anns, carls, bens_second)] == [1, 2, 3]


def test_it_counts_among_its_owners_waiting_runs(open_runs):
    line = open_runs(replace(SHORT, max_waiting_per_person=1))
    anns = line.start(LONG, "ann")
    paused_at(anns, 1)
    bens = line.start(LONG, "ben")
    eventually(lambda: bens.status == "running")
    with pytest.raises(ValueError, match="You have 1 runs waiting"):
        line.start(SPEC, "ann")


def test_while_nobody_waits_a_pause_lasts_as_long_as_it_likes(open_runs):
    line = open_runs()
    run = line.start(LONG)
    paused_at(run, 1)
    time.sleep(0.4)
    assert run.status == "paused"
    run.resume()
    eventually(lambda: run.status == "running")


@pytest.mark.parametrize("limit", [5, 0], ids=["a short pause", "no limit"])
def test_a_pause_within_the_limit_keeps_its_place(open_runs, limit):
    line = open_runs(Limits(max_pause_minutes=limit))
    run, other = line.start(LONG), line.start(SPEC)
    paused_at(run, 1)
    time.sleep(0.4)
    assert (run.status, other.status) == ("paused", "queued")


def test_after_the_limit_it_gives_its_place_up_by_the_clock():
    now = [0.0]
    waits = [True]
    patience = Patience(300.0, lambda: waits[0], lambda: now[0])
    now[0] = 299.0
    assert not patience.is_over(0.0)
    now[0] = 300.0
    assert patience.is_over(0.0)
    waits[0] = False
    assert not patience.is_over(0.0)
    assert not Patience(None, lambda: True, lambda: 1e9).is_over(0.0)


def held_run(line):
    """Ann's run, which has given its place up to Ben's."""
    run = line.start(SPEC, "ann")
    paused_at(run, 30)
    other = line.start(LONG, "ben")
    eventually(lambda: other.status == "running")
    return run


def test_it_can_be_stopped_and_keeps_what_it_learned(open_runs):
    line = open_runs()
    run = held_run(line)
    step = run.snapshot().step
    line.stop(run.id, "ann")
    assert (run.status, run.held, run.snapshot().step) == ("stopped", False, step)
    assert run.weights() is not None
    assert run.snapshot().resumable
    assert line.go_on(run.id, "ann").status == "queued"


@pytest.mark.parametrize("kept", [True, False], ids=["on the disk", "in memory"])
def test_a_stop_that_comes_as_it_gives_its_place_up_is_not_lost(open_runs, monkeypatch, kept):
    line = open_runs(kept=kept)
    conclude = Worker._conclude

    def conclude_as_somebody_stops(worker, status, words):
        if status == "queued":
            line.stop(worker.id, "ann")
        conclude(worker, status, words)

    monkeypatch.setattr(Worker, "_conclude", conclude_as_somebody_stops)
    run = line.start(LONG, "ann")
    paused_at(run, 3)
    other = line.start(SPEC, "ben")
    assert run.wait(20)
    assert (run.status, run.held, run.in_line) == ("stopped", False, False)
    assert run.snapshot().step >= 3
    assert other.wait(20)
    if kept:
        assert line._store.get(run.id).status == "stopped"


@pytest.mark.parametrize("kept", [True, False], ids=["on the disk", "in memory"])
def test_a_rate_that_was_asked_for_in_the_pause_is_taken_up_after_it(open_runs, kept):
    line = open_runs(kept=kept)
    run = line.start(LONG, "ann")
    paused_at(run, 5)
    line.set_lr(run.id, 0.002, "ann")
    other = line.start(LONG, "ben")
    eventually(lambda: other.status == "running")
    now = run.snapshot()
    assert (now.held, now.lr_changes, now.lr_wanted) == (True, (), 0.002)
    line.resume(run.id, "ann")
    other.stop()
    eventually(lambda: run.snapshot().lr_changes)
    after = run.snapshot()
    assert after.lr_wanted is None
    assert [lr for _, lr in after.lr_changes] == [0.002]
    assert now.step <= after.lr_changes[0][0] <= after.step


def test_a_server_that_ends_loses_nothing_of_it(open_runs, quick, tmp_path):
    line = open_runs()
    run = held_run(line)
    assert from_plain(to_plain(run.record())).status == "queued"
    line.close()
    later = open_runs()
    found = later.get(run.id)
    assert (found.status, found.snapshot().step) == ("interrupted", run.snapshot().step)
    later.go_on(run.id)
    assert found.wait(30)
    assert same(found.weights(), alone(SPEC, quick))


def test_pressing_pause_and_resume_at_once_loses_nothing(open_runs, quick):
    line = open_runs()
    run = line.start(SPEC, "ann")
    eventually(lambda: run.snapshot().step >= 5)
    other = line.start(replace(SPEC, seed=9), "ben")
    while not (run.wait(0.0) and other.wait(0.0)):
        line.pause(run.id, "ann")
        time.sleep(0.02)
        line.resume(run.id, "ann")
        time.sleep(0.02)
    assert (run.status, other.status) == ("finished", "finished")
    assert same(run.weights(), alone(SPEC, quick))
