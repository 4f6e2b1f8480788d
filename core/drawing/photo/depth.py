"""Pictures whose numbers are not 0 to 255: of 16 or 32 bits, or with hardly any levels.

Microscopes, scanners and programs that write masks store 0 to 4,095, 0 to 16, or 0 and 1. Shown as
if they went up to 65,535 or 255, they are black throughout.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.words.message import message

# Black and white of a picture or of a whole data set.
Limits = tuple[float, float]

# A picture of 8 bits that is no brighter than this counts levels.
_FEW_LEVELS: Final = 16
# What differs by less than this share of its own brightness is noise.
_NOISE: Final = 0.01
# The brightest pixels may be this many times as bright as all but a thousandth: they are broken.
_OUTLIER: Final = 8
_LARGE: Final = 1e30
_HALF_OF_16_BITS: Final = 2**15 - 1
_ALL_OF_16_BITS: Final = 2**16 - 1
_ROWS_AT_ONCE: Final = 2_000_000


def is_deep(image: Image.Image) -> bool:
    """Tell whether a picture has more than 8 bits for a grey."""
    return image.mode == "F" or image.mode.startswith("I")


def limits_of(image: Image.Image) -> Limits | None:
    """Return what is black and white in a decoded picture; None where it is 0 and 255."""
    if is_deep(image):
        values = np.asarray(image).ravel()
        if image.mode == "F":
            # What is no number compares as false.
            values = values[(values > -_LARGE) & (values < _LARGE)]
        if values.size == 0 or values.min() == values.max():
            return (0.0, float(max(values.max(initial=0), 1)))
        return _around(float(values.min()), float(values.max()), _most(values))
    high = _highest(image)
    # What a camera made is never so dark in every pixel, but for noise.
    return (0.0, float(high)) if 0 < high <= _FEW_LEVELS and image.format != "JPEG" else None


def together(found: Iterable[Limits | None]) -> Limits | None:
    """Return black and white of a whole data set: a dark picture among bright ones stays dark.

    None where every picture goes from 0 to 255.
    """
    known = [one for one in found if one is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def within(image: Image.Image, limits: Limits) -> Image.Image:
    """Bring a picture to 8 bits, from black to white."""
    low, high = limits
    if not is_deep(image):
        steep = 255 / (high - low)
        return _levelled(image, [round(min(max((i - low) * steep, 0), 255)) for i in range(256)])
    made = np.empty((image.height, image.width), np.uint8)
    values = np.asarray(image)
    rows = max(1, _ROWS_AT_ONCE // image.width)
    for top in range(0, image.height, rows):
        part = values[top : top + rows].astype(np.float64)
        share = (np.nan_to_num(part, nan=low, posinf=high, neginf=low) - low) / (high - low)
        made[top : top + rows] = np.rint(share.clip(0, 1) * 255)
    return Image.fromarray(made)


def words_of(limits: Limits | None) -> str:
    """Say what is taken for black and white, where a picture does not itself."""
    if limits is None or limits == (0.0, _ALL_OF_16_BITS):
        return ""
    return message(
        "Its numbers are not the usual 0 to 255: {low:.6g} is taken for black and {high:.6g} for "
        "white.",
        low=limits[0],
        high=limits[1],
    )


def _around(low: float, high: float, most: float) -> Limits:
    if 0 < most < high / _OUTLIER:
        high = most
    if low >= 0 and _HALF_OF_16_BITS < high <= _ALL_OF_16_BITS and low <= high / 4:
        return 0.0, float(_ALL_OF_16_BITS)
    if low < 0 or (low > high / 4 and high - low >= _NOISE * high):
        return low, high
    return 0.0, high


def _most(values: NDArray[np.generic]) -> float:
    """Return what all but a thousandth stay under."""
    place = max(0, len(values) - 1 - len(values) // 1000)
    return float(np.partition(values, place)[place])


def _highest(image: Image.Image) -> int:
    if image.mode == "P":
        palette = image.getpalette("RGB") or []
        used = [i for i, count in enumerate(image.histogram()[:256]) if count]
        return max((max(palette[3 * i : 3 * i + 3], default=0) for i in used), default=0)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        return 255
    # Opacity is no brightness.
    bands = image.getbands()[: 3 if image.mode.startswith("RGB") else 1]
    return max(_greatest(image.getchannel(band)) for band in bands)


def _greatest(band: Image.Image) -> int:
    return max(i for i, count in enumerate(band.histogram()) if count)


def _levelled(image: Image.Image, table: list[int]) -> Image.Image:
    """Replace each of 256 levels by another."""
    if image.mode == "P":
        made = image.copy()
        palette = image.getpalette("RGB") or []
        made.putpalette([table[value] for value in palette], "RGB")
        return made
    colours = [name for name in image.getbands() if name != "A"]
    opacity = list(range(256)) if "A" in image.getbands() else []
    return image.point(table * len(colours) + opacity)
