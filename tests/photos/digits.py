"""Digits to be photographed: MNIST's, enlarged smoothly, and such as are drawn by strokes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tests.photos.sheet import Pen, Plane
from tests.strokes import DIGITS, render


@dataclass(frozen=True)
class Written:
    """A digit and which it is."""

    label: int
    pen: Pen


def _cut(plane: Plane) -> Plane:
    rows = np.flatnonzero((plane > 0.1).any(axis=1))
    columns = np.flatnonzero((plane > 0.1).any(axis=0))
    return plane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def enlarged(image: NDArray[np.uint8]) -> Pen:
    """Return a pen that writes an image (28, 28) of MNIST with smooth edges."""
    large = Image.fromarray(image.astype(np.float32)).resize((448, 448), Image.Resampling.BICUBIC)
    soft = _cut(np.clip((np.asarray(large) / 255 - 0.35) / 0.3, 0, 1).astype(np.float32))
    return _sized(soft)


def drawn(label: int, seed: int) -> Pen:
    """Return a pen that writes a digit by strokes, a little otherwise for each seed."""
    rng = np.random.default_rng(seed)
    turn, lean = rng.uniform(-0.12, 0.12), rng.uniform(-0.15, 0.15)
    tall, brush = rng.uniform(0.9, 1.05), rng.uniform(22, 44)
    strokes = [
        [
            (
                0.5 + (x - 0.5) * np.cos(turn) - (y - 0.5) * (np.sin(turn) + lean),
                0.5 + (x - 0.5) * np.sin(turn) + tall * (y - 0.5) * np.cos(turn),
            )
            for x, y in stroke
        ]
        for stroke in DIGITS[label]
    ]
    return _sized(_cut(render(strokes, 448, brush=brush)[..., 0].astype(np.float32) / 255))


def _sized(ink: Plane) -> Pen:
    image = Image.fromarray(ink)

    def pen(longer: int) -> Plane:
        scale = longer / max(ink.shape)
        size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS), np.float32).clip(0, 1)

    return pen


def sample(images: Tensor, labels: Tensor, seed: int = 0) -> list[Written]:
    """Return 30 digits: the first two of each class among images, and one drawn of each."""
    chosen = [
        Written(label, enlarged(images[i, 0].numpy()))
        for label in range(10)
        for i in (labels == label).nonzero().ravel()[:2].tolist()
    ]
    return chosen + [Written(label, drawn(label, seed + label)) for label in range(10)]
