"""How well a network does on its test images, beyond the share that is right.

All figures are scikit-learn's, from the logits that the final weights gave to the test images.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)
from torch import Tensor

NUM_BINS: Final = 10


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """The figures of one class, or their means over all; shares from 0 to 1.

    Attributes:
        precision: share of the images called this class that are of it.
        recall: share of the images of this class that were called so.
        f1: the harmonic mean of both.
        support: test images of the class.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The images to whose answer the network gave about the same probability.

    Attributes:
        low: least probability of the bin; `high` its largest.
        confidence: mean probability given to the answers.
        accuracy: share of the answers that were right.
        count: images in the bin.
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Measures:
    """All figures of a network on `total` test images; shares from 0 to 1.

    Attributes:
        top2: share of images whose class is among the two most probable.
        classes: each class's figures, in the order of the class names.
        macro: means over the classes, each counting alike.
        weighted: means over the classes, each counting by its images.
        confusion: int64 (classes, classes): images by true class (row) and answer (column).
        bins: reliability, by probability; bins without images are left out.
        calibration_error: expected calibration error: the mean distance between `confidence` and
            `accuracy` of the bins, weighted by their images (Naeini et al., AAAI 2015).
        confidence: mean probability that the network gave to its answers.
    """

    total: int
    accuracy: float
    top2: float
    classes: tuple[ClassFigures, ...]
    macro: ClassFigures
    weighted: ClassFigures
    confusion: NDArray[np.int64]
    bins: tuple[Bin, ...]
    calibration_error: float
    confidence: float


def measure(logits: Tensor, labels: Tensor, class_names: tuple[str, ...]) -> Measures:
    """Measure a network by what it said of images.

    Args:
        logits: float32 (N, classes).
        labels: int64 (N,), the true classes.
        class_names: of all classes, in order.
    """
    chances = logits.double().softmax(1).numpy()
    true = labels.numpy()
    said = chances.argmax(1)
    known = np.arange(len(class_names))
    each = precision_recall_fscore_support(true, said, labels=known, zero_division=0.0)
    sure = chances.max(1)
    bins = _bins(sure, said == true)
    return Measures(
        total=len(true),
        accuracy=float(accuracy_score(true, said)),
        # Of two classes one is always the second guess, which scikit-learn refuses to count.
        top2=float(top_k_accuracy_score(true, chances, k=2, labels=known))
        if len(known) > 2
        else 1.0,
        classes=tuple(
            ClassFigures(
                name=name,
                precision=float(precision),
                recall=float(recall),
                f1=float(f1),
                support=int(support),
            )
            for name, precision, recall, f1, support in zip(class_names, *each, strict=True)
        ),
        macro=_averaged(true, said, known, "macro"),
        weighted=_averaged(true, said, known, "weighted"),
        confusion=confusion_matrix(true, said, labels=known),
        bins=bins,
        calibration_error=sum(abs(b.confidence - b.accuracy) * b.count for b in bins) / len(true),
        confidence=float(sure.mean()),
    )


def _averaged(
    true: NDArray[np.int64], said: NDArray[np.int64], known: NDArray[np.int64], how: str
) -> ClassFigures:
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, said, labels=known, average=how, zero_division=0.0
    )
    return ClassFigures(
        name=how,
        precision=float(precision),
        recall=float(recall),
        f1=float(f1),
        support=len(true),
    )


def _bins(sure: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    accuracies, confidences = calibration_curve(right, sure, n_bins=NUM_BINS, strategy="uniform")
    edges = np.linspace(0.0, 1.0, NUM_BINS + 1)
    # As scikit-learn sorts them: a probability on an edge belongs to the bin that ends there.
    counts = np.bincount(np.searchsorted(edges[1:-1], sure), minlength=NUM_BINS)
    filled = np.flatnonzero(counts)
    return tuple(
        Bin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            confidence=float(confidence),
            accuracy=float(accuracy),
            count=int(counts[i]),
        )
        for i, accuracy, confidence in zip(filled, accuracies, confidences, strict=True)
    )
