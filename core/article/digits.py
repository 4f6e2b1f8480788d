"""The digits that the article's steps are shown on."""

from functools import cache

from torch import Tensor

from core.data.loading import load

DATA = "embedded"


def picture(digit: int, turn: int = 0) -> Tensor:
    """Return a picture of a digit from the test images, uint8 (1, 1, 28, 28).

    Args:
        digit: 0 to 9.
        turn: which of its pictures; after the last one the first comes again.

    Raises:
        DataError: the built-in digits cannot be read.
    """
    found = load(DATA).test.images[_places()[digit]]
    at = turn % len(found)
    return found[at : at + 1]


@cache
def _places() -> tuple[Tensor, ...]:
    """Where the test images of each digit are."""
    labels = load(DATA).test.labels
    return tuple((labels == digit).nonzero()[:, 0] for digit in range(10))
