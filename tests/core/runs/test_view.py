import dataclasses
import logging
import threading
import time
from dataclasses import replace

import pytest
import torch

from core.judging.prediction import probabilities
from core.machine.device import resolve, take_one_core
from core.runs import worker as worker_module
from core.runs.handover import execute
from core.runs.record import RunRecord
from core.runs.view import Run
from core.spec import BlockSpec, RunSpec
from core.training.events import Epoch, Pulse
from core.training.trainer import Trainer
from core.words.errors import UserError
from tests.core.runs.seen import eventually, same

pytestmark = pytest.mark.usefixtures("quick")

SPEC = RunSpec(
    blocks=(BlockSpec(channels=4, kernel_size=5, norm="batch", dropout=0.1),),
    lr=0.01,
    batch_size=8,
    num_epochs=4,
    device="cpu",
)
LONG = replace(SPEC, num_epochs=200)
DIGIT = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)


def new_run(spec, run_id="1-abc", name="1 · test"):
    return Run(RunRecord(id=run_id, number=1, name=name, spec=spec))


@pytest.fixture
def start():
    """Start a run in a thread of its own, as the runs do, on a single core for exact results."""
    started = []

    def begin(spec=SPEC, *, until=lambda run: True):
        run = new_run(spec)
        thread = threading.Thread(target=lambda: (take_one_core(), execute(run)))
        thread.start()
        started.append((run, thread))
        eventually(lambda: until(run))
        return run

    yield begin
    for run, thread in started:
        run.stop()
        thread.join(20)
        assert not thread.is_alive()


def steps_done(run):
    return run.snapshot().step


def after_steps(count):
    return lambda run: steps_done(run) >= count or run.snapshot().ended


def finished(spec=SPEC):
    run = new_run(spec)
    execute(run)
    return run


def test_a_run_goes_from_the_queue_to_its_end():
    run = new_run(SPEC, "7-f00", "a name")
    before = run.snapshot()
    assert (before.status, before.step, before.epoch, before.progress) == ("queued", 0, 0, 0.0)
    assert (before.elapsed_s, before.remaining_s, before.weights_version) == (0.0, None, 0)
    assert (before.active, before.ended) == (False, False)
    assert run.weights() is None
    execute(run)
    after = run.snapshot()
    assert (after.id, after.name, after.spec, after.status) == ("7-f00", "a name", SPEC, "finished")
    assert (after.step, after.num_steps, after.epoch, after.progress) == (100, 100, 4, 1.0)
    assert (after.message, after.remaining_s) == ("", None)
    assert after.device == resolve("cpu")
    assert after.elapsed_s > 0
    assert after.images_per_s > 0
    assert (after.test.total, after.test.correct) == (30, 30)
    assert after.val_accuracy == 1.0
    assert (after.active, after.ended) == (False, True)
    curves = run.curves()
    assert len(curves.loss) == 100
    assert [epoch.epoch for epoch in curves.epochs] == [1, 2, 3, 4]


def test_a_run_is_executed_once():
    run = finished()
    weights, version = run.weights(), run.snapshot().weights_version
    execute(run)
    assert run.weights() is weights
    assert run.snapshot().weights_version == version


def test_a_pause_stops_the_steps_and_the_clock(start):
    run = start(LONG, until=after_steps(5))
    run.pause()
    eventually(lambda: run.status == "paused")
    before, cpu = run.snapshot(), time.process_time()
    time.sleep(0.5)
    after = run.snapshot()
    assert after == before
    assert after.step < after.num_steps
    assert time.process_time() - cpu < 0.25  # it waits; it does not spin
    run.resume()
    eventually(lambda: steps_done(run) > after.step)
    assert run.snapshot().elapsed_s < before.elapsed_s + 0.5
    assert run.status == "running"


