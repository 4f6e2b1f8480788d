"""A person's own images: what is common to all the ways in which they come.

Whatever is brought in is a stranger's. Nothing of it is ever unpacked to the disk or used as a
path, sizes are read before memory is taken, and what is left out is told by name.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.datasets.info import Preparation as Preparation
from core.datasets.own import MAX_CLASSES, MAX_NAME, MAX_TITLE, MIN_PER_CLASS, OwnImages
from core.datasets.parts import TRAIN
from core.errors import UserError
from core.message import N_, Quoted, message

# What `.streamlit/config.toml` lets through, too.
MAX_ARCHIVE_BYTES: Final = 50 * 2**20
MAX_UNPACKED_BYTES: Final = 500 * 2**20
MAX_IMAGES: Final = 20_000
# Progress is told after this many images.
_EVERY: Final = 20


class IntakeError(UserError):
    """Nothing of a file can be used; the text names it and says why and what to do."""


@dataclass(frozen=True)
class LeftOut:
    """One thing that was not taken, and why, as the end of a sentence."""

    name: str
    reason: str


@dataclass(frozen=True, eq=False)
class Intake:
    """What was found in a file, to be looked at before it is kept.

    Attributes:
        own: the images.
        left_out: what was not taken.
        notes: what was assumed or done, in sentences, so that a person can see it.
    """

    own: OwnImages
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """Images of each class."""
        names = self.own.class_names
        return tuple(np.bincount(self.own.labels, minlength=len(names)).tolist())


@dataclass(frozen=True)
class Found:
    """One image that may be used, not prepared yet.

    Attributes:
        name: where it lies in the file, for people.
        class_name: what it shows.
        prepare: makes it uint8 (1, 1, 28, 28), or says in a `UserError` why it cannot.
        part: where the file puts it: TEST of `core.datasets.parts` for an image of a given test
            set, VALIDATION for one of a given validation set, otherwise TRAIN.
    """

    name: str
    class_name: str
    prepare: Callable[[], Tensor]
    part: int = TRAIN


Progress = Generator[float, None, Intake]


def take_in(
    filename: str,
    found: Sequence[Found],
    left_out: list[LeftOut],
    preparation: Preparation = "centred",
) -> Progress:
    """Prepare images, yielding the share that is done; return what came of it.

    Raises:
        IntakeError: there are not two classes of enough images.
    """
    what = shown_name(filename)
    if len(found) > MAX_IMAGES:
        raise IntakeError(
            message(
                "{file} holds {count:,} images, more than {most:,}: take some out.",
                file=what,
                count=len(found),
                most=MAX_IMAGES,
            )
        )
    images: list[Tensor] = []
    names: list[str] = []
    parts: list[int] = []
    for i, one in enumerate(found):
        if i % _EVERY == 0:
            yield i / len(found)
        try:
            images.append(one.prepare())
        except UserError as error:
            left_out.append(LeftOut(one.name, error.message))
        else:
            names.append(one.class_name)
            parts.append(one.part)
    counts = Counter(names)
    for name in sorted(counts, key=natural):
        if counts[name] < MIN_PER_CLASS:
            left_out.append(LeftOut(Quoted(name), _too_few(counts[name])))
    classes = sorted((n for n, count in counts.items() if count >= MIN_PER_CLASS), key=natural)
    if len(classes) < 2:
        raise IntakeError(_not_two(what, counts, left_out))
    if len(classes) > MAX_CLASSES:
        raise IntakeError(
            message(
                "{file} holds {count} classes, more than {most}: take some out.",
                file=what,
                count=len(classes),
                most=MAX_CLASSES,
            )
        )
    index = {name: i for i, name in enumerate(classes)}
    kept = [i for i, name in enumerate(names) if name in index]
    own = OwnImages(
        title=title_of(filename),
        class_names=tuple(classes),
        images=torch.cat([images[i] for i in kept])[:, 0].numpy(),
        labels=np.array([index[names[i]] for i in kept], np.int64),
        parts=np.array([parts[i] for i in kept], np.int8) if any(parts) else None,
        preparation=preparation,
    )
    return Intake(own, tuple(left_out))


def _too_few(count: int) -> str:
    images = N_("1 image") if count == 1 else message("{count} images", count=count)
    return message(
        "This class has only {images}; at least {least} are needed, one each to learn from, to "
        "validate and to test.",
        images=images,
        least=MIN_PER_CLASS,
    )


def _not_two(file: str, counts: Mapping[str, int], left_out: Sequence[LeftOut]) -> str:
    enough = [name for name, count in counts.items() if count >= MIN_PER_CLASS]
    need = message(
        "A network needs at least two classes of {least} images each.", least=MIN_PER_CLASS
    )
    if enough:
        return message(
            "{file} holds only one class of enough images, “{name}”. {need}",
            file=file,
            name=Quoted(enough[0]),
            need=need,
        )
    refused = message("{file} holds no class of enough images. {need}", file=file, need=need)
    if not left_out:
        return refused
    refused = message(
        "{refused} Left out: {name}: {reason}",
        refused=refused,
        name=left_out[0].name,
        reason=left_out[0].reason,
    )
    if len(left_out) == 1:
        return refused
    return message("{refused} (and {count:,} more)", refused=refused, count=len(left_out) - 1)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort names as people do: 2 before 10."""
    parts = (
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]{1,18})", name)
        if part
    )
    return (*parts, (2, 0, name))


def class_name_of(text: str) -> str:
    """Make what a person wrote fit for the name of a class; empty where nothing is left."""
    return _clean(text)[:MAX_NAME].strip()


def title_of(filename: str) -> str:
    """Make a title of a file's name."""
    stem = PurePosixPath(filename.replace("\\", "/")).stem
    return _clean(stem)[:MAX_TITLE].strip() or N_("Own images")


def shown_name(filename: str) -> str:
    """Make a name that a stranger may have written fit for a sentence."""
    name = _clean(filename[-200:])
    if not name:
        return N_("This file")
    return Quoted(f"'{name}'" if len(name) <= 80 else f"'…{name[-79:]}'")


def _clean(text: str) -> str:
    plain = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())


def require_modest(filename: str, data: bytes) -> None:
    """Refuse a file by its size.

    Raises:
        IntakeError: it is empty or too large.
    """
    what = shown_name(filename)
    if not data:
        raise IntakeError(message("{name} is empty: choose another file.", name=what))
    if len(data) > MAX_ARCHIVE_BYTES:
        raise IntakeError(
            message(
                "{file} has {size:.0f} MB, more than {most} MB: make its pictures smaller, or take "
                "some out.",
                file=what,
                size=len(data) / 2**20,
                most=MAX_ARCHIVE_BYTES // 2**20,
            )
        )
