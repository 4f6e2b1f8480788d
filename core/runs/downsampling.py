"""Means of neighbours of a growing series, kept so that they cost the same at any length."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

# A series is kept in so many bins at most, and in more than half as many once it is that long.
_MOST: Final = 4096
# A longer series has at least so many bins, enough for a chart of so many points.
FEW: Final = _MOST // 2

Sums = NDArray[np.float64]


class Thinned:
    """The sums of each `width` neighbours of a series. Several threads need a lock around it.

    Bins are only ever joined in pairs, so that a mean, once all its values are there, stays the
    same to the last bit.

    Attributes:
        width: values in a bin, a power of two.
        touched: bins and values gone through so far, which is what all of this costs.
    """

    def __init__(self) -> None:
        self.width = 1
        self.touched = 0
        self._sums: Sums = np.zeros(_MOST, dtype=np.float64)
        self._full = 0
        self._rest, self._in_rest = 0.0, 0

    def extend(self, values: NDArray[np.float32]) -> None:
        """Append values."""
        rest = values.astype(np.float64)
        while len(rest):
            room = (_MOST - self._full) * self.width - self._in_rest
            self._take(rest[:room])
            rest = rest[room:]
            if self._full == _MOST:
                self._sums[:FEW] = _paired(self._sums)
                self._full, self.width = FEW, 2 * self.width
                self.touched += _MOST

    def means(self, width: int) -> NDArray[np.float32]:
        """Return the mean of each `width` neighbours; the last bin may hold fewer.

        Args:
            width: a power of two, at least that of the bins.
        """
        self.touched += self._full + 1
        return _means(self._sums[: self._full], self.width, self._rest, self._in_rest, width)

    def _take(self, values: Sums) -> None:
        """Append values for which there is room."""
        self.touched += len(values)
        if self._in_rest:
            head = values[: self.width - self._in_rest]
            self._rest, self._in_rest = self._rest + _sum(head), self._in_rest + len(head)
            values = values[len(head) :]
            if self._in_rest == self.width:
                self._put(np.array([self._rest]))
        whole = len(values) // self.width * self.width
        if whole:
            self._put(values[:whole].reshape(-1, self.width).sum(axis=1))
        if whole < len(values):
            self._rest, self._in_rest = _sum(values[whole:]), len(values) - whole

    def _put(self, sums: Sums) -> None:
        self._sums[self._full : self._full + len(sums)] = sums
        self._full += len(sums)
        self._rest, self._in_rest = 0.0, 0


def means_of(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the mean of each `width` neighbours of a whole series, as `Thinned.means` does."""
    return _means(values.astype(np.float64), 1, 0.0, 0, width)


def _means(sums: Sums, group: int, rest: float, in_rest: int, width: int) -> NDArray[np.float32]:
    """Return the mean of each `width` values of a series; the last mean may be of fewer.

    Args:
        sums: of each `group` neighbours.
        group: a power of two.
        rest: the sum of the `in_rest` values that come after these.
        in_rest: fewer than `group`.
        width: a power of two, at least `group`.
    """
    while group < width:
        if len(sums) % 2:
            rest, in_rest = sums[-1] + rest, in_rest + group
        sums, group = _paired(sums), 2 * group
    means = sums / group
    if in_rest:
        means = np.append(means, rest / in_rest)
    return means.astype(np.float32)


def _paired(sums: Sums) -> Sums:
    """Add each two neighbours; an odd last one is left out."""
    even = len(sums) // 2 * 2
    return sums[0:even:2] + sums[1:even:2]


def _sum(values: Sums) -> float:
    return float(values.sum())