def test_a_second_click_on_pause_does_not_resume(start):
    run = start(LONG, until=after_steps(5))
    run.pause()
    eventually(lambda: run.status == "paused")
    run.pause()
    before = steps_done(run)
    time.sleep(0.2)
    assert run.status == "paused"
    assert steps_done(run) == before


def test_resume_and_pause_at_once_stay_paused(start):
    run = start(LONG, until=after_steps(5))
    run.pause()
    eventually(lambda: run.status == "paused")
    run.resume()
    run.pause()
    eventually(lambda: run.status == "paused")
    time.sleep(0.1)
    assert run.status == "paused"


def test_a_run_that_was_paused_learns_the_same(start):
    straight = finished()
    run = start(SPEC, until=after_steps(3))
    for _ in range(5):
        run.pause()
        eventually(lambda: run.status == "paused" or run.snapshot().ended)
        probabilities(SPEC, run.weights(), DIGIT)
        run.resume()
        time.sleep(0.02)
    assert run.wait(20)
    assert run.status == "finished"
    assert same(run.weights(), straight.weights())
    assert run.snapshot().test == straight.snapshot().test


def test_pausing_what_does_not_run_does_nothing():
    run = new_run(SPEC)
    run.pause()
    execute(run)
    assert run.status == "finished"
    run.pause()
    run.resume()
    run.stop()
    assert run.status == "finished"


@pytest.mark.parametrize("paused", [False, True])
def test_stop_keeps_what_was_learned_and_tests_it(start, paused):
    run = start(LONG, until=after_steps(30))
    if paused:
        run.pause()
        eventually(lambda: run.status == "paused")
    run.stop()
    assert run.wait(5)
    done = run.snapshot()
    assert done.status == "stopped"
    assert done.message == ""
    assert 30 <= done.step < done.num_steps
    assert done.test.total == 30
    assert run.weights() is not None
    assert len(run.curves().loss) == done.step
    assert done.remaining_s is None


def test_the_test_figure_of_a_stopped_run_is_that_of_its_weights(start, quick):
    run = start(LONG, until=after_steps(20))
    run.stop()
    assert run.wait(5)
    right = sum(
        int(probabilities(SPEC, run.weights(), image[None]).argmax() == label)
        for image, label in zip(quick.test.images, quick.test.labels, strict=True)
    )
    assert run.snapshot().test.correct == right


def test_stop_in_the_queue_takes_it_out():
    run = new_run(SPEC)
    run.stop()
    assert run.status == "stopped"
    assert run.snapshot().message == "Taken out of the queue before it began."
    assert run.wait(0)
    execute(run)
    assert (run.status, steps_done(run), run.weights()) == ("stopped", 0, None)


def test_stop_as_the_process_ends_keeps_it_for_another_time(start):
    run = start(LONG, until=after_steps(5))
    run.interrupt()
    run.stop()
    assert run.wait(5)
    assert (run.status, run.snapshot().test) == ("interrupted", None)


def test_pause_after_stop_does_not_hold_it_up(start):
    run = start(LONG, until=after_steps(5))
    run.stop()
    run.pause()
    assert run.wait(5)
    assert run.status == "stopped"


LEAKY = BlockSpec(channels=4, activation="leaky_relu", pool="none")
WILD = replace(SPEC, blocks=(LEAKY,) * 3, lr=100.0, optimizer="sgd")


@pytest.mark.parametrize("report_s", [0.0, 1000.0])
def test_a_run_that_diverges_says_where_and_keeps_usable_weights(monkeypatch, report_s):
    monkeypatch.setattr("core.training.trainer.REPORT_S", report_s)
    run = finished(WILD)
    done = run.snapshot()
    assert done.status == "diverged"
    assert f"at step {done.step + 1}." in done.message
    assert "Lower the learning rate" in done.message
    assert done.step >= 1
    assert len(run.curves().loss) == done.step
    assert done.test is None
    assert all(value.isfinite().all() for value in run.weights().values())
    shares = probabilities(WILD, run.weights(), DIGIT)
    assert shares.isfinite().all()
    assert done.weights_version > 0


