"""A digit that fills its picture from border to border, as someone cuts it out of a photograph.

There paper is hardly seen around the strokes, and some of them end at the border.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from core.drawing.photo.planes import Mask, Plane, parts

# Ink and paper must differ by this much, of 255, and be this far from each other for their spread.
_MIN_CONTRAST: Final = 24
_APART: Final = 0.75
# The one piece of ink has this share of all that is as dark, and of one side of the picture. Along
# the other its middle is no further from the picture's than this share.
_ALONE: Final = 0.9
_FILLED: Final = 0.85
_CENTRED: Final = 0.1

Box = tuple[slice, slice]


def tight_crops(page: Plane) -> Iterator[tuple[Plane, Mask, Box, bool]]:
    """Yield ink (H, W) of 0..1, its mask, the box around it, and whether it is the darker.

    Nothing, where no one piece of ink goes from border to border.

    Args:
        page: (H, W) of 0..255.
    """
    level, apart = _parting(page)
    dark = page <= level
    if apart < _APART or dark.all():
        return
    darker, lighter = float(page[dark].mean()), float(page[~dark].mean())
    if lighter - darker < _MIN_CONTRAST:
        return
    ink: Plane = ((lighter - page) / (lighter - darker)).clip(0, 1).astype(np.float32)
    for mask, plane, is_dark in ((dark, ink, True), (~dark, 1 - ink, False)):
        labels, _ = parts(mask)
        largest = int(np.bincount(labels.ravel())[1:].argmax()) + 1
        piece = labels == largest
        box = ndimage.find_objects(piece.astype(np.int8))[0]
        if _fills(box, page.shape) and piece.sum() >= _ALONE * mask.sum():
            yield plane, piece, box, is_dark


def _fills(box: Box, page: tuple[int, ...]) -> bool:
    """Tell whether a box goes from border to border, in the middle of the picture."""
    spans = [(s.stop - s.start) / side for s, side in zip(box, page, strict=True)]
    middles = [(s.start + s.stop) / 2 / side for s, side in zip(box, page, strict=True)]
    return max(spans) >= _FILLED and all(abs(middle - 0.5) <= _CENTRED for middle in middles)


def _parting(page: Plane) -> tuple[float, float]:
    """Return the level that parts dark from light best, and how well from 0 to 1.

    N. Otsu, "A threshold selection method from gray-level histograms", 1979.
    """
    counts = np.bincount(page.clip(0, 255).astype(np.uint8).ravel(), minlength=256) / page.size
    levels = np.arange(256)
    share, sums = counts.cumsum(), (counts * levels).cumsum()
    mean = sums[-1]
    between = (mean * share - sums) ** 2 / np.maximum(share * (1 - share), 1e-9)
    best = int(between.argmax())
    spread = float((counts * (levels - mean) ** 2).sum())
    return best + 0.999, float(between[best]) / max(spread, 1e-9)
