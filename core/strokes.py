"""Strokes as the canvas describes them, drawn here where the browser sends no picture.

The canvas sends a picture of itself after a stroke, but none when it begins with strokes of before:
after an undo, or when a person comes back to the page.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final, TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

# Whoever draws by hand comes nowhere near these.
MAX_STROKES: Final = 500
MAX_COMMANDS: Final = 20_000
_MAX_WIDTH: Final = 400.0
_FINER: Final = 2
_CURVE_POINTS: Final = 4

Point = tuple[float, float]
_ARGUMENTS: Final = {"M": 2, "L": 2, "Q": 4}


def ink_of_strokes(strokes: Sequence[object], size: int) -> NDArray[np.uint8]:
    """Draw freehand strokes with round ends; what is no such stroke is passed over.

    Args:
        strokes: objects of Fabric.js: dictionaries with a `path` of commands M, L and Q in pixels
            of the canvas and a `strokeWidth` in pixels.
        size: side of the canvas in pixels.

    Returns:
        (size, size), 0 (none) to 255 (full).
    """
    picture = Image.new("L", (size * _FINER, size * _FINER))
    draw = ImageDraw.Draw(picture)
    left = MAX_COMMANDS
    for stroke in strokes[:MAX_STROKES]:
        if not isinstance(stroke, dict):
            continue
        path, width = stroke.get("path"), stroke.get("strokeWidth")
        if not isinstance(path, list) or not _is_number(width) or not 0 < width <= _MAX_WIDTH:
            continue
        points = [(x * _FINER, y * _FINER) for x, y in _points(path[:left], size)]
        left -= min(left, len(path))
        radius = width * _FINER / 2
        if len(points) > 1:
            draw.line(points, fill=255, width=round(2 * radius))
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(picture.resize((size, size), Image.Resampling.BOX))


def _points(path: list[object], size: int) -> Iterator[Point]:
    """Follow a path's commands; stop at the first that is not one of ours."""
    x = y = 0.0
    for command in path:
        if not isinstance(command, list) or not command or not isinstance(command[0], str):
            return
        name, *numbers = command
        if len(numbers) != _ARGUMENTS.get(name) or not all(map(_is_number, numbers)):
            return
        # A person's hand may leave the canvas, but not the screen.
        at = [min(max(float(number), -10.0 * size), 10.0 * size) for number in numbers]
        if name == "Q":
            for i in range(1, _CURVE_POINTS):
                t = i / _CURVE_POINTS
                a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t**2
                yield a * x + b * at[0] + c * at[2], a * y + b * at[1] + c * at[3]
        x, y = at[-2:]
        yield x, y


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