def test_a_run_that_diverges_in_its_first_epoch_falls_back_to_its_first_weights(monkeypatch):
    monkeypatch.setattr(worker_module, "PUBLISH_S", -1.0)
    began_with = []

    class Spoilt(Trainer):
        def fit(self):
            began_with.append(self.weights())
            for event in super().fit():
                # Still a number, so that it is published, but the network always says 0 now.
                self.model.get_parameter("out.bias").data[0] = 2e38
                yield event

    monkeypatch.setattr(worker_module, "learner", Spoilt)
    run = finished()
    assert run.status == "diverged"
    assert run.curves().epochs == ()
    assert same(run.weights(), began_with[0])


def test_a_run_that_diverges_late_falls_back_to_its_last_whole_epoch(monkeypatch):
    at_epochs = []

    class Spoilt(Trainer):
        def fit(self):
            for event in super().fit():
                yield event
                if isinstance(event, Epoch):
                    at_epochs.append(self.weights())
                    if event.epoch == 2:
                        self.model.get_parameter("out.bias").data.fill_(torch.nan)

    monkeypatch.setattr(worker_module, "learner", Spoilt)
    run = finished()
    assert run.status == "diverged"
    assert "at step 51." in run.snapshot().message
    assert same(run.weights(), at_epochs[1])


OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate "
        "memory: you tried to allocate 4096 bytes. Error code 12 (Cannot allocate memory)"
    ),
    RuntimeError("MPS backend out of memory (MPS allocated: 18.13 GB)"),
]


def break_at(monkeypatch, error, step=3):
    """Make a run's trainer raise after some steps."""

    class Broken(Trainer):
        def _step(self, data, index):
            self.taken = getattr(self, "taken", 0) + 1
            if self.taken > step:
                raise error
            return super()._step(data, index)

    monkeypatch.setattr(worker_module, "learner", Broken)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:20])
@pytest.mark.parametrize("step", [0, 3])
def test_no_memory_is_said_in_a_sentence_with_a_way_out(monkeypatch, error, step):
    break_at(monkeypatch, error, step)
    done = finished().snapshot()
    assert done.status == "failed"
    assert done.message.startswith("Out of memory: a training step of this network takes about ")
    assert "Halve the batch size (now 8) or use fewer channels" in done.message
    assert done.step == step


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes"), KeyError("conv1"), AssertionError("secret")]
)
def test_a_fault_of_our_own_is_an_apology_on_the_page_and_a_traceback_in_the_log(
    monkeypatch, caplog, error
):
    break_at(monkeypatch, error)
    with caplog.at_level(logging.ERROR):
        run = finished()
    done = run.snapshot()
    assert done.status == "failed"
    assert done.message.startswith("Training stopped because of a fault inside NetSketch")
    for word in ("Traceback", "Error", ".py", str(error.args[0])):
        assert word not in done.message
    (record,) = caplog.records
    assert record.exc_info[1] is error
    assert run.weights() is not None
    assert len(run.curves().loss) == 3


def test_data_that_cannot_be_had_are_said_in_their_own_words(monkeypatch):
    def refuse(key):
        raise worker_module.UserError("Data: full MNIST is not on this computer.")

    monkeypatch.setattr(worker_module, "load", refuse)
    done = finished().snapshot()
    assert (done.status, done.message) == ("failed", "Data: full MNIST is not on this computer.")
    assert done.weights_version == 0


def test_a_snapshot_is_one_instant_and_never_changes(start):
    run = start(LONG, until=after_steps(5))
    held = run.snapshot()
    step = held.step
    eventually(lambda: steps_done(run) > step)
    assert held.step == step
    with pytest.raises(dataclasses.FrozenInstanceError):
        held.step = 0


