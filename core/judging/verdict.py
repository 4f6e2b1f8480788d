"""Whether one trained network is better than another, told by the same test images.

Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
percentages", Psychometrika 12 (1947): only the images that one of the two names rightly and the
other does not can tell them apart; were both equally good, each such image would fall to either
side like a coin. Several pairs are judged by S. Holm, "A simple sequentially rejective multiple
test procedure", Scandinavian Journal of Statistics 6 (1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr  # type: ignore[import-untyped]
from torch import Tensor

from core.data.loading import title_of
from core.words.errors import UserError
from core.words.message import N_, joined, message

# How often one is called better than the other though both are equally good, at most.
ALPHA: Final = 0.05


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a trained network says of the test images.

    Attributes:
        name: of the run, for people.
        data: the key of the data set whose test images these are.
        logits: float (N, classes), in the order of the test images.
    """

    name: str
    data: str
    logits: Tensor


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How two networks compare on the same test images.

    Attributes:
        first, second: their names.
        total: test images.
        both: images that both name rightly.
        only_first: images that only the first names rightly.
        only_second: images that only the second names rightly.
        chance: how often a difference at least as large would come about were both equally good,
            0 to 1; for one pair among several, corrected for their number.
        pairs: how many pairs `chance` is corrected for; 1 is none but this.
    """

    first: str
    second: str
    total: int
    both: int
    only_first: int
    only_second: int
    chance: float
    pairs: int = 1

    @property
    def better(self) -> str | None:
        """The name of the better one; None where the difference is within noise."""
        if self.chance >= ALPHA:
            return None
        return self.first if self.only_first > self.only_second else self.second

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if self.better is not None:
            return message("{better} is better.", better=self.better)
        if not self.only_first and not self.only_second:
            return N_("No difference at all.")
        if self.only_first == self.only_second:
            return message(
                "A tie: each is right on {right:,} of {total:,} test images.",
                right=self.both + self.only_first,
                total=self.total,
            )
        return N_("Within noise: these images cannot tell which is better.")

    @property
    def reason(self) -> str:
        """The numbers behind the verdict, in words."""
        if not self.only_first and not self.only_second:
            return message(
                "Both are right on the very same {both:,} of {total:,} test images.",
                both=self.both,
                total=self.total,
            )
        one_image = N_(
            "{first} is right on {only_first:,} image that {second} misses, {second} on "
            "{only_second:,} that {first} misses; of {total:,}."
        )
        images = N_(
            "{first} is right on {only_first:,} images that {second} misses, {second} on "
            "{only_second:,} that {first} misses; of {total:,}."
        )
        counts = message(
            one_image if self.only_first == 1 else images,
            first=self.first,
            second=self.second,
            only_first=self.only_first,
            only_second=self.only_second,
            total=self.total,
        )
        return joined([counts, self._luck])

    @property
    def _luck(self) -> str:
        chance = chance_in_words(self.chance)
        if self.pairs == 1:
            return message(
                "Such a difference by luck alone, were both equally good: {chance}.", chance=chance
            )
        return message(
            "Such a difference by luck alone, were both equally good: {chance} (corrected for all "
            "{pairs} pairs).",
            chance=chance,
            pairs=self.pairs,
        )


def verdict(first: Answers, second: Answers, labels: Tensor) -> Verdict:
    """Compare two networks by McNemar's exact test, two-sided.

    Args:
        first: one of them.
        second: the other.
        labels: int (N,), what the test images really are.

    Raises:
        UserError: the two were not tested on these images, the same ones.
    """
    return verdicts((first, second), labels, best=0)[0]


def verdicts(
    answers: Sequence[Answers], labels: Tensor, *, best: int | None = None
) -> tuple[Verdict, ...]:
    """Compare one network with each of the others, in their order.

    Args:
        answers: two or more.
        labels: int (N,), what the test images really are.
        best: which one is compared; the one with the most right answers, if it is not said, and
            the first of several that have as many.

    Which one is the best was itself learned from these images: the chances are corrected for all
    pairs that there are, not only for the pairs told.

    Raises:
        UserError: they were not all tested on these images, the same ones.
    """
    require_same_images(answers, len(labels))
    right = [(one.logits.argmax(dim=1) == labels).numpy() for one in answers]
    if best is None:
        best = int(np.argmax([found.sum() for found in right]))
    pairs = list(combinations(range(len(answers)), 2))
    chances = holm([_chance(right[i], right[j]) for i, j in pairs])
    found = []
    for other in range(len(answers)):
        if other == best:
            continue
        only_first, only_second = _only(right[best], right[other])
        found.append(
            Verdict(
                first=answers[best].name,
                second=answers[other].name,
                total=len(labels),
                both=int((right[best] & right[other]).sum()),
                only_first=only_first,
                only_second=only_second,
                chance=chances[pairs.index((min(best, other), max(best, other)))],
                pairs=len(pairs),
            )
        )
    return tuple(found)


def require_same_images(answers: Sequence[Answers], total: int) -> None:
    """Refuse to compare what cannot be compared.

    Args:
        answers: two or more.
        total: test images.

    Raises:
        UserError: the networks were tested on other images than each other, or on fewer than all.
    """
    first = answers[0]
    for other in answers[1:]:
        if other.data != first.data:
            raise UserError(
                message(
                    "{first} and {other} were tested on other images: {first} on those of "
                    "“{data}”, {other} on those of “{other_data}”. Only answers to the same images "
                    "can be compared: train both on the same data.",
                    first=first.name,
                    other=other.name,
                    data=title_of(first.data),
                    other_data=title_of(other.data),
                )
            )
    for one in answers:
        if len(one.logits) != total:
            raise UserError(
                message(
                    "{run} has answers to {count:,} test images, not to all {total:,}, so it "
                    "cannot be compared. Train it again.",
                    run=one.name,
                    count=len(one.logits),
                    total=total,
                )
            )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return how often luck alone would divide so many images so unevenly, or more so, 0 to 1.

    Exact and two-sided: twice a tail of the binomial distribution, the same as SciPy's
    `binomtest`, whose module takes most of a second to import.
    """
    tail = float(bdtr(min(only_first, only_second), only_first + only_second, 0.5))
    return min(1.0, 2 * tail)


def holm(chances: Sequence[float]) -> list[float]:
    """Correct the chances of several tests for their number, by Holm's method."""
    corrected = [0.0] * len(chances)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        highest = max(highest, min(1.0, (len(chances) - rank) * chances[index]))
        corrected[index] = highest
    return corrected


def chance_in_words(chance: float) -> str:
    """Write a chance with as many digits as it deserves: `0.5 %`, `32 %`, `under 0.01 %`."""
    if chance < 0.0001:
        return N_("under 0.01\u00a0%")
    digits = 2 if chance < 0.001 else 1 if chance < 0.1 else 0
    return f"{100 * chance:.{digits}f}\u00a0%"


def _only(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> tuple[int, int]:
    """Count what only the one names rightly, and what only the other does."""
    return int((first & ~second).sum()), int((second & ~first).sum())


def _chance(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    return mcnemar(*_only(first, second))
