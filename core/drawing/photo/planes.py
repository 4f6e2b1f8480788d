"""Grey planes and masks of a picture, and what every look at them needs."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]


def small(plane: Plane, longer: int) -> Plane:
    """Shrink a plane by the mean over areas until its longer side is about `longer`."""
    step = max(1.0, max(plane.shape) / longer)
    height, width = (max(1, round(side / step)) for side in plane.shape)
    shrunk = Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)
    return np.asarray(shrunk, dtype=np.float32)


def as_large_as(plane: Plane, shrunk: Plane) -> Plane:
    """Enlarge smoothly."""
    height, width = plane.shape
    image = Image.fromarray(np.asarray(shrunk, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)


def parts(mask: Mask) -> tuple[NDArray[np.int32], int]:
    """Number the connected parts of a mask from 1, corners touching."""
    labels: NDArray[np.int32]
    labels, count = ndimage.label(mask, structure=np.ones((3, 3), bool))
    return labels, int(count)


def grown(mask: Mask, by: int) -> Mask:
    """Widen a mask by some pixels on every side, corners too."""
    wider: Mask = ndimage.maximum_filter(mask.view(np.uint8), size=2 * by + 1) > 0
    return wider


def holding(mask: Mask, seeds: Mask) -> Mask:
    """Return the connected parts of a mask that hold a seed."""
    labels, count = parts(mask)
    held = np.zeros(count + 1, bool)
    held[labels[seeds & mask]] = True
    held[0] = False
    kept: Mask = held[labels]
    return kept
