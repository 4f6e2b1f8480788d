"""What a digit looks like to a network: MNIST's own preparation, for whatever a person drew.

A drawing is scaled until its longer side is 20 pixels, keeping its proportions, and moved by whole
pixels until its centre of mass falls on pixel (14, 14) of 28x28, counted from 0. That is how MNIST
was made (http://yann.lecun.com/exdb/mnist/), and its files bear it out: of the 5,000 digits that
come with the installation 4,999 are exactly 20 pixels long, and every one has its centre of mass
within half a pixel of (14, 14).
"""

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

Ink = NDArray[np.float32]

FIELD: Final = 28
BOX: Final = 20
CENTRE: Final = 14

# Ink fainter than this, of 255, is nothing. The faintest outermost row or column of a digit is
# brighter than this in 99 % of the 5,000, so the box found around a digit is MNIST's own.
VISIBLE: Final = 24

# Strokes thinner than this, in pixels of 28x28, are thickened to it; no other stroke is changed.
# A twentieth of the 5,000 digits is thinner; the median is 2.5. Without it five small CNNs read
# 94 % of 150 shaky digits drawn with a brush of 2 on a canvas of 400, with it over 99 %.
MIN_STROKE: Final = 1.5

# The longer side that a drawing has while its strokes are measured and thickened.
_FINEST: Final = 800
_COARSEST: Final = 160


def digit_from_rgba(rgba: NDArray[np.uint8]) -> Tensor | None:
    """Prepare what was drawn on a dark canvas.

    Args:
        rgba: (H, W, 4); light strokes of any colour, seen over black where they are translucent.

    Returns:
        uint8 (1, 1, 28, 28), light on dark, or None where nothing visible is drawn.
    """
    return digit_from_ink(ink_from_rgba(rgba))


def ink_from_rgba(rgba: NDArray[np.uint8]) -> Ink:
    """Return the ink (H, W), 0 to 255, of what was drawn on a dark canvas (H, W, 4)."""
    assert rgba.shape[2:] == (4,), rgba.shape
    if rgba.size == 0:
        return np.zeros(rgba.shape[:2], np.float32)
    # The brightest channel: a blue stroke is as much a stroke as a white one.
    brightness = rgba[..., :3].max(axis=2).astype(np.float32)
    ink: Ink = brightness * (rgba[..., 3].astype(np.float32) / 255)
    return ink


def digit_from_ink(ink: NDArray[np.uint8] | NDArray[np.floating]) -> Tensor | None:
    """Prepare ink of any size.

    Args:
        ink: (H, W), 0 (none) to 255 (full).

    Returns:
        uint8 (1, 1, 28, 28), brightest pixel 255, or None where no ink is visible.
    """
    assert ink.ndim == 2, ink.shape
    full = visible(ink)
    if full is None:
        return None
    drawing = _resized(_cropped(full))
    drawing = _cropped(_thickened(drawing))
    return torch.from_numpy(_centred(_shrunk(drawing)))[None, None]


def visible(ink: NDArray[np.uint8] | NDArray[np.floating]) -> Ink | None:
    """Return ink (H, W) with its strongest at 255, or None where none is visible."""
    if ink.size == 0:
        return None
    full = np.nan_to_num(np.asarray(ink, dtype=np.float32)).clip(0, 255)
    strongest = float(full.max())
    return None if strongest < VISIBLE else full * np.float32(255 / strongest)


def _cropped(ink: Ink) -> Ink:
    """Cut off what lies around the visible ink."""
    rows = np.flatnonzero((ink >= VISIBLE).any(axis=1))
    columns = np.flatnonzero((ink >= VISIBLE).any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(ink: Ink) -> Ink:
    """Bring a drawing to a size at which strokes can be measured, and no time is wasted."""
    longer = max(ink.shape)
    if longer > _FINEST:
        # The brightest of each block, not the mean: a hairline must not fade.
        step = math.ceil(longer / _FINEST)
        height, width = (math.ceil(side / step) for side in ink.shape)
        padded = np.zeros((height * step, width * step), np.float32)
        padded[: ink.shape[0], : ink.shape[1]] = ink
        return np.ascontiguousarray(padded.reshape(height, step, width, step).max(axis=(1, 3)))
    if longer < _COARSEST:
        scale = math.ceil(_COARSEST / longer)
        size = (ink.shape[1] * scale, ink.shape[0] * scale)
        return np.asarray(Image.fromarray(ink).resize(size, Image.Resampling.NEAREST))
    return ink


def _stroke_width(ink: Ink) -> float:
    """Estimate how wide the strokes are, in pixels of `ink`.

    Across a stroke of width w the distance to its edge climbs from 1 to w/2 and falls again; its
    mean is (w + 2) / 4.
    """
    inside = np.pad(ink >= 128, 1)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(inside)
    return float(4 * distance[inside].mean() - 2)


def _thickened(ink: Ink) -> Ink:
    """Widen all strokes alike where they would be thinner than `MIN_STROKE` in 28x28.

    Widening by r on every side makes strokes of width w and a drawing of length l w + 2r and
    l + 2r, and their ratio is to be `MIN_STROKE` / `BOX`.
    """
    share = MIN_STROKE / BOX
    radius = (share * max(ink.shape) - _stroke_width(ink)) / (2 * (1 - share))
    if radius <= 0:
        return ink
    margin = math.ceil(radius) + 1
    padded = np.pad(ink, margin)
    away: NDArray[np.float64] = ndimage.distance_transform_edt(padded < 128)
    # The rim, where the distance passes the radius, is grey: it is a soft edge.
    grown = (255 * (radius + 1 - away)).clip(0, 255).astype(np.float32)
    thicker: Ink = np.maximum(padded, grown)
    return thicker


def _shrunk(ink: Ink) -> Ink:
    """Scale a drawing by the mean over areas until its longer side is 20 pixels."""
    height, width = ink.shape
    scale = max(height, width) / BOX
    # The shorter side becomes whole pixels too; it is widened with emptiness, never stretched.
    rows, columns = (max(1, math.ceil(side / scale - 1e-6)) for side in (height, width))
    tall, wide = (round(count * scale) for count in (rows, columns))
    top, left = (max(0, tall - height) // 2, max(0, wide - width) // 2)
    bottom, right = (max(0, tall - height) - top, max(0, wide - width) - left)
    padded = np.pad(ink, ((top, bottom), (left, right)))
    small = Image.fromarray(padded).resize((columns, rows), Image.Resampling.BOX)
    grey: Ink = np.asarray(small).clip(0, 255)
    return grey * np.float32(255 / max(float(grey.max()), 1.0))


def _centred(ink: Ink) -> NDArray[np.uint8]:
    """Put a drawing of at most 20x20 into 28x28, its centre of mass on the centre."""
    offsets = []
    for axis, side in enumerate(ink.shape):
        mass = ink.sum(axis=1 - axis)
        centre = float((mass * np.arange(side)).sum() / mass.sum())
        offset = math.floor(CENTRE - centre + 0.5)
        # A lopsided drawing keeps its ends rather than its centre.
        offsets.append(min(max(offset, 0), FIELD - side))
    field = np.zeros((FIELD, FIELD), np.uint8)
    top, left = offsets
    field[top : top + ink.shape[0], left : left + ink.shape[1]] = np.rint(ink).astype(np.uint8)
    return field
