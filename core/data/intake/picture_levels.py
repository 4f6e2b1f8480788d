"""One range for all pictures of a data set that are taken as they are.

A picture of 16 bits, or of few levels, is spread from its own darkest to its own brightest value
when it is read. In a data set that would make a dark picture as bright as the others, so each is
brought back to the range of all of them together.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.drawing.photo.depth import Limits, together
from core.drawing.picture import image_with_limits
from core.words.message import message

_USUAL: Final[Limits] = (0.0, 255.0)


class Levels:
    """Reads pictures, and remembers what was black and white in each."""

    def __init__(self) -> None:
        self._found: list[Limits | None] = []

    def image(self, data: bytes) -> Tensor:
        """Make a picture uint8 (1, 1, 28, 28); see `image_from_picture`."""
        image, limits = image_with_limits(data)
        self._found.append(limits)
        return image

    def levelled(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        """Bring the images (N, 28, 28) that were read to one range; say which."""
        wanted = self._wanted()
        if wanted is None:
            return images, ()
        made = images.copy()
        changed = [i for i, limits in enumerate(self._found) if limits is not None]
        for i in changed:
            low, high = self._found[i] or _USUAL
            values = low + images[i] / np.float64(255) * (high - low)
            share = (values - wanted[0]) / (wanted[1] - wanted[0])
            made[i] = np.rint(share.clip(0, 1) * 255)
        note = message(
            "Pictures whose numbers are not 0 to 255: {count:,}. In all of them {low:.6g} is taken "
            "for black and {high:.6g} for white.",
            count=len(changed),
            low=wanted[0],
            high=wanted[1],
        )
        return made, (note,)

    def _wanted(self) -> Limits | None:
        found: Sequence[Limits | None] = self._found
        own = together(found)
        if own is None:
            return None
        # Beside pictures of 0 to 255, one of few levels is a dark one of 0 to 255.
        return _USUAL if None in found and own[0] >= 0 and own[1] <= _USUAL[1] else own
