"""A chart of a long run costs what one of a short run costs, and shows the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.downsampling import FEW, Thinned, means_of
from core.runs.history import History
from core.training.events import Epoch, Steps

FEW_STEPS, MANY_STEPS = 7_000, 7_000_000


def figures(count):
    losses = (2.3 / np.sqrt(np.arange(1, count + 1))).astype(np.float32)
    return np.stack([losses, np.float32(1) - losses / 3], axis=1)


def steps(values, before):
    return Steps(
        losses=tuple(values),
        accuracies=tuple(values),
        step=before + len(values),
        lr=0.1,
        images=0,
        train_s=0.0,
    )


@settings(max_examples=60)
@given(
    parts=st.lists(st.integers(1, 9_000), min_size=1, max_size=8),
    most=st.sampled_from([1, 60, 120, 400, FEW]),
)
def test_any_way_of_adding_gives_the_plain_means_of_neighbours(parts, most):
    values = np.random.default_rng(sum(parts)).random(sum(parts)).astype(np.float32)
    history = History(100)
    at = 0
    for part in parts:
        history.add(steps(values[at : at + part], at))
        at += part
    whole = History.restored(100, np.stack([values, values], axis=1), [])
    width = 1
    while len(values) > width * most:
        width *= 2
    plain = [values[i : i + width].astype(np.float64).mean() for i in range(0, len(values), width)]
    for one in (history, whole):
        curves = one.curves(most)
        assert curves.loss == pytest.approx(np.array(plain), rel=1e-6)
        assert curves.step[-1] == len(values)
        assert len(curves.step) == len(curves.loss) == len(curves.accuracy) <= most


def test_every_step_is_still_to_be_had_for_a_file():
    kept = figures(20_000)
    curves = History.restored(100, kept, []).curves(10**9)
    assert np.array_equal(curves.loss, kept[:, 0])
    assert np.array_equal(curves.accuracy, kept[:, 1])
    assert means_of(kept[:, 0], 16) == pytest.approx(kept[:, 0].reshape(-1, 16).mean(1), rel=1e-6)


def touched(history):
    return sum(thin.touched for thin in history._thin)


def test_a_poll_costs_the_same_after_7_000_and_7_000_000_steps():
    costs = {}
    for count in (FEW_STEPS, MANY_STEPS):
        history = History.restored(500, figures(count), [])
        before = touched(history)
        for _ in range(10):
            history.add(steps([0.5] * 20, history.num_steps))
            history.curves()
        costs[count] = touched(history) - before
    assert costs[MANY_STEPS] <= 2 * costs[FEW_STEPS]
    # A few bins and the new steps, and nothing of the millions before them.
    assert costs[MANY_STEPS] < 10 * 2 * (2 * FEW + 50)


def test_points_that_are_full_never_change_however_long_the_run_becomes():
    values = np.random.default_rng(3).random(60_000).astype(np.float32)
    history = History(100)
    seen = {}
    for at in range(0, len(values), 997):
        history.add(steps(values[at : at + 997], at))
        curves = history.curves()
        width = int(curves.step[0])
        for step, loss in zip(curves.step[:-1].tolist(), curves.loss[:-1].tolist(), strict=True):
            assert seen.setdefault((width, step), loss) == loss


def test_bins_are_joined_and_never_many():
    thin = Thinned()
    for _ in range(40):
        thin.extend(np.ones(5_000, dtype=np.float32))
    assert thin.width == 64
    assert len(thin.means(thin.width)) <= 2 * FEW
    assert (thin.means(1024) == 1.0).all()


def test_epochs_are_told_in_order():
    history = History(1)
    told = tuple(
        Epoch(epoch=i, step=i, train_loss=1, train_accuracy=1, val_loss=1, val_accuracy=1)
        for i in (1, 2, 3)
    )
    for epoch in told:
        history.add(epoch)
    assert history.epochs == history.curves().epochs == told
