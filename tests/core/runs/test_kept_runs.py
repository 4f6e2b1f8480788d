"""Runs that are kept on the disk: found again, resumed, changed, deleted, and in duels."""

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.judging.prediction import probabilities
from core.network.model import build, initialise
from core.runs.manager import Runs
from core.runs.store import Store
from core.serving.limits import Limits
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.training.trainer import Trainer
from core.words.errors import UserError
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


@pytest.fixture
def open_runs(tmp_path):
    """Open the runs of one folder, as one process after another does."""
    opened = []

    def again(allowed=None):
        for earlier in opened:
            earlier.close()
        opened.append(Runs(Store(tmp_path), allowed))
        return opened[-1]

    yield again
    for line in opened:
        line.close()


def ended(run):
    assert run.wait(30)
    return run


def test_a_run_is_found_again_with_all_that_it_learned(open_runs):
    before = ended(open_runs().start(SPEC, "ann"))
    logits = before.logits()
    after = open_runs().get(before.id)
    assert after is not before
    one, other = before.snapshot(), after.snapshot()
    assert (other.status, other.name, other.spec) == ("finished", one.name, SPEC)
    assert (other.step, other.epoch, other.val_accuracy) == (75, 3, one.val_accuracy)
    assert other.test == one.test
    assert other.elapsed_s == one.elapsed_s
    assert other.device == one.device
    assert after.owner == "ann"
    assert same(after.weights(), before.weights())
    assert torch.equal(after.logits(), logits)
    assert after.curves().loss.tolist() == before.curves().loss.tolist()
    assert after.curves().epochs == before.curves().epochs
    assert not other.resumable


def test_logits_answer_as_the_kept_weights_do(open_runs, quick):
    run = ended(open_runs().start(SPEC))
    chances = probabilities(SPEC, run.weights(), quick.test.images[:1])
    torch.testing.assert_close(run.logits()[:1].softmax(1)[0], chances)
    assert run.logits().argmax(1).eq(quick.test.labels).sum() == run.snapshot().test.correct


@pytest.mark.parametrize("at_step", [3, 25, 40])
def test_an_interrupted_run_goes_on_to_the_very_same_weights(open_runs, quick, at_step):
    trainer = Trainer(SPEC, quick)
    list(trainer.fit())
    line = open_runs()
    run = line.start(SPEC)
    eventually(lambda: run.snapshot().step >= at_step)
    line = open_runs()
    kept = line.get(run.id)
    broken = kept.snapshot()
    assert broken.status == "interrupted"
    assert at_step <= broken.step < 75
    assert broken.resumable
    assert kept.has_weights
    assert line.go_on(run.id) is kept
    done = ended(kept).snapshot()
    assert (done.status, done.step, done.test.total) == ("finished", 75, 30)
    assert same(kept.weights(), trainer.weights())
    assert len(kept.curves().loss) == 75
    assert [epoch.epoch for epoch in kept.curves().epochs] == [1, 2, 3]
    assert done.elapsed_s > broken.elapsed_s


def test_a_run_that_ends_early_keeps_its_best_epoch(open_runs, quick):
    spec = replace(SPEC, num_epochs=60, patience=2, keep_best=True, lr=0.05, optimizer="sgd")
    trainer = Trainer(spec, quick)
    list(trainer.fit())
    line = open_runs()
    run = ended(line.start(spec))
    now = run.snapshot()
    assert now.status == "finished"
    assert now.step < now.num_steps
    assert now.progress == 1.0
    assert "Ended after epoch" in now.message
    assert "Its weights are those of epoch" in now.message
    assert not now.resumable
    assert same(run.weights(), trainer.weights())
    again = open_runs().get(run.id)
    assert same(again.weights(), trainer.weights())
    assert again.snapshot().message == now.message
    best = max(run.curves().epochs, key=lambda epoch: epoch.val_accuracy)
    assert run.record().best_epoch == best.epoch


def test_a_stopped_run_can_go_on_too(open_runs):
    line = open_runs()
    run = line.start(SPEC)
    eventually(lambda: run.snapshot().step >= 10)
    run.stop()
    assert ended(run).snapshot().resumable
    assert run.snapshot().test is not None
    line.go_on(run.id)
    assert ended(run).snapshot().step == 75
    with pytest.raises(UserError, match="has come to its end"):
        line.go_on(run.id)
    with pytest.raises(UserError, match="no such run"):
        line.go_on("9-abcdef")


