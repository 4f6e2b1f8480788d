import logging
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.data.catalogue import DATASETS, num_classes_of
from core.machine.device import resolve
from core.network.layers import lay_out
from core.questions import price as price_module
from core.questions import trial as trial_module
from core.questions.price import Prices, price_key, price_of
from core.questions.trial import Cost, trial
from core.runs import worker as worker_module
from core.runs.handover import execute
from core.runs.manager import Runs
from core.runs.record import RunRecord
from core.runs.view import Run
from core.spec import RECURRENT, BlockSpec, DenseSpec, RunSpec, walk
from core.training.memory import step_memory
from core.training.trainer import Trainer
from core.words.errors import UserError

SPEC = RunSpec(
    blocks=(BlockSpec(channels=2, stride=3, kernel_size=5, dropout=0.1),),
    batch_size=50,
    device="cpu",
)
OTHER = SPEC.with_value("blocks.0.channels", 3)
THIRD = SPEC.with_value("blocks.0.channels", 4)
LONG = replace(SPEC, num_epochs=200, batch_size=4)
COST = Cost(step_s=0.001, image_s=0.0001, evaluated_s=0.00002, publish_s=0.0)


@pytest.fixture
def line():
    """The runs of a process of their own, ended with the test."""
    made = Runs()
    yield made
    made.close()
    assert not made._thread.is_alive


class Trials:
    """Trials that wait for leave before every piece, and a record of what became of each."""

    def __init__(self) -> None:
        self.begun: list[RunSpec] = []
        self.ended: list[RunSpec] = []
        self.dropped: list[RunSpec] = []
        self.leave = threading.Semaphore(0)
        self.failing: Exception | None = None

    def trial(self, key):
        self.begun.append(key)
        try:
            for _ in range(3):
                assert self.leave.acquire(timeout=20)
                if self.failing:
                    raise self.failing
                yield
        except GeneratorExit:
            self.dropped.append(key)
            raise
        self.ended.append(key)
        return COST

    def go(self, pieces=1):
        self.leave.release(pieces)


@pytest.fixture
def trials(monkeypatch):
    made = Trials()
    monkeypatch.setattr(price_module, "trial", made.trial)
    yield made
    made.go(1000)


def eventually(true, timeout_s=20.0):
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "It took too long."
        time.sleep(0.002)


def answered(line, asker="me"):
    eventually(lambda: not line.price_pending(asker))


def test_a_price_comes_soon_and_tells_what_a_run_takes(line):
    assert line.price("me", SPEC) is None
    answered(line)
    price = line.price("me", SPEC)
    assert price.device == resolve("cpu")
    assert 0 < price.step_s < price.epoch_s < price.run_s
    assert price.images_per_s == pytest.approx(50 / price.step_s)
    assert price.memory == step_memory(SPEC, lay_out(SPEC)).total


def test_asking_never_waits(line, trials):
    line.warm_up()
    took = []
    for asker in range(20):
        began = time.perf_counter()
        assert line.price(str(asker), replace(SPEC, batch_size=1 + asker)) is None
        took.append(time.perf_counter() - began)
    eventually(lambda: trials.begun)
    began = time.perf_counter()
    assert line.price("late", THIRD) is None  # in the midst of a measurement
    assert line.price_pending("late")
    took.append(time.perf_counter() - began)
    # The measurement goes on until it is let go: whoever waited for it would be here yet. A busy
    # machine may hold a single question up.
    assert statistics.median(took) < 0.1


def test_what_costs_the_same_is_measured_once(line, trials):
    trials.go(100)
    line.price("me", SPEC)
    answered(line)
    cheap = replace(
        SPEC,
        blocks=(replace(SPEC.blocks[0], dropout=0.5),),
        lr=0.5,
        seed=7,
        num_epochs=3,
        momentum=0.1,
        schedule="cosine",
        data="mnist",
    )
    for spec in (SPEC, cheap):
        for asker in ("me", "you"):
            assert line.price(asker, spec) == price_of(spec, COST)
            assert not line.price_pending(asker)
    assert len(trials.begun) == 1


