"""Ink told from what lies right beside it, so that shadows, lamps and shines do not matter."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from core.drawing.photo.planes import Plane, small

# How far around a pixel paper is looked for, as shares of the picture's longer side: a little more
# than strokes are wide, which differs from a sheet to a tight crop.
REACHES: Final = (0.06, 0.16, 0.4)
# Paper must differ from ink by this share of its brightness.
_MIN_DEPTH: Final = 0.08
# What is darker than this, of 255, has hardly any light of its own: its noise is no ink.
_DARK: Final = 8.0
# Ink under a shine may be this faint, of full ink, to be taken for full by what is beside it,
_FAINTEST: Final = 0.25
# so far around, as a share of the longer side.
_BESIDE: Final = 0.1
# Which of both is the ink is told in a copy whose longer side is this.
_SKETCH_SIDE: Final = 240


def polarity(page: Plane) -> tuple[float, float]:
    """Say how likely the ink is the darker, and how likely the lighter: the likelier gets 1.

    Strokes are as much ink whether paper is looked for near or far around them. Seen the other way
    round, the paper between them becomes more and more ink the farther one looks.
    """
    sketch = small(page, _SKETCH_SIDE)
    dark, light = (_steadiness(plane) + 1e-6 for plane in (sketch, 255 - sketch))
    return min(1.0, dark / light), min(1.0, light / dark)


def _steadiness(page: Plane) -> float:
    shares = [float((ink > 0.5).mean()) for ink in local_inks(page)]
    if not shares:
        return 0.0
    shares = [0.0] * (len(REACHES) - len(shares)) + shares
    steady = [min(pair) / max(*pair, 1e-6) for pair in pairwise(shares)]
    return sum(steady) / len(steady) * (1.0 if shares[-1] < 0.5 else 0.5)


def local_inks(page: Plane) -> Iterator[Plane]:
    """Yield ink (H, W) of 0 (paper) to 1 (ink) of dark strokes on light, for each reach.

    Paper is the grey closing of the page: it keeps the edges of whatever is wider than the reach,
    a shadow say, and fills what is narrower. Ink is the share of light that it takes away.
    """
    calm = ndimage.gaussian_filter(page, 0.7, mode="nearest")
    for reach in REACHES:
        side = max(5, round(reach * max(page.shape))) | 1
        paper = ndimage.grey_closing(calm, size=(side, side), mode="nearest")
        depth = (paper - calm) / (paper + _DARK)
        darkest = np.sort(depth, axis=None)[-max(5, depth.size // 1000) :]
        peak = float(np.median(darkest))
        if peak >= _MIN_DEPTH:
            yield (depth / peak).clip(0, 1).astype(np.float32)


def evened(ink: Plane) -> Plane:
    """Return ink of 0..1 measured by the strongest near it, for a shine makes strokes faint.

    Light that glossy paper throws back is added to both, paper and ink, and brings them together.
    """
    side = max(5, round(_BESIDE * max(ink.shape))) | 1
    strongest = ndimage.maximum_filter(ink, size=side, mode="nearest")
    level = ndimage.uniform_filter(strongest, side, mode="nearest")
    even: Plane = (ink / np.maximum(level, _FAINTEST)).clip(0, 1).astype(np.float32)
    return even
