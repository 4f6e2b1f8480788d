import itertools
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.data.loading import Split, load
from core.machine.device import cores, resolve, take_all_cores, take_one_core
from core.network.model import build, initialise
from core.runs.how_it_runs import how_it_runs
from core.spec import BlockSpec, DenseSpec, RunSpec, settings
from core.spec.presets import PRESETS
from core.training import trainer as trainer_module
from core.training.batches import normalise, steps_per_epoch
from core.training.check import require_runnable
from core.training.events import Diverged, Epoch, Pulse, Steps
from core.training.events import Tested as Figures  # pytest would take it for a test class
from core.training.trainer import Trainer
from core.words.errors import UserError

TINY = RunSpec(
    blocks=(BlockSpec(channels=4, kernel_size=5, norm="batch", dropout=0.1),),
    dense=(DenseSpec(units=16, dropout=0.2),),
    lr=0.01,
    batch_size=16,
    num_epochs=2,
    device="cpu",
)
PLAIN = replace(
    TINY, blocks=(BlockSpec(channels=4),), dense=(), schedule="constant", optimizer="sgd"
)


def trained(spec, digits):
    trainer = Trainer(spec, digits)
    return trainer, list(trainer.fit())


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.mark.parametrize("loss", settings(RunSpec)["loss"].options)
@pytest.mark.parametrize("optimizer", settings(RunSpec)["optimizer"].options)
def test_a_step_is_what_plain_pytorch_does(make_digits, loss, optimizer):
    spec = replace(
        TINY, blocks=(BlockSpec(channels=4, kernel_size=5),), dense=(), loss=loss,
        optimizer=optimizer, momentum=0.8, nesterov=True, weight_decay=0.01, clip_norm=0.05,
        lr=0.02, batch_size=43, num_epochs=1,
    )  # fmt: skip
    digits = make_digits(43)  # not as many of each: their gradients would cancel out
    net = nn.Sequential(
        nn.Conv2d(1, 4, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)
    )
    trainer = Trainer(spec, digits)
    before = dict(zip(net.state_dict(), trainer.weights().values(), strict=True))
    net.load_state_dict(before)
    learner = {
        "sgd": torch.optim.SGD(
            net.parameters(), lr=0.02, momentum=0.8, nesterov=True, weight_decay=0.01
        ),
        "adam": torch.optim.Adam(net.parameters(), lr=0.02, weight_decay=0.01),
        "adamw": torch.optim.AdamW(net.parameters(), lr=0.02, weight_decay=0.01),
        "rmsprop": torch.optim.RMSprop(net.parameters(), lr=0.02, momentum=0.8, weight_decay=0.01),
        "adagrad": torch.optim.Adagrad(net.parameters(), lr=0.02, weight_decay=0.01),
    }[optimizer]
    labels = digits.train.labels
    x = net((digits.train.images / 255 - digits.mean) / digits.std)
    wanted = F.one_hot(labels, 10).float()
    value = {
        "cross_entropy": lambda: F.cross_entropy(x, labels),
        "nll": lambda: -F.log_softmax(x, 1)[torch.arange(43), labels].mean(),
        "bce": lambda: F.binary_cross_entropy(x.sigmoid(), wanted),
        "multi_margin": lambda: nn.MultiMarginLoss()(x, labels),
        "mse": lambda: (x.softmax(1) - wanted).square().mean(),
    }[loss]()
    value.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.05)
    learner.step()
    (step,) = of_kind(trainer.fit(), Steps)
    assert step.losses[0] == pytest.approx(value.item(), rel=1e-4)
    for name, expected in net.state_dict().items():
        found = dict(zip(before, trainer.weights().values(), strict=True))[name]
        # Where a gradient is hardly anything, Adam's first step goes by the sign of what rounding
        # left of it, so that not every number can be asked for.
        assert (found - expected).norm() < 0.05 * (expected - before[name]).norm(), name


def all_losses(events):
    return [loss for event in of_kind(events, Steps) for loss in event.losses]


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_the_same_seed_gives_the_same_weights_to_the_last_bit(make_digits):
    digits = make_digits(100)
    (one, first), (two, second) = trained(TINY, digits), trained(TINY, digits)
    other, _ = trained(replace(TINY, seed=1), digits)
    assert same(one.weights(), two.weights())
    assert all_losses(first) == all_losses(second)
    assert not torch.equal(one.weights()["conv1.weight"], other.weights()["conv1.weight"])


