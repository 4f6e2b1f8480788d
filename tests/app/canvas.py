"""A canvas to draw on without a browser."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from core.drawing.centring import digit_from_ink
from core.drawing.strokes import UNITS, ink_of_strokes, read_drawing
from tests.strokes import DIGITS, Stroke, render


def written(strokes: list[Stroke], seq: int = 1, width: int = 200) -> str:
    """Write strokes of the unit square as the browser sends them."""
    texts = []
    for stroke in strokes:
        places = [str(round(number * UNITS)) for point in stroke for number in point]
        texts.append(",".join([str(width), *places]))
    return f"{seq}|{';'.join(texts)}"


class Canvas:
    """A canvas to draw on without a browser; takes the place of `pages.parts.draw.canvas.mount`."""

    def __init__(self) -> None:
        self.strokes: list[Stroke] = []
        self.seq = 0
        self.given: dict[str, object] = {}
        # What a stranger's browser sends instead.
        self.forged: object = None

    def draw(self, strokes: list[Stroke]) -> None:
        """Add strokes in the unit square."""
        self.strokes = [*self.strokes, *strokes]
        self.seq += 1

    def undo(self) -> None:
        """Take back the last stroke, as the browser does."""
        self.strokes = self.strokes[:-1]
        self.seq += 1

    def __call__(self, data: dict[str, object]) -> object:
        """Stand for `mount`."""
        self.given = data
        if self.forged is not None:
            return self.forged
        return self.sent() if self.seq else None

    def sent(self) -> str:
        """What the browser sends."""
        return written(self.strokes, self.seq)

    def ink(self) -> NDArray[np.uint8]:
        """What is drawn."""
        return ink_of_strokes(read_drawing(self.sent()).strokes, 340)

    def digit(self) -> Tensor | None:
        """What a network is to see of it."""
        return digit_from_ink(self.ink())


def picture_of(digit: int) -> bytes:
    """A PNG of one of our own digits, white on black."""
    stream = io.BytesIO()
    Image.fromarray(render(DIGITS[digit])[..., :3]).save(stream, "PNG")
    return stream.getvalue()
