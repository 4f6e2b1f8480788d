import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from core.judging.measures import NUM_BINS, measure

DIGITS = tuple("0123456789")


def made(seed, count=300, classes=10, sharpness=3.0):
    """Labels, and logits that are often right."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, classes, (count,), generator=draw)
    logits = torch.randn(count, classes, generator=draw) * sharpness
    logits[torch.arange(count), labels] += sharpness
    return logits, labels


@given(
    seed=st.integers(0, 10_000),
    count=st.integers(1, 200),
    classes=st.integers(3, 26),
    sharpness=st.sampled_from([0.0, 0.1, 3.0, 300.0]),
)
def test_every_figure_is_scikit_learns(seed, count, classes, sharpness):
    logits, labels = made(seed, count, classes, sharpness)
    names = tuple(f"class {i}" for i in range(classes))
    found = measure(logits, labels, names)
    said, known = logits.double().softmax(1).argmax(1), range(classes)
    report = metrics.classification_report(
        labels, said, labels=known, target_names=names, output_dict=True, zero_division=0.0
    )
    for figures in found.classes:
        expected = report[figures.name]
        assert figures.precision == pytest.approx(expected["precision"])
        assert figures.recall == pytest.approx(expected["recall"])
        assert figures.f1 == pytest.approx(expected["f1-score"])
        assert figures.support == expected["support"]
    for mean, key in ((found.macro, "macro avg"), (found.weighted, "weighted avg")):
        assert mean.f1 == pytest.approx(report[key]["f1-score"])
        assert mean.precision == pytest.approx(report[key]["precision"])
        assert mean.recall == pytest.approx(report[key]["recall"])
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, said))
    assert found.confusion.tolist() == (
        metrics.confusion_matrix(labels, said, labels=known).tolist()
    )
    assert sum(b.count for b in found.bins) == found.total == count


def test_the_second_guess_counts_in_top_2():
    logits = torch.tensor([[3.0, 2.0, 0.0], [3.0, 2.0, 0.0], [3.0, 2.0, 0.0], [0.0, 0.0, 5.0]])
    found = measure(logits, torch.tensor([0, 1, 2, 2]), ("a", "b", "c"))
    assert found.top2 == 0.75
    assert found.accuracy == 0.5


def test_the_calibration_error_is_the_mean_gap_of_the_bins():
    logits, labels = made(1)
    found = measure(logits, labels, DIGITS)
    chances = logits.double().softmax(1)
    sure, said = chances.max(1)
    gap = 0.0
    for i in range(NUM_BINS):
        inside = (sure > i / NUM_BINS) & (sure <= (i + 1) / NUM_BINS)
        if inside.any():
            right = (said == labels)[inside].double()
            gap += abs(float(right.mean() - sure[inside].mean())) * int(inside.sum())
    assert found.calibration_error == pytest.approx(gap / len(labels))


def test_a_network_that_is_sure_and_wrong_is_badly_calibrated():
    logits = torch.zeros(100, 10)
    logits[:, 0] = 50.0
    found = measure(logits, torch.arange(100) % 10, DIGITS)
    assert found.accuracy == pytest.approx(0.1)
    assert found.confidence == pytest.approx(1.0)
    assert found.calibration_error == pytest.approx(0.9)
    (only,) = found.bins
    assert (only.low, only.high, only.count) == (pytest.approx(0.9), 1.0, 100)
    assert found.classes[3].precision == 0.0


def test_bins_hold_what_scikit_learn_puts_there():
    sure = np.array([0.1, 0.2, 0.2000001, 0.95, 1.0])
    logits = torch.tensor([[value, 1 - value] for value in sure]).log()
    found = measure(logits, torch.zeros(5, dtype=torch.int64), ("yes", "no"))
    assert [b.count for b in found.bins] == [2, 1, 2]
