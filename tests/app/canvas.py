"""A canvas to draw on without a mouse."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.strokes import DIGITS, Stroke, render


@dataclass
class Drawn:
    """What the canvas hands over; both None before the first stroke."""

    json_data: dict[str, object] | None = None
    image_data: NDArray[np.uint8] | None = None


class Canvas:
    """A canvas to draw on without a mouse; takes the place of `st_canvas`."""

    def __init__(self) -> None:
        self.objects: list[dict[str, object]] = []
        self.given: dict[str, object] = {}
        self._key: str | None = None
        self._touched = False

    def draw(self, strokes: list[Stroke]) -> None:
        """Add strokes in the unit square."""
        self._touched = True
        width = self.given["stroke_width"]
        self.objects += [
            {"type": "path", "path": stroke, "strokeWidth": width} for stroke in strokes
        ]

    def __call__(self, **given: object) -> Drawn:
        """Stand for `st_canvas`."""
        self.given = given
        if given["key"] != self._key:
            drawing = given["initial_drawing"] or {"objects": []}
            self.objects = list(drawing["objects"])
            self._key, self._touched = given["key"], bool(self.objects)
        if not self._touched:
            return Drawn()
        return Drawn({"version": "4.4.0", "objects": list(self.objects)}, self.pixels())

    def pixels(self) -> NDArray[np.uint8]:
        """What is on the canvas, RGBA."""
        brush = self.objects[0]["strokeWidth"] if self.objects else 1
        return render([drawn["path"] for drawn in self.objects], self.given["width"], brush)


def picture_of(digit: int) -> bytes:
    """A PNG of one of our own digits, white on black."""
    stream = io.BytesIO()
    Image.fromarray(render(DIGITS[digit])[..., :3]).save(stream, "PNG")
    return stream.getvalue()
