"""An .npz file of arrays: images and their labels, as they are passed around."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.data.intake.arrays import Array, listed, stored_arrays
from core.data.intake.common import (
    MAX_IMAGES,
    Found,
    IntakeError,
    LeftOut,
    Preparation,
    Progress,
    class_name_of,
    require_modest,
    shown_name,
    take_in,
)
from core.data.intake.grey_range import Plane, Range, Spread, range_of, spread_of, together
from core.data.intake.layouts import LayoutError, grey_of, laid_out, numbers_of
from core.data.intake.refusals import REMEDY, Refusals
from core.data.intake.roles import Pair, roles_of
from core.data.own.kept import MAX_CLASSES
from core.data.own.parts import TRAIN
from core.drawing.picture import PictureError, digit_from_grey, image_from_grey
from core.serving.held_file import HeldFile
from core.serving.memory_budget import memory_budget
from core.words.message import N_, message

# Bytes of all arrays that are read, which lie in memory unpacked.
MAX_UNPACKED_BYTES: Final = 200 * 2**20
# An image of 28 x 28, its name and how it is prepared.
_IMAGE_BYTES: Final = 1_300


@dataclass(frozen=True, eq=False)
class _Part:
    """An array of images with its labels, read.

    Attributes:
        images: (N, H, W) or (N, C, H, W), of any numbers.
        names: of the class of each; empty where it has none.
    """

    pair: Pair
    images: Array
    names: list[str]


def read_npz_file(data: bytes | HeldFile, filename: str, preparation: Preparation) -> Progress:
    """Take images and labels from an .npz file, yielding the share that is done.

    Raises:
        IntakeError: nothing can be used; where a line of Python mends it, that line.
    """
    held = HeldFile.of(data)
    require_modest(filename, held)
    reader = _Reader(held, filename, preparation)
    with memory_budget().work(reader.memory, is_long=True):
        return (yield from reader.intake())


class _Reader:
    """One file, step by step."""

    def __init__(self, held: HeldFile, filename: str, preparation: Preparation) -> None:
        self._filename = filename
        self._what = shown_name(filename)
        self._preparation = preparation
        self._damaged = IntakeError(
            message(
                "{file} is not an .npz file or is damaged: {remedy}",
                file=self._what,
                remedy=REMEDY,
            )
        )
        self._arrays = stored_arrays(held, self._what, MAX_UNPACKED_BYTES, self._damaged)
        self._roles = roles_of(self._arrays)
        self._refuse = Refusals(filename, self._what, self._arrays, self._roles)
        self._left_out: list[LeftOut] = []
        self._notes: list[str] = []

    @property
    def memory(self) -> int:
        """Bytes that reading takes: the arrays as they are, and each image as it is found."""
        images = sum(one.length for one in self._arrays if len(one.shape) > 1)
        unpacked = sum(one.size for one in self._arrays)
        return min(unpacked, MAX_UNPACKED_BYTES) + min(images, MAX_IMAGES) * _IMAGE_BYTES

    def intake(self) -> Progress:
        """Read all that the file holds."""
        if not self._arrays:
            raise self._damaged
        if self._roles.classes:
            parts = self._parts_of_classes()
        else:
            problem = self._refuse.unreadable()
            if problem is not None or not self._roles.pairs:
                raise problem or self._refuse.unclear()
            parts = self._parts()
        found = self._found(parts)
        return (
            yield from take_in(
                self._filename, found, self._left_out, self._preparation, notes=self._notes
            )
        )

    # What is in them

    def _parts(self) -> list[_Part]:
        roles = self._roles
        labels = {pair.labels: self._labels(pair) for pair in roles.pairs}
        if problem := self._refuse.too_much(labels, MAX_UNPACKED_BYTES):
            raise problem
        called = self._class_names(list(labels.values()))
        parts = []
        for pair in roles.pairs:
            numbers = labels[pair.labels]
            images = self._images(pair, len(numbers))
            parts.append(_Part(pair, images, self._names(pair, numbers, called)))
        if roles.in_order:
            self._notes.append(
                message(
                    "The arrays’ names do not say which are for the test: those that come later, "
                    "“{images}” and “{labels}”, are taken for it.",
                    images=roles.pairs[1].images.name,
                    labels=roles.pairs[1].labels.name,
                )
            )
        if roles.unused:
            self._notes.append(message("Not used: {arrays}.", arrays=listed(list(roles.unused))))
        return parts

    def _parts_of_classes(self) -> list[_Part]:
        classes = self._roles.classes
        if problem := self._refuse.too_much({}, MAX_UNPACKED_BYTES):
            raise problem
        self._notes.append(
            message(
                "Each array is taken for a class, called as the array is: {arrays}.",
                arrays=listed(list(classes)),
            )
        )
        return [
            _Part(
                Pair(TRAIN, one, one),
                self._images(Pair(TRAIN, one, one), None),
                [class_name_of(one.key)] * one.length,
            )
            for one in classes
        ]

    def _labels(self, pair: Pair) -> Array:
        stored, images = pair.labels, pair.images
        sides = [side for side in images.shape if side != 1]
        count = stored.length if stored.length in sides else (sides or [1])[0]
        try:
            return numbers_of(stored.read(), count)
        except LayoutError as error:
            raise self._refuse.laid_out_otherwise(stored, error) from None

    def _images(self, pair: Pair, count: int | None) -> Array:
        stored = pair.images
        if stored.kind.kind not in "buif":
            raise self._refuse.no_numbers(stored)
        if 0 in stored.shape:
            raise self._refuse.empty(stored)
        try:
            return laid_out(stored.read(), count)
        except LayoutError as error:
            if not error.mend and count:
                raise self._refuse.of_other_lengths(pair, count) from None
            raise self._refuse.laid_out_otherwise(stored, error) from None

    # Labels

    def _class_names(self, labels: Sequence[Array]) -> dict[int, str]:
        """Return what numbers are called, where an array says it."""
        stored = self._roles.class_names
        if stored is None:
            return {}
        numbers = np.concatenate([_whole(one) for one in labels]) if labels else np.zeros(0)
        if stored.has_objects or not len(numbers):
            self._notes.append(
                message(
                    "“{name}” is not used: it holds Python objects, or no numbers of classes.",
                    name=stored.name,
                )
            )
            return {}
        names = [_text(one) for one in stored.read().tolist()]
        low, high = int(numbers.min()), int(numbers.max())
        first = 0 if low >= 0 and high < len(names) else 1 if (low, high) == (1, len(names)) else -1
        if first < 0 or len(set(names)) < len(names):
            self._notes.append(
                message(
                    "“{name}” is not used: its {count} names do not fit the labels {low} to "
                    "{high}.",
                    name=stored.name,
                    count=len(names),
                    low=low,
                    high=high,
                )
            )
            return {}
        return {i + first: name for i, name in enumerate(names)}

    def _names(self, pair: Pair, labels: Array, called: dict[int, str]) -> list[str]:
        kind = labels.dtype.kind
        if kind in "US":
            return [_text(label) for label in labels.tolist()]
        numbers = _whole(labels)
        if not len(numbers):
            finite = kind == "f" and bool(np.isfinite(labels.astype(np.float64)).all())
            raise self._refuse.no_classes(pair.labels, numbers=finite)
        values = numbers.tolist()
        if len(set(values)) > MAX_CLASSES:
            raise self._refuse.many_classes(pair, len(set(values)))
        return [called.get(value, str(value)) for value in values]

    # Greys

    def _found(self, parts: Sequence[_Part]) -> list[Found]:
        """Return all images with the class of each, in one range."""
        views = [_as_written(part.images) for part in parts]
        spreads = [_spread(view) for view in views]
        all_of_them = together(spreads)
        images = parts[0].pair.images
        if 2 * int(all_of_them.usable.sum()) <= len(all_of_them.lows):
            some = any(_has_numbers(view) for view in views)
            raise self._refuse.endless(images, some_are_finite=some)
        limits = range_of(all_of_them, is_bool=all(view.dtype.kind == "b" for view in views))
        if limits is None:
            raise self._refuse.one_grey(images)
        if limits.words:
            self._notes.append(limits.words)
        blank = int((all_of_them.lows == all_of_them.highs).sum())
        if blank and self._preparation == "as_is":
            self._notes.append(message("{count:,} images are of one grey throughout.", count=blank))
        prepare = _centred if self._preparation == "centred" else _as_is
        found = []
        for part, view, spread in zip(parts, views, spreads, strict=True):
            for i, name in enumerate(part.names):
                image = self._image_name(part, i)
                if not name:
                    self._left_out.append(LeftOut(image, N_("Its label is empty.")))
                elif not spread.usable[i]:
                    self._left_out.append(
                        LeftOut(image, N_("It holds numbers that are none, or endless."))
                    )
                else:
                    how = partial(prepare, view, i, limits)
                    found.append(Found(image, name, how, part.pair.part))
        return found

    def _image_name(self, part: _Part, i: int) -> str:
        if len(self._roles.pairs) == 1:
            return message("image {number}", number=i)
        return message("image {number} of “{name}”", number=i, name=part.pair.images.name)


def _spread(images: Array) -> Spread:
    if images.ndim == 3:
        return spread_of(images)
    pieces = [spread_of(grey_of(some)) for some in _pieces(images)]
    # Means of colours are no whole numbers, though the colours are.
    return replace(together(pieces), whole=images.dtype.kind != "f")


def _as_written(images: Array) -> Array:
    """Undo what turned bytes of 0 to 255 into ones of -128 to 127, if black is still 0."""
    if images.dtype != np.int8 or images.min() >= 0:
        return images
    nothing = sum(int(np.count_nonzero(some == 0)) for some in _pieces(images))
    least = sum(int(np.count_nonzero(some == -128)) for some in _pieces(images))
    return images.view(np.uint8) if nothing > least else images


def _plane(images: Array, i: int, limits: Range) -> Plane:
    return limits.grey(grey_of(images[i : i + 1])[0])


def _centred(images: Array, i: int, limits: Range) -> Tensor:
    digit = digit_from_grey(_plane(images, i, limits))
    if digit is None:
        raise PictureError(N_("It shows nothing that stands out from its background."))
    return digit


def _as_is(images: Array, i: int, limits: Range) -> Tensor:
    return image_from_grey(_plane(images, i, limits))


def _has_numbers(images: Array) -> bool:
    return any(np.isfinite(some.astype(np.float64)).any() for some in _pieces(images))


def _pieces(images: Array) -> Iterator[Array]:
    step = max(1, 1_000_000 // max(1, images[:1].size))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def _whole(labels: Array) -> NDArray[np.int64]:
    """Return labels as whole numbers; empty where they are none."""
    if labels.dtype.kind in "biu":
        return labels.astype(np.int64)
    if labels.dtype.kind == "f":
        values = labels.astype(np.float64)
        with np.errstate(invalid="ignore"):
            near = np.abs(values) < 2**53
            if near.all() and (np.abs(values - np.rint(values)) < 1e-6).all():
                return np.rint(values).astype(np.int64)
    return np.zeros(0, np.int64)


def _text(label: object) -> str:
    return class_name_of(
        label.decode("utf-8", "replace") if isinstance(label, bytes) else str(label)
    )
