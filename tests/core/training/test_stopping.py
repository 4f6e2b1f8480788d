"""Trainings that end before their last epoch, and the weights that they end with."""

from dataclasses import replace

import pytest
import torch

from core.spec import BlockSpec, RunSpec
from core.training.events import Epoch
from core.training.events import Tested as Figures  # pytest would take it for a test class
from core.training.stopping import Best
from core.training.trainer import Trainer

# It learns the bars within a few epochs.
SPEC = RunSpec(
    blocks=(BlockSpec(channels=4, kernel_size=5, norm="batch"),),
    lr=0.01,
    batch_size=16,
    num_epochs=12,
    device="cpu",
)


def trained(spec, digits):
    """The trainer, its epochs and the state dict after each."""
    trainer = Trainer(spec, digits)
    epochs, weights, test = [], [], None
    for event in trainer.fit():
        if isinstance(event, Epoch):
            epochs.append(event)
            weights.append(trainer.weights())
        elif isinstance(event, Figures):
            test = event
    return trainer, epochs, weights, test


def test_without_a_wish_all_epochs_are_trained(make_digits):
    trainer, epochs, weights, _ = trained(replace(SPEC, num_epochs=3), make_digits(60))
    assert len(epochs) == 3
    assert trainer.ended_early == ""
    assert all(torch.equal(weights[-1][k], v) for k, v in trainer.weights().items())


def test_a_run_ends_after_the_first_epoch_that_reaches_the_goal(make_digits):
    spec = replace(SPEC, target_accuracy=0.9)
    trainer, epochs, _, test = trained(spec, make_digits(60))
    assert 1 <= len(epochs) < 12
    assert epochs[-1].val_accuracy >= 0.9
    assert all(epoch.val_accuracy < 0.9 for epoch in epochs[:-1])
    assert test is not None
    assert trainer.ended_early == (
        f"Ended after epoch {len(epochs)}, as {100 * epochs[-1].val_accuracy:.4g} % of the "
        "validation images were right; the goal was 90 %."
    )


def test_a_goal_reached_in_the_last_epoch_ends_nothing_early(make_digits):
    _, epochs, _, _ = trained(replace(SPEC, target_accuracy=0.9), make_digits(60))
    spec = replace(SPEC, target_accuracy=0.9, num_epochs=len(epochs))
    assert trained(spec, make_digits(60))[0].ended_early == ""


def test_a_run_ends_when_nothing_gets_better(make_digits):
    # Steps so small that nothing is learned at all.
    spec = replace(SPEC, lr=1e-6, patience=3)
    spec = replace(spec, blocks=(BlockSpec(channels=4),))
    trainer, epochs, _, test = trained(spec, make_digits(60))
    assert len(epochs) == 4
    assert len({epoch.val_accuracy for epoch in epochs}) == 1
    assert test is not None
    right = f"{100 * epochs[0].val_accuracy:.4g} %"
    assert trainer.ended_early == (
        "Ended after epoch 4, as in 3 epochs no more validation images were right than the "
        f"{right} after epoch 1."
    )


def test_the_best_epoch_s_weights_are_the_ones_tested(make_digits):
    # Steps too long to stay where they were good.
    digits = make_digits(60)
    spec = replace(SPEC, lr=0.3, num_epochs=8, keep_best=True)
    trainer, epochs, weights, test = trained(spec, digits)
    best = max(range(8), key=lambda i: (epochs[i].val_accuracy, -i))
    assert best < 7, "the last epoch is the best one here: the test shows nothing"
    kept = trainer.weights()
    assert all(torch.equal(kept[k], v) for k, v in weights[best].items())
    assert not all(torch.equal(kept[k], v) for k, v in weights[-1].items())
    alone = Trainer(spec, digits)
    alone.model.load_state_dict(weights[best])
    (again,) = [event for event in alone.test() if isinstance(event, Figures)]
    assert (again.correct, again.loss) == (test.correct, test.loss)


def test_a_training_that_ended_early_trains_no_more_when_it_goes_on(make_digits):
    digits = make_digits(60)
    spec = replace(SPEC, target_accuracy=0.9, keep_best=True)
    first, epochs, _, test = trained(spec, digits)
    later = Trainer(spec, digits)
    later.restore(first.state())
    events = list(later.fit())
    assert not [event for event in events if isinstance(event, Epoch)]
    assert events[-1].correct == test.correct
    assert later.ended_early == first.ended_early
    assert len(epochs) < spec.num_epochs


@pytest.mark.parametrize("accuracies", [[0.5, 0.7, 0.7, 0.6], [0.9, 0.1], [0.0, 0.0]])
def test_the_first_of_several_best_epochs_is_kept(accuracies):
    best, model = Best(), torch.nn.Linear(1, 1)
    for epoch, accuracy in enumerate(accuracies, start=1):
        best = best.after(RunSpec(), epoch, accuracy, model)
    assert best.epoch == accuracies.index(max(accuracies)) + 1
    assert best.accuracy == max(accuracies)
    assert not best.weights