def test_only_what_costs_nothing_shares_a_price():
    free = {"lr", "seed", "num_epochs", "data", "init", "target_accuracy", "patience", "keep_best"}
    free |= {"schedule", "step_epochs", "step_factor", "warmup", "folds"}
    free |= set(RECURRENT)  # of another kind of network than this one
    base = replace(SPEC, dense=(DenseSpec(),), momentum=0.5, weight_decay=0.1)
    for path, record, value in walk(base):
        name = path.rpartition(".")[2]
        # Any strength costs the same, but the lowest, none at all, costs less.
        low = [type(value)(record.low)] if hasattr(record, "low") else []
        options = [*getattr(record, "options", ())] or low or [not value]
        for option in options:
            if option == value or (name, option) in (("device", "auto"), ("precision", "float32")):
                continue
            same = price_key(base.with_value(path, option)) == price_key(base)
            # Other classes are another last layer.
            classes = name != "data" or num_classes_of(option) == 10
            assert same == (name in free and classes), path
    for path, most in (("shift", 8), ("rotation", 45), ("scale", 0.5), ("elastic", 4.0)):
        off, on = base.with_value(path, 0 * most), base.with_value(path, most)
        assert price_key(off) != price_key(on)
        assert price_key(on) == price_key(base.with_value(path, type(most)(most / 2)))


def test_a_cross_validation_costs_all_its_folds():
    price = price_of(replace(SPEC, batch_size=64, num_epochs=2, folds=5), COST)
    assert price.epoch_s == pytest.approx(57 * 0.001 + 3600 * 0.0001 + 900 * 0.00002)
    assert price.run_s == pytest.approx(10 * price.epoch_s + 500 * 0.00002)


def test_a_price_counts_the_images_of_each_set():
    price = price_of(replace(SPEC, batch_size=64, num_epochs=2), COST)
    assert price.step_s == pytest.approx(0.0074)
    assert price.epoch_s == pytest.approx(63 * 0.001 + 4000 * 0.0001 + 500 * 0.00002)
    assert price.run_s == pytest.approx(2 * price.epoch_s + 500 * 0.00002)
    assert price.images_per_s == pytest.approx(64 / 0.0074)
    full = price_of(replace(SPEC, batch_size=64, data="mnist"), COST)
    assert full.epoch_s == pytest.approx(860 * 0.001 + 55_000 * 0.0001 + 5_000 * 0.00002)
    # A large last batch is paid by its images.
    halves = price_of(replace(SPEC, batch_size=3000), COST)
    assert halves.epoch_s == pytest.approx(2 * 0.001 + 4000 * 0.0001 + 500 * 0.00002)
    # A copy of the weights after the epoch, and one every second of it.
    published = price_of(replace(SPEC, batch_size=3000), replace(COST, publish_s=0.1))
    assert published.epoch_s == pytest.approx(halves.epoch_s + 0.1 + 0.1 * halves.epoch_s)


def test_the_next_edit_replaces_what_was_asked_for(line, trials):
    line.price("me", SPEC)
    eventually(lambda: trials.begun == [price_key(SPEC)])
    line.price("me", OTHER)  # while the first is measured
    line.price("me", THIRD)  # while the second waits
    trials.go()
    eventually(lambda: trials.begun == [price_key(SPEC), price_key(THIRD)])
    assert trials.dropped == [price_key(SPEC)]
    trials.go(100)
    answered(line)
    assert trials.ended == [price_key(THIRD)]
    assert line.price("me", THIRD) == price_of(THIRD, COST)


def test_what_another_still_waits_for_is_measured_to_the_end(line, trials):
    line.price("you", SPEC)
    line.price("me", SPEC)
    eventually(lambda: trials.begun)
    line.price("me", OTHER)
    trials.go(100)
    answered(line, "me")
    answered(line, "you")
    assert trials.ended == [price_key(SPEC), price_key(OTHER)]
    assert trials.dropped == []


