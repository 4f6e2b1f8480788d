"""How good what is found in a picture looks as a digit, and the best of it."""

import math
from typing import Final, NamedTuple

import numpy as np

from core.drawing.photo.likeness import falling, likeness, shape_of
from core.drawing.photo.pieces import Part, Pieces
from core.drawing.photo.planes import Mask, Plane, grown, parts

# Pixels around a shape that belong to it.
SOFT_EDGE: Final = 2
# So many pieces are tried as the beginning of a digit.
_SEEDS: Final = 3
# Readings that share more of their ink than this are one.
_SAME: Final = 0.75
# A reading that holds all of the best one and more is better, if its score is this share of that.
_NEARLY: Final = 0.8
# A reading is offered beside the best one, if its score is this share of that; so many in all.
_WORTH: Final = 0.6
_MOST: Final = 4

Box = tuple[slice, slice]


class Reading(NamedTuple):
    """What may be the digit: its ink (H, W) of 0..1, its mask, and how good it looks, 0 to 1."""

    ink: Plane
    mask: Mask
    score: float


def digits_of(ink: Plane, mask: Mask, trust: float) -> list[Reading]:
    """Return what may be the digit in some ink.

    Args:
        ink: (H, W) of 0..1.
        mask: what of it counts.
        trust: how far it is to be believed, 0 to 1.
    """
    pieces = Pieces(mask)
    among = pieces.without_frames()
    found = []
    for seed in _best(ink, pieces, among):
        for group, share in pieces.groups(seed, among):
            digit = pieces.mask(group)
            cut = digit[_around(group)]
            shape = pieces.shape(seed) if len(group) == 1 else shape_of(cut)
            score = share * trust * likeness(shape) * _place(ink, cut, group)
            # What surrounds it only makes it less likely.
            if score > 0.02:
                score *= _edge(ink, digit, _around(group))
            if score > 0.02:
                found.append(Reading(ink, digit, score))
    return found


def _best(ink: Plane, pieces: Pieces, among: list[Part]) -> list[Part]:
    """Return the pieces that look best, each by itself.

    Shapes take the most time, so those are judged first that stand best, whatever their shape.
    """
    places = {one.label: _place(ink, pieces.cut(one), [one]) for one in among}
    best: list[tuple[float, int, Part]] = []
    for i, one in enumerate(sorted(among, key=lambda one: -places[one.label])):
        if len(best) == _SEEDS and places[one.label] <= best[-1][0]:
            break
        best.append((places[one.label] * likeness(pieces.shape(one)), -i, one))
        best = sorted(best, reverse=True)[:_SEEDS]
    return [one for _, _, one in best]


def _around(group: list[Part]) -> Box:
    rows, columns = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*(one.box for one in group), strict=True)
    )
    return rows, columns


def _place(ink: Plane, cut: Mask, group: list[Part]) -> float:
    """Judge where a shape is, how large and how black, from 0 to 1."""
    page, box = ink.shape, _around(group)
    longer = max(cut.shape)
    middle = [(s.start + s.stop) / 2 / side - 0.5 for s, side in zip(box, page, strict=True)]
    score = float(np.interp(longer / max(page), [0.02, 0.05, 0.2], [0.1, 0.6, 1.0]))
    score *= 1 - 0.5 * float(np.hypot(*middle))
    score *= float(np.exp(-4 * sum(one.rim for one in group) / longer))
    return score * math.sqrt(float(np.median(ink[box][cut])))


def _edge(ink: Plane, digit: Mask, box: Box) -> float:
    """Judge from 0.1 to 1 whether the ink ends where the shape does, as a stroke's does."""
    wide = tuple(slice(max(0, side.start - 4), side.stop + 4) for side in box)
    cut, around = digit[wide], ink[wide]
    ring = grown(cut, 3) & ~grown(cut, 1)
    if not ring.any():
        return 1.0
    return falling(float((around[ring] > 0.35).mean()), 0.25, 0.5)


def ranked(found: list[Reading]) -> list[Reading]:
    """Put the best first, and leave out what is nearly the same as a better one."""
    if not found:
        return []
    found = sorted(found, key=lambda reading: -reading.score)
    kept = [_whole(found)]
    for one in found:
        if one.score <= _WORTH * kept[0].score or len(kept) == _MOST:
            break
        if all(_overlap(one.mask, other.mask) < _SAME for other in kept):
            kept.append(one)
    return kept


def _whole(found: list[Reading]) -> Reading:
    """Return the best, or what holds all of it and more: without a stroke it looks as good."""
    best = found[0]
    for other in found[1:]:
        if other.score <= _NEARLY * best.score:
            break
        if _holds(other.mask, best.mask):
            best = other
    return best


def _holds(mask: Mask, other: Mask) -> bool:
    """Tell whether a mask has all of another, and a longer stroke."""
    if mask.sum() <= other.sum() or (mask & other).sum() <= 0.9 * other.sum():
        return False
    return adds(mask, other) and _largest(mask) > 1.1 * _largest(other)


def adds(mask: Mask, known: Mask) -> bool:
    """Tell whether a mask holds more than the soft edges of what another has."""
    return float((mask & ~grown(known, 2 * SOFT_EDGE)).sum()) > 0.03 * float(known.sum())


def _largest(mask: Mask) -> int:
    labels, _ = parts(mask)
    return int(np.bincount(labels.ravel())[1:].max())


def _overlap(one: Mask, other: Mask) -> float:
    either = float((one | other).sum())
    return float((one & other).sum()) / max(either, 1.0)
