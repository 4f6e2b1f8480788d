"""The prepared images of a file, before they are made a data set."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.data.info import Preparation
from core.data.own.parts import Parts
from core.words.errors import UserError

# What Python needs for a text besides its letters.
_TEXT_BYTES: Final = 100


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
        parts: where the file puts each, int8 (N,) as `core.data.own.parts` has them.
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

    @property
    def num_bytes(self) -> int:
        """What it takes in memory, about."""
        texts = [*self.names, *self.classes, *(one.name for one in self.left_out)]
        return self.images.nbytes + sum(map(len, texts)) + _TEXT_BYTES * len(texts)
