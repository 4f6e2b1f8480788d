"""The connected pieces of some ink, which of them are frames, and which make one sign together."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from scipy import ndimage  # type: ignore[import-untyped]

from core.drawing.photo.likeness import Shape, shape_of
from core.drawing.photo.planes import Mask, parts

# So many pieces of ink are looked at, the largest.
_MAX_PARTS: Final = 12
# Pieces nearer to each other than this share of the larger one's longer side are one sign.
_GAP: Final = 0.2
# Strokes of one pen have at least this share of each other's width.
_THIN: Final = 0.5


class Part(NamedTuple):
    """A connected piece of ink."""

    label: int
    box: tuple[slice, slice]
    area: int
    longer: int
    rim: int


class Pieces:
    """The largest connected pieces of some ink, largest first.

    Attributes:
        labels: (H, W), the number of the piece at each pixel, 0 for none.
        count: how many there are, small ones too.
        large: those that are worth a look, frames among them.
    """

    def __init__(self, mask: Mask) -> None:
        self.labels, self.count = parts(mask)
        self._shapes: dict[int, Shape] = {}
        self.large = self._largest() if self.count else []

    def _largest(self) -> list[Part]:
        labels = self.labels
        rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
        at_rim = np.bincount(rim, minlength=self.count + 1)
        areas = np.bincount(labels.ravel())
        least = max(12, 0.0003 * labels.size)
        found = []
        for i, box in enumerate(ndimage.find_objects(labels), 1):
            if areas[i] >= least:
                longer = max(side.stop - side.start for side in box)
                found.append(Part(i, box, int(areas[i]), longer, int(at_rim[i])))
        return sorted(found, key=lambda part: -part.area)[:_MAX_PARTS]

    def cut(self, one: Part) -> Mask:
        """Return the mask of a piece, cut to its box."""
        cut: Mask = self.labels[one.box] == one.label
        return cut

    def shape(self, one: Part) -> Shape:
        """Return the shape of a piece, measured once."""
        if one.label not in self._shapes:
            self._shapes[one.label] = shape_of(self.cut(one))
        return self._shapes[one.label]

    def without_frames(self) -> list[Part]:
        """Return the large pieces that go around no other."""
        return [one for one in self.large if not self.is_frame(one)]

    def is_frame(self, one: Part) -> bool:
        """Tell whether a piece goes around another that is no speck in it.

        What is round and has three or more in it is a face.
        """
        within = [other for other in self.large if _lies_within(other, one)]
        if not any(other.longer >= 0.3 * one.longer for other in within):
            return False
        around, _ = ndimage.label(np.pad(~self.cut(one), 1, constant_values=True))
        inner = [other for other in within if around[self._first(other, one)] != around[0, 0]]
        if not any(other.longer >= 0.3 * one.longer for other in inner):
            return False
        return len(inner) < 3 or self.shape(one).boxed > 0.6

    def _first(self, other: Part, one: Part) -> tuple[int, int]:
        """Return where a piece begins, in the box of another that has one pixel more all around."""
        y, x = np.argwhere(self.cut(other))[0]
        rows, columns = (
            inside.start - side.start + 1 for inside, side in zip(other.box, one.box, strict=True)
        )
        return int(y + rows), int(x + columns)

    def groups(self, seed: Part, among: list[Part]) -> Iterator[tuple[list[Part], float]]:
        """Yield a piece with all that may belong to it, and with what is about as thick as it is.

        Yields:
            the pieces, and how far they are to be believed.
        """
        group = self.joined(seed, among)
        yield group, 1.0
        width = self._width(seed)
        alike = [piece for piece in group if self._width(piece) > _THIN * width]
        if len(alike) < len(group):
            yield alike, 0.95

    def joined(self, seed: Part, among: list[Part]) -> list[Part]:
        """Return a piece with others that are so near, and so wide, that they belong to it."""
        gap = _GAP * seed.longer
        rows, columns = seed.box
        group = [seed]
        for piece in among:
            if piece is seed or piece.area < 0.02 * seed.area or (piece.rim and not seed.rim):
                continue
            y, x = piece.box
            down = max(y.start - rows.stop, rows.start - y.stop, 0)
            across = max(x.start - columns.stop, columns.start - x.stop, 0)
            near = np.hypot(down, across) <= gap and piece.longer <= 1.5 * seed.longer
            if near and self._width(piece) < 1.6 * self._width(seed):
                group.append(piece)
        return group

    def _width(self, piece: Part) -> float:
        return self.shape(piece).thickest * piece.longer

    def mask(self, group: list[Part]) -> Mask:
        """Return (H, W) of what some pieces cover."""
        chosen = np.zeros(self.count + 1, bool)
        chosen[[piece.label for piece in group]] = True
        covered: Mask = chosen[self.labels]
        return covered


def _lies_within(other: Part, one: Part) -> bool:
    return other is not one and all(
        inside.start > side.start and inside.stop < side.stop
        for inside, side in zip(other.box, one.box, strict=True)
    )