def test_who_goes_away_is_forgotten_with_what_was_half_measured(monkeypatch, trials):
    prices = Prices(lambda: None)
    prices.ask("me", SPEC)
    trials.go(100)
    prices.advance()
    assert prices.waits
    prices.stop("me")
    assert prices.waits  # what is half measured takes memory until it is dropped
    prices.advance()
    assert not prices.waits
    assert trials.dropped == [price_key(SPEC)]
    monkeypatch.setattr(Prices, "MOST_WAITING", 3)
    prices = Prices(lambda: None)
    for i in range(10):
        prices.ask(str(i), SPEC)
    assert [i for i in range(10) if prices.pending(str(i))] == [7, 8, 9]


def test_the_oldest_prices_are_forgotten(monkeypatch, trials):
    monkeypatch.setattr(Prices, "MOST_KNOWN", 2)
    prices = Prices(lambda: None)
    trials.go(100)

    def measure(spec):
        prices.ask("me", spec)
        while prices.waits:
            prices.advance()

    measure(SPEC)
    measure(OTHER)
    assert prices.ask("me", SPEC) is not None  # used again, so not the oldest
    measure(THIRD)
    assert prices.ask("me", SPEC) is not None
    assert prices.ask("me", OTHER) is None
    assert prices.pending("me")


def slow_pieces(pieces, seconds):
    def made(key):
        for _ in range(pieces):
            time.sleep(seconds)
            yield
        return COST

    return made


def test_a_price_comes_while_a_run_trains_and_leaves_its_figures_true(line, monkeypatch):
    monkeypatch.setattr(price_module, "trial", slow_pieces(8, 0.1))
    run = line.start(LONG)
    eventually(lambda: run.snapshot().step > 0)
    began, before = time.monotonic(), run.snapshot()
    line.price("me", OTHER)
    answered(line)
    wall_s, after = time.monotonic() - began, run.snapshot()
    assert line.price("me", OTHER) == price_of(OTHER, COST)
    assert run.status == "running"
    assert after.step > before.step  # it went on in between
    # What the measurement took is not on the run's clock.
    assert 0.4 < after.elapsed_s - before.elapsed_s < wall_s - 0.7


def test_a_guest_changes_nothing_about_what_a_run_learns(make_digits, monkeypatch):
    digits = make_digits(200)
    info = replace(DATASETS["embedded"], train=200, validation=20, test=30)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    monkeypatch.setattr(worker_module, "load", lambda key: digits)
    monkeypatch.setattr("core.training.trainer.REPORT_S", 0.0)
    spec = replace(SPEC, batch_size=20, num_epochs=3, shift=2)
    alone, visited = (
        Run(RunRecord(id=f"{i}-a", number=i, name="a name", spec=spec)) for i in (1, 2)
    )
    execute(alone)
    prices = Prices(lambda: None)
    served = []

    class Curious:
        waits = True

        def serve(self, budget_s):
            prices.ask("me", replace(SPEC, batch_size=10 + len(served)))
            end = time.monotonic() + 0.02
            while prices.waits and time.monotonic() < end:
                prices.advance()
            served.append(budget_s)

    execute(visited, Curious())
    assert len(served) == 30
    assert all(
        torch.equal(value, visited.weights()[name]) for name, value in alone.weights().items()
    )


def test_a_price_comes_while_a_run_is_paused(line):
    run = line.start(LONG)
    eventually(lambda: run.status == "running")
    run.pause()
    eventually(lambda: run.status == "paused")
    before = run.snapshot()
    line.price("me", OTHER)
    answered(line)
    assert line.price("me", OTHER).step_s > 0
    assert run.snapshot() == before
    run.resume()
    eventually(lambda: run.snapshot().step > before.step)


