"""Pooling one picture, and the window behind one of its values."""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Kind = Literal["max", "avg"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """The pixels that become one value.

    Attributes:
        top: row of the first of them, from 0; `left` its column.
        pixels: float (size, size).
        value: what they become.
    """

    top: int
    left: int
    pixels: Tensor
    value: float


def pooled(digit: Tensor, kind: Kind, size: int, stride: int) -> Tensor:
    """Pool a picture of values from 0 to 1.

    Args:
        digit: uint8 (1, 1, 28, 28).
        kind: `max` or `avg`.
        size: side of the window, in pixels.
        stride: how many pixels it moves at a time.

    Returns:
        float (side, side); its side is `side_after(28, size, stride)`.
    """
    pool = F.max_pool2d if kind == "max" else F.avg_pool2d
    found: Tensor = pool(digit.float() / 255, size, stride)
    return found[0, 0]


def side_after(side: int, size: int, stride: int) -> int:
    """Return the side of what pooling makes of a picture; windows never reach over its edge."""
    return (side - size) // stride + 1


def window_at(digit: Tensor, kind: Kind, size: int, stride: int, place: int) -> Window:
    """Return the window behind one value.

    Args:
        digit: uint8 (1, 1, 28, 28).
        kind: `max` or `avg`.
        size: side of the window, in pixels.
        stride: how many pixels it moves at a time.
        place: which value, from 0, row by row.
    """
    after = pooled(digit, kind, size, stride)
    row, column = divmod(place, after.shape[1])
    top, left = row * stride, column * stride
    pixels = digit[0, 0, top : top + size, left : left + size].float() / 255
    return Window(top=top, left=left, pixels=pixels, value=float(after[row, column]))