def test_a_rate_that_was_never_taken_up_is_forgotten_by_a_stop(open_runs):
    line = open_runs()
    run = line.start(LONG)
    eventually(lambda: run.snapshot().step >= 3)
    run.pause()
    eventually(lambda: run.status == "paused")
    run.set_lr(0.0005)
    run.stop()
    at = ended(run).snapshot().step
    line.go_on(run.id)
    eventually(lambda: run.snapshot().step > at + 3)
    assert run.snapshot().lr_changes == ()


def test_what_waited_when_the_server_ended_can_be_resumed(open_runs):
    line = open_runs()
    running, waiting = line.start(LONG), line.start(replace(SPEC, seed=1))
    eventually(lambda: running.status == "running")
    line = open_runs()
    kept = line.get(waiting.id)
    assert kept.status == "interrupted"
    assert kept.snapshot().step == 0
    assert not kept.has_weights
    line.go_on(waiting.id)
    assert ended(kept).status == "finished"


FAULTS = {errno.ENOSPC: "disk is full", errno.EIO: "reported a fault", errno.EROFS: "read-only"}


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
def test_a_disk_that_fails_ends_the_run_with_the_cause_and_it_can_go_on(
    open_runs, monkeypatch, quick, number
):
    """From the nth step of saving on, for one n after the other, nothing more can be written."""
    trainer = Trainer(SPEC, quick)
    list(trainer.fit())
    line = open_runs()
    for point in range(2, 60, 3):
        left = point

        def fail(step, path):
            nonlocal left
            left -= 1
            if left < 0 and step != "remove":
                raise OSError(number, os.strerror(number))

        spec = replace(SPEC, device="auto" if point % 2 else "cpu")
        monkeypatch.setattr("core.runs.store.disk.before", fail)
        try:
            run = line.start(spec, str(point))
        except UserError as error:
            run, refused = None, str(error)
        if run is None:
            assert FAULTS[number] in refused
            monkeypatch.setattr("core.runs.store.disk.before", lambda step, path: None)
            continue
        failed = ended(run).snapshot()
        assert failed.message.count(FAULTS[number]) == 1, (point, failed.message)
        assert failed.status == "failed" or failed.test is not None
        assert len(run.curves().loss) == failed.step
        assert run.id in [row.id for row in line.rows()]
        monkeypatch.setattr("core.runs.store.disk.before", lambda step, path: None)
        if failed.resumable:
            line.go_on(run.id)
            assert ended(run).status == "finished"
            assert same(run.weights(), trainer.weights()), point


def test_a_pause_that_cannot_be_saved_ends_the_run_and_others_go_on(open_runs, monkeypatch):
    line = open_runs()
    run, other = line.start(LONG), line.start(SPEC)
    eventually(lambda: run.snapshot().step >= 3)
    with monkeypatch.context() as patch:

        def fail(step, path):
            if run.id in str(path) and step != "remove":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr("core.runs.store.disk.before", fail)
        run.pause()
        failed = ended(run).snapshot()
    assert failed.status == "failed"
    assert "disk is full" in failed.message
    assert ended(other).status == "finished"


def test_a_paused_run_is_on_the_disk(open_runs, tmp_path):
    run = open_runs().start(LONG)
    eventually(lambda: run.snapshot().step >= 7)
    run.pause()
    eventually(lambda: run.status == "paused")
    folder = Store(tmp_path).folder(run.id)
    eventually(lambda: folder.load_state() is not None)
    assert folder.load_state().step == run.snapshot().step


def test_a_run_stops_at_the_servers_limit_and_says_so(open_runs):
    line = open_runs(Limits(max_run_minutes=1))
    line.limits = type("Short", (Limits,), {"run_s": 0.05})()
    done = ended(line.start(LONG)).snapshot()
    assert done.status == "stopped"
    assert "minutes on this server" in done.message
    assert done.resumable
    assert done.test is not None


