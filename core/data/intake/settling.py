"""What becomes of the images of a file: their classes, the parts that it gives, and their copies.

Preparing the images takes long. What is done here takes an instant, and is done anew whenever a
person renames a class or puts the given parts together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.data.intake.notes import not_two, notes_on_copies, notes_on_parts, why_too_few
from core.data.intake.safe_names import class_name_of, natural, shown_name, title_of
from core.data.intake.taken import IntakeError, LeftOut, Taken
from core.data.own.kept import MAX_CLASSES, OwnImages
from core.data.own.parts import TEST, TRAIN, VALIDATION, Labels, Parts, copies_of, divide, lacking
from core.serving.memory_budget import memory_budget
from core.words.message import Quoted, message


@dataclass(frozen=True, eq=False)
class Intake:
    """What was found in a file, to be looked at before it is kept.

    Attributes:
        own: the images.
        left_out: what was not taken.
        notes: what was assumed or done, in sentences, so that a person can see it.
        taken: the prepared images that all of this was made of.
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
        # What the reader of the file noted besides stays true.
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
    """Settles the images of a file once: which stay, and what is said about the others."""

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
        """Leave out what is given to learn from and, as the same picture, to validate or test."""
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
                why = why_too_few(
                    self._copies[of_class],
                    None if self._given is None else self._given[of_class],
                    self._taken.preparation,
                )
                self.left_out.append(LeftOut(Quoted(names[label]), why))
        if len(names) < 2:
            raise IntakeError(not_two(self._what, names, self.left_out))
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
        taken = self._taken.images
        own = OwnImages(
            title=title_of(self._taken.filename),
            class_names=tuple(names),
            # Nobody changes them: as long as all stay they lie in memory once.
            images=taken if len(rows) == len(taken) else taken[rows],
            labels=labels,
            parts=parts if parts is not None and parts.any() else None,
            preparation=self._taken.preparation,
        )
        if own.images is not taken:
            memory_budget().keep(own, own.images.nbytes)
        return own

    def notes(self, own: OwnImages) -> list[str]:
        """Say what was done, in sentences."""
        told = notes_on_parts(own, file_gives_parts=bool(self._taken.parts.any()))
        if self._num_held_out_copies:
            told.append(
                message(
                    "Left out as copies of given images that validate or test: {count:,}.",
                    count=self._num_held_out_copies,
                )
            )
        kept = np.flatnonzero(self._kept)
        return [*told, *notes_on_copies(self._taken, self._classes, self._copies, kept)]

    def _names(self) -> list[str]:
        return sorted({self._classes[row] for row in np.flatnonzero(self._kept)}, key=natural)

    def _labels(self, names: Sequence[str]) -> tuple[Labels, Labels]:
        """Return the labels of the images that stay, and their rows."""
        index = {name: label for label, name in enumerate(names)}
        rows = np.flatnonzero(self._kept)
        return np.array([index[self._classes[row]] for row in rows], np.int64), rows
