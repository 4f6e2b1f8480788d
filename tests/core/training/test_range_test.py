"""The range test: what it measures, what it suggests, and what it leaves alone."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from core.data.loading import Split
from core.spec import BlockSpec, DenseSpec, RunSpec, setting_at, settings, walk
from core.training import range_test as module
from core.training.events import Steps
from core.training.range_test import (
    HIGHEST,
    LOWEST,
    MARGIN,
    NUM_STEPS,
    RATES,
    lowest_point,
    range_key,
    range_test,
    smooth,
    suggest,
)
from core.training.trainer import Trainer
from core.words.errors import UserError

SPEC = RunSpec(blocks=(BlockSpec(channels=4, stride=2),), batch_size=20, device="cpu")
FREE = {
    *("lr", "schedule", "step_epochs", "step_factor", "warmup", "num_epochs"),
    *("folds", "target_accuracy", "patience", "keep_best"),
}


def valley(lowest: float, *, start: float = 2.3, fall: float = 1.5) -> list[float]:
    """Losses that fall towards one rate and rise beyond it."""
    width = [abs(math.log10(rate / lowest)) for rate in RATES]
    return [start - fall * max(0.0, 1 - one / 1.5) + max(0.0, one - 3) for one in width]


def test_the_rates_grow_by_the_same_factor_within_the_limits_of_the_setting():
    assert (RATES[0], RATES[-1]) == (LOWEST, pytest.approx(HIGHEST))
    factors = {round(after / before, 9) for before, after in pairwise(RATES)}
    assert len(factors) == 1
    assert len(RATES) == NUM_STEPS
    assert all(setting_at("lr").complaint(rate) is None for rate in RATES)


def test_each_step_is_one_of_a_run_at_its_rate(make_digits):
    digits = make_digits(200)
    losses = list(range_test(SPEC, digits))
    trainer = Trainer(replace(SPEC, lr=RATES[0], num_epochs=20), digits, report_s=0.0)
    expected = []
    for event in trainer.fit():
        if isinstance(event, Steps):
            assert event.lr == pytest.approx(RATES[event.step - 1])
            expected += event.losses
            if len(expected) == 60:
                break
            trainer.set_lr(RATES[event.step])
    assert losses[:60] == expected


def test_the_same_spec_gives_the_same_losses_and_another_seed_others(make_digits):
    digits = make_digits(200)
    losses = list(range_test(SPEC, digits))
    assert list(range_test(replace(SPEC, lr=5.0, num_epochs=1, folds=3), digits)) == losses
    assert list(range_test(replace(SPEC, seed=1), digits)) != losses


def test_the_randomness_of_whoever_looks_on_is_left_alone(make_digits):
    spec = SPEC.with_value("blocks.0.dropout", 0.3).with_value("shift", 2)
    before = torch.get_rng_state()
    steps = range_test(spec, make_digits(200))
    first = [next(steps) for _ in range(5)]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(7)  # and draws in between change nothing
    rest = list(steps)
    assert [*first, *rest] == list(range_test(spec, make_digits(200)))


@pytest.mark.parametrize("optimizer", settings(RunSpec)["optimizer"].options)
def test_every_optimizer_learns_somewhere_on_the_way(make_digits, optimizer):
    losses = list(range_test(replace(SPEC, optimizer=optimizer), make_digits(200)))
    assert len(losses) > 40
    suggested = suggest(losses)
    assert suggested is not None
    assert 1e-4 < suggested < 1.25
    assert min(smooth(losses)) < 0.8 * losses[0]


def test_a_batch_of_all_images_has_as_many_steps(make_digits):
    spec = replace(SPEC, batch_size=200, optimizer="adagrad", loss="mse")
    assert len(list(range_test(spec, make_digits(200)))) == NUM_STEPS


def test_it_ends_early_when_the_loss_explodes(make_digits):
    digits = make_digits(200)
    unlearnable = Split(digits.train.images, digits.train.labels[torch.randperm(200)])
    losses = list(range_test(SPEC, replace(digits, train=unlearnable)))
    assert 40 < len(losses) < NUM_STEPS
    smoothed = smooth(losses)
    assert smoothed[-1] > 1.5 * smoothed[9] > smoothed[-2]


def test_it_ends_where_the_loss_is_no_number(make_digits, monkeypatch):
    rates = [rate * 1e5 if step > 50 else rate for step, rate in enumerate(RATES)]
    monkeypatch.setattr(module, "RATES", [min(rate, 100.0) for rate in rates])
    monkeypatch.setattr(module, "_EXPLODED", math.inf)
    spec = replace(SPEC, family="dense", dense=(DenseSpec(activation="none"),) * 3, optimizer="sgd")
    losses = list(range_test(spec, make_digits(200)))
    assert 50 < len(losses) < NUM_STEPS
    assert all(math.isfinite(loss) for loss in losses)


def test_what_cannot_run_or_would_hold_up_runs_is_refused(make_digits):
    with pytest.raises(UserError, match="Block 5"):
        next(range_test(replace(SPEC, blocks=(BlockSpec(),) * 5), make_digits(200)))
    slow = RunSpec(blocks=(BlockSpec(channels=512, pool="none"),) * 2, batch_size=256)
    with pytest.raises(UserError, match="takes too long"):
        next(range_test(slow, make_digits(300)))
    wide = replace(
        SPEC, blocks=(BlockSpec(channels=512, pool="none"),), dense=(DenseSpec(units=4096),)
    )
    with pytest.raises(UserError, match="takes too long"):
        next(range_test(wide, make_digits(200)))


def test_only_what_the_test_does_not_use_is_left_out_of_its_key():
    base = replace(SPEC, dense=(DenseSpec(),))
    for path, record, value in walk(base):
        low = [type(value)(record.low)] if hasattr(record, "low") else []
        for option in [*getattr(record, "options", ())] or low or [not value]:
            if option != value:
                same = range_key(base.with_value(path, option)) == range_key(base)
                assert same == (path in FREE), path
    assert range_key(range_key(SPEC)) == range_key(SPEC)


def test_smoothing_is_free_of_the_bias_of_its_start():
    assert smooth([3.0] * 20) == pytest.approx([3.0] * 20)
    assert smooth([1.0, 2.0]) == pytest.approx([1.0, (0.8 * 1 + 2) / 1.8])
    assert smooth([]) == []


@pytest.mark.parametrize("lowest", [1e-3, 0.01, 0.2, 1.0])
def test_the_suggestion_follows_the_lowest_point(lowest):
    losses = valley(lowest)
    found = RATES[lowest_point(losses)]
    assert lowest <= found < 4 * lowest  # the average is late
    assert suggest(losses) == pytest.approx(found / MARGIN, rel=0.05)


def test_a_suggestion_has_two_digits_and_is_allowed():
    for lowest in (1e-4, 0.00123, 0.013, 0.9, HIGHEST):
        suggested = suggest(valley(lowest, fall=2.0))
        assert suggested is not None
        assert suggested == float(f"{suggested:.1e}")
        assert setting_at("lr").complaint(suggested) is None


def test_where_nothing_is_learned_nothing_is_suggested():
    flat = [2.34 - 0.03 * step / NUM_STEPS + 0.05 * (-1) ** step for step in range(NUM_STEPS)]
    assert suggest(flat) is None
    assert suggest([2.3 + step / 10 for step in range(30)]) is None
    assert suggest([]) is None
    assert suggest(valley(0.01, fall=0.2)) is not None
