import math

import pytest
import torch
from torch import nn

from core.spec import RunSpec, settings
from core.training.learning import (
    clip,
    loss_of,
    make_optimizer,
    make_schedule,
    rate_at,
    require_lr,
    rescale,
)
from core.words.errors import UserError


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


def by_hand(loss: str, logits, labels) -> float:
    """Each loss as its textbook writes it, one number at a time."""
    total = 0.0
    for row, label in zip(logits.double(), labels.tolist(), strict=True):
        shares = (row.exp() / row.exp().sum()).tolist()
        yes = [1 / (1 + math.exp(-value)) for value in row.tolist()]
        match loss:
            case "cross_entropy" | "nll":
                total -= math.log(shares[label])
            case "bce":
                parts = [-math.log(yes[k] if k == label else 1 - yes[k]) for k in range(10)]
                total += sum(parts) / 10
            case "multi_margin":
                leads = [float(row[label] - row[k]) for k in range(10) if k != label]
                total += sum(max(0.0, 1 - lead) for lead in leads) / 10
            case "mse":
                total += sum((shares[k] - (k == label)) ** 2 for k in range(10)) / 10
    return total / len(labels)


LOSSES = list(settings(RunSpec)["loss"].options)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_and_its_gradient_are_what_the_textbook_says(loss):
    logits, labels = torch.randn(6, 10, dtype=torch.float64), torch.tensor([0, 9, 3, 3, 5, 1])
    logits.requires_grad_()
    found = loss_of(RunSpec(loss=loss), logits, labels)
    assert found.item() == pytest.approx(by_hand(loss, logits.detach(), labels), rel=1e-9)
    found.backward()
    nudge = 1e-6
    for i, k in ((0, 0), (0, 4), (2, 3), (5, 9)):
        moved = []
        for sign in (1, -1):
            nudged = logits.detach().clone()
            nudged[i, k] += sign * nudge
            moved.append(by_hand(loss, nudged, labels))
        slope = (moved[0] - moved[1]) / (2 * nudge)
        assert logits.grad[i, k].item() == pytest.approx(slope, abs=1e-7)


def test_every_loss_says_what_it_measures_and_when_it_is_wrong():
    record = settings(RunSpec)["loss"]
    assert set(record.notes) == set(record.options)
    assert all("Wrong " in note and note.endswith(".") for note in record.notes.values())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_sure_right_answer_costs_nothing_and_a_wrong_one_much(loss):
    spec = RunSpec(loss=loss)
    logits = torch.full((1, 10), -50.0)
    logits[0, 4] = 50.0
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


def nesterov(w, g, spec):
    """Two steps; the gradient is followed once more along the buffer that it has just changed."""
    buffer = 0.0
    for _ in range(2):
        grad = g + spec.weight_decay * w
        buffer = spec.momentum * buffer + grad
        w = w - spec.lr * (grad + spec.momentum * buffer)
    return w


def adagrad(w, g, spec):
    total = 0.0
    for _ in range(2):
        grad = g + spec.weight_decay * w
        total = total + grad**2
        w = w - spec.lr * grad / (total.sqrt() + 1e-10)
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


