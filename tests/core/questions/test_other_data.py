"""A network on other people's images: the figures, and the guest that measures them."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from scipy.stats import binomtest

from core.data.catalogue import DATASETS, info_of
from core.data.loading import DataError, Split
from core.network.model import build
from core.questions import other_data as module
from core.questions.other_data import OnOtherData, OtherData, measure, others_of
from core.runs.manager import Runs
from core.spec import BlockSpec, RunSpec
from core.words.errors import UserError
from tests.app.script import eventually

SPEC = RunSpec(blocks=(BlockSpec(channels=4),), device="cpu")
DIGIT_SETS = ("mnist", "emnist_digits", "qmnist", "usps")


def split_of(count: int = 300) -> Split:
    images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
    return Split(images, torch.arange(count) % 10)


def weights_of(spec: RunSpec = SPEC) -> dict[str, torch.Tensor]:
    return build(spec).state_dict()


def finish(steps) -> OnOtherData:
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as done:
            assert shares == sorted(shares)
            assert shares[0] == 0
            assert shares[-1] < 1
            return done.value


@pytest.fixture
def here(monkeypatch):
    """Two of the other sets are on this computer."""
    monkeypatch.setattr(module, "is_available", lambda key: key in ("mnist", "usps"))


def test_only_data_of_the_same_classes_are_taken():
    assert others_of("embedded") == DIGIT_SETS
    assert others_of("usps") == ("embedded", "mnist", "emnist_digits", "qmnist")
    assert others_of("fashion") == others_of("emnist_letters") == ()


def test_the_figures_are_those_of_the_network_with_its_own_preparation():
    spec = replace(SPEC, data="emnist_digits")
    weights, split = weights_of(spec), split_of()
    found = finish(measure(spec, weights, split, "usps"))
    model = build(spec)
    model.load_state_dict(weights)
    info = info_of("emnist_digits")
    with torch.inference_mode():
        logits = model.eval()((split.images / 255 - info.mean) / info.std)
    right = int((logits.argmax(1) == split.labels).sum())
    assert found == OnOtherData(data="usps", correct=right, total=300)


def test_other_classes_are_refused():
    with pytest.raises(UserError, match=r"“Fashion-MNIST.*has other classes"):
        next(measure(SPEC, weights_of(), split_of(), "fashion"))


@pytest.mark.parametrize(("correct", "total"), [(0, 10), (10, 10), (7, 10), (9_812, 10_000)])
def test_the_interval_is_clopper_and_pearsons(correct, total):
    expected = binomtest(correct, total).proportion_ci(0.95, "exact")
    found = OnOtherData(data="usps", correct=correct, total=total).interval
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_all_that_is_here_is_measured_once_and_in_order(here):
    read: list[str] = []
    woken: list[int] = []
    tests = OtherData(lambda: woken.append(1), lambda key: (read.append(key), split_of())[1])
    assert tests.progress("run") is None
    tests.ask("run", SPEC, weights_of)
    tests.ask("run", SPEC, weights_of)
    eventually(lambda: len(woken) == 2)
    assert read == ["mnist", "usps"]
    shares = []
    while tests.waits:
        shares.append(tests.progress("run"))
        tests.advance()
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert tests.progress("run") is None
    assert [one.data for one in tests.results("run")] == ["mnist", "usps"]
    assert all(one.total == 300 for one in tests.results("run"))
    assert tests.results("other") == ()
    tests.ask("run", SPEC, weights_of)
    assert not tests.waits
    assert tests.progress("run") is None


def test_what_cannot_be_read_or_measured_is_told_and_tried_again(here):
    moods = {"mnist": "missing", "usps": "broken"}

    def read(key: str) -> Split:
        if moods[key] == "missing":
            raise DataError("It is missing.")
        if moods[key] == "broken":
            return Split(torch.zeros(3, 1, 5, 5, dtype=torch.uint8), torch.zeros(3).long())
        return split_of()

    tests = OtherData(lambda: None, read)

    def measure() -> dict[str, str]:
        tests.ask("run", SPEC, weights_of)

        def done() -> bool:
            tests.advance()
            return tests.progress("run") is None

        eventually(done)
        return {one.data: one.trouble for one in tests.results("run")}

    assert measure() == {"mnist": "It is missing.", "usps": "It could not be measured."}
    moods.update(mnist="well", usps="well")
    assert measure() == {"mnist": "", "usps": ""}


def test_a_guest_changes_no_randomness(here):
    tests = OtherData(lambda: None, lambda key: split_of())
    weights = weights_of()
    tests.ask("run", SPEC, lambda: weights)
    eventually(lambda: len(tests._ready) == 2)  # a thread of its own makes these images at random
    before = torch.get_rng_state()
    while tests.progress("run") is not None:
        tests.advance()
    assert torch.equal(torch.get_rng_state(), before)


def test_people_are_measured_for_in_turn(here):
    tests = OtherData(lambda: None, lambda key: split_of())
    for run in ("anns 1", "anns 2", "anns 3"):
        tests.ask(run, SPEC, weights_of, "ann")
    tests.ask("bens", SPEC, weights_of, "ben")
    eventually(lambda: len(tests._ready) == 8)
    while tests.progress("bens") is not None:
        tests.advance()
    # Of Ann's six no more are done than it takes to take turns.
    assert 1 <= sum(len(tests.results(f"anns {i}")) for i in (1, 2, 3)) <= 4
    while tests.waits:
        tests.advance()
    assert all(len(tests.results(f"anns {i}")) == 2 for i in (1, 2, 3))


def test_of_too_many_from_one_address_the_oldest_go(here):
    tests = OtherData(lambda: None, lambda key: split_of(), most_each=4)
    for i in range(4):
        tests.ask(f"run {i}", SPEC, weights_of, f"cookie {i}", "10.0.0.7")
        eventually(lambda count=2 * i + 2: len(tests._ready) == min(4, count))
    tests.ask("elsewhere", SPEC, weights_of, "ben", "10.0.0.8")
    eventually(lambda: len(tests._ready) == 6)
    waits = [tests.progress(run) is not None for run in ("run 0", "run 1", "run 2", "run 3")]
    assert waits == [False, False, True, True]
    assert tests.progress("elsewhere") is not None


def test_the_training_thread_measures_a_run_that_has_ended(here, make_digits, monkeypatch):
    from core.runs import training_thread as thread_module
    from core.runs import worker as worker_module

    digits = make_digits(100)
    info = replace(DATASETS["embedded"], train=100, validation=20, test=30)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    for part in (worker_module, thread_module):
        monkeypatch.setattr(part, "load", lambda key: digits)
    monkeypatch.setattr(module, "load", lambda key: digits)
    made = Runs()
    try:
        with pytest.raises(UserError, match="no such run"):
            made.measure_on_other_data("nobody")
        run = made.start(replace(SPEC, batch_size=10, num_epochs=3))
        assert run.wait(60)
        assert made.on_other_data(run.id) == ()
        made.measure_on_other_data(run.id)
        eventually(lambda: made.other_data_progress(run.id) is None)
        test = run.snapshot().test
        assert [(one.correct, one.total) for one in made.on_other_data(run.id)] == [
            (test.correct, 30)
        ] * 2
    finally:
        made.close()


def test_weights_are_read_as_their_turn_comes_and_held_for_no_question_that_waits(here):
    woken: list[int] = []
    read: list[str] = []
    tests = OtherData(lambda: woken.append(1), lambda key: split_of())

    def weights_of_run(run_id: str) -> dict[str, torch.Tensor]:
        read.append(run_id)
        if run_id == "gone":
            raise UserError("There is no such run any more.")
        return weights_of()

    for run_id in ("one", "gone"):
        tests.ask(run_id, SPEC, partial(weights_of_run, run_id))
    eventually(lambda: len(woken) == 4)
    assert read == []
    tests.advance()
    assert read == ["one"]
    while tests.waits:
        tests.advance()
    assert [one.trouble for one in tests.results("one")] == ["", ""]
    assert {one.trouble for one in tests.results("gone")} == {"There is no such run any more."}
