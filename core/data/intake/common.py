"""A person's own images: what is common to all the ways in which they come.

Whatever is brought in is a stranger's. Nothing of it is ever unpacked to the disk or used as a
path, sizes are read before memory is taken, and what is left out is told by name.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from torch import Tensor

from core.data.info import Preparation as Preparation
from core.data.intake.safe_names import class_name_of as class_name_of
from core.data.intake.safe_names import natural as natural
from core.data.intake.safe_names import shown_name as shown_name
from core.data.intake.safe_names import title_of as title_of
from core.data.intake.settling import Intake as Intake
from core.data.intake.settling import settle
from core.data.intake.taken import IntakeError as IntakeError
from core.data.intake.taken import LeftOut as LeftOut
from core.data.intake.taken import Taken
from core.data.own.parts import TRAIN, Images
from core.serving.held_file import HeldFile
from core.serving.memory_budget import NoMemory
from core.words.errors import UserError
from core.words.message import message

# The page's uploader takes no larger file either.
MAX_ARCHIVE_BYTES: Final = 50 * 2**20
MAX_UNPACKED_BYTES: Final = 500 * 2**20
MAX_IMAGES: Final = 20_000


@dataclass(frozen=True)
class Found:
    """One image that may be used, not prepared yet.

    Attributes:
        name: where it lies in the file, for people.
        class_name: what it shows.
        prepare: makes it uint8 (1, 1, 28, 28), or says in a `UserError` why it cannot.
        part: where the file puts it: TEST of `core.data.own.parts` for an image of a given test
            set, VALIDATION for one of a given validation set, otherwise TRAIN.
        cost: how long preparing it takes, as a multiple of what a usual image takes.
    """

    name: str
    class_name: str
    prepare: Callable[[], Tensor]
    part: int = TRAIN
    cost: float = 1.0


Progress = Generator[float, None, Intake]


def take_in(
    filename: str,
    found: Sequence[Found],
    left_out: list[LeftOut],
    preparation: Preparation = "centred",
    begin: float = 0.0,
    notes: Sequence[str] = (),
    finish: Callable[[Images], tuple[Images, tuple[str, ...]]] | None = None,
) -> Progress:
    """Prepare images, yielding the share that is done; return what came of it.

    Args:
        filename: what its owner calls the file.
        found: the images.
        left_out: what was not taken so far; what cannot be prepared is added.
        preparation: how `found` prepares them.
        begin: the share that is done already.
        notes: what was assumed so far, in sentences.
        finish: called with all images (N, 28, 28) in the order in which they were prepared;
            returns them as they are to be, and further notes.

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
    # Memory is taken as it is filled: each image where it stays.
    images: Images = np.empty((len(found), 28, 28), np.uint8)
    taken: list[Found] = []
    whole = sum(one.cost for one in found)
    done = 0.0
    for one in found:
        yield begin + (1 - begin) * done / whole
        done += one.cost
        try:
            images[len(taken)] = one.prepare()[0, 0].numpy()
        except NoMemory as error:
            raise IntakeError(error.message) from error
        except UserError as error:
            left_out.append(LeftOut(one.name, error.message))
        else:
            taken.append(one)
    images = images[: len(taken)]
    pixels, told = finish(images) if finish else (images, ())
    return settle(
        Taken(
            filename=filename,
            images=pixels,
            names=tuple(one.name for one in taken),
            classes=tuple(one.class_name for one in taken),
            parts=np.array([one.part for one in taken], np.int8),
            preparation=preparation,
            left_out=tuple(left_out),
            notes=(*notes, *told),
        )
    )


def require_modest(filename: str, file: HeldFile) -> None:
    """Refuse a file by its size.

    Raises:
        IntakeError: it is empty or too large.
    """
    what = shown_name(filename)
    if not file.size:
        raise IntakeError(message("{name} is empty: choose another file.", name=what))
    if file.size > MAX_ARCHIVE_BYTES:
        raise IntakeError(
            message(
                "{file} has {size:.0f} MB, more than {most} MB: make its pictures smaller, or take "
                "some out.",
                file=what,
                size=file.size / 2**20,
                most=MAX_ARCHIVE_BYTES // 2**20,
            )
        )
