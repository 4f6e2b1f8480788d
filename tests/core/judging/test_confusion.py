"""Confusion matrices, against scikit-learn's."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from core.judging.confusion import confusion


def test_rows_are_what_it_is_and_columns_what_is_said():
    logits = torch.tensor([[0.0, 2.0, 1.0], [5.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 9.0, 0.0]])
    assert confusion(logits, torch.tensor([1, 2, 2, 0])).tolist() == [
        [0, 1, 0],
        [0, 1, 0],
        [1, 0, 1],
    ]


@given(st.integers(1, 300), st.integers(0, 99), st.integers(2, 12))
def test_it_is_scikit_learns(count, seed, classes):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, classes, generator=generator)
    labels = torch.randint(0, classes, (count,), generator=generator)
    known = confusion_matrix(labels, logits.argmax(1), labels=range(classes))
    assert confusion(logits, labels).tolist() == known.tolist()
