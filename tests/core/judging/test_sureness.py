"""What a probability of a network means is read off its validation images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.data.loading import load
from core.judging.prediction import logits_of
from core.judging.sureness import LEAST_IMAGES, sureness_from, validation_of
from core.runs.manager import Runs
from core.runs.sureness import sureness_of
from core.spec import BlockSpec
from core.spec.presets import DEFAULT

SMALL = replace(DEFAULT, blocks=(BlockSpec(channels=4),), dense=(), num_epochs=1)


def answers(count: int, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax at a temperature is how often each class is right, and such labels."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2.5, (count, 10))
    chances = np.exp(true) / np.exp(true).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(10, p=row) for row in chances])
    return true * temperature, labels


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_the_temperature_is_found(temperature):
    found = sureness_from(*answers(2_000, temperature))
    assert found.temperature == pytest.approx(temperature, rel=0.12)
    assert found.images == 2_000


def test_sureness_is_the_share_that_is_right():
    """Of a network that says too little, answers called 90 % sure are right nine times of ten."""
    sureness = sureness_from(*answers(1_000, 0.4))
    logits, labels = answers(4_000, 0.4, seed=1)
    chances = torch.softmax(torch.from_numpy(logits), 1)
    sure = np.array([sureness.of(row) for row in chances])
    right = chances.argmax(1).numpy() == labels
    for low in (0.5, 0.7, 0.9):
        some = (sure >= low) & (sure < low + 0.1)
        assert right[some].mean() == pytest.approx(sure[some].mean(), abs=0.05)


@given(st.integers(LEAST_IMAGES, 300), st.integers(2, 12))
def test_one_that_is_always_right_is_sure_and_never_certain(count, classes):
    labels = np.arange(count) % classes
    logits = np.eye(classes)[labels] * 3.0
    sureness = sureness_from(logits, labels)
    assert 0.95 < sureness.of(torch.softmax(torch.from_numpy(logits[0]), 0)) < 1


@given(st.integers(LEAST_IMAGES, 300))
def test_one_that_only_guesses_is_unsure(count):
    rng = np.random.default_rng(count)
    logits, labels = rng.normal(0, 8, (count, 10)), rng.integers(0, 10, count)
    sureness = sureness_from(logits, labels)
    assert sureness.of(torch.softmax(torch.from_numpy(logits[0]), 0)) < 0.5


def test_few_images_tell_nothing():
    logits, labels = answers(LEAST_IMAGES - 1, 1.0)
    found = sureness_from(logits, labels)
    assert found.temperature is None
    assert found.of(torch.tensor([0.2, 0.8])) == pytest.approx(0.8)


def test_logits_that_are_no_numbers_tell_nothing():
    logits, labels = answers(100, 1.0)
    logits[3, 2] = np.nan
    assert sureness_from(logits, labels).temperature is None


def test_a_fold_is_measured_on_what_it_holds_back():
    spec = replace(SMALL, folds=3)
    parts = [validation_of(spec, fold).images for fold in range(3)]
    whole = load("embedded")
    assert sum(map(len, parts)) == len(whole.train) + len(whole.validation)
    assert not torch.equal(parts[0][:50], parts[1][:50])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    made = Runs()
    yield made
    made.close()


def test_a_network_with_smoothed_labels_is_quite_sure_of_most_clean_digits(runs):
    run = runs.start(replace(DEFAULT, label_smoothing=0.2, num_epochs=4))
    run.wait()
    sureness, weights, test = sureness_of(run), run.weights(), load("embedded").test
    assert sureness is not None
    assert weights is not None
    chances = torch.softmax(logits_of(run.spec, weights, test.images), 1)
    right = chances.argmax(1) == test.labels
    sure = torch.tensor([sureness.of(row) for row in chances]) >= 0.95
    assert float((chances.max(1).values >= 0.95).double().mean()) < 0.4
    assert float(sure.double().mean()) > 0.85
    assert float(right[sure].double().mean()) > 0.97
    assert sureness_of(run) is sureness


def test_weights_that_cannot_be_read_now_are_measured_when_they_can(runs, monkeypatch):
    run = runs.start(replace(SMALL, seed=5))
    run.wait()
    with monkeypatch.context() as patch:
        patch.setattr(run, "weights", lambda: None)
        assert sureness_of(run) is None
    sureness = sureness_of(run)
    assert sureness is not None
    assert sureness.temperature is not None


def test_a_cross_validation_is_measured(runs):
    run = runs.start(replace(SMALL, folds=2))
    run.wait()
    sureness = sureness_of(run)
    assert sureness is not None
    assert sureness.images > 700
    assert sureness.temperature is not None