def test_a_run_goes_before_a_price_and_the_price_comes_after_all(line, trials):
    line.price("me", OTHER)
    eventually(lambda: trials.begun)
    run = line.start(LONG)
    trials.go()  # the piece that was in progress
    eventually(lambda: run.snapshot().step > 0)
    assert trials.dropped == [price_key(OTHER)]  # a run may need its memory
    assert line.price_pending("me")
    trials.go(100)
    answered(line)
    assert run.status == "running"
    assert line.price("me", OTHER) == price_of(OTHER, COST)


def test_closing_does_not_wait_for_prices(line, monkeypatch):
    monkeypatch.setattr(price_module, "trial", slow_pieces(10_000, 0.01))
    line.price("me", SPEC)
    line.price("you", OTHER)
    began = time.monotonic()
    line.close()
    assert time.monotonic() - began < 5
    assert line.price("me", THIRD) is None


def test_an_error_is_logged_and_means_no_price(line, trials, monkeypatch, caplog):
    trials.failing = RuntimeError("CUDA error: out of memory")
    trials.go(100)
    with caplog.at_level(logging.ERROR):
        assert line.price("me", SPEC) is None
        answered(line)
    assert "out of memory" in caplog.text
    # Nobody polls it in vain, and it is not tried at once again.
    assert line.price("me", SPEC) is None
    assert not line.price_pending("me")
    assert len(trials.begun) == 1
    trials.failing = None
    line.price("me", OTHER)
    answered(line)
    assert line.price("me", OTHER) is not None
    monkeypatch.setattr(price_module, "RETRY_S", 0.0)
    line.price("me", SPEC)
    answered(line)
    assert line.price("me", SPEC) == price_of(SPEC, COST)


def test_what_cannot_run_is_never_tried(line, monkeypatch, caplog):
    def make_nothing(*args, **kwargs):
        raise AssertionError("It was tried.")

    monkeypatch.setattr(trial_module, "Trainer", make_nothing)
    used_up = replace(SPEC, blocks=(BlockSpec(),) * 5)
    too_large_a_batch = replace(SPEC, batch_size=4_001)
    weights = replace(
        SPEC, blocks=(BlockSpec(channels=512, pool="none"),), dense=(DenseSpec(units=4096),)
    )
    with caplog.at_level(logging.ERROR):
        for spec in (used_up, too_large_a_batch, replace(SPEC, device="mps"), weights):
            assert line.price("me", spec) is None
            answered(line)
            assert line.price("me", spec) is None
    monkeypatch.setattr("core.training.check.free_memory", lambda key: 2**20)
    line.price("me", OTHER)
    answered(line)
    assert caplog.text == ""


def test_a_price_measured_in_turmoil_is_measured_again(line, trials, monkeypatch):
    costs = iter(
        [
            replace(COST, step_s=0.5, steady=False),
            replace(COST, step_s=0.7, steady=False),
            COST,
        ]
    )

    def unsteady(key):
        yield from trials.trial(key)
        return next(costs)

    monkeypatch.setattr(price_module, "trial", unsteady)
    trials.go(100)
    line.price("me", SPEC)
    answered(line)
    assert line.price("me", SPEC).step_s == pytest.approx(0.505)
    assert not line.price("me", SPEC).steady
    assert not line.price_pending("me")  # not at once
    monkeypatch.setattr(price_module, "BUSY_RETRY_S", 0.0)
    for _ in range(2):
        # What is known is told meanwhile.
        assert line.price("me", SPEC).step_s == pytest.approx(0.505)
        assert line.price_pending("me")
        answered(line)
    assert line.price("me", SPEC).step_s == pytest.approx(0.006)
    assert line.price("me", SPEC).steady
    assert not line.price_pending("me")
    assert len(trials.ended) == 3


def test_of_two_prices_measured_in_turmoil_the_lower_one_is_told(line, trials, monkeypatch):
    costs = iter([replace(COST, step_s=step_s, steady=False) for step_s in (0.5, 0.2)])

    def unsteady(key):
        yield from trials.trial(key)
        return next(costs)

    monkeypatch.setattr(price_module, "trial", unsteady)
    monkeypatch.setattr(price_module, "BUSY_RETRY_S", 0.0)
    trials.go(100)
    for _ in range(2):
        line.price("me", SPEC)
        answered(line)
    monkeypatch.setattr(price_module, "BUSY_RETRY_S", 60.0)
    assert line.price("me", SPEC).step_s == pytest.approx(0.205)