def test_published_weights_never_change_and_serve_while_training_goes_on(start):
    run = start(LONG, until=lambda run: run.weights() is not None)
    held = run.weights()
    before = {name: value.clone() for name, value in held.items()}
    version, step = run.snapshot().weights_version, steps_done(run)
    shares = probabilities(SPEC, held, DIGIT)
    assert shares.shape == (10,)
    assert float(shares.sum()) == pytest.approx(1, abs=1e-5)
    eventually(lambda: steps_done(run) > step + 30)
    assert same(held, before)
    eventually(lambda: run.snapshot().weights_version > version)
    assert run.weights() is not held


def test_the_remaining_time_is_told_while_it_runs(start):
    run = start(LONG, until=after_steps(20))
    now = run.snapshot()
    left = now.elapsed_s / now.step * (now.num_steps - now.step)
    assert now.remaining_s == pytest.approx(left)
    assert 0 < now.progress < 1
    assert now.epoch == -(-now.step // 25)
    assert 0 <= now.train_accuracy <= 1
    assert now.lr == 0.01


def test_a_device_that_has_failed_does_not_keep_the_run_from_ending(monkeypatch):
    def fail():
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", fail)
    monkeypatch.setattr("core.machine.device.torch.cuda.get_device_name", lambda: "A GPU")
    assert finished().status == "finished"


def test_waiting_gives_up_in_time(start):
    run = start(LONG, until=after_steps(1))
    began = time.monotonic()
    assert not run.wait(0.05)
    assert time.monotonic() - began < 2


def test_pulses_are_chances_to_stop_too(monkeypatch):
    """Stop pressed during an evaluation is obeyed there, not an epoch later."""
    run = new_run(LONG)

    class Stopped(Trainer):
        def fit(self):
            for event in super().fit():
                if isinstance(event, Pulse):
                    run.stop()
                yield event

    monkeypatch.setattr(worker_module, "learner", Stopped)
    execute(run)
    assert run.status == "stopped"
    assert steps_done(run) == 25
    assert run.curves().epochs == ()


def test_the_rate_of_a_running_run_is_changed_from_the_next_steps_on(start):
    run = start(LONG, until=after_steps(5))
    run.set_lr(0.0005)
    eventually(lambda: run.snapshot().lr == 0.0005)
    now = run.snapshot()
    ((step, lr),) = now.lr_changes
    assert 5 <= step < now.step
    assert lr == now.base_lr == 0.0005
    assert run.record().lr_changes == now.lr_changes


def test_during_a_pause_the_new_rate_waits(start):
    run = start(LONG, until=after_steps(5))
    run.pause()
    eventually(lambda: run.status == "paused")
    at = steps_done(run)
    run.set_lr(0.0005)
    run.set_lr(0.002)
    time.sleep(0.05)
    assert run.snapshot().lr_changes == ()
    run.resume()
    eventually(lambda: run.snapshot().lr_changes)
    assert run.snapshot().lr_changes == ((at, 0.002),)


def test_a_rate_that_cannot_be_is_refused_and_the_run_goes_on(start):
    run = start(LONG, until=after_steps(5))
    with pytest.raises(UserError, match="must be from"):
        run.set_lr(1e9)
    at = steps_done(run)
    eventually(lambda: steps_done(run) > at)
    assert run.snapshot().lr_changes == ()


def test_the_rate_of_a_run_that_does_not_train_cannot_be_changed():
    with pytest.raises(UserError, match="does not train now"):
        new_run(SPEC).set_lr(0.01)
    with pytest.raises(UserError, match="does not train now"):
        finished().set_lr(0.01)


def test_what_is_compared_keeps_its_rate(start):
    folded = start(replace(LONG, folds=2), until=after_steps(2))
    with pytest.raises(UserError, match="all trained alike"):
        folded.set_lr(0.01)
    one = start(LONG, until=after_steps(2))
    one.rival = new_run(SPEC)
    with pytest.raises(UserError, match="differ in one thing only"):
        one.set_lr(0.01)
