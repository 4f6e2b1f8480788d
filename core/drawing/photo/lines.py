"""Straight lines in ink that no digit is made of: rulings, squares, tables and printed boxes."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]

from core.drawing.photo.planes import Mask

Numbers = NDArray[np.float64]

# A line is looked for at every degree, among this many of its pixels.
_ANGLES: Final = np.radians(np.arange(180.0))
_SAMPLE: Final = 15_000
_MAX_LINES: Final = 90
# This share of a line must be ink: strokes across it hide the rest.
_COVERED: Final = 0.6


class Line(NamedTuple):
    """A straight line: its unit normal (y, x), distance from the origin, and its two ends.

    The ends are distances along the direction (normal_x, -normal_y).
    """

    normal: Numbers
    offset: float
    start: float
    end: float


def line_width(mask: Mask) -> int:
    """Return the most common thickness of what is in a mask, in pixels.

    That of the straight lines where there are many: the most frequent run is how the height of
    staff lines is told in music (I. Fujinaga, "Staff detection and removal", 2004).
    """
    counts = np.zeros(64)
    for way in (mask, mask.T):
        steps = np.diff(np.pad(way, ((0, 0), (1, 1))).ravel().astype(np.int8))
        lengths = np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)
        counts += np.bincount(lengths[lengths < 64], minlength=64)
    return int(counts.argmax())


def thick_parts(mask: Mask, width: float) -> Mask:
    """Return what is thicker than `width`, with its corners rounded off."""
    reach = width / 2 + 0.75
    core = ndimage.distance_transform_edt(mask) > reach
    if not core.any():
        return np.zeros_like(mask)
    side = 2 * int(np.ceil(reach)) + 1
    grown: Mask = ndimage.maximum_filter(core.view(np.uint8), size=side) > 0
    return mask & grown


def find_lines(thin: Mask, least: float, width: float) -> list[Line]:
    """Find straight lines at least that long (Hough transform, each peak fitted by least squares).

    Args:
        thin: (H, W), ink no thicker than lines are.
        least: their least length in pixels.
        width: their width in pixels.
    """
    points = np.argwhere(thin).astype(np.float64)
    if len(points) < least:
        return []
    stride = -(-len(points) // _SAMPLE)
    votes, origin = _votes(points[::stride])
    votes = ndimage.uniform_filter1d(votes, 3, axis=1, mode="constant") * 3 * stride
    best = ndimage.maximum_filter(votes, size=(5, 5), mode=("wrap", "constant"))
    angles, offsets = np.nonzero((votes == best) & (votes > _COVERED * least))
    order = np.argsort(-votes[angles, offsets])[:_MAX_LINES]
    found: list[Line] = []
    for angle, offset in zip(angles[order], offsets[order], strict=True):
        line = _fitted(points, _ANGLES[angle], float(offset - origin), least, width)
        if line is not None:
            found.append(line)
    return found


def _votes(points: Numbers) -> tuple[Numbers, int]:
    origin = int(np.ceil(np.hypot(*points.max(axis=0)))) + 2
    votes = np.empty((len(_ANGLES), 2 * origin + 1))
    for i, angle in enumerate(_ANGLES):
        far = points @ np.array([np.sin(angle), np.cos(angle)])
        votes[i] = np.bincount(np.rint(far).astype(int) + origin, minlength=2 * origin + 1)
    return votes, origin


def _fitted(
    points: Numbers, angle: float, offset: float, least: float, width: float
) -> Line | None:
    """Fit a line to the points near a first guess; None where they are too few or too scattered."""
    normal = np.array([np.sin(angle), np.cos(angle)])
    for near in (width + 4, width / 2 + 2.5, width / 2 + 1.5):
        close = points[np.abs(points @ normal - offset) <= near]
        if len(close) < _COVERED * least:
            return None
        middle = close.mean(axis=0)
        _, axes = np.linalg.eigh(np.cov((close - middle).T))
        if abs(axes[:, 0] @ normal) < 0.97:
            return None
        normal = axes[:, 0]
        offset = float(middle @ normal)
    along = np.rint(close @ np.array([normal[1], -normal[0]])).astype(int)
    start, end = _longest(np.bincount(along - along.min()) > 0, gap=max(6 * width, 0.2 * least))
    if end - start < least:
        return None
    return Line(normal, offset, start + along.min(), end + along.min())


def _longest(filled: NDArray[np.bool_], gap: float) -> tuple[int, int]:
    """Return the ends of the longest stretch that is mostly filled and has no larger gap."""
    places = np.flatnonzero(filled)
    breaks = np.flatnonzero(np.diff(places) > gap)
    starts = places[np.r_[0, breaks + 1]]
    ends = places[np.r_[breaks, len(places) - 1]]
    best = int((ends - starts).argmax())
    start, end = int(starts[best]), int(ends[best])
    if filled[start : end + 1].mean() < _COVERED:
        return 0, 0
    return start, end


def without_lines(mask: Mask, thick: Mask, lines: list[Line], width: float) -> Mask:
    """Take lines out of ink, and leave the strokes that cross them.

    Args:
        mask: (H, W), all ink.
        thick: what of it is thicker than a line; it stays.
        lines: what to take out.
        width: of the lines in pixels.
    """
    on_lines = np.zeros_like(mask)
    places = np.argwhere(mask & ~thick)
    owners: list[tuple[NDArray[np.intp], Numbers]] = []
    for line in lines:
        along = places @ np.array([line.normal[1], -line.normal[0]])
        near = np.abs(places @ line.normal - line.offset) <= width / 2 + 1.5
        own = places[near & (along >= line.start - width) & (along <= line.end + width)]
        on_lines[own[:, 0], own[:, 1]] = True
        owners.append((own, line.normal))
    rest = mask & ~on_lines
    for own, normal in owners:
        # Where ink goes on beyond both sides, a stroke crosses.
        away = np.rint(normal * (width / 2 + 3)).astype(int)
        crossed = _at(rest, own + away) & _at(rest, own - away)
        on_lines[own[crossed, 0], own[crossed, 1]] = False
    return mask & ~on_lines


def _at(mask: Mask, places: NDArray[np.intp]) -> NDArray[np.bool_]:
    within = (places >= 0) & (places < np.array(mask.shape))
    inside: NDArray[np.bool_] = within[:, 0] & within[:, 1]
    y, x = np.where(inside[:, None], places, 0).T
    there: NDArray[np.bool_] = mask[y, x]
    return inside & there