def test_words_of_people_stay(open_runs):
    line = open_runs()
    run = line.start(SPEC)
    line.change(run.id, name="Ann’s network", tags=("homework",), note="n", starred=True)
    ended(run)
    assert run.name == "Ann’s network"
    (row,) = line.rows()
    assert (row.name, row.tags, row.note, row.starred) == (
        "Ann’s network",
        ("homework",),
        "n",
        True,
    )
    assert open_runs().get(run.id).name == "Ann’s network"


def test_deleted_runs_are_gone_until_that_is_undone(open_runs):
    line = open_runs()
    first, second = ended(line.start(SPEC)), ended(line.start(replace(SPEC, seed=1)))
    line.delete([first.id])
    assert line.all() == (second,)
    assert line.get(first.id) is None
    assert [row.id for row in line.rows()] == [second.id]
    line.restore([first.id])
    assert [run.id for run in line.all()] == [second.id, first.id]
    assert same(line.get(first.id).weights(), first.weights())


def test_a_run_that_has_not_ended_is_not_deleted(open_runs):
    line = open_runs()
    run = line.start(LONG)
    with pytest.raises(UserError, match="Stop it first"):
        line.delete([run.id])
    assert line.get(run.id) is run


def test_on_a_class_server_each_changes_their_own(open_runs):
    line = open_runs(Limits(only_own_runs=True))
    run = ended(line.start(SPEC, "ann"))
    assert line.may_change(run.id, "ann")
    assert not line.may_change(run.id, "ben")
    for act in (
        lambda: line.delete([run.id], "ben"),
        lambda: line.change(run.id, name="Ben’s", owner="ben"),
        lambda: line.move(run.id, -1, "ben"),
    ):
        with pytest.raises(UserError, match="somebody else"):
            act()


def test_one_persons_many_runs_do_not_hold_up_anothers(open_runs):
    line = open_runs(Limits(max_waiting_per_person=3))
    first = line.start(LONG, "ann")
    eventually(lambda: first.status == "running")
    anns = [line.start(replace(LONG, seed=i), "ann") for i in (1, 2, 3)]
    with pytest.raises(UserError, match="You have 3 runs waiting"):
        line.start(replace(LONG, seed=4), "ann")
    bens = line.start(LONG, "ben")
    assert bens is not first
    assert line.place_in_line(bens) == 1
    assert [line.place_in_line(run) for run in anns] == [2, 3, 4]
    line.move(anns[2].id, -2, "ann")
    assert [line.place_in_line(run) for run in anns] == [3, 4, 2]
    anns[0].stop()
    assert [line.place_in_line(run) for run in (bens, anns[2], anns[1])] == [1, 2, 3]


def test_a_name_that_its_owner_gave_is_passed_on(open_runs):
    line = open_runs()
    first = line.start(SPEC, "ann")
    line.change(first.id, name="mine", owner="ann")
    ended(first)
    next_one = line.start(SPEC.with_value("optimizer", "sgd"), "ann")
    assert next_one.name == "2 · mine + SGD"
    assert "mine" not in line.start(SPEC.with_value("optimizer", "adagrad"), "ben").name
    ended(next_one)
    line.close()
    assert open_runs().get(next_one.id).name == "2 · mine + SGD"


def test_a_duel_trains_both_as_each_would_alone(open_runs, quick):
    other = SPEC.with_value("optimizer", "sgd")
    alone = []
    for spec in (SPEC, other):
        trainer = Trainer(spec, quick)
        list(trainer.fit())
        alone.append(trainer.weights())
    one, two = open_runs().duel(SPEC, other, "ann")
    eventually(lambda: one.snapshot().step > 0 and two.snapshot().step > 0)
    assert abs(one.snapshot().step - two.snapshot().step) < 30
    assert ended(one).status == ended(two).status == "finished"
    assert (one.record().rival, two.record().rival) == (two.id, one.id)
    for run, weights in zip((one, two), alone, strict=True):
        assert same(run.weights(), weights)


def test_a_pause_holds_both_of_a_duel_and_a_stop_only_one(open_runs):
    line = open_runs()
    one, two = line.duel(LONG, LONG.with_value("lr", 0.02))
    eventually(lambda: one.snapshot().step > 3 and two.snapshot().step > 3)
    two.pause()
    eventually(lambda: one.status == two.status == "paused")
    held = one.snapshot().step, two.snapshot().step
    time.sleep(0.1)
    assert (one.snapshot().step, two.snapshot().step) == held
    one.resume()
    eventually(lambda: one.snapshot().step > held[0] and two.snapshot().step > held[1])
    one.stop()
    assert ended(one).status == "stopped"
    now = two.snapshot().step
    eventually(lambda: two.snapshot().step > now)