def test_drawing_from_the_networks_meanwhile_changes_nothing(make_digits):
    """A page that builds a network while another trains must not touch its randomness."""
    digits = make_digits(100)
    alone, _ = trained(TINY, digits)
    watched = Trainer(TINY, digits)
    for _ in watched.fit():
        with torch.device("meta"):
            build(PRESETS["article"].spec)
    assert same(alone.weights(), watched.weights())


def test_events_come_in_order_and_count_what_was_done(make_digits):
    _, events = trained(TINY, make_digits(100))
    kinds = [kind for kind, _ in itertools.groupby(events, type)]
    assert kinds == [Steps, Pulse, Epoch] * 2 + [Pulse, Figures]
    assert [event.epoch for event in of_kind(events, Epoch)] == [1, 2]
    assert [event.step for event in of_kind(events, Epoch)] == [7, 14]
    last = of_kind(events, Steps)[-1]
    assert (last.step, last.images) == (14, 200)
    assert len(all_losses(events)) == 14
    assert last.train_s > 0


def test_figures_come_often_enough_to_watch(make_digits, monkeypatch):
    monkeypatch.setattr(trainer_module, "REPORT_S", 0.0)
    _, events = trained(TINY, make_digits(100))
    assert [event.step for event in of_kind(events, Steps)] == list(range(1, 15))
    assert [event.images for event in of_kind(events, Steps)][:7] == [16, 32, 48, 64, 80, 96, 100]


def independently(spec, weights, digits, split: Split):
    """Loss and share right of some weights, without the trainer's own code."""
    model = build(spec)
    model.load_state_dict(weights)
    model.eval()
    x = (split.images.double() / 255 - digits.mean) / digits.std
    with torch.no_grad():
        logits = model.double()(x)
    if spec.loss == "mse":
        loss = ((logits.softmax(1) - F.one_hot(split.labels, 10)) ** 2).mean()
    else:
        loss = F.nll_loss(logits.log_softmax(1), split.labels)
    return float(loss), int((logits.argmax(1) == split.labels).sum())


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("batch_size", [1, 64])
def test_figures_equal_an_evaluation_by_other_means(make_digits, loss, batch_size):
    spec = replace(TINY, loss=loss, batch_size=batch_size, num_epochs=1)
    digits = make_digits(70, validation=37, test=53)
    trainer, events = trained(spec, digits)
    (epoch,), (tested,) = of_kind(events, Epoch), of_kind(events, Figures)
    val_loss, val_correct = independently(spec, trainer.weights(), digits, digits.validation)
    assert epoch.val_loss == pytest.approx(val_loss, rel=1e-4, abs=1e-7)
    assert epoch.val_accuracy == val_correct / 37
    test_loss, test_correct = independently(spec, trainer.weights(), digits, digits.test)
    assert tested.loss == pytest.approx(test_loss, rel=1e-4, abs=1e-7)
    assert (tested.correct, tested.total) == (test_correct, 53)


@pytest.mark.parametrize("size", [70, 64, 3])
def test_the_epochs_training_figures_are_means_over_images(make_digits, size):
    # With a rate of almost nothing the weights stay, so that all images meet the same network.
    spec = replace(PLAIN, lr=1e-6, momentum=0.0, batch_size=min(16, size), num_epochs=1)
    digits = make_digits(size)
    trainer, events = trained(spec, digits)
    loss, correct = independently(spec, trainer.weights(), digits, digits.train)
    (epoch,) = of_kind(events, Epoch)
    assert epoch.train_loss == pytest.approx(loss, rel=1e-3)
    assert epoch.train_accuracy == pytest.approx(correct / size, abs=1e-5)


