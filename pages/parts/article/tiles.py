"""Grids of numbers as small pictures, for figures written in HTML."""

from html import escape

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.words.palette import Palette
from pages.shared.pictures import data_uri


def grey(values: Tensor, low: float, high: float) -> NDArray[np.uint8]:
    """Return values (H, W) as an opaque picture (H, W, 4), from black at `low` to white at `high`.

    Where a value is NaN the picture is transparent.
    """
    array = values.double().numpy()
    known = ~np.isnan(array)
    shares = (np.where(known, array, low) - low) / max(high - low, 1e-12)
    light = (255 * np.clip(shares, 0, 1)).astype(np.uint8)
    return np.dstack([light, light, light, np.where(known, 255, 0).astype(np.uint8)])


def signed(values: Tensor, most: float, colours: Palette) -> NDArray[np.uint8]:
    """Return values (H, W) as a picture (H, W, 4) that is transparent at 0.

    Args:
        values: what is drawn.
        most: the size of value, either way, that is drawn in full colour.
        colours: of the present theme; what is negative is drawn as right, what is positive as
            wrong: less loss is better.
    """
    array = values.double().numpy()
    shares = np.clip(np.abs(array) / max(most, 1e-12), 0, 1)
    below, above = (_rgb(colour) for colour in (colours.right, colours.wrong))
    colour = np.where(array[..., None] < 0, below, above).astype(np.uint8)
    return np.dstack([colour, (255 * shares).astype(np.uint8)])


def tile(pixels: NDArray[np.uint8], words: str) -> str:
    """Write a picture that fills its place, every pixel of it a square.

    Args:
        pixels: the picture.
        words: what it is, for whoever cannot see it, and on hover.
    """
    said = escape(words, quote=True)
    return f'<img class="tile" src="{data_uri(pixels)}" alt="{said}" title="{said}">'


def tiles(pictures: list[NDArray[np.uint8]], words: str, columns: int) -> str:
    """Write pictures in a grid of so many columns."""
    inside = "".join(tile(pixels, f"{words} {i}") for i, pixels in enumerate(pictures, start=1))
    return f'<div class="tiles" style="--columns:{columns}">{inside}</div>'


def _rgb(colour: str) -> NDArray[np.uint8]:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.uint8)