@pytest.mark.parametrize("rule", [sgd, nesterov, adam, adamw, rmsprop, adagrad])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_two_steps_of_every_optimiser_are_what_its_paper_says(rule, weight_decay, momentum):
    name = rule.__name__
    chosen = {"optimizer": "sgd", "nesterov": True} if name == "nesterov" else {"optimizer": name}
    spec = RunSpec(lr=0.05, weight_decay=weight_decay, momentum=momentum, **chosen)
    model = nn.Linear(7, 3, bias=False)
    before, gradient = model.weight.detach().clone().double(), torch.randn(3, 7)
    optimizer = make_optimizer(spec, model)
    for _ in range(2):
        model.weight.grad = gradient.clone()
        optimizer.step()
    expected = rule(before, gradient.double(), spec)
    assert not torch.equal(model.weight, before.float())
    torch.testing.assert_close(model.weight.double(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("norm", [0.0, 0.5, 100.0])
def test_gradients_longer_than_the_norm_are_shortened_to_it(norm):
    model = nn.Linear(7, 3)
    gradients = [torch.randn(3, 7), torch.randn(3)]
    for value, gradient in zip(model.parameters(), gradients, strict=True):
        value.grad = gradient.clone()
    clip(RunSpec(clip_norm=norm), list(model.parameters()))
    length = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
    factor = norm / length if 0 < norm < length else 1.0
    for value, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(value.grad, gradient * factor, rtol=1e-4, atol=1e-6)


def test_whole_numbers_serve_as_rates():
    spec = RunSpec(lr=1, weight_decay=1, momentum=0)
    for optimizer in settings(RunSpec)["optimizer"].options:
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


def test_steps_multiply_the_rate_every_few_epochs():
    spec = RunSpec(lr=0.3, schedule="step", step_epochs=2, step_factor=0.5, num_epochs=5)
    found = lrs(spec, 50)
    assert found == pytest.approx([0.3] * 20 + [0.15] * 20 + [0.075] * 10)


def test_a_warm_up_climbs_in_a_line_and_comes_down_like_cosine():
    found = lrs(RunSpec(lr=0.3, schedule="warmup", warmup=0.2), 100)
    assert found[:20] == pytest.approx([0.3 * (i + 1) / 20 for i in range(20)])
    down = [0.15 * (1 + math.cos(math.pi * i / 80)) for i in range(80)]
    assert found[20:] == pytest.approx(down)


SCHEDULES = list(settings(RunSpec)["schedule"].options)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(("num_steps", "num_epochs"), [(1, 1), (2, 2), (7, 1), (60, 6), (300, 5)])
def test_the_rate_of_any_step_is_told_without_those_before(schedule, num_steps, num_epochs):
    spec = RunSpec(lr=0.3, schedule=schedule, num_epochs=num_epochs, warmup=0.15)
    told = [rate_at(spec, step, num_steps) for step in range(num_steps)]
    assert told == pytest.approx(lrs(spec, num_steps), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("num_steps", [1, 2, 3, 4, 7])
def test_every_schedule_serves_the_shortest_runs(schedule, num_steps):
    found = lrs(RunSpec(lr=0.3, schedule=schedule), num_steps)
    assert all(0 < lr <= 0.3 * 1.000001 for lr in found)


@pytest.mark.parametrize("schedule", settings(RunSpec)["schedule"].options)
def test_a_rate_changed_on_the_way_keeps_the_schedule_s_course(schedule):
    before = RunSpec(schedule=schedule, lr=0.04, num_epochs=4, step_epochs=1, step_factor=0.5)
    after = before.with_value("lr", 0.01)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=before.lr)
    course = make_schedule(before, optimizer, 40)
    found = []
    for step in range(40):
        if step == 13:
            rescale(optimizer, course, before.lr, after.lr)
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        course.step()
    assert found == pytest.approx(lrs(before, 40)[:13] + lrs(after, 40)[13:])
    told = [rate_at(before, step, 40, [(13, 0.01)]) for step in range(40)]
    assert told == pytest.approx(found, abs=1e-12)


def test_of_several_changes_the_last_one_holds():
    changes = [(0, 0.5), (3, 0.25), (3, 0.125)]
    assert [rate_at(RunSpec(), step, 6, changes) for step in range(5)] == [
        0.5, 0.5, 0.5, 0.125, 0.125,
    ]  # fmt: skip


@pytest.mark.parametrize("lr", [0.0, -1.0, 1e-9, 101.0, math.nan, math.inf, "0.1", None, True])
def test_a_rate_that_is_not_allowed_is_refused_in_a_sentence(lr):
    with pytest.raises(UserError, match=r"^The learning rate must be"):
        require_lr(lr)
