"""What becomes of the images of a file: their classes, the parts that it gives, and their copies.

Preparing images takes long, all of this an instant: it is done anew whenever a person renames a
class or puts the given parts together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.datasets.info import Preparation
from core.datasets.names import class_name_of, natural, shown_name, title_of
from core.datasets.own import MAX_CLASSES, MIN_PER_CLASS, OwnImages
from core.datasets.parts import TEST, TRAIN, VALIDATION, Labels, Parts, copies_of, divide, lacking
from core.errors import UserError
from core.message import N_, Quoted, message

# Pictures of two classes that are told by name.
_MOST_NAMED: Final = 3


class IntakeError(UserError):
    """Nothing of a file can be used; the text names it and says why and what to do."""


@dataclass(frozen=True)
class LeftOut:
    """One thing that was not taken, and why, as the end of a sentence."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Taken:
    """The prepared images of a file, with all that the file says of them.

    Attributes:
        filename: what its owner calls the file.
        images: uint8 (N, 28, 28).
        names: where each lies in the file, for people.
        classes: what the file calls the class of each.
        parts: where the file puts each, int8 (N,) as `core.datasets.parts` has them.
        preparation: how they were prepared.
        left_out: what was not taken.
        notes: what was assumed, in sentences.
    """

    filename: str
    images: NDArray[np.uint8]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    parts: Parts
    preparation: Preparation
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Intake:
    """What was found in a file, to be looked at before it is kept.

    Attributes:
        own: the images.
        left_out: what was not taken.
        notes: what was assumed or done, in sentences, so that a person can see it.
        taken: what it was settled from.
        merged: the parts that the file gives were put together.
        called: other names that a person gave to classes, by what the file calls them.
        readings: other ways to read the names of the classes, if the file does not say which
            alphabet they are of: what each is called, and the classes' names in it.
    """

    own: OwnImages
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()
    taken: Taken | None = None
    merged: bool = False
    called: Mapping[str, str] = field(default_factory=dict)
    readings: tuple[tuple[str, Mapping[str, str]], ...] = ()
    _num_settled: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """Images of each class."""
        names = self.own.class_names
        return tuple(np.bincount(self.own.labels, minlength=len(names)).tolist())

    @property
    def has_parts(self) -> bool:
        """Tell whether the file itself says which images test or validate."""
        return self.taken is not None and bool(self.taken.parts.any())

    def settled(
        self, *, merged: bool | None = None, called: Mapping[str, str] | None = None
    ) -> "Intake":
        """Return the same images under other names, or divided in another way.

        Args:
            merged: put the parts that the file gives together; as it is where this is None.
            called: other names of classes, by what the file calls them; as it is likewise.

        Raises:
            IntakeError: there are not two classes of enough images.
        """
        if self.taken is None:
            return self
        again = settle(
            self.taken,
            merged=self.merged if merged is None else merged,
            called=self.called if called is None else called,
        )
        # What else the reader told stays true.
        told = self.notes[self._num_settled :]
        return replace(again, notes=(*again.notes, *told), readings=self.readings)


def settle(
    taken: Taken, *, merged: bool = False, called: Mapping[str, str] | None = None
) -> Intake:
    """Find the classes, the parts and the copies among prepared images.

    Args:
        taken: the images.
        merged: put the parts that the file gives together.
        called: other names of classes, by what the file calls them.

    Raises:
        IntakeError: there are not two classes of enough images.
    """
    work = _Work(taken, merged, called or {})
    work.leave_out_copies_of_held_out()
    work.leave_out_small_classes()
    own = work.own()
    notes = (*taken.notes, *work.notes(own))
    return Intake(
        own, tuple(work.left_out), notes, taken, merged, dict(called or {}), (), len(notes)
    )


