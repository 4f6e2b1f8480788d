"""A training that is broken off and goes on elsewhere ends with the very same bits."""

import json
from dataclasses import replace

import pytest
import torch

from core.spec import BlockSpec, DenseSpec, RunSpec, settings
from core.spec.presets import PRESETS
from core.training import trainer as trainer_module
from core.training.events import Epoch, Steps
from core.training.state import State
from core.training.trainer import Trainer
from core.words.errors import UserError

SPEC = RunSpec(
    blocks=(BlockSpec(channels=4, kernel_size=5, norm="batch", dropout=0.1),),
    dense=(DenseSpec(units=16, dropout=0.2),),
    lr=0.01,
    weight_decay=0.001,
    batch_size=16,
    num_epochs=3,
    device="cpu",
)
AUGMENTED = {"shift": 2, "rotation": 10, "scale": 0.1, "elastic": 1.0}


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(trainer_module, "REPORT_S", 0.0)


def through_a_file(state: State) -> State:
    """What is left of a state when it has been written as plain tensors and JSON."""
    return State(
        step=state.step,
        epoch=state.epoch,
        tensors={name: value.clone().contiguous() for name, value in state.tensors.items()},
        numbers=json.loads(json.dumps(dict(state.numbers))),
    )


def broken_off(spec, digits, at):
    """Train in two parts, the second by a new trainer that starts at event `at`."""
    first = Trainer(spec, digits)
    events = []
    for event in first.fit():
        events.append(event)
        if len(events) == at:
            break
    kept = through_a_file(first.state())
    torch.manual_seed(1234)  # whatever else happened in between
    second = Trainer(spec, digits)
    second.restore(kept)
    return second, [*events, *second.fit()]


def assert_alike(spec, digits, at):
    whole = Trainer(spec, digits)
    expected = list(whole.fit())
    resumed, events = broken_off(spec, digits, at)
    wanted = whole.state()
    found = resumed.state()
    assert wanted.tensors.keys() == found.tensors.keys()
    for name, value in wanted.tensors.items():
        assert torch.equal(value, found.tensors[name]), name
    assert [e.losses for e in expected if isinstance(e, Steps)] == [
        e.losses for e in events if isinstance(e, Steps)
    ]
    assert [e for e in expected if isinstance(e, Epoch)] == [
        e for e in events if isinstance(e, Epoch)
    ]
    assert found.numbers["optimizer"] == wanted.numbers["optimizer"]


@pytest.mark.parametrize("at", [1, 5, 7, 8, 9, 10, 12, 20])
def test_wherever_it_is_broken_off_the_end_is_the_same(make_digits, at):
    assert_alike(replace(SPEC, schedule="one_cycle"), make_digits(100), at)


@pytest.mark.parametrize("augment", [{}, AUGMENTED], ids=["plain", "augmented"])
@pytest.mark.parametrize("schedule", settings(RunSpec)["schedule"].options)
@pytest.mark.parametrize("optimizer", settings(RunSpec)["optimizer"].options)
def test_every_optimiser_schedule_and_augmentation_goes_on(
    make_digits, optimizer, schedule, augment
):
    spec = replace(SPEC, optimizer=optimizer, schedule=schedule, **augment)
    assert_alike(spec, make_digits(100), 11)


@pytest.mark.parametrize("augment", [{}, AUGMENTED], ids=["plain", "augmented"])
@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_goes_on(make_digits, key, augment):
    spec = replace(PRESETS[key].spec, batch_size=16, num_epochs=2, device="cpu", **augment)
    assert_alike(spec, make_digits(48), 5)


def test_residual_blocks_and_other_first_weights_go_on(make_digits):
    around = BlockSpec(channels=4, pool="none", residual=True, activation="silu", dropout=0.1)
    spec = replace(SPEC, blocks=(*SPEC.blocks, around), head="global_average", init="kaiming")
    assert_alike(spec, make_digits(100), 11)


@pytest.mark.parametrize("loss", settings(RunSpec)["loss"].options)
def test_every_loss_goes_on(make_digits, loss):
    spec = replace(SPEC, loss=loss, optimizer="sgd", nesterov=True, clip_norm=0.5)
    assert_alike(spec, make_digits(100), 11)


# It learns the bars at once and then, its steps too long, loses some of them again.
FICKLE = replace(SPEC, lr=0.1, num_epochs=6, keep_best=True, patience=2)


@pytest.mark.parametrize("at", [8, 9, 10, 17, 18, 20, 26, 27, 28])
def test_the_best_epoch_s_weights_go_on_too(make_digits, at):
    assert_alike(FICKLE, make_digits(100), at)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_recurrent_networks_go_on(make_digits, cell):
    spec = replace(
        SPEC, family="recurrent", cell=cell, rnn_units=8, rnn_layers=2, rnn_dropout=0.2,
        bidirectional=True,
    )  # fmt: skip
    assert_alike(spec, make_digits(100), 11)


