"""Ink told from paper, over the whole of a picture at once."""

from typing import Final

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from core.drawing.centring import BOX
from core.drawing.photo.planes import Mask, Plane, as_large_as, parts, small

# Paper must differ from ink by this much, of 255, in some colour.
_MIN_CONTRAST: Final = 24
# The paper's brightness is looked for in a copy this large.
_PAPER_SIDE: Final = 96


def whole_ink(page: Plane) -> Plane | None:
    """Tell ink from paper: (H, W) of 0 (paper) to 255 (ink), or None where all looks alike.

    Args:
        page: (H, W) of 0 to 255, the ink darker than the paper.
    """
    depth = (_paper(page) - page).clip(0, 255)
    # Strokes of a pen are thin: the median of the darkest thousandth, at least of 5 pixels.
    darkest = np.sort(depth, axis=None)[-max(5, depth.size // 1000) :]
    peak = float(np.median(darkest))
    if peak < _MIN_CONTRAST:
        return None
    # Whatever three quarters of the page stay under is paper: grain, shade, a crease.
    grain = float(np.quantile(depth, 0.75))
    low = min(max(3 * grain, 0.01 * peak), 0.4 * peak)
    strokes = depth[depth > peak / 2]
    high = max(float(np.median(strokes)), low + 1)
    ink: Plane = ((depth - low) / (high - low) * 255).clip(0, 255).astype(np.float32)
    return ink


def dark_on_light(planes: Plane) -> Plane:
    """Choose the plane (H, W) in which the ink shows best, inverted where it is the lighter.

    Of red, green, blue and grey: a red pen is invisible in the red plane and black in the others.
    Grey wins unless another is clearly better, for it has the least noise.
    """
    lit = [planes.mean(axis=0), *planes] if len(planes) > 1 else [planes[0]]
    candidates = [_evenly_lit(plane) for plane in lit]
    best, light, most = candidates[0], False, 0.0
    for plane, handicap in zip(candidates, (1.0, 0.8, 0.8, 0.8), strict=False):
        off = plane - _surroundings(plane)
        # The furthest of each side, not the sum: a lamp's broad glow is weak, a stroke is strong.
        darker, lighter = (float(q) for q in np.abs(np.quantile(off, (0.002, 0.998))))
        if handicap * max(darker, lighter) > most:
            best, light, most = plane, lighter > darker, handicap * max(darker, lighter)
    return 255 - best if light else best


def _evenly_lit(plane: Plane) -> Plane:
    """Take away a lamp's slope and glow: the quadratic surface that most of the picture lies on.

    Least absolute deviations, for strokes and shadows are a minority that is far off; a clean
    scan, most of it one colour, comes out as it went in.
    """
    shrunk = small(plane, _PAPER_SIDE)
    height, width = shrunk.shape
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    values = shrunk.ravel().astype(np.float64)
    level = np.zeros(len(terms))
    level[0] = np.median(values)
    for _ in range(20):
        weighted = terms / np.maximum(np.abs(values - level @ terms), 0.5)
        level = np.linalg.lstsq(weighted @ terms.T, weighted @ values, rcond=None)[0]
    slope = (level[1:] @ terms[1:]).reshape(shrunk.shape)
    if np.abs(slope).max() < 1:
        return plane
    return plane - as_large_as(plane, slope.astype(np.float32))


def _surroundings(plane: Plane) -> Plane:
    """Say how bright each pixel's wide surroundings are: their median (H, W).

    Beyond the picture the brightness of its border goes on, so that where strokes fill a tight
    crop the border decides what is paper.
    """
    shrunk = small(plane, _PAPER_SIDE // 2)
    rim = np.concatenate([shrunk[0], shrunk[-1], shrunk[1:-1, 0], shrunk[1:-1, -1]])
    reach = max(3, max(shrunk.shape) // 2) | 1
    middle = ndimage.median_filter(
        shrunk, size=(reach, reach), mode="constant", cval=float(np.median(rim))
    )
    return as_large_as(plane, middle)


def _paper(page: Plane) -> Plane:
    """Estimate what light paper would look like without its dark strokes.

    A grey closing fills what is dark and narrower than two fifths of the page, so a shadow or the
    falling-off of a lamp stays and the strokes go.
    """
    shrunk = small(page, _PAPER_SIDE)
    reach = max(3, round(0.4 * max(shrunk.shape))) | 1
    closed = ndimage.grey_closing(shrunk, size=(reach, reach), mode="nearest")
    return as_large_as(
        page, ndimage.gaussian_filter(closed, sigma=max(shrunk.shape) / 40, mode="nearest")
    )


def without_specks(ink: Plane) -> Plane:
    """Keep the digit: drop dust, and the edge of a table where something else remains."""
    labels, count = parts(ink > 100)
    if count == 0:
        return ink
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    at_rim = np.bincount(rim, minlength=count + 1)[1:]
    # Where a digit stands free in the middle, what comes in from the border is no part of it. A
    # digit that fills a tight crop may touch the border, but in short pieces.
    inner = (at_rim == 0) & (areas >= 0.0005 * ink.size)
    places = np.nonzero(np.concatenate([[False], inner])[labels])
    is_free = inner.any() and all(
        np.ptp(place) < 0.6 * side for place, side in zip(places, ink.shape, strict=True)
    )
    own = at_rim <= (0 if is_free else 0.2 * len(rim))
    if not (own & (areas >= 0.0005 * ink.size)).any():
        own[:] = True
    kept = own & (areas >= 0.03 * areas[own].max())
    digit: Mask = np.concatenate([[False], kept])[labels]
    # Soft edges belong to their stroke, as far as one pixel of 28x28 reaches.
    extent = max(int(np.ptp(places)) + 1 for places in np.nonzero(digit))
    reach = 2 + extent // BOX
    near: Mask = ndimage.distance_transform_edt(~digit) <= reach
    return (ink * near).astype(np.float32)
