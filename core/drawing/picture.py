"""A digit out of a picture file: a scan, a screenshot, a phone's photo of a sheet of paper."""

from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.drawing.photo.depth import Limits
from core.drawing.photo.file import MAX_PICTURE_BYTES as MAX_PICTURE_BYTES
from core.drawing.photo.file import MAX_PICTURE_PIXELS as MAX_PICTURE_PIXELS
from core.drawing.photo.file import MIN_PICTURE_SIDE as MIN_PICTURE_SIDE
from core.drawing.photo.file import PictureError as PictureError
from core.drawing.photo.file import decoded, decoded_with_limits, memory_of, shown_name
from core.drawing.photo.planes import Plane
from core.drawing.photo.readings import digits_in
from core.serving.memory_budget import memory_budget
from core.words.message import message

_SIDE: Final = 28
# Seconds that a picture waits for others to be looked at.
_PATIENCE_S: Final = 60.0


def digit_from_picture(data: bytes, filename: str = "") -> Tensor:
    """Prepare the digit that a picture file shows, dark on light or light on dark.

    Rulings, frames, shadows, stains and what comes in from the border are left out.

    Args:
        data: the file.
        filename: what its owner calls it, for the text of an error only.

    Returns:
        uint8 (1, 1, 28, 28), light on dark.

    Raises:
        PictureError: it is no such file, too large, damaged, or shows no digit.
    """
    return digits_from_picture(data, filename)[0]


def digits_from_picture(data: bytes, filename: str = "") -> list[Tensor]:
    """Prepare what may be the digit in a picture file, likeliest first; see `digit_from_picture`.

    Returns:
        at least one, and one only where nothing else can be meant.

    Raises:
        PictureError: see `digit_from_picture`.
    """
    name = shown_name(filename)
    with memory_budget().work(memory_of(data), _PATIENCE_S):
        digits = digits_in(decoded(data, name))
    if not digits:
        raise PictureError(
            message(
                "{name} shows no digit that stands out from its background: draw or photograph one "
                "digit, large and dark on plain light paper.",
                name=name,
            )
        )
    return digits


def image_from_picture(data: bytes, filename: str = "") -> Tensor:
    """Make the whole of a picture file grey and 28 x 28, and leave it otherwise as it is.

    What is not square gets bars of the colour that its border mostly has.

    Args:
        data: the file.
        filename: what its owner calls it, for the text of an error only.

    Returns:
        uint8 (1, 1, 28, 28).

    Raises:
        PictureError: it is no such file, too large or damaged.
    """
    return image_with_limits(data, filename)[0]


def image_with_limits(data: bytes, filename: str = "") -> tuple[Tensor, Limits | None]:
    """Do as `image_from_picture`; also return which values became 0 and 255, if others did."""
    with memory_budget().work(memory_of(data), _PATIENCE_S):
        planes, limits = decoded_with_limits(data, shown_name(filename))
        return image_from_grey(planes.mean(axis=0)), limits


def image_from_grey(plane: Plane) -> Tensor:
    """Bring grey values (H, W) of 0..255 to uint8 (1, 1, 28, 28) without looking at them."""
    height, width = plane.shape
    if height != width:
        rim = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
        square = np.full((max(plane.shape),) * 2, np.median(rim), np.float32)
        top, left = (len(square) - height) // 2, (len(square) - width) // 2
        square[top : top + height, left : left + width] = plane
        plane = square
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    if image.size != (_SIDE, _SIDE):
        # Shrinking takes means over areas; enlarging must not show steps.
        method = Image.Resampling.BOX if len(plane) > _SIDE else Image.Resampling.BILINEAR
        image = image.resize((_SIDE, _SIDE), method)
    values = np.asarray(image, dtype=np.float32).round().clip(0, 255).astype(np.uint8)
    return torch.from_numpy(values)[None, None]


def digit_from_grey(plane: Plane) -> Tensor | None:
    """Prepare what grey values (H, W) of 0..255 show as a digit; None where all looks alike."""
    return next(iter(digits_in(np.asarray(plane, dtype=np.float32)[None])), None)
