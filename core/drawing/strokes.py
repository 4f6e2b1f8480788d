"""Strokes as the canvas sends them: checked like any upload, and drawn here, point by point.

A drawing comes as one text, `seq|stroke;stroke;...`, a stroke as `width,x,y,x,y,...` in whole
units. Pictures of the canvas are never read: browsers falsify those for their owners' privacy.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.words.errors import UserError
from core.words.message import N_

# Units along a side of the canvas, and in a pixel of one of 340 pixels, as static/canvas/strokes.js
# has them.
UNITS: Final = 3400
UNITS_PER_PX: Final = 10

# No hand comes near these; the canvas says that it is full before anything is lost.
MAX_STROKES: Final = 500
MAX_POINTS: Final = 12_000
MIN_WIDTH: Final = 1 * UNITS_PER_PX
MAX_WIDTH: Final = 40 * UNITS_PER_PX
# A stroke may leave the canvas by the length of a side.
LEAST: Final = -UNITS
MOST: Final = 2 * UNITS
# Signs of the longest drawing: two numbers of five signs a point, a comma after each.
MAX_SIGNS: Final = 2 * 6 * MAX_POINTS + 6 * MAX_STROKES + 20

_SIGNS: Final = re.compile(r"(\d{1,15})\|([\d,;-]*)", re.ASCII)
_NUMBER: Final = re.compile(r"-?\d{1,4}", re.ASCII)
_FINER: Final = 2

Stroke = tuple[int, ...]


class StrokesError(UserError):
    """What came from a canvas is no drawing."""


@dataclass(frozen=True)
class Drawing:
    """What is drawn.

    Attributes:
        seq: number of the last change; a drawing of a smaller one is older.
        strokes: width, x, y, x, y, ... in units.
    """

    seq: int = 0
    strokes: tuple[Stroke, ...] = ()


def read_drawing(sent: object) -> Drawing:
    """Read what a browser, or a stranger, sent as a drawing.

    Raises:
        StrokesError: it is none, or larger than a hand draws.
    """
    if not isinstance(sent, str) or len(sent) > MAX_SIGNS:
        raise _refused()
    found = _SIGNS.fullmatch(sent)
    if found is None:
        raise _refused()
    seq, body = found.groups()
    if body.count(";") >= MAX_STROKES or body.count(",") > 2 * MAX_POINTS:
        raise _refused()
    return Drawing(int(seq), tuple(_stroke(part) for part in body.split(";")) if body else ())


def _stroke(text: str) -> Stroke:
    parts = text.split(",")
    if len(parts) < 3 or len(parts) % 2 == 0 or not all(map(_NUMBER.fullmatch, parts)):
        raise _refused()
    width, *places = map(int, parts)
    if not MIN_WIDTH <= width <= MAX_WIDTH or min(places) < LEAST or max(places) > MOST:
        raise _refused()
    return (width, *places)


def _refused() -> StrokesError:
    return StrokesError(
        N_("What arrived from the canvas is no drawing: reload the page and draw again.")
    )


@lru_cache(maxsize=16)
def ink_of_strokes(strokes: tuple[Stroke, ...], size: int) -> NDArray[np.uint8]:
    """Draw strokes with round ends, straight from each point to the next, as the canvas shows them.

    The newest pictures are remembered, for a page that looks again each second asks for the same.

    Args:
        strokes: of a `Drawing`.
        size: side of the picture in pixels.

    Returns:
        (size, size), 0 (none) to 255 (full).
    """
    scale = size * _FINER / UNITS
    picture = Image.new("L", (size * _FINER, size * _FINER))
    draw = ImageDraw.Draw(picture)
    for width, *places in strokes:
        radius = max(width * scale / 2, 0.5)
        numbers = [place * scale for place in places]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
        for line in pairwise(points):
            draw.line(line, fill=255, width=round(2 * radius))
        for x, y in points:
            # The last row and column of pixels belong to it.
            draw.ellipse((x - radius, y - radius, x + radius - 1, y + radius - 1), fill=255)
    ink = np.asarray(picture.resize((size, size), Image.Resampling.BOX))
    ink.flags.writeable = False
    return ink
