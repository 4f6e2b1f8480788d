"""A sheet of paper with a digit on it, how it is lit, and a camera that looks at it."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

Plane = NDArray[np.float32]
Colour = tuple[float, float, float]
# Ink of a digit as 0..1, cut to it, with the given longer side in pixels.
Pen = Callable[[int], Plane]

BLACK: Colour = (0.12, 0.12, 0.13)
BLUE: Colour = (0.14, 0.2, 0.55)
WHITE: Colour = (0.93, 0.93, 0.92)


class Sheet:
    """What lies before the camera: colours of 0..1 (H, W, 3), and the light on them (H, W)."""

    def __init__(self, pen: Pen, seed: int, size: tuple[int, int] | None = None) -> None:
        self.pen, self.rng = pen, np.random.default_rng(seed)
        if size is None:
            size = [(480, 640), (640, 480), (560, 560), (420, 600)][self.rng.integers(4)]
        self.height, self.width = size
        self.short = min(size)
        self.colours = np.ones((*size, 3), np.float32)
        self.light = np.ones(size, np.float32)
        self.box = (0.0, 0.0, 0.0, 0.0)
        self.paint(WHITE)

    def between(self, low: float, high: float) -> float:
        """Draw a number."""
        return float(self.rng.uniform(low, high))

    def paint(self, colour: Colour, where: Plane | None = None) -> "Sheet":
        """Cover the sheet, or what a mask of 0..1 (H, W) says of it."""
        share = np.ones(self.light.shape, np.float32) if where is None else where
        self.colours = self.colours * (1 - share[..., None]) + np.float32(colour) * share[..., None]
        return self

    def write(
        self,
        share: float | None = None,
        colour: Colour = BLACK,
        place: tuple[float, float] | None = None,
        strength: float = 0.95,
    ) -> "Sheet":
        """Write the digit: its longer side as a share of the page's shorter one, and its centre."""
        longer = round(self.short * (self.between(0.4, 0.6) if share is None else share))
        ink = self.pen(longer)
        y, x = place or (self.between(0.44, 0.56), self.between(0.44, 0.56))
        top = round(y * self.height - ink.shape[0] / 2)
        left = round(x * self.width - ink.shape[1] / 2)
        self.box = (top, left, top + ink.shape[0], left + ink.shape[1])
        self.paint(colour, strength * self.put(ink, top, left))
        return self

    def put(self, ink: Plane, top: int, left: int) -> Plane:
        """Lay a small plane into an empty one of the sheet's size; what does not fit is cut."""
        whole = np.zeros(self.light.shape, np.float32)
        y0, x0 = max(0, top), max(0, left)
        y1, x1 = min(self.height, top + ink.shape[0]), min(self.width, left + ink.shape[1])
        if y1 > y0 and x1 > x0:
            whole[y0:y1, x0:x1] = ink[y0 - top : y1 - top, x0 - left : x1 - left]
        return whole

    def draw(
        self, colour: Colour, lines: Sequence[Sequence[tuple[float, float]]], width: float
    ) -> "Sheet":
        """Draw lines through points (x, y)."""
        finer = 3
        mask = Image.new("L", (self.width * finer, self.height * finer))
        pencil = ImageDraw.Draw(mask)
        for line in lines:
            points = [(x * finer, y * finer) for x, y in line]
            pencil.line(points, fill=255, width=max(1, round(width * finer)), joint="curve")
        small = mask.resize((self.width, self.height), Image.Resampling.BOX)
        return self.paint(colour, np.asarray(small, np.float32) / 255)

    def ruled(
        self, colour: Colour, step: float, width: float, *, crossed: bool, turn: float = 0.0
    ) -> "Sheet":
        """Rule the sheet, or square it, turned by some degrees."""
        far = 1.5 * (self.height + self.width)
        middle = np.array([self.width / 2, self.height / 2])
        lines = []
        start = self.between(0, step)
        for angle in (turn, turn + 90)[: 2 if crossed else 1]:
            along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
            across = np.array([-along[1], along[0]])
            for i in range(-int(far / step), int(far / step)):
                at = middle + across * (i * step + start)
                lines.append([tuple(at - far * along), tuple(at + far * along)])
        near = [
            line
            for line in lines
            if abs(np.cross(np.subtract(line[1], line[0]), middle - line[0])) / (2 * far)
            < 0.75 * (self.height + self.width)
        ]
        return self.draw(colour, near, width)

    def framed(
        self, colour: Colour, margin: float, width: float, turn: float = 0.0, round_by: float = 0.0
    ) -> "Sheet":
        """Draw a box around the digit, `margin` times its longer side away from it."""
        top, left, bottom, right = self.box
        away = margin * max(bottom - top, right - left)
        y, x = (top + bottom) / 2, (left + right) / 2
        high, wide = (bottom - top) / 2 + away, (right - left) / 2 + away
        wide = max(wide, 0.6 * high)
        steps = np.pi / 4 + np.linspace(0, 2 * np.pi, 401)
        # A superellipse: a circle for 2, a box with ever sharper corners for more.
        power = 2 / (40.0 if round_by == 0 else round_by)
        u = np.sign(np.cos(steps)) * np.abs(np.cos(steps)) ** power * wide
        v = np.sign(np.sin(steps)) * np.abs(np.sin(steps)) ** power * high
        a = np.radians(turn)
        px, py = x + u * np.cos(a) - v * np.sin(a), y + u * np.sin(a) + v * np.cos(a)
        return self.draw(colour, [list(zip(px.tolist(), py.tolist(), strict=True))], width)

    def lit(self, amount: Plane) -> "Sheet":
        """Multiply the light."""
        self.light = self.light * amount.astype(np.float32)
        return self

    def grid(self) -> tuple[Plane, Plane]:
        """Return y and x of each pixel, -1 to 1."""
        y, x = np.mgrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
        return y.astype(np.float32), x.astype(np.float32)

    def shadow(self, depth: float, soft: float, through: bool = True) -> "Sheet":
        """Let the shadow of a straight edge fall over the digit, or beside it."""
        angle = self.between(0, 2 * np.pi)
        top, left, bottom, right = self.box
        y, x = np.mgrid[: self.height, : self.width]
        off = (x - (left + right) / 2) * np.cos(angle) + (y - (top + bottom) / 2) * np.sin(angle)
        size = max(bottom - top, right - left)
        off = off - (self.between(-0.25, 0.25) if through else self.between(0.55, 0.8)) * size
        dark = ndimage.gaussian_filter((off > 0).astype(np.float32), max(soft, 0.3))
        return self.lit(1 - depth * dark)

    def spot(self, y: float, x: float, size: float, strength: float) -> "Sheet":
        """Add a shine, as of a lamp on glossy paper: it whitens what it lies on."""
        v, u = np.mgrid[: self.height, : self.width]
        far = ((v - y) ** 2 + (u - x) ** 2) / (size * self.short) ** 2
        return self.paint((1.0, 1.0, 1.0), (strength * np.exp(-far)).astype(np.float32))

    def tilted(self, by: float) -> "Sheet":
        """Look at it from the side: move the four corners."""
        moves = [self.between(0, by) for _ in range(8)]
        w, h = self.width, self.height
        quad = (
            -moves[0] * w, -moves[1] * h, -moves[2] * w, h + moves[3] * h,
            w + moves[4] * w, h + moves[5] * h, w + moves[6] * w, -moves[7] * h,
        )  # fmt: skip
        ground = tuple(round(255 * c) for c in self.colours[0, 0])
        image = Image.fromarray((self.colours * 255).clip(0, 255).astype(np.uint8))
        turned = image.transform(
            (w, h), Image.Transform.QUAD, quad, Image.Resampling.BICUBIC, fillcolor=ground
        )
        self.colours = np.asarray(turned, np.float32) / 255
        return self

    def seen(self, noise: float = 3.0, blur: float = 0.7) -> Image.Image:
        """Return what a camera makes of it."""
        picture = 245 * self.colours * self.light[..., None]
        image = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
        image = image.filter(ImageFilter.GaussianBlur(blur))
        grain = self.rng.normal(0, noise, (self.height, self.width, 1))
        grain = grain + self.rng.normal(0, noise / 2, (self.height, self.width, 3))
        return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))

    def photo(self, noise: float = 3.0, blur: float = 0.7, quality: int = 85) -> bytes:
        """Return what a camera makes of it, as a JPEG file."""
        return packed(self.seen(noise, blur), "JPEG", quality=quality)


def packed(image: Image.Image, kind: str, **options: object) -> bytes:
    """Write a picture's file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
