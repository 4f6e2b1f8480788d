"""Which ink of a picture is the digit: ways of telling, and a judge over what each finds."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from core.drawing.centring import digit_from_ink
from core.drawing.photo.ink import dark_on_light, whole_ink, without_specks
from core.drawing.photo.likeness import falling, likeness, shape_of
from core.drawing.photo.lines import find_lines, line_width, thick_parts, without_lines
from core.drawing.photo.local_ink import local_inks, polarity
from core.drawing.photo.planes import Mask, Plane, parts, small

# All is looked for in a copy whose longer side is this.
_SIDE: Final = 560
# Smaller than this it is an image that was drawn or prepared, not a photograph.
_LEAST_PHOTO: Final = 100
# Of full ink, 1: what counts as ink, once with faint strokes and once without.
_LEVELS: Final = (0.35, 0.6)
# So many pieces of ink are looked at, the largest.
_MAX_PARTS: Final = 12
# Readings that share more of their ink than this are one.
_SAME: Final = 0.75
# A reading that holds all of the best one and more is better, if its score is this share of that.
_NEARLY: Final = 0.8
# A reading is offered beside the best one, if its score is this share of that; so many in all.
_WORTH: Final = 0.6
_MOST: Final = 4
# Pieces nearer to each other than this share of the larger one's longer side are one sign.
_GAP: Final = 0.2
# What of full ink is seen at all, where a picture shows a sign and nothing else,
_VISIBLE: Final = 0.4
# and how much that must look like a sign.
_PLAIN: Final = 0.85
# Pixels around a shape that belong to it.
_SOFT_EDGE: Final = 2
# Whether the ink is the darker or the lighter: dark ink is believed so many times as much, what is
# less likely than the second is looked at only where the best score by then is below the third.
_DARK_TRUST: Final = 1.25
_LEAST_TRUST: Final = 0.7
_DOUBTFUL: Final = 0.6


class Part(NamedTuple):
    """A connected piece of ink."""

    label: int
    box: tuple[slice, slice]
    area: int
    longer: int
    rim: int


class Reading(NamedTuple):
    """What may be the digit: its ink (H, W) of 0..255, its mask, and how good it looks."""

    ink: Plane
    mask: Mask
    score: float


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
    if whole is not None and _is_plain(small(ink, _SIDE), small(kept, _SIDE)):
        return [whole]
    shrunk = small(kept, _SIDE) / np.float32(255)
    found = _digits(shrunk, shrunk > _VISIBLE, 1.0) + readings(page)
    digits = [_prepared(reading) for reading in _ranked(found)] or [whole]
    return [digit for digit in digits if digit is not None]


def _is_plain(ink: Plane, kept: Plane) -> bool:
    """Tell whether a picture shows one sign and nothing else that is worth a word."""
    mask = kept > 255 * _VISIBLE
    if not mask.any() or (ink > 255 * _VISIBLE).sum() > 1.1 * mask.sum():
        return False
    labels, count = parts(mask)
    pieces = _parts_of(labels)
    if count > 3 or any(piece.rim for piece in pieces):
        return False
    if any(_is_frame(labels, one, pieces) for one in pieces):
        return False
    if not pieces or len(_joined(pieces[0], pieces, labels)) < len(pieces):
        return False
    box = ndimage.find_objects(mask.astype(np.int8))[0]
    return likeness(shape_of(mask[box])) > _PLAIN


def _prepared(reading: Reading) -> Tensor | None:
    near = ndimage.distance_transform_edt(~reading.mask) <= _SOFT_EDGE
    return digit_from_ink(((reading.ink - 0.15) / 0.7).clip(0, 1) * 255 * near)


def readings(page: Plane) -> list[Reading]:
    """Return what may be the digit, best first.

    Args:
        page: (H, W) of 0..255; the ink is likelier the darker.
    """
    page = small(page, _SIDE)
    dark, light = polarity(page)
    sides = [(min(1.0, dark * _DARK_TRUST), page), (light, 255 - page)]
    found: list[Reading] = []
    for trust, plane in sorted(sides, key=lambda side: -side[0]):
        doubtful = max((reading.score for reading in found), default=0.0) < _DOUBTFUL
        if trust > _LEAST_TRUST or doubtful:
            found += _found_in(plane, max(trust, _LEAST_TRUST))
    return _ranked(found)


def _found_in(page: Plane, trust: float) -> list[Reading]:
    found: list[Reading] = []
    for ink in local_inks(page):
        for level in _LEVELS:
            mask = ink > level
            if mask.mean() < 0.6:
                for clear, share in _cleared(mask):
                    found += _digits(ink, clear, trust * share)
    return found


def _cleared(mask: Mask) -> list[tuple[Mask, float]]:
    """Return the mask as it is, without its thin parts, and without its straight lines."""
    width = line_width(mask)
    thick = thick_parts(mask, width)
    ways = [(mask, 1.0)]
    lines = find_lines(mask & ~thick, 0.28 * min(mask.shape), width)
    if lines:
        if thick.any():
            ways.append((thick, 0.85))
        ways.append((without_lines(mask, thick, lines, width), 0.8))
    return ways


def _parts_of(labels: NDArray[np.int32]) -> list[Part]:
    rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    at_rim = np.bincount(rim, minlength=int(labels.max()) + 1)
    areas = np.bincount(labels.ravel())
    least = max(12, 0.0003 * labels.size)
    found = []
    for i, box in enumerate(ndimage.find_objects(labels), 1):
        if areas[i] >= least:
            longer = max(side.stop - side.start for side in box)
            found.append(Part(i, box, int(areas[i]), longer, int(at_rim[i])))
    return sorted(found, key=lambda part: -part.area)[:_MAX_PARTS]


def _digits(ink: Plane, mask: Mask, trust: float) -> list[Reading]:
    labels, count = parts(mask)
    if count == 0:
        return []
    pieces = _parts_of(labels)
    frames = {one.label for one in pieces if _is_frame(labels, one, pieces)}
    pieces = [piece for piece in pieces if piece.label not in frames]
    found = []
    for seed in sorted(pieces, key=lambda piece: -_alone(ink, labels, piece))[:3]:
        group = _joined(seed, pieces, labels)
        digit = np.isin(labels, [piece.label for piece in group])
        score = trust * _score(ink, digit, sum(p.rim for p in group)) * _edge(ink, digit)
        if score > 0.02:
            found.append(Reading(ink, digit, score))
    return found


def _is_frame(labels: NDArray[np.int32], one: Part, pieces: list[Part]) -> bool:
    """Tell whether a piece goes around another that is no speck in it.

    What is round and has three or more in it is a face.
    """
    within = [other for other in pieces if _lies_within(other, one)]
    if not any(other.longer >= 0.3 * one.longer for other in within):
        return False
    shape = labels[one.box] == one.label
    around, _ = ndimage.label(np.pad(~shape, 1, constant_values=True))
    inner = [other for other in within if around[_first(labels, other, one)] != around[0, 0]]
    if not any(other.longer >= 0.3 * one.longer for other in inner):
        return False
    return len(inner) < 3 or shape_of(shape).boxed > 0.6


def _lies_within(other: Part, one: Part) -> bool:
    return other is not one and all(
        inside.start > side.start and inside.stop < side.stop
        for inside, side in zip(other.box, one.box, strict=True)
    )


def _first(labels: NDArray[np.int32], other: Part, one: Part) -> tuple[int, int]:
    """Return where a piece begins, in the box of another that has one pixel more all around."""
    y, x = np.argwhere(labels[other.box] == other.label)[0]
    rows, columns = (
        inside.start - side.start + 1 for inside, side in zip(other.box, one.box, strict=True)
    )
    return int(y + rows), int(x + columns)


def _alone(ink: Plane, labels: NDArray[np.int32], piece: Part) -> float:
    return _score(
        ink[piece.box], labels[piece.box] == piece.label, piece.rim, labels.shape, piece.box
    )


def _joined(seed: Part, pieces: list[Part], labels: NDArray[np.int32]) -> list[Part]:
    """Return a piece with the others that are so near, and so wide, that they belong to it."""
    gap = _GAP * seed.longer
    rows, columns = seed.box
    width = _width(labels, seed)
    group = [seed]
    for piece in pieces:
        if piece is seed or piece.area < 0.02 * seed.area or (piece.rim and not seed.rim):
            continue
        y, x = piece.box
        down = max(y.start - rows.stop, rows.start - y.stop, 0)
        across = max(x.start - columns.stop, columns.start - x.stop, 0)
        near = np.hypot(down, across) <= gap and piece.longer <= 1.5 * seed.longer
        if near and _width(labels, piece) < 1.6 * width:
            group.append(piece)
    return group


def _width(labels: NDArray[np.int32], piece: Part) -> float:
    return shape_of(labels[piece.box] == piece.label).thickest * piece.longer


def _score(
    ink: Plane,
    digit: Mask,
    rim: int,
    page: tuple[int, ...] | None = None,
    box: tuple[slice, slice] | None = None,
) -> float:
    """Judge a shape, its place and its size, from 0 to 1."""
    page = page or digit.shape
    if box is None:
        box = ndimage.find_objects(digit.astype(np.int8))[0]
        ink, digit = ink[box], digit[box]
    height, width = digit.shape
    longer = max(height, width)
    size = longer / max(page)
    middle = [(s.start + s.stop) / 2 / side - 0.5 for s, side in zip(box, page, strict=True)]
    off = float(np.hypot(*middle))
    score = likeness(shape_of(digit))
    score *= float(np.interp(size, [0.02, 0.05, 0.2], [0.1, 0.6, 1.0]))
    score *= 1 - 0.5 * off
    score *= float(np.exp(-4 * rim / longer))
    return score * math.sqrt(float(np.median(ink[digit])))


def _edge(ink: Plane, digit: Mask) -> float:
    """Judge from 0.1 to 1 whether the ink ends where the shape does, as a stroke's does."""
    box = ndimage.find_objects(digit.astype(np.int8))[0]
    wide = tuple(slice(max(0, side.start - 4), side.stop + 4) for side in box)
    cut, around = digit[wide].view(np.uint8), ink[wide]
    ring = ndimage.maximum_filter(cut, size=7) > ndimage.maximum_filter(cut, size=3)
    if not ring.any():
        return 1.0
    return falling(float((around[ring] > 0.35).mean()), 0.25, 0.5)


def _ranked(found: list[Reading]) -> list[Reading]:
    """Put the best first, and leave out what is nearly the same as a better one."""
    ranked: list[Reading] = []
    for one in sorted(found, key=lambda reading: -reading.score):
        if all(_overlap(one.mask, other.mask) < _SAME for other in ranked):
            ranked.append(one)
        if len(ranked) == 2 * _MOST:
            break
    if not ranked:
        return []
    # What lacks a stroke looks as good as the whole.
    best = ranked[0]
    for other in ranked[1:]:
        holds = (other.mask & best.mask).sum() > 0.9 * best.mask.sum()
        grown = holds and _largest(other.mask) > 1.1 * _largest(best.mask)
        if grown and other.score > _NEARLY * best.score:
            best = other
    others = [one for one in ranked if one is not best and one.score > _WORTH * best.score]
    return [best, *others][:_MOST]


def _largest(mask: Mask) -> int:
    labels, _ = parts(mask)
    return int(np.bincount(labels.ravel())[1:].max())


def _overlap(one: Mask, other: Mask) -> float:
    either = float((one | other).sum())
    return float((one & other).sum()) / max(either, 1.0)
