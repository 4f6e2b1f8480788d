"""What range the numbers of somebody's images have, and what black and white are in it.

Libraries hand images out from 0 to 255, 0 to 1, -1 to 1, 0 to 16, of 16 bits or standardised. One
range serves for the whole of a data set, for a dark image among bright ones means something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.words.message import N_, message

Plane = NDArray[np.float32]
_CHUNK_VALUES: Final = 2_000_000
# Whole numbers up to here are counts of ink, as of scikit-learn's digits, and not of 255.
_DIM: Final = 127
# No picture holds greater numbers; their differences could be infinite.
_ENDLESS: Final = 1e30
# The brightest image may be this many times as bright as most; above that it is an outlier.
_OUTLIER: Final = 4


@dataclass(frozen=True, eq=False)
class Spread:
    """The numbers of images.

    Attributes:
        lows, highs: the least and greatest number of each image; not a number where an image holds
            an infinite number or something that is none.
        whole: all of them are whole numbers.
    """

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    whole: bool

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which images hold finite numbers only."""
        return np.isfinite(self.lows)

    @property
    def low(self) -> float:
        """The smallest number."""
        return float(np.nanmin(self.lows))

    @property
    def high(self) -> float:
        """The largest number."""
        return float(np.nanmax(self.highs))


@dataclass(frozen=True)
class Range:
    """What is black and what is white.

    Attributes:
        black, white: what becomes 0 and what becomes 255; what lies beyond is cut off.
        words: what was assumed, as a sentence; empty for 0 to 255.
    """

    black: float = 0.0
    white: float = 255.0
    words: str = ""

    def grey(self, plane: NDArray[np.floating]) -> Plane:
        """Bring a plane (H, W) to 0 to 255, in whole numbers."""
        # Each step in double precision: whole numbers stay exactly what they are.
        share = (plane.astype(np.float64) - self.black) / (self.white - self.black)
        grey: Plane = np.rint((share * 255).clip(0, 255)).astype(np.float32)
        return grey


def spread_of(images: NDArray[np.generic]) -> Spread:
    """Look at all numbers of images (N, ...), a few images at a time."""
    lows, highs = np.full(len(images), np.nan), np.full(len(images), np.nan)
    whole = True
    step = max(1, _CHUNK_VALUES // max(1, images[:1].size))
    for start in range(0, len(images), step):
        some = images[start : start + step]
        values = some.reshape(len(some), -1).astype(np.float64)
        with np.errstate(invalid="ignore"):
            fine = (np.abs(values) < _ENDLESS).all(axis=1)
        part = slice(start, start + len(some))
        lows[part] = np.where(fine, values.min(axis=1), np.nan)
        highs[part] = np.where(fine, values.max(axis=1), np.nan)
        whole = whole and bool((values[fine] == np.rint(values[fine])).all())
    return Spread(lows, highs, whole)


def together(spreads: Sequence[Spread]) -> Spread:
    """Put the numbers of several arrays together."""
    return Spread(
        np.concatenate([one.lows for one in spreads]),
        np.concatenate([one.highs for one in spreads]),
        all(one.whole for one in spreads),
    )


def range_of(found: Spread, *, is_bool: bool = False) -> Range | None:
    """Say what black and white are in numbers; None where all are the same.

    Args:
        found: the numbers, of which some are finite.
        is_bool: they are yes or no.
    """
    if is_bool:
        return Range(0, 1, N_("Yes or no: yes is taken for white."))
    low, high = found.low, found.high
    # The median over all images, which a single broken pixel does not change.
    usual = float(np.nanmedian(found.highs))
    if low == high:
        return None
    for black, white, fits in (
        # Rounding may pass 1 a little; a set that stays far below was not meant to be so dark.
        (0.0, 1.0, low >= 0 and 0.5 < high <= 1.001),
        (-0.5, 0.5, -0.501 <= low <= -0.25 and 0 < high <= 0.501),
        (-1.0, 1.0, -1.001 <= low <= -0.5 and 0 < high <= 1.001),
        (-128.0, 127.0, -128 <= low <= -100 and 1.001 < high <= 127 and found.whole),
        (0.0, 65535.0, low >= 0 and 32767 < high <= 65535 and found.whole and usual > 8191),
        (0.0, 255.0, low >= 0 and _DIM < high <= 255),
    ):
        if fits:
            words = message(
                "The numbers go from {low:.6g} to {high:.6g}: {black:g} is taken for black and "
                "{white:g} for white.",
                low=low,
                high=high,
                black=black,
                white=white,
            )
            return Range(black, white, "" if white == 255 else words)
    return _by_themselves(found)


def _by_themselves(found: Spread) -> Range:
    """Spread numbers of no usual range from their least to their greatest."""
    low, high = found.low, found.high
    lows, highs = found.lows[found.usable], found.highs[found.usable]
    usual_high, usual_low = float(np.median(highs)), float(np.median(lows))
    middle = (usual_high + usual_low) / 2
    if high - middle > _OUTLIER * (usual_high - middle) > 0:
        high = float(np.quantile(highs, 0.9))
    if middle - low > _OUTLIER * (middle - usual_low) > 0:
        low = float(np.quantile(lows, 0.1))
    # Counts begin at 0, unless all of them are far away from it.
    black = 0.0 if 0 <= low < high / 4 else low
    return Range(
        black,
        high if high > black else black + 1,
        message(
            "The numbers go from {low:.6g} to {high:.6g}, which is no usual range: {black:.6g} is "
            "taken for black and {white:.6g} for white. See whether the images below look right.",
            low=found.low,
            high=found.high,
            black=black,
            white=high,
        ),
    )
