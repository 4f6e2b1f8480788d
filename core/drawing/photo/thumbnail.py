"""A small copy of a picture file, to be shown beside what a network makes of it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.drawing.photo.file import decoded, shown_name


def thumbnail(data: bytes, side: int, filename: str = "") -> NDArray[np.uint8]:
    """Return the whole picture, its longer side at most `side` pixels: (H, W) or (H, W, 3).

    Raises:
        PictureError: it is no picture that can be read, too large or damaged.
    """
    planes = np.asarray(decoded(data, shown_name(filename)))
    whole = np.rint(planes.clip(0, 255)).astype(np.uint8)
    image = Image.fromarray(whole[0] if len(whole) == 1 else np.moveaxis(whole[:3], 0, 2))
    image.thumbnail((side, side))
    return np.asarray(image)
