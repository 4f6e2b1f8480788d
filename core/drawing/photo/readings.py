"""Which ink of a picture is the digit: ways of telling, of which the best is chosen."""

from typing import Final

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from core.drawing.centring import digit_from_ink
from core.drawing.photo.ink import dark_on_light, whole_ink, without_specks
from core.drawing.photo.judge import SOFT_EDGE, Reading, adds, digits_of, ranked
from core.drawing.photo.likeness import likeness, shape_of
from core.drawing.photo.lines import find_lines, line_width, thick_parts, without_lines
from core.drawing.photo.local_ink import evened, local_inks, polarity
from core.drawing.photo.pieces import Pieces
from core.drawing.photo.planes import Mask, Plane, grown, holding, small
from core.drawing.photo.tight_crop import tight_crops

# All is looked for in a copy whose longer side is this.
_SIDE: Final = 560
# Smaller than this it is an image that was drawn or prepared, not a photograph.
_LEAST_PHOTO: Final = 100
# Of full ink, 1: what counts as ink, once with faint strokes and once without.
_LEVELS: Final = (0.35, 0.6)
# The same of ink that is measured by what is beside it.
_EVEN: Final = 0.5
# Ways of telling ink that differ in less than this share of it are one.
_ALIKE: Final = 0.02
# Where no line is found, yet this share of ink is thicker than the rest, a frame may touch it.
_MOSTLY_THICK: Final = 0.6
# What of full ink is seen at all, where a picture shows a sign and nothing else,
_VISIBLE: Final = 0.4
# and how much that must look like a sign.
_PLAIN: Final = 0.85
# A printed line is at most this wide, as a share of the picture's longer side.
_WIDEST_LINE: Final = 0.04
# A crop that looks so much like a sign needs no second look.
_CLEAR: Final = 0.65
# Ink this faint, so far from all that is seen, may be a stroke under a shine, or a stain.
_FAINT: Final = 0.15
_FAR: Final = 6
# Whether the ink is the darker or the lighter: dark ink is believed so many times as much, what is
# less likely than the second is looked at only where the best score by then is below the third.
_DARK_TRUST: Final = 1.25
_LEAST_TRUST: Final = 0.7
_DOUBTFUL: Final = 0.6


def digits_in(planes: Plane) -> list[Tensor]:
    """Return what may be the digit in a picture, likeliest first; none where all looks alike.

    A picture of nothing but ink on paper is taken as it is. In any other, ink is told from what
    lies right beside it, in several ways, and what looks most like a few strokes in the middle is
    the digit.

    Args:
        planes: (C, H, W) of 0 to 255.

    Returns:
        uint8 (1, 1, 28, 28) each, light on dark.
    """
    page = dark_on_light(planes)
    ink = whole_ink(page)
    if ink is None:
        return []
    kept = without_specks(ink)
    whole = digit_from_ink(kept)
    if max(ink.shape) < _LEAST_PHOTO:
        return [] if whole is None else [whole]
    shrunk = small(kept, _SIDE) / np.float32(255)
    if whole is not None and _is_plain(small(ink, _SIDE) / np.float32(255), shrunk):
        return [whole]
    found = _filling(small(planes.mean(axis=0), _SIDE))
    if max((reading.score for reading in found), default=0.0) <= _CLEAR:
        found += digits_of(shrunk, shrunk > _VISIBLE, 1.0) + readings(page)
    digits = [_prepared(reading) for reading in ranked(found)] or [whole]
    return [digit for digit in digits if digit is not None]


def _is_plain(ink: Plane, kept: Plane) -> bool:
    """Tell whether a picture shows one sign and nothing else that is worth a word."""
    mask = kept > _VISIBLE
    if not mask.any() or (ink > _VISIBLE).sum() > 1.1 * mask.sum():
        return False
    pieces = Pieces(mask)
    large = pieces.large
    if pieces.count > 3 or any(piece.rim for piece in large):
        return False
    if len(pieces.without_frames()) < len(large):
        return False
    if not large or len(pieces.joined(large[0], large)) < len(large):
        return False
    box = ndimage.find_objects(mask.astype(np.int8))[0]
    if likeness(shape_of(mask[box])) > _PLAIN:
        return True
    return _is_solid(mask) and not _is_faint(ink, mask)


def _is_solid(mask: Mask) -> bool:
    """Tell whether all in a mask is thick: a filled shape, of which no line could be left out."""
    thick = thick_parts(mask, min(line_width(mask), _WIDEST_LINE * max(mask.shape)))
    return bool((mask & ~thick).sum() < 0.05 * mask.sum())


def _is_faint(ink: Plane, mask: Mask) -> bool:
    """Tell whether there is more than what a mask holds, if less black."""
    more = (ink > _FAINT) & ~grown(mask, _FAR)
    return bool(more.sum() > 0.03 * mask.sum())


def _filling(page: Plane) -> list[Reading]:
    """Return a digit that was cut out of its picture along its edges."""
    found = []
    for ink, mask, box, is_dark in tight_crops(page):
        score = likeness(shape_of(mask[box])) / (1.0 if is_dark else _DARK_TRUST)
        found.append(Reading(ink, mask, score))
    return found


def _prepared(reading: Reading) -> Tensor | None:
    near = ndimage.distance_transform_edt(~reading.mask) <= SOFT_EDGE
    return digit_from_ink(((reading.ink - 0.15) / 0.7).clip(0, 1) * 255 * near)


def readings(page: Plane) -> list[Reading]:
    """Return what may be the digit, best first.

    Args:
        page: (H, W) of 0..255; the ink is likelier the darker.
    """
    page = small(page, _SIDE)
    dark, light = polarity(page)
    most = max(dark * _DARK_TRUST, light)
    sides = [(dark * _DARK_TRUST / most, page), (light / most, 255 - page)]
    found: list[Reading] = []
    for trust, plane in sorted(sides, key=lambda side: -side[0]):
        doubtful = max((reading.score for reading in found), default=0.0) < _DOUBTFUL
        if trust > _LEAST_TRUST or doubtful:
            found += _found_in(plane, max(trust, _LEAST_TRUST))
    return ranked(found)


def _found_in(page: Plane, trust: float) -> list[Reading]:
    found: list[Reading] = []
    for ink, mask in _ways_of_telling(page):
        for clear, share in _cleared(mask):
            found += digits_of(ink, clear, trust * share)
    return found


def _ways_of_telling(page: Plane) -> list[tuple[Plane, Mask]]:
    """Return ink (H, W) of 0..1 and what of it counts, in ways that differ."""
    ways: list[tuple[Plane, Mask]] = []
    for ink in local_inks(page):
        masks = [(ink, ink > level) for level in _LEVELS]
        even = evened(ink)
        under_a_shine = holding(even > _EVEN, masks[1][1])
        if adds(under_a_shine, masks[0][1]):
            masks.append((even, under_a_shine))
        for plane, mask in masks:
            same = _ALIKE * mask.sum()
            if mask.mean() < 0.6 and all((mask ^ other).sum() > same for _, other in ways):
                ways.append((plane, mask))
    return ways


def _cleared(mask: Mask) -> list[tuple[Mask, float]]:
    """Return the mask as it is, without its thin parts, and without its straight lines."""
    width = line_width(mask)
    thick = thick_parts(mask, width)
    ways = [(mask, 1.0)]
    lines = find_lines(mask & ~thick, 0.28 * min(mask.shape), width)
    if thick.sum() > (0 if lines else _MOSTLY_THICK * mask.sum()):
        ways.append((thick, 0.85))
    if lines:
        ways.append((without_lines(mask, thick, lines, width), 0.8))
    return ways
