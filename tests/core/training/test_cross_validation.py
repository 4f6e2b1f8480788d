"""A cross-validation is a training for each fold, and goes on where it was broken off."""

import json
from dataclasses import replace

import pytest
import torch

from core.spec import BlockSpec, RunSpec
from core.training.cross_validation import CrossValidation, spec_of_fold
from core.training.events import Diverged, Epoch, Steps, Tested
from core.training.folds import fold_data, fold_rows
from core.training.length import length_over
from core.training.state import State
from core.training.trainer import Trainer

SPEC = RunSpec(
    blocks=(BlockSpec(channels=4, kernel_size=5, norm="batch", dropout=0.1),),
    lr=0.01,
    schedule="one_cycle",
    batch_size=16,
    num_epochs=2,
    folds=3,
    shift=1,
    device="cpu",
)


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr("core.training.trainer.REPORT_S", 0.0)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_each_fold_is_trained_as_a_run_of_its_own_would_be(make_digits):
    digits = make_digits(100)
    found = CrossValidation(SPEC, digits)
    events = list(found.fit())
    labels = torch.cat([digits.train.labels, digits.validation.labels])
    rows = fold_rows(labels, 3, SPEC.seed)
    losses, accuracies = [], []
    for fold in range(3):
        alone = Trainer(spec_of_fold(SPEC), fold_data(digits, SPEC, rows, fold))
        told = list(alone.fit())
        losses += [loss for event in of_kind(told, Steps) for loss in event.losses]
        accuracies += [event.val_accuracy for event in of_kind(told, Epoch)]
    assert [loss for event in of_kind(events, Steps) for loss in event.losses] == losses
    assert [event.val_accuracy for event in of_kind(events, Epoch)] == accuracies
    for name, value in alone.weights().items():
        assert torch.equal(found.weights()[name], value), name
    (tested,) = of_kind(events, Tested)
    assert tested == of_kind(told, Tested)[0]


def test_steps_epochs_images_and_time_count_on_over_the_folds(make_digits):
    digits = make_digits(100)
    events = list(CrossValidation(SPEC, digits).fit())
    course = length_over(SPEC, 100, 20)
    steps = of_kind(events, Steps)
    assert [event.step for event in steps] == list(range(1, course.num_steps + 1))
    assert [event.epoch for event in of_kind(events, Epoch)] == [1, 2, 3, 4, 5, 6]
    assert steps[-1].images == course.num_epochs * course.train
    times = [event.train_s for event in steps]
    assert times == sorted(times)


@pytest.mark.parametrize("at", [1, 3, 8, 14, 15, 16, 20, 29, 40, 41, 44])
def test_wherever_it_is_broken_off_the_end_is_the_same(make_digits, at):
    digits = make_digits(100)
    whole = CrossValidation(SPEC, digits)
    expected = list(whole.fit())
    first = CrossValidation(SPEC, digits)
    events = []
    for event in first.fit():
        events.append(event)
        if len(events) == at:
            break
    state = first.state()
    kept = State(
        step=state.step,
        epoch=state.epoch,
        tensors=state.tensors,
        numbers=json.loads(json.dumps(dict(state.numbers))),
    )
    second = CrossValidation(SPEC, digits)
    second.restore(kept)
    events += list(second.fit())
    assert of_kind(events, Epoch) == of_kind(expected, Epoch)
    assert of_kind(events, Tested)[-1] == of_kind(expected, Tested)[-1]
    assert [e.losses for e in of_kind(events, Steps)] == [
        e.losses for e in of_kind(expected, Steps)
    ]
    for name, value in whole.weights().items():
        assert torch.equal(second.weights()[name], value), name


def test_no_fold_stops_early_or_chooses_by_the_images_that_judge_it(make_digits):
    eager = replace(SPEC, target_accuracy=0.05, patience=1, keep_best=True)
    events = list(CrossValidation(eager, make_digits(100)).fit())
    assert len(of_kind(events, Epoch)) == 6


def test_a_fold_that_diverges_says_at_which_step_of_all(make_digits):
    digits = make_digits(100)
    found = CrossValidation(SPEC, digits)
    spoilt_at = length_over(SPEC, 100, 20).steps_per_fold + 3

    def spoilt():
        for event in found.fit():
            if isinstance(event, Steps) and event.step == spoilt_at:
                with torch.no_grad():
                    next(found.model.parameters()).fill_(float("nan"))

    with pytest.raises(Diverged) as raised:
        spoilt()
    assert raised.value.step == spoilt_at + 1


def test_a_state_of_a_fold_that_there_is_not_is_refused(make_digits):
    found = CrossValidation(SPEC, make_digits(100))
    state = found.state()
    wrong = replace(state, numbers={**state.numbers, "fold": 3})
    with pytest.raises(ValueError, match="fold 3"):
        found.restore(wrong)
