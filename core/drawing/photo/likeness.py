"""How much some ink looks like one digit, by its shape alone: any sign that is drawn will do."""

from typing import Final, NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

from core.drawing.photo.planes import Mask

# Shapes are judged in a copy whose longer side is this.
_SIDE: Final = 112


class Shape(NamedTuple):
    """What is measured of a shape; lengths as shares of its longer side.

    Attributes:
        width: of its strokes, the median.
        thickest: of its strokes, where they are widest.
        spread: how much the width varies: between its tenth and ninth tenth, of the median.
        length: of its strokes, laid end to end.
        holes: in it.
        boxed: share of ink along the least inked side of the box around it.
        solid: share of its longer side that is left without what is much thinner than its strokes.
    """

    width: float
    thickest: float
    spread: float
    length: float
    holes: int
    boxed: float
    solid: float


def shape_of(mask: Mask) -> Shape:
    """Measure a shape, cut to its box (H, W)."""
    scale = _SIDE / max(mask.shape)
    size = tuple(max(1, round(side * scale)) for side in reversed(mask.shape))
    image = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
    # A line that is thinner than a pixel here is still a line.
    cut = np.pad(np.asarray(image) > 80, 1)
    distance = ndimage.distance_transform_edt(cut)
    ridge = (ndimage.maximum_filter(distance, size=3) == distance) & cut
    widths = 2 * distance[ridge] - 1 if ridge.any() else np.ones(1)
    width = max(float(np.median(widths)), 1.0)
    low, high = np.quantile(widths, (0.1, 0.9))
    holes, count = ndimage.label(~cut)
    large = int((np.bincount(holes.ravel())[1:] > 0.25 * width**2 + 6).sum()) if count else 0
    return Shape(
        width=width / _SIDE,
        thickest=float(2 * distance.max() - 1) / _SIDE,
        spread=float(high - low) / width,
        length=float(cut.sum()) / width / _SIDE,
        holes=max(0, large - 1),
        boxed=_boxed(cut[1:-1, 1:-1], round(1.2 * width) + 1),
        solid=_extent(cut) / _SIDE,
    )


def _extent(cut: Mask) -> int:
    """Return the longer side of what is in a mask."""
    if not cut.any():
        return 0
    return max(int(np.ptp(places)) + 1 for places in np.nonzero(cut))


def _boxed(cut: Mask, depth: int) -> float:
    sides = (cut[:depth], cut[-depth:], cut[:, :depth].T, cut[:, -depth:].T)
    return min(float(side.any(axis=0).mean()) for side in sides)


def likeness(shape: Shape) -> float:
    """Return from 0 (a blob, a grid, a frame) to 1 (a few strokes of one width)."""
    fits = 1.0
    fits *= falling(shape.width, 0.22, 0.4) * falling(-shape.width, -0.02, -0.005)
    fits *= falling(shape.spread, 0.8, 2.0)
    fits *= falling(shape.thickest / shape.width, 2.2, 4.5)
    fits *= falling(shape.length, 4.2, 8.0) * falling(-shape.length, -0.75, -0.5)
    fits *= (1.0, 1.0, 0.95, 0.4)[shape.holes] if shape.holes < 4 else 0.1
    fits *= falling(-shape.solid, -0.85, -0.6)
    return fits * falling(shape.boxed, 0.8, 1.0)


def falling(value: float, good: float, bad: float) -> float:
    """Return 1 up to `good`, falling to 0.1 at `bad`."""
    return float(np.interp(value, [good, bad], [1.0, 0.1]))