class _Work:
    """One settling: which images stay, and what is said about the others."""

    def __init__(self, taken: Taken, merged: bool, called: Mapping[str, str]) -> None:
        self._taken = taken
        self._what = shown_name(taken.filename)
        self._classes = [class_name_of(called.get(name, "")) or name for name in taken.classes]
        self._copies = copies_of(taken.images)
        self._kept = np.ones(len(taken.images), bool)
        self._merged = merged
        self.left_out = list(taken.left_out)
        given = taken.parts.any() and (taken.parts == TRAIN).any() and not merged
        self._given: Parts | None = taken.parts.copy() if given else None
        self._num_held_out_copies = 0

    def leave_out_copies_of_held_out(self) -> None:
        """Take from what is learned from whatever is given to validate or to test, too."""
        if self._given is None:
            return
        held: dict[int, int] = {}
        for part in (TEST, VALIDATION):
            for row in np.flatnonzero(self._given == part).tolist():
                first = held.setdefault(int(self._copies[row]), row)
                if self._given[first] != part:
                    self._leave_out_copy(row, first)
        for row in np.flatnonzero(self._given == TRAIN).tolist():
            found = held.get(int(self._copies[row]))
            if found is not None:
                self._leave_out_copy(row, found)

    def _leave_out_copy(self, row: int, of: int) -> None:
        assert self._given is not None
        other = self._taken.names[of]
        reason = (
            message("It is a copy of {other}, which is given to test.", other=other)
            if self._given[of] == TEST
            else message("It is a copy of {other}, which is given to validate.", other=other)
        )
        self.left_out.append(LeftOut(self._taken.names[row], reason))
        self._kept[row] = False
        self._num_held_out_copies += 1

    def leave_out_small_classes(self) -> None:
        """Keep the classes of which every part gets a picture."""
        while True:
            names = self._names()
            if not names:
                break
            labels, rows = self._labels(names)
            given = None if self._given is None else self._given[rows]
            copies = np.unique(self._copies[rows], return_inverse=True)[1]
            missing = lacking(labels, divide(labels, copies, given))
            if not missing:
                break
            for label in missing:
                of_class = rows[labels == label]
                self._kept[of_class] = False
                name = Quoted(names[label])
                self.left_out.append(LeftOut(name, self._why_too_few(of_class)))
        if len(names) < 2:
            raise IntakeError(_not_two(self._what, names, self.left_out))
        if len(names) > MAX_CLASSES:
            raise IntakeError(
                message(
                    "{file} holds {count} classes, more than {most}: take some out.",
                    file=self._what,
                    count=len(names),
                    most=MAX_CLASSES,
                )
            )

    def own(self) -> OwnImages:
        """Return what stays."""
        names = self._names()
        labels, rows = self._labels(names)
        parts = None if self._given is None else self._given[rows]
        return OwnImages(
            title=title_of(self._taken.filename),
            class_names=tuple(names),
            images=self._taken.images[rows],
            labels=labels,
            parts=parts if parts is not None and parts.any() else None,
            preparation=self._taken.preparation,
        )

    def notes(self, own: OwnImages) -> list[str]:
        """Say what was done, in sentences."""
        return [*self._notes_on_parts(own), *self._notes_on_copies()]

    def _notes_on_parts(self, own: OwnImages) -> list[str]:
        told: list[str] = []
        if self._taken.parts.any() and own.parts is None:
            told.append(
                N_("All images were put together; those to validate and to test are drawn anew.")
            )
        if own.parts is None:
            return told
        counts = np.bincount(own.parts, minlength=3).tolist()
        if counts[TEST]:
            told.append(
                message(
                    "The given test set stays as it is; its images: {count:,}.", count=counts[TEST]
                )
            )
        else:
            told.append(N_("No test set was given: some of the images to learn from test instead."))
        if counts[VALIDATION]:
            told.append(
                message(
                    "What was given to validate stays as it is; its images: {count:,}.",
                    count=counts[VALIDATION],
                )
            )
        for part, words in (
            (TEST, N_("The given test set has no image of {classes}: some others test them.")),
            (
                VALIDATION,
                N_("No image is given to validate {classes}: some others validate them."),
            ),
        ):
            here = set(own.labels[own.parts == part].tolist())
            lacks = [name for label, name in enumerate(own.class_names) if label not in here]
            if here and lacks:
                told.append(message(words, classes=_listed(lacks)))
        return told

    def _notes_on_copies(self) -> list[str]:
        told: list[str] = []
        if self._num_held_out_copies:
            told.append(
                message(
                    "Left out as copies of given images that validate or test: {count:,}.",
                    count=self._num_held_out_copies,
                )
            )
        rows = np.flatnonzero(self._kept)
        by_picture: dict[int, list[int]] = {}
        for row in rows.tolist():
            by_picture.setdefault(int(self._copies[row]), []).append(row)
        several = [found for found in by_picture.values() if len(found) > 1]
        if several:
            names = {self._classes[row] for found in several for row in found}
            told.append(
                message(
                    "Copies of other images: {count:,}, in {classes}. Copies stay together, so "
                    "that none is learned from and tested, too.",
                    count=sum(len(found) - 1 for found in several),
                    classes=_listed(sorted(names, key=natural)),
                )
            )
        shared = [found for found in several if len({self._classes[row] for row in found}) > 1]
        if shared:
            told.append(self._same_under_two(shared))
        return told

    def _same_under_two(self, shared: Sequence[Sequence[int]]) -> str:
        pairs = []
        for found in shared[:_MOST_NAMED]:
            first = found[0]
            other = next(row for row in found if self._classes[row] != self._classes[first])
            pairs.append(
                f"{self._taken.names[first]} (“{self._classes[first]}”) = "
                f"{self._taken.names[other]} (“{self._classes[other]}”)"
            )
        listed = Quoted("; ".join(pairs) + (" …" if len(shared) > _MOST_NAMED else ""))
        if self._taken.preparation == "centred":
            return message(
                "Pictures under two classes at once, which no network can tell apart: {count:,}. "
                "{pairs}. If only place or size differ, prepare them “as they are”.",
                count=len(shared),
                pairs=listed,
            )
        return message(
            "Pictures under two classes at once, which no network can tell apart: {count:,}. "
            "{pairs}.",
            count=len(shared),
            pairs=listed,
        )

    def _why_too_few(self, rows: Labels) -> str:
        different = len(set(self._copies[rows].tolist()))
        if self._given is not None and different >= MIN_PER_CLASS:
            train, validation, test = np.bincount(self._given[rows], minlength=3).tolist()
            return message(
                "Of this class {train:,} images are to learn from, {validation:,} to validate and "
                "{test:,} to test, and too few different ones to learn from. Put all images "
                "together to use it.",
                train=train,
                validation=validation,
                test=test,
            )
        if different >= MIN_PER_CLASS:
            return N_("Other classes have the same pictures: too few are its own.")
        images = N_("1 image") if len(rows) == 1 else message("{count} images", count=len(rows))
        if different < len(rows):
            images = (
                message("1 picture, {count} times", count=len(rows))
                if different == 1
                else message(
                    "{different} different pictures among {count} images",
                    different=different,
                    count=len(rows),
                )
            )
        few = message(
            "This class has only {images}; at least {least} are needed, one each to learn from, to "
            "validate and to test.",
            images=images,
            least=MIN_PER_CLASS,
        )
        if different < len(rows) and self._taken.preparation == "centred":
            return message(
                "{few} If only place or size differ, prepare them “as they are”.", few=few
            )
        return few

    def _names(self) -> list[str]:
        return sorted({self._classes[row] for row in np.flatnonzero(self._kept)}, key=natural)

    def _labels(self, names: Sequence[str]) -> tuple[Labels, Labels]:
        """Return the labels of the images that stay, and their rows."""
        index = {name: label for label, name in enumerate(names)}
        rows = np.flatnonzero(self._kept)
        return np.array([index[self._classes[row]] for row in rows], np.int64), rows


def _listed(names: Sequence[str]) -> Quoted:
    some = ", ".join(f"“{name}”" for name in names[:4])
    return Quoted(some + (" …" if len(names) > 4 else ""))


def _not_two(file: str, enough: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    need = message(
        "A network needs at least two classes of {least} images each.", least=MIN_PER_CLASS
    )
    if enough:
        refused = message(
            "{file} holds only one class of enough images, “{name}”. {need}",
            file=file,
            name=Quoted(enough[0]),
            need=need,
        )
    else:
        refused = message("{file} holds no class of enough images. {need}", file=file, need=need)
    if not left_out:
        return refused
    # What most were left out for is what is to be mended.
    (common, _), *_rest = Counter(one.reason for one in left_out).most_common(1)
    example = next(one for one in left_out if one.reason == common)
    refused = message(
        "{refused} Left out: {name}: {reason}",
        refused=refused,
        name=example.name,
        reason=example.reason,
    )
    if len(left_out) == 1:
        return refused
    return message("{refused} (and {count:,} more)", refused=refused, count=len(left_out) - 1)
