"""A network asked one question of every image: is it this digit, yes or no?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from core.article.digits import DATA
from core.article.little import weights_of, with_weights
from core.data.loading import load
from core.machine.device import take_one_core
from core.training.batches import normalise


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How the answers came out.

    Attributes:
        hits: images of the digit that were called the digit.
        misses: images of the digit that were not called the digit.
        false_alarms: images of other digits that were called the digit.
        rest: images of other digits that were not called the digit.
    """

    hits: int
    misses: int
    false_alarms: int
    rest: int

    @property
    def accuracy(self) -> float:
        """Share of all answers that are right, 0 to 1."""
        total = self.hits + self.misses + self.false_alarms + self.rest
        return (self.hits + self.rest) / total

    @property
    def precision(self) -> float | None:
        """Share of the images called the digit that show it; None where none was called so."""
        called = self.hits + self.false_alarms
        return self.hits / called if called else None

    @property
    def recall(self) -> float | None:
        """Share of the images of the digit that were called so; None where there are none."""
        there = self.hits + self.misses
        return self.hits / there if there else None


def counts(chances: Tensor, labels: Tensor, digit: int, threshold: float) -> Counts:
    """Count the answers where an image is called the digit from this probability on.

    Args:
        chances: float (N, classes).
        labels: int64 (N,), what the images are.
        digit: which class is asked for.
        threshold: 0 to 1.
    """
    called, there = called_so(chances, digit, threshold), labels == digit
    return Counts(
        hits=int((called & there).sum()),
        misses=int((~called & there).sum()),
        false_alarms=int((called & ~there).sum()),
        rest=int((~called & ~there).sum()),
    )


def called_so(chances: Tensor, digit: int, threshold: float) -> Tensor:
    """Return which images are called the digit, bool (N,)."""
    return chances[:, digit] >= threshold


def sweep(chances: Tensor, labels: Tensor, digit: int, thresholds: Sequence[float]) -> list[Counts]:
    """Return how the answers come out at each of these thresholds."""
    return [counts(chances, labels, digit, threshold) for threshold in thresholds]


@lru_cache
def little_chances() -> Tensor:
    """Return what the little network, after its one epoch, says of the test images, (500, 10)."""
    take_one_core()
    data = load(DATA)
    model = with_weights(weights_of("trained"))
    with torch.inference_mode():
        logits: Tensor = model(normalise(data.test.images, data.mean, data.std))
        return logits.softmax(1)
