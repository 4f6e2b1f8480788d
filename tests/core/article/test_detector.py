"""One question to a network, held against scikit-learn's figures."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, precision_score, recall_score

from core.article.detector import called_so, counts, little_chances, sweep
from core.data.loading import load


@given(st.integers(0, 9), st.floats(0.01, 0.99), st.integers(0, 1000))
def test_the_figures_are_scikit_learns(digit, threshold, seed):
    generator = torch.Generator().manual_seed(seed)
    chances = torch.rand(60, 10, generator=generator).softmax(1) ** 0.5
    labels = torch.randint(0, 10, (60,), generator=generator)
    found = counts(chances, labels, digit, threshold)
    true, said = labels == digit, called_so(chances, digit, threshold)
    matrix = confusion_matrix(true, said, labels=[False, True])
    assert [[found.rest, found.false_alarms], [found.misses, found.hits]] == matrix.tolist()
    assert found.accuracy == pytest.approx(accuracy_score(true, said))
    if said.any():
        assert found.precision == pytest.approx(precision_score(true, said))
    else:
        assert found.precision is None
    if true.any():
        assert found.recall == pytest.approx(recall_score(true, said))
    else:
        assert found.recall is None


def test_asking_for_more_certainty_never_finds_more():
    chances, labels = little_chances(), load("embedded").test.labels
    assert chances.shape == (500, 10)
    torch.testing.assert_close(chances.sum(1), torch.ones(500))
    swept = sweep(chances, labels, 3, [i / 20 for i in range(1, 20)])
    recalls = [one.recall for one in swept]
    assert recalls == sorted(recalls, reverse=True)
    assert {one.hits + one.misses for one in swept} == {50}


def test_whoever_always_says_no_is_mostly_right():
    chances, labels = torch.zeros(500, 10), load("embedded").test.labels
    found = counts(chances, labels, 3, 0.5)
    assert found.accuracy == 0.9
    assert found.recall == 0
    assert found.precision is None
