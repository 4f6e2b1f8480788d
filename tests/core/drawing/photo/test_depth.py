"""Pictures of 16 and 32 bits, of few levels, and of opacity alone, as programs write them."""

import io
import zlib
from struct import pack

import numpy as np
import pytest
import torch
from PIL import Image

from core.drawing.photo.depth import together, words_of
from core.drawing.photo.file import decoded_with_limits
from core.drawing.picture import PictureError, digit_from_picture, image_from_picture
from tests.strokes import DIGITS, render

DRAWN = render(DIGITS[3], 120, brush=9)[..., 0].astype(np.float64) / 255


def saved(image: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def grey(dtype: str, low: float, high: float, form: str = "PNG") -> bytes:
    return saved(Image.fromarray((low + DRAWN * (high - low)).astype(dtype)), form)


def paletted(high: int) -> bytes:
    image = Image.fromarray((DRAWN > 0.5).astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, high, high, high])
    return saved(image)


def with_opacity(mode: str, inverted: bool = False) -> bytes:
    opacity = np.rint((1 - DRAWN if inverted else DRAWN) * 255).astype(np.uint8)
    image = Image.new(mode, (120, 120), 0)
    image.putalpha(Image.fromarray(opacity))
    return saved(image)


def opaque(level: int) -> bytes:
    image = Image.fromarray(np.rint(DRAWN * 255).astype(np.uint8)).convert("RGBA")
    image.putalpha(level)
    return saved(image)


def chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))


def colours_of_16_bits(high: int) -> bytes:
    """A PNG that Pillow reads, but does not write."""
    values = np.repeat(np.rint(DRAWN * high).astype(">u2")[..., None], 3, axis=2)
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", pack(">IIBBBBB", 120, 120, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


PICTURES = {
    "16 bits": grey("u2", 0, 65_535),
    "16 bits, dark on light": grey("u2", 65_535, 0),
    "16 bits of 8": grey("u2", 0, 255),
    "16 bits of 10": grey("u2", 0, 1_023),
    "16 bits of 12": grey("u2", 0, 4_095),
    "16 bits of 12, dark on light": grey("u2", 4_095, 200),
    "16 bits of 4": grey("u2", 0, 15),
    "16 bits, 0 and 1": saved(Image.fromarray((DRAWN > 0.5).astype(np.uint16))),
    "16 bits, far from 0": grey("u2", 30_000, 31_500),
    "16 bits, TIFF": grey("u2", 0, 900, "TIFF"),
    "16 bits, big-endian TIFF": saved(Image.fromarray((DRAWN * 900).astype(">u2")), "TIFF"),
    "32 bits, TIFF": grey("i4", 0, 70_000, "TIFF"),
    "32 bits, below 0, TIFF": grey("i4", -500, 500, "TIFF"),
    "floats of 0 to 1, TIFF": grey("f4", 0, 1, "TIFF"),
    "floats of -1 to 1, TIFF": grey("f4", -1, 1, "TIFF"),
    "floats of 0 to 255, TIFF": grey("f4", 0, 255, "TIFF"),
    "8 bits, 0 and 1": saved(Image.fromarray((DRAWN > 0.5).astype(np.uint8))),
    "8 bits, 0 to 16": grey("u1", 0, 16),
    "8 bits, 0 to 9, BMP": grey("u1", 0, 9, "BMP"),
    "1 bit": saved(Image.fromarray(DRAWN > 0.5)),
    "colours, 0 and 1": saved(Image.fromarray((DRAWN > 0.5).astype(np.uint8)).convert("RGB")),
    "palette": paletted(255),
    "palette, 0 and 1": paletted(1),
    "opacity alone": with_opacity("RGBA"),
    "opacity alone, grey": with_opacity("LA"),
    "opacity alone, cut out": with_opacity("RGBA", inverted=True),
    "transparent throughout": opaque(0),
    "half transparent throughout": opaque(128),
    "colours of 16 bits": colours_of_16_bits(65_535),
    "colours of 16 bits, of 12": colours_of_16_bits(4_095),
}
PLAIN = digit_from_picture(saved(Image.fromarray(np.rint(DRAWN * 255).astype(np.uint8))))


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.float() - other.float()).abs().mean())


@pytest.mark.parametrize("name", PICTURES)
def test_the_digit_is_seen_whatever_its_numbers(name):
    assert difference(digit_from_picture(PICTURES[name]), PLAIN) < 9


@pytest.mark.parametrize(
    "name", [name for name in PICTURES if "opac" not in name and "cut" not in name]
)
def test_the_whole_picture_goes_from_dark_to_light(name):
    image = image_from_picture(PICTURES[name])
    assert image.max() > 200
    assert image.min() < 20


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("16 bits", ""),
        ("1 bit", ""),
        ("palette", ""),
        ("opacity alone", ""),
        ("16 bits of 10", "0 is taken for black and 1023 for white"),
        ("32 bits, below 0, TIFF", "-500 is taken for black and 500 for white"),
        ("8 bits, 0 to 16", "0 is taken for black and 16 for white"),
    ],
)
def test_what_is_assumed_is_told(name, told):
    words = words_of(decoded_with_limits(PICTURES[name], "")[1])
    assert told in words
    assert bool(told) == bool(words)


def test_numbers_that_are_none_are_black_and_one_broken_pixel_decides_nothing():
    values = (DRAWN * 40).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    assert difference(digit_from_picture(saved(Image.fromarray(values), "TIFF")), PLAIN) < 9
    values = (DRAWN * 500).astype(np.uint16)
    values[3, 3] = 65_535
    assert image_from_picture(saved(Image.fromarray(values))).max() > 200


@pytest.mark.parametrize("level", [0, 700, 65_535])
def test_paper_without_a_digit_is_still_empty(level):
    noise = np.random.default_rng(0).integers(0, 3, (90, 90))
    values = (level - noise if level else noise * 0).astype(np.uint16)
    with pytest.raises(PictureError, match="shows no digit"):
        digit_from_picture(saved(Image.fromarray(values)))


def test_colours_of_which_nothing_is_left_say_so():
    with pytest.raises(PictureError, match="colours of 16 bits, all of them nearly black"):
        digit_from_picture(colours_of_16_bits(200), "mine.png")


def test_a_data_set_has_one_range():
    assert together([(0, 16), (0, 900), None]) == (0, 900)
    assert together([None, None]) is None
