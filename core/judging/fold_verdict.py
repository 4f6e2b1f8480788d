"""What a k-fold cross-validation found, and whether two of them tell their specs apart."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtr  # type: ignore[import-untyped]

from core.judging.verdict import ALPHA, chance_in_words
from core.spec import RunSpec
from core.training.events import Epoch
from core.training.length import length_of
from core.words.message import message


@dataclass(frozen=True, kw_only=True)
class FoldResults:
    """What a cross-validation has found so far.

    Attributes:
        folds: how many there are to be.
        accuracies: share of each finished fold's own images that its network named rightly, after
            its last epoch, 0 to 1.
        train: images that each network learned from.
        held: images that each fold holds back.
    """

    folds: int
    accuracies: tuple[float, ...]
    train: int
    held: int

    @property
    def mean(self) -> float | None:
        """Mean of the accuracies, or None before the first."""
        return statistics.mean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Their standard deviation, of a sample, or None before the second."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None


@dataclass(frozen=True, kw_only=True)
class FoldVerdict:
    """How two specs compare on the same folds.

    Attributes:
        first, second: their names.
        folds: of both.
        difference: mean over the folds of the first's accuracy minus the second's.
        won: folds in which the first did better.
        lost: folds in which the second did.
        chance: how often a difference at least as large would come about were both equally good,
            0 to 1.
    """

    first: str
    second: str
    folds: int
    difference: float
    won: int
    lost: int
    chance: float

    @property
    def better(self) -> str | None:
        """The name of the better one; None where the difference is within noise."""
        if self.chance >= ALPHA:
            return None
        return self.first if self.difference > 0 else self.second

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if self.better is not None:
            return message("{better} is better, whatever is held back.", better=self.better)
        return message("Within noise: {folds} folds cannot tell which is better.", folds=self.folds)

    @property
    def reason(self) -> str:
        """The numbers behind the verdict, in words."""
        return message(
            "{first} does better in {won} of {folds} folds, {second} in {lost}; on average the "
            "difference is {points:+.2f} percentage points. Such a difference by luck alone, were "
            "both equally good: {chance}.",
            first=self.first,
            second=self.second,
            won=self.won,
            lost=self.lost,
            folds=self.folds,
            points=100 * self.difference,
            chance=chance_in_words(self.chance),
        )


def fold_results(spec: RunSpec, epochs: Sequence[Epoch]) -> FoldResults:
    """Return what a run's epochs say of its folds.

    Args:
        spec: of the run, with `folds`.
        epochs: the finished ones, in order, counted over all folds.
    """
    course = length_of(spec)
    ends = [epoch for epoch in epochs if epoch.epoch % spec.num_epochs == 0]
    return FoldResults(
        folds=spec.folds,
        accuracies=tuple(epoch.val_accuracy for epoch in ends),
        train=course.train,
        held=course.validation,
    )


def comparable(first: RunSpec, second: RunSpec) -> bool:
    """Tell whether two specs are cross-validated on the very same folds."""
    return bool(first.folds) and (first.folds, first.data, first.seed) == (
        second.folds,
        second.data,
        second.seed,
    )


def fold_verdict(
    first: FoldResults, second: FoldResults, names: tuple[str, str]
) -> FoldVerdict | None:
    """Compare two cross-validations on the same folds, or return None before both are complete.

    The parts that the networks learned from overlap, so that the folds are not independent and a
    plain t-test finds differences where there are none: the variance is corrected as C. Nadeau and
    Y. Bengio do in "Inference for the generalization error", Machine Learning 52 (2003).

    Args:
        first: of one spec.
        second: of another, on the same folds.
        names: of the two.
    """
    count = first.folds
    if min(len(first.accuracies), len(second.accuracies)) < count:
        return None
    pairs = zip(first.accuracies, second.accuracies, strict=True)
    differences = [a - b for a, b in pairs]
    mean = statistics.mean(differences)
    spread = statistics.variance(differences) * (1 / count + first.held / first.train)
    if spread == 0:
        # The same difference in every fold: none at all, or one that no fold contradicts.
        chance = 1.0 if mean == 0 else 0.0
    else:
        chance = float(2 * stdtr(count - 1, -abs(mean) / math.sqrt(spread)))
    return FoldVerdict(
        first=names[0],
        second=names[1],
        folds=count,
        difference=mean,
        won=sum(difference > 0 for difference in differences),
        lost=sum(difference < 0 for difference in differences),
        chance=chance,
    )
