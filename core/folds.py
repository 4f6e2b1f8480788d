"""k-fold cross-validation: who is held back when, and what came out.

The images that are not for the test are divided in k parts that keep the shares of the classes.
Each part is held back once while a new network learns from the others: R. Kohavi, "A study of
cross-validation and bootstrap for accuracy estimation and model selection", IJCAI (1995).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtr  # type: ignore[import-untyped]
from torch import Tensor

from core.course import course_of, course_over
from core.data import Digits, Split
from core.errors import UserError
from core.message import message
from core.spec import RunSpec
from core.trainer import Epoch
from core.verdict import ALPHA, chance_in_words

Rows = NDArray[np.int64]


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


def folds_of(data: Digits, spec: RunSpec) -> list[Rows]:
    """Divide the images of a data set that are not for the test, as a spec says.

    Raises:
        UserError: a class has fewer images, or fewer different ones, than there are folds.
    """
    labels = torch.cat([data.train.labels, data.validation.labels])
    if not data.copies_together:
        return fold_rows(labels, spec.folds, spec.seed)
    images = torch.cat([data.train.images, data.validation.images]).flatten(1).cpu().numpy()
    _, copies = np.unique(images, axis=0, return_inverse=True)
    return fold_rows(labels, spec.folds, spec.seed, copies.ravel())


def fold_rows(
    labels: Tensor, folds: int, seed: int, copies: NDArray[np.int64] | None = None
) -> list[Rows]:
    """Divide images into folds that keep the shares of the classes; sizes differ by 1 at most.

    Args:
        labels: int (N,).
        folds: how many.
        seed: of the order in which a class's images are dealt.
        copies: int (N,), the number of the picture that each image shows: all copies of one lie in
            the same fold, which then may be larger than others. All are different without it.

    Returns:
        The rows that each fold holds back, each row in one of them, in ascending order.

    Raises:
        UserError: a class has fewer images than there are folds.
    """
    # It takes half a second to import, and most processes divide nothing.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    plain = labels.cpu().numpy()
    different = labels.cpu()
    if copies is not None:
        different = torch.from_numpy(np.unique(np.stack([copies, plain]), axis=1)[1])
    fewest = int(torch.bincount(different).clamp(min=0).min())
    if fewest < folds:
        raise UserError(
            message(
                "Cross-validation in {folds} folds needs {folds} images of each class, and one "
                "class has {fewest}. Take fewer folds, or more images.",
                folds=folds,
                fewest=fewest,
            )
        )
    kind = StratifiedKFold if copies is None else StratifiedGroupKFold
    dealer = kind(n_splits=folds, shuffle=True, random_state=seed)
    return [held.astype(np.int64) for _, held in dealer.split(plain, plain, copies)]


def fold_data(data: Digits, spec: RunSpec, rows: Sequence[Rows], fold: int) -> Digits:
    """Return the data of one fold: its images for validation, all others to learn from.

    Args:
        data: the whole.
        spec: with `folds`.
        rows: of `folds_of`, over the training and then the validation images of `data`.
        fold: counted from 0.
    """
    images = torch.cat([data.train.images, data.validation.images])
    labels = torch.cat([data.train.labels, data.validation.labels])
    size = course_over(spec, len(data.train), len(data.validation)).train
    # Where copies make a fold large, a few of the others are learned from twice in an epoch, so
    # that every fold has as many steps.
    learned = np.resize(np.setdiff1d(np.arange(len(labels)), rows[fold]), size)

    def part(chosen: Rows) -> Split:
        index = torch.from_numpy(chosen)
        return Split(images[index], labels[index])

    return Digits(
        key=data.key,
        title=data.title,
        train=part(learned),
        validation=part(rows[fold]),
        test=data.test,
        mean=data.mean,
        std=data.std,
        class_names=data.class_names,
    )


def fold_results(spec: RunSpec, epochs: Sequence[Epoch]) -> FoldResults:
    """Return what a run's epochs say of its folds.

    Args:
        spec: of the run, with `folds`.
        epochs: the finished ones, in order, counted over all folds.
    """
    course = course_of(spec)
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