def test_on_a_busy_machine_it_is_measured_ever_more_seldom(line, trials, monkeypatch):
    now = [1_000.0]

    def unsteady(key):
        yield from trials.trial(key)
        return replace(COST, steady=False)

    monkeypatch.setattr(price_module, "trial", unsteady)
    monkeypatch.setattr(price_module.time, "monotonic", lambda: now[0])
    trials.go(100)
    for rest_s in (3.0, 6.0, 12.0, 24.0, 30.0, 30.0):
        line.price("me", SPEC)
        answered(line)
        now[0] += 0.9 * rest_s
        line.price("me", SPEC)
        assert not line.price_pending("me")
        now[0] += 0.2 * rest_s


def measured(spec):
    steps = trial(price_key(spec))
    try:
        while True:
            next(steps)
    except StopIteration as done:
        return done.value


class Calmness:
    """Whether the machine is calm, piece by piece, as a test says; then it is."""

    said: Iterator[bool] = iter(())

    def begin(self):
        pass

    def lasted(self):
        return next(self.said, True)


@pytest.fixture
def calm(monkeypatch):
    """Let a test say whether other programs disturb the pieces, whatever this machine does."""
    monkeypatch.setattr(trial_module, "QuietMeter", Calmness)
    return lambda said: monkeypatch.setattr(Calmness, "said", iter(said))


@pytest.fixture
def takes(monkeypatch, calm):
    """Make training steps and evaluation take as long as a test says."""

    def take(step=lambda count: 0.0, batch=lambda count: 0.0):
        real_step, real_batch = Trainer._step, Trainer.__dict__["_evaluate"]

        def slow_step(self, x, y):
            time.sleep(step(len(y)))
            return real_step(self, x, y)

        def slow_evaluation(self, data, *keep):
            events = real_batch(self, data, *keep)
            try:
                while True:
                    event = next(events)
                    time.sleep(batch(self._eval_batch))
                    yield event
            except StopIteration as done:
                return done.value

        monkeypatch.setattr(Trainer, "_step", slow_step)
        monkeypatch.setattr(Trainer, "_evaluate", slow_evaluation)

    return take


def test_a_first_step_that_takes_long_does_not_spoil_the_price(takes):
    firsts = iter([0.5])
    takes(step=lambda count: next(firsts, 0.02))
    price = price_of(SPEC, measured(SPEC))
    assert 0.02 < price.step_s < 0.04


def test_a_busy_machine_does_not_spoil_the_price(takes):
    disturbed = iter([0.0, 0.1, 0.2, 0.13, 0.26])
    takes(step=lambda count: next(disturbed, 0.02))
    cost = measured(SPEC)
    assert 0.02 < price_of(SPEC, cost).step_s < 0.03
    assert cost.steady


def test_a_machine_that_never_rests_is_noticed(takes):
    slower = iter(range(1, 1000))
    takes(step=lambda count: 0.05 * next(slower))
    assert not measured(SPEC).steady


def test_what_others_disturb_is_left_out_even_if_it_agrees(takes, calm):
    slow = iter([0.02] + [0.2] * 5)
    takes(step=lambda count: next(slow, 0.02))
    calm([False] * 5)
    cost = measured(SPEC)
    # A busy machine wakes up late, but not by ten times.
    assert 0.02 < price_of(SPEC, cost).step_s < 0.1
    assert cost.steady


def test_where_others_never_rest_the_price_is_told_as_uncertain(takes, calm, monkeypatch):
    monkeypatch.setattr(trial_module, "_PATIENCE_S", 0.5)
    takes(step=lambda count: 0.05)
    calm([False] * 1000)
    cost = measured(SPEC)
    assert not cost.steady
    assert price_of(SPEC, cost).step_s == pytest.approx(0.05, rel=0.3)


