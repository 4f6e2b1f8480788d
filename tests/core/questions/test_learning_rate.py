"""Range tests as pages ask for them: turns, stopping, what is known, and runs left alone."""

import logging
import threading
import time
from dataclasses import replace

import pytest
import torch

from core.data.catalogue import DATASETS
from core.data.loading import DataError
from core.questions import learning_rate as module
from core.questions.fair_share import Guests
from core.questions.learning_rate import RangeTest, RangeTests
from core.runs import worker as worker_module
from core.runs.handover import execute
from core.runs.manager import Runs
from core.runs.record import RunRecord
from core.runs.view import Run
from core.spec import BlockSpec, RunSpec
from core.training.range_test import NUM_STEPS, range_key, range_test, suggest
from core.words.errors import UserError
from tests.app.script import eventually

SPEC = RunSpec(blocks=(BlockSpec(channels=4, stride=2),), batch_size=20, device="cpu")
OTHER = replace(SPEC, optimizer="sgd")


class Steps:
    """Tests whose steps cost nothing, and a record of which were begun and which let go of."""

    def __init__(self) -> None:
        self.begun: list[RunSpec] = []
        self.dropped: list[RunSpec] = []
        self.step_s = 0.0
        self.failing: Exception | None = None

    def test(self, spec, data):
        self.begun.append(spec)
        try:
            for step in range(NUM_STEPS):
                if self.failing:
                    raise self.failing
                time.sleep(self.step_s)
                yield 2.0 - step / 100
        except GeneratorExit:
            self.dropped.append(spec)
            raise


@pytest.fixture
def steps(monkeypatch):
    made = Steps()
    monkeypatch.setattr(module, "range_test", made.test)
    return made


def asked(*specs: RunSpec, asker: str = "me", read=lambda key: None) -> RangeTests:
    """Tests that have their images."""
    woken: list[int] = []
    made = RangeTests(lambda: woken.append(1), read)
    for spec in specs:
        made.ask(asker, spec)
        eventually(lambda: made._reader is None)
    assert made.waits
    assert woken
    return made


def finish(tests: RangeTests) -> None:
    while tests.waits:
        tests.advance()


def test_a_test_goes_on_step_by_step_and_is_known_for_all_that_is_tested_alike(steps):
    tests = asked(SPEC)
    assert tests.look("me", SPEC) == RangeTest(status="waiting")
    seen = []
    while tests.waits:
        tests.advance()
        now = tests.look("me", replace(SPEC, lr=0.5, num_epochs=9, schedule="cosine"))
        seen.append((now.status, len(now.losses)))
    assert seen == [*(("running", n) for n in range(1, NUM_STEPS + 1)), ("ended", NUM_STEPS)]
    tests.ask("me", replace(SPEC, folds=5))
    assert not tests.waits
    assert tests.look("you", SPEC).status == "ended"
    assert tests.look("me", OTHER) is None
    assert steps.begun == [range_key(SPEC)]


def test_how_long_the_rest_takes_is_told_from_the_steps_so_far(steps):
    steps.step_s = 0.01
    tests = asked(SPEC)
    for _ in range(20):
        tests.advance()
    now = tests.look("me", SPEC)
    assert 1.0 <= now.remaining_s < 5.0  # 100 steps of 10 ms, on a machine that may be busy


def test_who_has_not_asked_sees_nothing_of_what_goes_on(steps):
    tests = asked(SPEC)
    tests.advance()
    assert tests.look("you", SPEC) is None
    tests.ask("you", SPEC)
    assert tests.look("you", SPEC).status == "running"


def test_stop_ends_it_and_nothing_stays(steps):
    tests = asked(SPEC)
    for _ in range(5):
        tests.advance()
    tests.stop("me")
    assert tests.look("me", SPEC) is None
    assert tests.waits  # what is half done takes memory until it is dropped
    tests.advance()
    assert not tests.waits
    assert steps.dropped == [range_key(SPEC)]
    tests.ask("me", SPEC)
    eventually(lambda: tests.waits)
    finish(tests)
    assert tests.look("me", SPEC).status == "ended"


def test_stopping_before_the_images_are_there_leaves_nothing_to_do(steps):
    leave = threading.Event()
    tests = RangeTests(lambda: None, lambda key: leave.wait(20))
    tests.ask("me", SPEC)
    assert tests.look("me", SPEC).status == "waiting"
    assert not tests.waits
    tests.stop("me")
    leave.set()
    eventually(lambda: tests._reader is None)
    assert not tests.waits
    assert not steps.begun


def test_another_request_takes_the_place_of_the_first(steps):
    tests = asked(SPEC)
    tests.advance()
    tests.ask("me", OTHER)
    eventually(lambda: tests._reader is None)
    finish(tests)
    assert steps.begun == [range_key(SPEC), range_key(OTHER)]
    assert steps.dropped == [range_key(SPEC)]
    assert tests.look("me", SPEC) is None
    assert tests.look("me", OTHER).status == "ended"


def test_what_another_still_waits_for_is_tested_to_the_end(steps):
    tests = asked(SPEC)
    tests.advance()
    tests.ask("you", SPEC)
    tests.ask("me", OTHER)
    eventually(lambda: tests._reader is None)
    finish(tests)
    assert steps.dropped == []
    assert tests.look("you", SPEC).status == tests.look("me", OTHER).status == "ended"


