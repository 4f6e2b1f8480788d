"""What is said of a file of arrays that cannot be taken, each with the line that mends it."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Final

import numpy as np

from core.data.intake.arrays import Array, Stored, listed, shape_words
from core.data.intake.common import MAX_IMAGES, IntakeError
from core.data.intake.layouts import LayoutError, laid_out
from core.data.intake.numpy_remedy import MENDED, array_of, line_for, load_of, with_line
from core.data.intake.roles import Pair, Roles
from core.data.own.kept import MAX_CLASSES, MIN_PER_CLASS
from core.data.own.parts import TEST, TRAIN, VALIDATION
from core.words.message import N_, Quoted, message

REMEDY: Final = N_("write it with np.savez(file, images=images, labels=labels).")
# What a mended file calls the arrays of each part.
_CALLED: Final = {
    TRAIN: ("x_train", "y_train"),
    VALIDATION: ("x_val", "y_val"),
    TEST: ("x_test", "y_test"),
}
# The expression that makes numbers of an array, by NumPy's letter of its kind of values.
_NUMBERS: Final = {"c": "{}.real", "U": "{}.astype(float)", "S": "{}.astype(float)"}
# How many steps of a line that takes every n-th image are tried, from the least that would do.
_STEPS: Final = 9


class Refusals:
    """Says why a file of arrays cannot be taken, and how it is mended where that can be told.

    Args:
        filename: as its owner calls it.
        what: the same, fit for a sentence.
        arrays: all that it holds.
        roles: what they are.
    """

    def __init__(self, filename: str, what: str, arrays: Sequence[Stored], roles: Roles) -> None:
        self._filename, self._what = filename, what
        self._arrays, self._roles = list(arrays), roles

    def line(self, changes: Mapping[Stored, str] | None = None, *, objects: bool = False) -> str:
        """Write the line that keeps the arrays as they are but for some."""
        return self._line_of(self._roles, changes, objects=objects)

    def _line_of(
        self, roles: Roles, changes: Mapping[Stored, str] | None = None, *, objects: bool = False
    ) -> str:
        changes = changes or {}
        given = []
        alone = len(roles.pairs) == 1 and roles.pairs[0].part == TRAIN
        for pair in roles.pairs:
            called = ("images", "labels") if alone else _CALLED[pair.part]
            for one, name in zip((pair.images, pair.labels), called, strict=True):
                how = changes.get(one, "{}")
                if one.has_objects:
                    how = "np.stack({})" if one is pair.images and len(one.shape) == 1 else how
                    how += ".astype(np.float32)" if one is pair.images else ".astype(str)"
                given.append((name, how.format(array_of(one))))
        names = roles.class_names
        if names is not None and (objects or not names.has_objects):
            plain = ".astype(str)" if names.has_objects else ""
            given.append(("class_names", f"{array_of(names)}{plain}"))
        return line_for(self._filename, given, objects=objects)

    # Which arrays

    def unclear(self) -> IntakeError:
        """Say that it is not clear which arrays are what, or that something is missing."""
        images = [one for one in self._arrays if len(one.shape) > 1]
        if len(self._arrays) == 1 and len(images) == 1:
            return self._labels_missing(images[0])
        said = message(
            "{file} holds {arrays}. Which are the images, (N, height, width), and which their "
            "labels, (N)?",
            file=self._what,
            arrays=listed(self._arrays),
        )
        labels = [one for one in self._arrays if one.shape and one not in images]
        fitting = [(i, y) for i in images for y in labels if set(i.shape) & set(y.shape)]
        if fitting:
            return with_line(
                message(
                    "{said} If it is “{images}” and “{labels}”:",
                    said=said,
                    images=fitting[0][0].name,
                    labels=fitting[0][1].name,
                ),
                self._line_of(Roles((Pair(TRAIN, *fitting[0]),))),
                introduced=True,
            )
        if len(images) == len(self._arrays) > 1 and len({one.shape[1:] for one in images}) == 1:
            return with_line(
                message("{said} If each array is a class of its own:", said=said),
                line_for(
                    self._filename,
                    [
                        ("images", "np.concatenate([d[k] for k in d.files])"),
                        ("labels", "np.repeat(d.files, [len(d[k]) for k in d.files])"),
                    ],
                ),
                introduced=True,
            )
        return IntakeError(message("{said} Labels are missing: {remedy}", said=said, remedy=REMEDY))

    def _labels_missing(self, one: Stored) -> IntakeError:
        given = array_of(one)
        if mend := _label_in_rows(one):
            return with_line(
                message("{file}: {problem}", file=self._what, problem=mend.message),
                line_for(
                    self._filename,
                    [("images", mend.mend.format(given)), ("labels", f"{given}[:, 0]")],
                ),
                introduced=mend.introduces,
            )
        if not one.key:
            return with_line(
                message(
                    "{file} is one array; images and their labels come in one .npz file. If the "
                    "labels are in labels.npy beside it:",
                    file=self._what,
                ),
                Quoted(
                    f"import numpy as np; np.savez({MENDED!r}, images={load_of(self._filename)}, "
                    "labels=np.load('labels.npy'))"
                ),
                introduced=True,
            )
        return IntakeError(
            message(
                "{file} holds “{name}” alone; its images need labels: {remedy}",
                file=self._what,
                name=one.name,
                remedy=REMEDY,
            )
        )

    def unreadable(self) -> IntakeError | None:
        """Say that an array is a table or holds Python objects; None where none does."""
        pairs = self._roles.pairs
        wanted = [one for pair in pairs for one in (pair.images, pair.labels)] or self._arrays
        table = next((one for one in wanted if one.fields and not one.has_objects), None)
        if table is not None:
            return self._table(table)
        held = next((one for one in wanted if one.has_objects), None)
        if held is None:
            return None
        said = message(
            "{file}: “{name}” holds Python objects, which may do harm, and is not read.",
            file=self._what,
            name=held.name or Quoted("array"),
        )
        if not held.shape and not held.key:
            # A dictionary that was saved as if it were an array.
            line = line_for(self._filename, [("**", "d.item()")], objects=True)
            return with_line(said, Quoted(line.replace("**=", "**")))
        if not pairs:
            return IntakeError(message("{said} Instead, {remedy}", said=said, remedy=REMEDY))
        return with_line(said, self.line(objects=True))

    def _table(self, table: Stored) -> IntakeError:
        given, first, last = array_of(table), table.fields[0], table.fields[-1]
        return with_line(
            message(
                "{file}: “{name}” is a table; images and labels are arrays of their own. If its "
                "columns “{first}” and “{last}” are these:",
                file=self._what,
                name=table.name or Quoted("array"),
                first=Quoted(first),
                last=Quoted(last),
            ),
            line_for(
                self._filename,
                [("images", f"{given}[{first!r}]"), ("labels", f"{given}[{last!r}]")],
            ),
            introduced=True,
        )

    # How much

    def too_much(self, labels: Mapping[Stored, Array], limit: int) -> IntakeError | None:
        """Say that there are too many images, or more bytes than `limit`; None where not."""
        roles = self._roles
        stored = [one for pair in roles.pairs for one in (pair.images, pair.labels)]
        stored += roles.classes
        count = sum(map(len, labels.values())) or sum(one.length for one in roles.classes)
        size = sum(one.size for one in stored)
        if count <= MAX_IMAGES and size <= limit:
            return None
        if count > MAX_IMAGES:
            said = message(
                "{file} holds {count:,} images, more than {most:,}: take some out.",
                file=self._what,
                count=count,
                most=MAX_IMAGES,
            )
        else:
            said = message(
                "{file} would unpack to {size:,.0f} MB, more than {most} MB: take fewer images.",
                file=self._what,
                size=size / 2**20,
                most=limit // 2**20,
            )
        least = ceil(max(count / MAX_IMAGES, size / limit))
        step = next((s for s in range(least, least + _STEPS) if _keeps_classes(labels, s)), 0)
        if not step or roles.classes or any(map(is_last, roles.pairs)):
            return IntakeError(said)
        return with_line(said, self.line(dict.fromkeys(stored, f"{{}}[::{step}]")))

    def of_other_lengths(self, pair: Pair, labels: int) -> IntakeError:
        """Say that there are not as many labels as images."""
        images = pair.images.length
        said = message(
            "{file} holds {images:,} images in “{first}” but {labels:,} labels in “{second}”: "
            "each image needs one. If they begin alike:",
            file=self._what,
            images=images,
            first=pair.images.name,
            labels=labels,
            second=pair.labels.name,
        )
        first = f"{{}}[:{min(images, labels)}]"
        line = self.line({pair.images: first, pair.labels: first})
        return with_line(said, line, introduced=True)

    # What is in them

    def laid_out_otherwise(self, stored: Stored, error: LayoutError) -> IntakeError:
        """Say that only a person can tell how an array is laid out."""
        said = message(
            "{file}: “{name}” is {shape}. {problem}",
            file=self._what,
            name=stored.name,
            shape=Quoted(shape_words(stored.shape)),
            problem=error.message,
        )
        if not error.mend:
            return IntakeError(said)
        return with_line(said, self.line({stored: error.mend}), introduced=error.introduces)

    def no_numbers(self, stored: Stored) -> IntakeError:
        """Say that an array of images does not hold numbers."""
        said = message(
            "{file}: “{name}” holds no numbers but {kind}.",
            file=self._what,
            name=stored.name,
            kind=str(stored.kind),
        )
        how = _NUMBERS.get(stored.kind.kind)
        return with_line(said, self.line({stored: how})) if how else IntakeError(said)

    def empty(self, stored: Stored) -> IntakeError:
        """Say that an array holds no image."""
        return IntakeError(
            message(
                "{file}: “{name}” is empty, {shape}: choose another file.",
                file=self._what,
                name=stored.name,
                shape=Quoted(shape_words(stored.shape)),
            )
        )

    def no_classes(self, stored: Stored, *, numbers: bool) -> IntakeError:
        """Say that labels are no classes; `numbers`: they are numbers, though no whole ones."""
        said = message(
            "{file}: “{name}” must hold whole numbers or words, one for each image.",
            file=self._what,
            name=stored.name,
        )
        return with_line(said, self.line({stored: "{}.round()"})) if numbers else IntakeError(said)

    def many_classes(self, pair: Pair, count: int) -> IntakeError:
        """Say that there are more classes than a network may have."""
        said = message(
            "{file} holds {count} classes, more than {most}: take some out.",
            file=self._what,
            count=count,
            most=MAX_CLASSES,
        )
        if len(self._roles.pairs) > 1 or is_last(pair):
            return IntakeError(said)
        y = array_of(pair.labels)
        kept = f"{{}}[np.isin({y}, np.unique({y})[:{MAX_CLASSES}]).ravel()]"
        return with_line(said, self.line({pair.images: kept, pair.labels: kept}))

    def endless(self, stored: Stored, *, some_are_finite: bool) -> IntakeError:
        """Say that most images hold infinite numbers, or values that are no numbers."""
        said = message(
            "{file}: “{name}” holds values that are no grey levels: NaN, or endless ones.",
            file=self._what,
            name=stored.name,
        )
        if not some_are_finite or self._roles.classes:
            return IntakeError(said)
        how = "np.nan_to_num({}, nan=0, posinf=0, neginf=0)"
        changes = dict.fromkeys((pair.images for pair in self._roles.pairs), how)
        return with_line(
            message("{said} If those are black:", said=said), self.line(changes), introduced=True
        )

    def one_grey(self, stored: Stored) -> IntakeError:
        """Say that all numbers are the same."""
        return IntakeError(
            message(
                "{file}: all numbers in “{name}” are the same, so there is nothing to see: choose "
                "another file.",
                file=self._what,
                name=stored.name,
            )
        )


def is_last(pair: Pair) -> bool:
    """Tell whether the last axis counts the images, not the first."""
    return pair.images.length != pair.labels.length


def _label_in_rows(one: Stored) -> LayoutError | None:
    """Return what is said of rows that have one number more than a square picture."""
    sides = [side for side in one.shape if side != 1]
    if len(sides) == 2 and not one.has_objects and not one.fields:
        try:
            laid_out(np.broadcast_to(np.uint8(0), (2, sides[1])), None)
        except LayoutError as error:
            return error if error.label_first else None
    return None


def _keeps_classes(labels: Mapping[Stored, Array], step: int) -> bool:
    """Tell whether each class is still there in every `step`-th image."""
    for one in labels.values():
        if one.dtype.kind in "biufUS" and len(one):
            kept, counts = np.unique(one[::step], return_counts=True)
            if len(kept) < len(np.unique(one)) or counts.min() < MIN_PER_CLASS:
                return False
    return True