@pytest.mark.parametrize(("step_s", "certain"), [((1.1,), True), ((0.6, 0.62), True)])
def test_long_steps_are_certain_where_nobody_disturbs_them(takes, step_s, certain):
    seconds = iter([0.03, *step_s])
    takes(step=lambda count: next(seconds, 0.0))
    cost = measured(SPEC)
    assert cost.steady is certain


def test_long_steps_that_differ_are_not(takes):
    seconds = iter([0.03, 0.4, 0.8])
    takes(step=lambda count: next(seconds, 0.0))
    assert not measured(SPEC).steady


def test_evaluation_counts(takes):
    takes(batch=lambda count: count / 10_000)
    cost = measured(SPEC)
    assert 1 / 10_000 < cost.evaluated_s < 1.5 / 10_000
    assert price_of(SPEC, cost).epoch_s > 500 * cost.evaluated_s


def test_a_large_step_is_tried_with_fewer_images(takes, monkeypatch):
    most = []

    def step(count):
        most.append(count)
        return 0.01 + 0.0005 * count

    takes(step=step)
    monkeypatch.setattr(
        trial_module, "_MAX_TRIED_MULTIPLY_ADDS", 3 * 100 * lay_out(SPEC).multiply_adds
    )
    price = price_of(replace(SPEC, batch_size=1_000), measured(replace(SPEC, batch_size=1_000)))
    assert max(most) == 100
    assert 0.51 * 0.85 < price.step_s < 0.51 * 1.3


def test_a_trial_uses_little_time_and_no_memory_for_long():
    began = time.monotonic()
    measured(SPEC)
    assert time.monotonic() - began < 5
    with pytest.raises(UserError, match="too large to be tried"):
        measured(
            replace(
                SPEC,
                blocks=(BlockSpec(channels=256, pool="none"),),
                dense=(DenseSpec(units=1024),),
            )
        )


def test_many_askers_at_once_are_all_answered(line, trials):
    # Another test's thread may still be on its way out.
    before = set(threading.enumerate())
    trials.go(1000)
    specs = [replace(SPEC, batch_size=1 + i % 4) for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: line.price(str(i), specs[i]), range(40)))
    for i, spec in enumerate(specs):
        answered(line, str(i))
        assert line.price(str(i), spec) == price_of(spec, COST)
    assert len(trials.ended) == 4
    begun = set(threading.enumerate()) - before
    assert len([thread for thread in begun if thread.name == "netsketch-trainer"]) == 1


WHOLE = """
import core.runs.manager as module
from core.spec import BlockSpec, RunSpec
line = module.runs()
spec = RunSpec(blocks=(BlockSpec(channels=128, pool="none"),) * 3, device="cpu", batch_size=1000)
line.price("me", spec)
print("asked")
"""


def test_a_process_that_measures_a_price_ends_by_itself():
    done = subprocess.run(
        [sys.executable, "-c", WHOLE],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "asked\n", "")


def test_an_endless_editor_does_not_keep_others_from_their_prices(monkeypatch):
    monkeypatch.setattr(price_module, "trial", slow_pieces(5, 0.001))
    prices = Prices(lambda: None)
    prices.ask("editor", SPEC)
    prices.ask("other", OTHER)
    for edit in range(40):
        prices.ask("editor", replace(SPEC, batch_size=1 + edit))
        prices.advance()
    assert not prices.pending("other")


def test_of_too_many_askers_from_one_address_the_oldest_go():
    prices = Prices(lambda: None, most_each=3)
    prices.ask("elsewhere", SPEC, "10.0.0.8")
    prices.ask("here", SPEC)
    for cookie in range(10):
        prices.ask(f"cookie {cookie}", SPEC, "10.0.0.7")
    waiting = [cookie for cookie in range(10) if prices.pending(f"cookie {cookie}")]
    assert waiting == [7, 8, 9]
    assert prices.pending("elsewhere")
    assert prices.pending("here")