OPTIMIZERS = {
    "sgd": lambda p, s: torch.optim.SGD(
        p, s.lr, momentum=s.momentum, weight_decay=s.weight_decay, fused=False, foreach=False
    ),
    "adam": lambda p, s: torch.optim.Adam(p, s.lr, weight_decay=s.weight_decay, foreach=False),
    "adamw": lambda p, s: torch.optim.AdamW(p, s.lr, weight_decay=s.weight_decay, foreach=False),
    "rmsprop": lambda p, s: torch.optim.RMSprop(
        p, s.lr, momentum=s.momentum, weight_decay=s.weight_decay, foreach=False
    ),
}


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_epoch_is_what_a_tutorial_would_write(make_digits, loss, optimizer):
    spec = replace(PLAIN, loss=loss, optimizer=optimizer, weight_decay=0.01, lr=0.003)
    spec = replace(spec, num_epochs=1, seed=5, label_smoothing=0.1)
    digits = make_digits(40)
    trainer, events = trained(spec, digits)

    model = build(spec)
    initialise(model, 5)
    chosen = OPTIMIZERS[optimizer](model.parameters(), spec)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(5))
    losses = []
    for index in order.split(16):
        x = (digits.train.images[index].float() / 255 - digits.mean) / digits.std
        y = digits.train.labels[index]
        logits = model(x)
        if loss == "mse":
            value = ((logits.softmax(1) - F.one_hot(y, 10)) ** 2).mean()
        else:
            value = F.cross_entropy(logits, y, label_smoothing=0.1)
        chosen.zero_grad()
        value.backward()
        chosen.step()
        losses.append(value.item())
    assert all_losses(events) == pytest.approx(losses, rel=1e-4)
    for name, expected in model.state_dict().items():
        near = torch.isclose(trainer.weights()[name], expected, rtol=1e-3, atol=1e-5)
        # RMSprop divides by a gradient's size: where that is almost 0, rounding decides.
        assert near.float().mean() > 0.999, name


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_loss_and_optimiser_learns(make_digits, loss, optimizer):
    spec = replace(PLAIN, loss=loss, optimizer=optimizer, num_epochs=15)
    spec = replace(spec, lr={"sgd": 0.1, "rmsprop": 0.0005}.get(optimizer, 0.003))
    _, events = trained(spec, make_digits(100))
    assert of_kind(events, Figures)[0].correct == 30


def test_the_built_in_digits_are_learned_in_seconds():
    spec = replace(PRESETS["small"].spec, num_epochs=1, device="cpu")
    take_all_cores()
    try:
        _, events = trained(spec, load("embedded"))
    finally:
        take_one_core()
    assert of_kind(events, Epoch)[0].val_accuracy > 0.93
    assert of_kind(events, Figures)[0].correct > 0.93 * 500


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_the_rate_reported_is_that_of_the_schedule(make_digits, monkeypatch, schedule):
    monkeypatch.setattr(trainer_module, "REPORT_S", 0.0)
    spec = replace(PLAIN, schedule=schedule, lr=0.01, batch_size=5, num_epochs=4)
    _, events = trained(spec, make_digits(50))
    lrs = [event.lr for event in of_kind(events, Steps)]
    assert len(lrs) == 40
    starts = {"constant": 0.01, "cosine": 0.01, "one_cycle": 0.01 / 25}
    assert lrs[0] == pytest.approx(starts[schedule])
    assert max(lrs) == pytest.approx(0.01, rel=0.02)
    assert lrs[-1] == 0.01 if schedule == "constant" else lrs[-1] < 0.0003


# Leaky, because a network of ReLUs dies of such a rate: all is 0, and that is a number.
LEAKY = BlockSpec(channels=4, activation="leaky_relu", pool="none")
WILD = replace(PLAIN, lr=100.0, blocks=(LEAKY,) * 3)


def consume(events, seen, after_each=lambda event: None):
    for event in events:
        seen.append(event)
        after_each(event)


@pytest.mark.parametrize("report_s", [0.0, 1000.0])
def test_a_loss_that_is_no_number_ends_the_run_at_the_right_step(
    make_digits, monkeypatch, report_s
):
    monkeypatch.setattr(trainer_module, "REPORT_S", report_s)
    trainer, seen = Trainer(WILD, make_digits(320)), []
    with pytest.raises(Diverged) as caught:
        consume(trainer.fit(), seen)
    finite = all_losses(seen)
    # Every step before it has been reported, and was a number.
    assert caught.value.step == len(finite) + 1
    assert 1 < caught.value.step < 20
    assert all(math.isfinite(loss) for loss in finite)
    assert isinstance(caught.value, UserError)
    assert str(caught.value).startswith(
        f"The loss became infinite or not a number at step {caught.value.step}. Lower the learning "
        "rate (it was 100 there;"
    )


def test_the_rate_told_is_that_of_the_step_that_broke(make_digits, monkeypatch):
    monkeypatch.setattr(trainer_module, "REPORT_S", 1000.0)
    spec = replace(WILD, schedule="cosine", num_epochs=1)
    trainer = Trainer(spec, make_digits(320))
    with pytest.raises(Diverged) as caught:
        list(trainer.fit())
    lr = 50 * (1 + math.cos(math.pi * (caught.value.step - 1) / 20))
    assert f"it was {lr:.3g} there" in str(caught.value)


def test_weights_spoilt_by_the_very_last_step_are_noticed(make_digits):
    trainer = Trainer(replace(WILD, num_epochs=1, batch_size=16), make_digits(16))
    events = []

    def spoil(event):
        if isinstance(event, Steps):
            trainer.model.get_parameter("out.bias").data.fill_(math.nan)

    with pytest.raises(Diverged) as caught:
        consume(trainer.fit(), events, spoil)
    assert caught.value.step == 1
    assert of_kind(events, Epoch) == []


