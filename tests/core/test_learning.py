import math

import pytest
import torch
from torch import nn

from core.learning import loss_of, make_optimizer, make_schedule
from core.spec import RunSpec


def lrs(spec: RunSpec, num_steps: int) -> list[float]:
    """The learning rate of each step, as the trainer takes them."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=spec.lr)
    schedule = make_schedule(spec, optimizer, num_steps)
    found = []
    for _ in range(num_steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_cross_entropy_is_minus_the_log_of_the_right_probability():
    logits, labels = torch.randn(6, 10), torch.tensor([0, 9, 3, 3, 5, 1])
    powers = logits.exp()
    by_hand = [-math.log(powers[i, y] / powers[i].sum()) for i, y in enumerate(labels)]
    found = loss_of(RunSpec(), logits, labels)
    assert found.item() == pytest.approx(sum(by_hand) / 6, rel=1e-5)


def test_mean_squared_error_is_over_images_and_classes():
    logits, labels = torch.randn(6, 10), torch.tensor([0, 9, 3, 3, 5, 1])
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        shares = row.exp() / row.exp().sum()
        total += sum((float(shares[k]) - (k == int(label))) ** 2 for k in range(10))
    assert loss_of(RunSpec(loss="mse"), logits, labels).item() == pytest.approx(
        total / 60, rel=1e-5
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_smoothed_labels_give_every_digit_a_share(smoothing):
    logits, labels = torch.randn(6, 10), torch.tensor([0, 9, 3, 3, 5, 1])
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        shares = row.exp() / row.exp().sum()
        for k in range(10):
            wanted = smoothing / 10 + (1 - smoothing) * (k == int(label))
            total -= wanted * math.log(shares[k])
    found = loss_of(RunSpec(label_smoothing=smoothing), logits, labels)
    assert found.item() == pytest.approx(total / 6, rel=1e-5)


def test_smoothing_makes_boundless_sureness_costly():
    logits, labels = torch.zeros(1, 10), torch.tensor([4])
    losses = []
    for sureness in (0.0, 4.0, 100.0):
        logits[0, 4] = sureness
        losses.append(loss_of(RunSpec(label_smoothing=0.1), logits, labels).item())
    assert losses[1] < losses[0] < losses[2]


def test_mean_squared_error_takes_labels_as_they_are():
    logits, labels = torch.randn(6, 10), torch.tensor([0, 9, 3, 3, 5, 1])
    plain, smoothed = RunSpec(loss="mse"), RunSpec(loss="mse", label_smoothing=0.3)
    assert loss_of(smoothed, logits, labels) == loss_of(plain, logits, labels)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_a_sure_right_answer_costs_nothing_and_a_wrong_one_much(loss):
    spec = RunSpec(loss=loss)
    logits = torch.zeros(1, 10)
    logits[0, 4] = 100.0
    assert loss_of(spec, logits, torch.tensor([4])).item() == pytest.approx(0, abs=1e-6)
    assert loss_of(spec, logits, torch.tensor([5])).item() > 0.19


def sgd(w, g, spec):
    """Two steps with momentum: the buffer begins as the first gradient."""
    buffer = 0.0
    for _ in range(2):
        grad = g + spec.weight_decay * w
        buffer = spec.momentum * buffer + grad
        w = w - spec.lr * buffer
    return w


def adam(w, g, spec, *, decoupled=False):
    mean = square = 0.0
    for t in (1, 2):
        grad = g if decoupled else g + spec.weight_decay * w
        if decoupled:
            w = w * (1 - spec.lr * spec.weight_decay)
        mean = 0.9 * mean + 0.1 * grad
        square = 0.999 * square + 0.001 * grad**2
        w = w - spec.lr * (mean / (1 - 0.9**t)) / ((square / (1 - 0.999**t)).sqrt() + 1e-8)
    return w


def adamw(w, g, spec):
    return adam(w, g, spec, decoupled=True)


def rmsprop(w, g, spec):
    square = buffer = 0.0
    for _ in range(2):
        grad = g + spec.weight_decay * w
        square = 0.99 * square + 0.01 * grad**2
        buffer = spec.momentum * buffer + grad / (square.sqrt() + 1e-8)
        w = w - spec.lr * buffer
    return w


@pytest.mark.parametrize("by_hand", [sgd, adam, adamw, rmsprop])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_two_steps_of_every_optimiser_are_what_its_paper_says(by_hand, weight_decay, momentum):
    spec = RunSpec(
        optimizer=by_hand.__name__, lr=0.05, weight_decay=weight_decay, momentum=momentum
    )
    model = nn.Linear(7, 3, bias=False)
    before, gradient = model.weight.detach().clone().double(), torch.randn(3, 7)
    optimizer = make_optimizer(spec, model)
    for _ in range(2):
        model.weight.grad = gradient.clone()
        optimizer.step()
    expected = by_hand(before, gradient.double(), spec)
    assert not torch.equal(model.weight, before.float())
    torch.testing.assert_close(model.weight.double(), expected, rtol=1e-4, atol=1e-6)


def test_whole_numbers_serve_as_rates():
    spec = RunSpec(lr=1, weight_decay=1, momentum=0)
    for optimizer in ("sgd", "adam", "adamw", "rmsprop"):
        model = nn.Linear(2, 2)
        chosen = make_optimizer(spec.with_value("optimizer", optimizer), model)
        model(torch.ones(1, 2)).sum().backward()
        chosen.step()
        assert model.weight.isfinite().all()


def test_a_constant_rate_stays():
    assert lrs(RunSpec(lr=0.3), 50) == [0.3] * 50


def test_cosine_starts_at_the_rate_and_ends_near_nothing():
    found = lrs(RunSpec(lr=0.3, schedule="cosine"), 100)
    expected = [0.15 * (1 + math.cos(math.pi * i / 100)) for i in range(100)]
    assert found == pytest.approx(expected, abs=1e-9)
    assert found[0] == 0.3
    assert found[-1] < 0.001


def test_one_cycle_climbs_to_the_rate_and_comes_down():
    found = lrs(RunSpec(lr=0.3, schedule="one_cycle"), 100)
    assert found[0] == pytest.approx(0.3 / 25)
    top = found.index(max(found))
    assert found[top] == pytest.approx(0.3, rel=0.01)
    assert 20 < top < 40
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)
    assert found[-1] < 0.001


@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 4, 7])
def test_every_schedule_serves_the_shortest_runs(schedule, num_steps):
    found = lrs(RunSpec(lr=0.3, schedule=schedule), num_steps)
    assert all(0 < lr <= 0.3 * 1.000001 for lr in found)
