"""Ten digits of our own, as a person draws them with a mouse, and a canvas to draw them on.

A digit is a list of strokes, a stroke a list of (x, y) in the unit square, y downwards: what the
browser tests move the mouse along, and what `render` draws where there is no browser.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Point = tuple[float, float]
Stroke = list[Point]


def _arc(centre: Point, radii: Point, start_deg: float, end_deg: float, points: int = 16) -> Stroke:
    """Follow an ellipse; 0 degrees points right, 90 down, as the eye sees them on a screen."""
    (x, y), (rx, ry) = centre, radii
    angles = [
        math.radians(start_deg + (end_deg - start_deg) * i / (points - 1)) for i in range(points)
    ]
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def _line(start: Point, end: Point, points: int = 10) -> Stroke:
    """Go straight from one point to another."""
    return [
        (
            start[0] + (end[0] - start[0]) * i / (points - 1),
            start[1] + (end[1] - start[1]) * i / (points - 1),
        )
        for i in range(points)
    ]


def _curve(*knots: Point, points: int = 30) -> Stroke:
    """Pass smoothly through all knots (Catmull-Rom)."""
    ends = [knots[0], *knots, knots[-1]]
    stroke = []
    for i in range(points):
        place = i / (points - 1) * (len(knots) - 1)
        k = min(int(place), len(knots) - 2)
        t = place - k
        a, b, c, d = ends[k : k + 4]
        stroke.append(
            (
                _catmull_rom(a[0], b[0], c[0], d[0], t),
                _catmull_rom(a[1], b[1], c[1], d[1], t),
            )
        )
    return stroke


def _catmull_rom(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )


DIGITS: dict[int, list[Stroke]] = {
    0: [_arc((0.50, 0.50), (0.20, 0.31), -80, 285, points=36)],
    1: [_line((0.55, 0.18), (0.46, 0.82), points=16)],
    2: [
        _curve(
            (0.30, 0.33),
            (0.37, 0.21),
            (0.51, 0.18),
            (0.64, 0.26),
            (0.63, 0.41),
            (0.52, 0.57),
            (0.39, 0.70),
            (0.28, 0.81),
            points=28,
        )
        + _curve((0.28, 0.81), (0.42, 0.79), (0.57, 0.80), (0.73, 0.80), points=12)[1:]
    ],
    3: [
        _curve(
            (0.31, 0.24),
            (0.42, 0.18),
            (0.56, 0.19),
            (0.64, 0.28),
            (0.60, 0.40),
            (0.47, 0.47),
            points=20,
        )
        + _curve(
            (0.47, 0.47),
            (0.61, 0.51),
            (0.68, 0.63),
            (0.61, 0.77),
            (0.46, 0.82),
            (0.30, 0.76),
            points=20,
        )[1:]
    ],
    4: [
        _curve((0.36, 0.20), (0.31, 0.37), (0.28, 0.54), points=10)
        + _line((0.28, 0.54), (0.72, 0.52), points=12)[1:],
        _curve((0.64, 0.22), (0.61, 0.50), (0.59, 0.83), points=18),
    ],
    5: [
        _line((0.37, 0.20), (0.33, 0.46), points=10)
        + _curve(
            (0.33, 0.46),
            (0.49, 0.42),
            (0.63, 0.49),
            (0.67, 0.63),
            (0.59, 0.77),
            (0.44, 0.82),
            (0.29, 0.77),
            points=24,
        )[1:],
        _line((0.37, 0.20), (0.67, 0.19), points=10),
    ],
    6: [
        _curve(
            (0.60, 0.18),
            (0.46, 0.29),
            (0.36, 0.45),
            (0.32, 0.63),
            (0.38, 0.78),
            (0.51, 0.82),
            (0.63, 0.75),
            (0.66, 0.63),
            (0.58, 0.53),
            (0.45, 0.54),
            (0.34, 0.64),
            points=38,
        )
    ],
    7: [
        _line((0.28, 0.22), (0.69, 0.21), points=14)
        + _curve((0.69, 0.21), (0.58, 0.42), (0.49, 0.62), (0.43, 0.82), points=18)[1:]
    ],
    8: [
        _curve(
            (0.62, 0.27),
            (0.52, 0.19),
            (0.40, 0.23),
            (0.38, 0.34),
            (0.48, 0.45),
            (0.60, 0.55),
            (0.65, 0.67),
            (0.59, 0.79),
            (0.47, 0.82),
            (0.37, 0.76),
            (0.36, 0.64),
            (0.45, 0.53),
            (0.57, 0.43),
            (0.64, 0.34),
            (0.62, 0.27),
            points=40,
        )
    ],
    9: [
        _curve(
            (0.64, 0.31),
            (0.56, 0.20),
            (0.44, 0.20),
            (0.35, 0.30),
            (0.36, 0.43),
            (0.46, 0.50),
            (0.57, 0.45),
            (0.64, 0.31),
            points=26,
        )
        + _curve((0.64, 0.31), (0.63, 0.50), (0.60, 0.66), (0.54, 0.83), points=14)[1:]
    ],
}


def render(
    strokes: Sequence[Sequence[Point]], size: int = 280, brush: float = 18
) -> NDArray[np.uint8]:
    """Draw white strokes with round ends on opaque black, as the canvas hands them over.

    Returns:
        RGBA (size, size, 4), with soft edges.
    """
    finer = 4
    picture = Image.new("L", (size * finer, size * finer))
    draw = ImageDraw.Draw(picture)
    radius = brush * finer / 2
    for stroke in strokes:
        places = [(x * size * finer, y * size * finer) for x, y in stroke]
        for start, end in pairwise(places):
            draw.line([start, end], fill=255, width=round(2 * radius))
        for x, y in places:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    grey = np.asarray(picture.resize((size, size), Image.Resampling.BOX))
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])