def test_a_single_image_left_over_is_left_out(make_digits):
    pixel = BlockSpec(channels=2, norm="batch")
    spec = replace(PLAIN, blocks=(BlockSpec(channels=2),) * 4, batch_size=4, num_epochs=1)
    spec = replace(spec, blocks=(*spec.blocks, replace(pixel, pool="none")))
    _, events = trained(spec, make_digits(9))
    assert len(all_losses(events)) == 2
    assert of_kind(events, Steps)[-1].images == 8
    assert all(math.isfinite(loss) for loss in all_losses(events))


@pytest.mark.parametrize(
    ("batch_size", "size", "steps"),
    [(4, 8, 2), (4, 9, 2), (4, 10, 3), (1, 5, 5), (5, 5, 1), (4, 3, 1), (8, 1, 1), (64, 4000, 63)],
)
def test_steps_per_epoch(batch_size, size, steps):
    assert steps_per_epoch(batch_size, size) == steps


def test_closing_early_leaves_usable_weights(make_digits):
    digits = make_digits(100)
    trainer = Trainer(TINY, digits)
    events = trainer.fit()
    next(events)
    events.close()
    with pytest.raises(StopIteration):
        next(events)
    (tested,) = of_kind(trainer.test(), Figures)
    assert tested.total == 30
    assert trainer.weights_are_finite()


def test_a_consumer_that_dawdles_changes_nothing(make_digits, monkeypatch):
    monkeypatch.setattr(trainer_module, "REPORT_S", 0.0)
    digits = make_digits(100)
    quick, _ = trained(TINY, digits)
    slow = Trainer(TINY, digits)
    for _ in slow.fit():
        slow.weights()
        assert slow.weights_are_finite()
    assert same(quick.weights(), slow.weights())


def test_weights_are_a_copy(make_digits):
    trainer = Trainer(TINY, make_digits(32))
    events = trainer.fit()
    next(events)
    held = trainer.weights()
    before = {name: value.clone() for name, value in held.items()}
    list(events)
    assert same(held, before)
    assert not torch.equal(held["conv1.weight"], trainer.weights()["conv1.weight"])
    assert all(value.device.type == "cpu" for value in held.values())


def test_weights_that_are_no_numbers_are_noticed(make_digits):
    trainer = Trainer(TINY, make_digits(32))
    assert trainer.weights_are_finite()
    with torch.no_grad():
        trainer.model.get_parameter("conv1.weight")[0, 0, 0, 0] = math.inf
    assert not trainer.weights_are_finite()


def test_what_cannot_run_is_refused_before_it_is_built(make_digits):
    with pytest.raises(UserError, match="a batch of 64 images is larger than the whole"):
        Trainer(replace(TINY, batch_size=64), make_digits(63))
    with pytest.raises(UserError, match=r"^Block 5: "):
        Trainer(replace(TINY, blocks=(BlockSpec(),) * 5), make_digits(63))


def test_a_giant_is_refused_without_taking_memory(make_digits, monkeypatch):
    giant = replace(TINY, blocks=(BlockSpec(channels=512, pool="none"),) * 6)
    giant = replace(giant, dense=(DenseSpec(units=4096),) * 3)
    monkeypatch.setattr("core.training.check.free_memory", lambda key: 2**30)

    def build_nothing(spec):
        raise AssertionError("It was built.")

    monkeypatch.setattr(trainer_module, "build", build_nothing)
    with pytest.raises(UserError, match="Dense layer 1 is the largest part of a network too large"):
        Trainer(giant, make_digits(64))
    with pytest.raises(UserError, match="Dense layer 1"):
        require_runnable(giant)


def test_normalise_brings_pixels_to_mean_0_and_deviation_1():
    pixels = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8)
    scaled = pixels.double() / 255
    found = normalise(pixels, float(scaled.mean()), float(scaled.std()))
    assert found.dtype == torch.float32
    assert found.mean().item() == pytest.approx(0, abs=1e-5)
    assert found.std().item() == pytest.approx(1, abs=1e-5)
    assert pixels.dtype == torch.uint8


def test_a_person_is_told_how_a_run_is_computed():
    said = how_it_runs(RunSpec(optimizer="adam"), resolve("cpu"), "float32")
    assert resolve("cpu").name in said
    assert "fused" in said
    assert f"{cores()} threads" in said
    assert "foreach" in how_it_runs(RunSpec(optimizer="rmsprop"), resolve("cpu"), "float32")