def test_the_oldest_are_forgotten(steps, monkeypatch):
    monkeypatch.setattr(RangeTests, "MOST_KNOWN", 2)
    monkeypatch.setattr(RangeTests, "MOST_WAITING", 2)
    tests = RangeTests(lambda: None, lambda key: None)
    for i in range(3):
        tests.ask(str(i), replace(SPEC, seed=i))
    eventually(lambda: tests._reader is None)
    finish(tests)
    assert [spec.seed for spec in steps.begun] == [1, 2]
    tests.look("", replace(SPEC, seed=1))  # used, so not the oldest
    tests.ask("a", replace(SPEC, seed=7))
    eventually(lambda: tests.waits)
    finish(tests)
    known = [tests.look("", replace(SPEC, seed=i)) for i in (1, 2, 7)]
    assert [one is not None for one in known] == [True, False, True]


@pytest.mark.parametrize(
    ("failing", "words"),
    [
        (UserError("It is too large."), "It is too large."),
        (RuntimeError("out of memory"), "The test broke off."),
    ],
)
def test_what_fails_is_told_and_tried_again_when_asked_for(steps, failing, words, caplog):
    steps.failing = failing
    tests = asked(SPEC)
    with caplog.at_level(logging.ERROR):
        finish(tests)
    assert tests.look("me", SPEC) == RangeTest(status="failed", trouble=words)
    assert ("out of memory" in caplog.text) == isinstance(failing, RuntimeError)
    steps.failing = None
    tests.ask("me", SPEC)
    eventually(lambda: tests.waits)
    finish(tests)
    assert tests.look("me", SPEC).status == "ended"


@pytest.mark.parametrize(
    ("error", "words"),
    [(DataError("It is missing."), "It is missing."), (OSError(), "Its images cannot be read.")],
)
def test_images_that_cannot_be_read_are_told(error, words):
    def read(key):
        raise error

    tests = RangeTests(lambda: None, read)
    tests.ask("me", SPEC)
    eventually(lambda: tests.look("me", SPEC).status == "failed")
    assert tests.look("me", SPEC).trouble == words
    assert not tests.waits


def test_only_a_large_test_makes_room_for_a_run(steps):
    wide = replace(SPEC, blocks=(BlockSpec(channels=512, pool="none"),), batch_size=200)
    for spec, dropped in ((SPEC, []), (wide, [range_key(wide)])):
        tests = asked(spec)
        tests.advance()
        tests.make_room()
        assert steps.dropped == dropped
        assert tests.waits
        finish(tests)  # the large one anew
        assert len(tests.look("me", spec).losses) == NUM_STEPS


@pytest.fixture
def small(make_digits, monkeypatch):
    """Small data for runs and tests."""
    digits = make_digits(200)
    info = replace(DATASETS["embedded"], train=200, validation=20, test=30)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    for place in (worker_module, module):
        monkeypatch.setattr(place, "load", lambda key: digits)
    monkeypatch.setattr("core.runs.training_thread.load", lambda key: digits)
    monkeypatch.setattr("core.training.trainer.REPORT_S", 0.0)
    return digits


def test_a_guest_changes_nothing_about_what_a_run_learns(small):
    spec = replace(SPEC, num_epochs=3, shift=2).with_value("blocks.0.dropout", 0.3)
    alone, visited = (
        Run(RunRecord(id=f"{i}-a", number=i, name="a name", spec=spec)) for i in (1, 2)
    )
    execute(alone)
    tests = asked(replace(spec, optimizer="sgd"), read=lambda key: small)
    execute(visited, Guests(tests))
    weights = visited.weights()
    assert all(torch.equal(value, weights[name]) for name, value in alone.weights().items())
    finish(tests)
    losses = tests.look("me", replace(spec, optimizer="sgd")).losses
    # And the run nothing about the test.
    assert list(losses) == list(range_test(replace(spec, optimizer="sgd"), small))


def test_the_training_thread_tests_where_nothing_runs_and_beside_a_run(small):
    made = Runs()
    try:
        made.range_test("me", SPEC)
        eventually(lambda: made.range_tested("me", SPEC).status == "ended")
        assert suggest(made.range_tested("me", SPEC).losses) is not None
        run = made.start(replace(SPEC, num_epochs=200))
        eventually(lambda: run.snapshot().step > 0)
        made.range_test("me", OTHER)
        eventually(lambda: made.range_tested("me", OTHER).status == "ended")
        assert run.status == "running"
        run.pause()
        eventually(lambda: run.status == "paused")
        third = replace(SPEC, seed=3)
        made.range_test("me", third)
        eventually(lambda: made.range_tested("me", third).status == "ended")
        made.range_test("me", replace(SPEC, seed=4))
        made.stop_range_test("me")
        assert made.range_tested("me", replace(SPEC, seed=4)) is None
        assert len(made.all()) == 1  # no run is made of a test
    finally:
        made.close()


def test_of_too_many_askers_from_one_address_the_oldest_go(steps):
    tests = RangeTests(lambda: None, lambda key: None, most_each=2)
    for cookie in range(4):
        tests.ask(f"cookie {cookie}", SPEC, "10.0.0.7")
    tests.ask("here", SPEC)
    seen = [tests.look(f"cookie {cookie}", SPEC) is not None for cookie in range(4)]
    assert seen == [False, False, True, True]
    assert tests.look("here", SPEC) is not None
