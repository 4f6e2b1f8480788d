"""How an image becomes what a network sees: in the way of the images that the network learned.

Most data sets are centred as MNIST was. A person's own may have been taken as they are; then where
a stroke lies is part of what it means, and a drawing stays where it was drawn. Such a data set also
has a ground of its own, which may be light: a drawing is laid on that ground in that ink.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.info import DatasetInfo
from core.drawing.centring import digit_from_ink, visible
from core.drawing.picture import digits_from_picture, image_from_grey, image_from_picture


def from_ink(ink: NDArray[np.uint8] | NDArray[np.floating], info: DatasetInfo) -> Tensor | None:
    """Prepare what was drawn, for a network that knows a data set.

    Args:
        ink: (H, W), 0 (none) to 255 (full), the whole canvas.
        info: of the data set.

    Returns:
        uint8 (1, 1, 28, 28), or None where no ink is visible.
    """
    if info.preparation == "centred":
        return digit_from_ink(ink)
    full = visible(ink)
    if full is None:
        return None
    small = image_from_grey(full).to(torch.float32)
    # A thin stroke is narrower than a pixel, but no fainter than others.
    return on_its_ground(small * (255 / small.max().clamp(min=1)), info)


def from_picture(data: bytes, info: DatasetInfo, filename: str = "") -> Tensor:
    """Prepare a PNG or JPEG file for a network that knows a data set: uint8 (1, 1, 28, 28).

    Raises:
        PictureError: it is no such file, too large, damaged, or shows nothing.
    """
    return all_from_picture(data, info, filename)[0]


def all_from_picture(data: bytes, info: DatasetInfo, filename: str = "") -> list[Tensor]:
    """Prepare each thing in a picture file that may be meant, likeliest first; see `from_picture`.

    Raises:
        PictureError: see `from_picture`.
    """
    if info.preparation == "centred":
        return digits_from_picture(data, filename)
    return [image_from_picture(data, filename)]


def on_its_ground(pixels: Tensor, info: DatasetInfo) -> Tensor:
    """Give images of light ink on black the ground and the ink of a data set.

    Args:
        pixels: (N, 1, 28, 28), 0 to 255.
        info: of the data set.

    Returns:
        uint8, the very same values where the data set has light ink on black itself.
    """
    if (info.paper, info.ink) == (0, 255):
        return pixels if pixels.dtype == torch.uint8 else pixels.round().to(torch.uint8)
    share = pixels.to(torch.float32) / 255
    return (info.paper + (info.ink - info.paper) * share).round().to(torch.uint8)


def in_words(info: DatasetInfo) -> str:
    """Say in English what an image is to look like before a network sees it."""
    if info.preparation == "centred":
        return (
            "light on dark, the longer side 20 pixels and the centre of mass in the middle, as "
            "MNIST was"
        )
    ground = "dark" if info.paper < info.ink else "light"
    return (
        f"the whole picture as it is, made grey, neither centred nor enlarged; most of these have "
        f"a {ground} ground (about {info.paper} of 255) and what they show is about {info.ink}"
    )