def test_dense_networks_go_on(make_digits):
    assert_alike(replace(SPEC, family="dense"), make_digits(100), 11)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_separable_blocks_of_another_order_go_on(make_digits, norm, precision):
    block = BlockSpec(
        channels=8,
        norm=norm,
        convolution="depthwise_separable",
        dropout=0.1,
        order="pool-act-drop-norm",
    )
    assert_alike(replace(SPEC, blocks=(block, block), precision=precision), make_digits(100), 9)


def test_sgd_without_momentum_goes_on(make_digits):
    assert_alike(replace(SPEC, optimizer="sgd", momentum=0.0), make_digits(100), 11)


def test_two_trainings_in_turns_end_as_each_would_alone(make_digits):
    digits = make_digits(100)
    other = replace(SPEC, optimizer="sgd", seed=4)
    alone = []
    for spec in (SPEC, other):
        trainer = Trainer(spec, digits)
        list(trainer.fit())
        alone.append(trainer.weights())
    pair = [Trainer(SPEC, digits), Trainer(other, digits)]
    for _ in zip(*(trainer.fit() for trainer in pair), strict=True):
        torch.rand(3)  # somebody draws in between
    for weights, trainer in zip(alone, pair, strict=True):
        assert all(torch.equal(weights[name], value) for name, value in trainer.weights().items())


def test_a_trainer_leaves_the_global_generator_to_others(make_digits):
    torch.manual_seed(9)
    expected = torch.rand(2)
    torch.manual_seed(9)
    for _ in Trainer(SPEC, make_digits(40)).fit():
        pass
    assert torch.equal(torch.rand(2), expected)


def test_a_state_of_another_network_is_refused(make_digits):
    digits = make_digits(40)
    state = Trainer(replace(SPEC, blocks=(BlockSpec(channels=5),)), digits).state()
    with pytest.raises(RuntimeError):
        Trainer(SPEC, digits).restore(state)


def changed_on_the_way(spec, digits, changes, at=None):
    """Train, changing the rate after some events; from event `at` on by a new trainer."""
    trainer = Trainer(spec, digits)
    events = []
    running = trainer.fit()
    while (event := next(running, None)) is not None:
        events.append(event)
        if len(events) in changes:
            trainer.set_lr(changes[len(events)])
        if len(events) == at:
            kept = through_a_file(trainer.state())
            trainer = Trainer(spec, digits)
            trainer.restore(kept)
            running = trainer.fit()
    return trainer, events


@pytest.mark.parametrize("at", [2, 6, 7, 9, 14, 20])
@pytest.mark.parametrize("schedule", settings(RunSpec)["schedule"].options)
def test_a_training_whose_rate_was_changed_goes_on(make_digits, schedule, at):
    spec = replace(SPEC, schedule=schedule, optimizer="sgd")
    changes = {6: 0.002, 14: 0.03, 17: 0.001}
    whole, expected = changed_on_the_way(spec, make_digits(100), changes)
    resumed, events = changed_on_the_way(spec, make_digits(100), changes, at)
    wanted, found = whole.state(), resumed.state()
    for name, value in wanted.tensors.items():
        assert torch.equal(value, found.tensors[name]), name
    assert [e.losses for e in events if isinstance(e, Steps)] == [
        e.losses for e in expected if isinstance(e, Steps)
    ]
    assert resumed.lr_changes == whole.lr_changes
    assert [lr for _, lr in whole.lr_changes] == [0.002, 0.03, 0.001]


def test_a_changed_rate_changes_what_is_learned_from_the_next_step_on(make_digits):
    digits = make_digits(100)
    _, plain = changed_on_the_way(SPEC, digits, {})
    _, changed = changed_on_the_way(SPEC, digits, {3: 0.001})
    told = [(e.step, e.lr, e.losses) for e in plain if isinstance(e, Steps)]
    other = [(e.step, e.lr, e.losses) for e in changed if isinstance(e, Steps)]
    # The loss of the fourth step is still that of the weights before it.
    assert [loss for _, _, loss in told[:4]] == [loss for _, _, loss in other[:4]]
    assert told[4][2] != other[4][2]
    assert [lr for _, lr, _ in other] == [0.01] * 3 + [0.001] * (len(other) - 3)


def test_a_rate_out_of_range_changes_nothing(make_digits):
    trainer = Trainer(SPEC, make_digits(100))
    with pytest.raises(UserError):
        trainer.set_lr(0.0)
    assert trainer.lr_changes == ()