def test_only_the_layers_that_differ_begin_differently_in_a_duel():
    other = SPEC.with_value("blocks.0.kernel_size", 3)
    drawn = []
    for spec in (SPEC, other):
        model = build(spec)
        initialise(model, spec.seed)
        drawn.append(model.state_dict())
    assert not torch.equal(drawn[0]["conv1.weight"][..., :3, :3], drawn[1]["conv1.weight"])
    assert torch.equal(drawn[0]["out.weight"], drawn[1]["out.weight"])


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (SPEC, "are the same"),
        (replace(SPEC, lr=0.5, momentum=0.1), "differ in 2: Learning rate, Momentum"),
        (replace(SPEC, seed=3), "same data, seed"),
        (replace(SPEC, dense=(DenseSpec(units=9),), lr=1.0), "differ in 2"),
    ],
)
def test_an_unfair_duel_is_refused(open_runs, other, words):
    line = open_runs()
    with pytest.raises(UserError, match=words):
        line.duel(SPEC, other)
    assert line.all() == ()


@pytest.mark.parametrize(
    ("block", "name", "value"),
    [
        (BlockSpec(), "order", "act-norm-pool-drop"),
        (BlockSpec(pool="none"), "pool_size", 3),
        (BlockSpec(pool="none", norm="batch"), "order", "norm-pool-act-drop"),
    ],
    ids=["order of what is not there", "window of no pooling", "place of no pooling"],
)
def test_a_network_is_no_match_for_itself(open_runs, block, name, value):
    line = open_runs()
    one = replace(SPEC, blocks=(block,))
    with pytest.raises(UserError, match="are the same"):
        line.duel(one, one.with_value(f"blocks.0.{name}", value))
    assert line.all() == ()


def test_weights_from_elsewhere_are_tested_and_kept(open_runs, quick):
    trainer = Trainer(SPEC, quick)
    *_, tested = trainer.fit()
    run = open_runs().bring_in("Ben’s weights", SPEC, trainer.weights(), "ben")
    eventually(lambda: run.snapshot().test is not None)
    found = run.snapshot()
    assert (found.status, found.name) == ("imported", "Ben’s weights")
    assert found.test == tested
    assert (run.record().elapsed_s, run.record().ended_at) == (0.0, None)  # trained elsewhere
    again = open_runs().get(run.id)
    assert again.snapshot().test == tested
    assert same(again.weights(), trainer.weights())


KILLED = """
from core.spec.presets import DEFAULT
from core.runs.manager import runs
run = runs().start(DEFAULT.with_value("num_epochs", 100))
seen = 0
while True:
    run.wait(0.01)
    (row,) = runs().rows()
    if row.epoch > seen:
        seen = row.epoch
        print(seen, flush=True)
"""


def endless(data: Path) -> subprocess.Popen[str]:
    """A process of its own with a run that has finished two epochs."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"NETSKETCH_DATA": str(data)},
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    assert process.stdout.readline() == "2\n"
    return process


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_outlives_its_process(tmp_path, how):
    process = endless(tmp_path)
    began = time.monotonic()
    process.send_signal(how)
    process.wait(15)
    assert time.monotonic() - began < 15
    line = Runs(Store(tmp_path))
    (run,) = line.all()
    now = run.snapshot()
    assert now.status == "interrupted"
    assert now.epoch >= 2
    assert len(run.curves().epochs) >= 2
    assert now.resumable
    assert run.weights() is not None
    if how is signal.SIGINT:
        # It was asked to end, so nothing at all is lost.
        assert Store(tmp_path).folder(run.id).load_state().step == len(
            Store(tmp_path).folder(run.id).load_history(1).since(0)
        )
    line.close()


def test_a_run_of_another_living_process_is_left_alone(tmp_path):
    process = endless(tmp_path)
    line = Runs(Store(tmp_path))
    (run,) = line.all()
    assert run.status == "running"
    process.kill()
    process.wait()
    line.close()
