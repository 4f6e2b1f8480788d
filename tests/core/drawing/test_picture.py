"""A digit out of a picture file, and a clear word for every file that shows none."""

import io
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.drawing.centring import digit_from_rgba
from core.drawing.picture import (
    MAX_PICTURE_BYTES,
    MAX_PICTURE_PIXELS,
    MIN_PICTURE_SIDE,
    PictureError,
    digit_from_picture,
)
from core.words.errors import UserError
from tests.strokes import DIGITS, render


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(digit: int = 3, size: int = 280) -> NDArray[np.uint8]:
    return render(DIGITS[digit], size, brush=size * 22 / 280)[..., 0]


def seen(data: bytes) -> NDArray[np.int64]:
    digit = digit_from_picture(data, "my digit.png")
    assert digit.dtype == torch.uint8
    assert digit.shape == (1, 1, 28, 28)
    return digit[0, 0].numpy().astype(np.int64)


def drawn(digit: int = 3) -> NDArray[np.int64]:
    prepared = digit_from_rgba(render(DIGITS[digit], brush=22))
    assert prepared is not None
    return prepared[0, 0].numpy().astype(np.int64)


def apart(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Mean difference, one pixel of displacement forgiven."""
    return min(
        float(np.abs(one - np.roll(other, (down, right), (0, 1))).mean())
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    )


def refusal(data: bytes, name: str = "my digit.png") -> str:
    with pytest.raises(PictureError) as caught:
        digit_from_picture(data, name)
    words = str(caught.value)
    assert isinstance(caught.value, UserError)
    assert words.endswith(".")
    assert ": " in words
    assert "Traceback" not in words
    return words


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize(("kind", "limit"), [("PNG", 1.0), ("JPEG", 4.0)])
def test_a_picture_of_a_drawing_is_that_drawing(digit, kind, limit):
    light_on_dark = grey(digit)
    assert apart(seen(encoded(Image.fromarray(light_on_dark), kind)), drawn(digit)) < limit


@pytest.mark.parametrize("digit", range(10))
def test_dark_on_light_equals_light_on_dark(digit):
    one = seen(encoded(Image.fromarray(grey(digit))))
    other = seen(encoded(Image.fromarray(255 - grey(digit))))
    assert np.abs(one - other).max() <= 1


def as_one_bit(ink: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(255 - ink).convert("1")


def as_palette(ink: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(255 - ink).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)


def as_16_bit(ink: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray((255 - ink).astype(np.uint16) * 257)


def as_black_on_nothing(ink: NDArray[np.uint8]) -> Image.Image:
    nothing = np.zeros_like(ink)
    return Image.fromarray(np.dstack([nothing, nothing, nothing, ink]))


def as_white_on_nothing(ink: NDArray[np.uint8]) -> Image.Image:
    full = np.full_like(ink, 255)
    return Image.fromarray(np.dstack([full, full, full, ink]))


def as_grey_on_nothing(ink: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.dstack([np.full_like(ink, 60), ink]), "LA")


def as_palette_on_nothing(ink: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray((ink > 127).astype(np.uint8), "P")
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.info["transparency"] = 0
    return image


def as_sticker_with_cut_corners(ink: NDArray[np.uint8]) -> Image.Image:
    alpha = np.full_like(ink, 255)
    alpha[:30, :30] = alpha[-30:, -30:] = 0
    paper = 255 - ink
    return Image.fromarray(np.dstack([paper, paper, paper, alpha]))


def as_red_pen(ink: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.dstack([np.full_like(ink, 230), 230 - ink // 2, 230 - ink // 2]))


def as_chalk_on_green(ink: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(np.dstack([20 + ink // 2, 70 + ink // 2, 40 + ink // 2]))


@pytest.mark.parametrize(
    "as_image",
    [
        as_one_bit,
        as_palette,
        as_16_bit,
        as_black_on_nothing,
        as_white_on_nothing,
        as_grey_on_nothing,
        as_palette_on_nothing,
        as_sticker_with_cut_corners,
        as_red_pen,
        as_chalk_on_green,
    ],
)
def test_every_kind_of_png_works(as_image: Callable[[NDArray[np.uint8]], Image.Image]):
    assert apart(seen(encoded(as_image(grey()))), drawn()) < 3


def test_a_printers_jpeg_works():
    printed = Image.fromarray(255 - grey()).convert("CMYK")
    assert apart(seen(encoded(printed, "JPEG", quality=95)), drawn()) < 3


def test_a_phones_jpeg_with_a_second_picture_inside_works():
    first, second = (Image.fromarray(255 - grey(digit)) for digit in (3, 8))
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert apart(seen(data), drawn(3)) < 4


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, None),
        (3, Image.Transpose.ROTATE_180),
        (6, Image.Transpose.ROTATE_90),
        (8, Image.Transpose.ROTATE_270),
        (2, Image.Transpose.FLIP_LEFT_RIGHT),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_camera_held_sideways_does_not_matter(orientation, turned, kind):
    image = Image.fromarray(255 - grey(7, size=1400)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image if turned is None else image.transpose(turned)
    assert apart(seen(encoded(stored, kind, exif=exif)), drawn(7)) < 3


def test_damaged_camera_data_do_not_matter():
    data = encoded(Image.fromarray(255 - grey()), "JPEG", exif=b"Exif\0\0MM\0*" + b"\xff" * 40)
    assert apart(seen(data), drawn()) < 4


def photo(digit: int, shadow: bool = False, table: bool = False) -> bytes:
    """A pencil's digit on a sheet under a lamp, with grain, as a telephone sees it."""
    rng = np.random.default_rng(digit)
    y, x = np.mgrid[-1:1:600j, -1:1:800j]
    light = 190 + 25 * x - 30 * y - 30 * (x**2 + y**2)
    strokes = [[(0.25 * a + 0.4, 0.25 * b + 0.35) for a, b in s] for s in DIGITS[digit]]
    pen = render(strokes, 800, brush=16)[100:700, :, 0] / 255
    if shadow:
        light = np.where(x + 0.3 * y > 0.2, 0.75 * light, light)
    page = light * (1 - 0.6 * pen)
    if table:
        page[:, :70] = 60
    colours = np.dstack([page * 1.05, page, page * 0.85]) + rng.normal(0, 6, (600, 800, 3))
    image = Image.fromarray(colours.clip(0, 255).astype(np.uint8))
    return encoded(image.filter(ImageFilter.GaussianBlur(1)), "JPEG", quality=80)


@pytest.mark.parametrize("digit", [2, 4, 7, 8, 9])
@pytest.mark.parametrize("trouble", [{}, {"shadow": True}, {"table": True}])
def test_a_photo_of_paper_shows_the_digit_alone(digit, trouble):
    strokes = DIGITS[digit]
    wanted = digit_from_rgba(render(strokes, 800, brush=64))
    assert wanted is not None
    difference = apart(seen(photo(digit, **trouble)), wanted[0, 0].numpy().astype(np.int64))
    # A digit against emptiness makes about 30.
    assert difference < 9


def test_dust_does_not_matter():
    page = 255 - grey()
    for place in (10, 40, 200, 265):
        page[place : place + 3, 270 - place // 2 : 273 - place // 2] = 0
    assert apart(seen(encoded(Image.fromarray(page))), drawn()) < 1


@pytest.mark.parametrize(("size", "limit"), [(28, 12), (64, 7), (280, 1), (1500, 4), (4000, 4)])
def test_the_size_of_the_picture_does_not_matter(size, limit):
    assert apart(seen(encoded(Image.fromarray(255 - grey(4, size)))), drawn(4)) < limit


@pytest.mark.parametrize("size", [(8, 50_000), (50_000, 8)])
def test_a_strip_is_looked_at(size):
    page = np.full(size, 255, np.uint8)
    page[size[0] // 4 : size[0] // 2 + 1, size[1] // 4 : size[1] // 2 + 1] = 0
    outcome(encoded(Image.fromarray(page)))


def test_an_animated_png_shows_its_first_frame():
    frames = [Image.fromarray(255 - grey(digit)) for digit in (3, 8)]
    data = encoded(frames[0], save_all=True, append_images=frames[1:])
    assert apart(seen(data), drawn(3)) < 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_shows_no_digit(kind, level):
    words = refusal(encoded(Image.new("RGB", (200, 100), (level, level, level)), kind))
    assert "no digit" in words
    assert "'my digit.png'" in words


def test_a_transparent_picture_shows_no_digit():
    assert "no digit" in refusal(encoded(Image.new("RGBA", (60, 60))))


def test_a_blank_sheet_under_a_lamp_shows_no_digit():
    y, x = np.mgrid[-1:1:300j, -1:1:400j]
    sheet = (200 + 20 * x - 25 * (x**2 + y**2)).astype(np.uint8)
    assert "no digit" in refusal(encoded(Image.fromarray(sheet)))


OTHERS = {
    "empty": (b"", "is empty", "another file"),
    "text": (b"Dear teacher,\r\nhere is my digit: 7\n", "a text file", "choose a picture"),
    "Czech text": ("Zdravím, žádný obrázek.".encode(), "a text file", "choose a picture"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG", "screenshot"),
    "web page": (b"\n<!DOCTYPE html><html>", "a web page", "choose a picture"),
    "PDF": (b"%PDF-1.7\n" + b"x" * 50, "PDF", "screenshot"),
    "ZIP": (b"PK\x03\x04" + b"\0" * 50, "ZIP", "take the pictures out"),
    "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC", "export it as PNG or JPEG"),
    "AVIF": (b"\0\0\0\x1cftypavif\0\0\0\0avif", "AVIF", "save it as PNG"),
    "video": (b"\0\0\0\x18ftypmp42", "a video", "screenshot"),
    "raw": (b"II*\0\x10\0\0\0CR\2\0", "raw photo", "export"),
    "Photoshop": (b"8BPS\0\1", "Photoshop", "save it as PNG"),
    "other": (bytes(range(128, 256)) + b"\0", "not a picture that can be read", "save it as PNG"),
}


@pytest.mark.parametrize(("data", "words", "remedy"), OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_kind_is_named_with_what_to_do(data, words, remedy):
    said = refusal(data, "my digit.jpg")
    assert words in said
    assert remedy in said
    if data:
        assert said.count("PNG or JPEG") == 1


READ = {
    "WEBP": {"lossless": True},
    "GIF": {},
    "BMP": {},
    "TIFF": {},
    "TIFF packed": {"compression": "tiff_lzw"},
    "MPO": {},
}


@pytest.mark.parametrize("kind", READ)
def test_a_picture_of_another_format_is_read_whatever_its_name(kind):
    picture = Image.fromarray(255 - grey())
    data = encoded(picture, kind.split()[0], **READ[kind])
    shown = digit_from_picture(data, "digit.jfif")[0, 0].numpy().astype(np.int64)
    assert apart(shown, drawn()) < 4


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF"])
def test_of_several_frames_the_first_is_read(kind):
    frames = [Image.fromarray(255 - grey(digit)) for digit in (3, 8)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    assert apart(seen(data), drawn(3)) < 4


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_a_picture_of_any_format_is_turned_upright(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(255 - grey(7)).rotate(90, expand=True)
    assert apart(seen(encoded(turned, kind, exif=exif)), drawn(7)) < 4


def test_a_tiff_of_measured_values_shows_them():
    ink = (255 - grey()).astype(np.float32) / 255e3
    assert apart(seen(encoded(Image.fromarray(ink), "TIFF")), drawn()) < 3


def test_a_large_picture_is_shrunk_as_a_whole_would_be():
    page = np.kron(255 - grey(), np.ones((9, 9), np.uint8))[:-3, :-1]
    one = seen(encoded(Image.fromarray(page)))
    other = seen(encoded(Image.fromarray(page).reduce(3)))
    assert np.abs(one - other).max() <= 2


@pytest.mark.parametrize("kind", ["ICO", "JPEG2000", "PPM", "AVIF"])
def test_a_picture_in_another_format_is_named(kind):
    kind, name = (kind, "Netpbm") if kind == "PPM" else (kind, kind)
    words = refusal(encoded(Image.fromarray(grey()), kind)).replace(" ", "")
    assert name.lower() in words.lower()
    assert "PNGorJPEG" in words


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_called_incomplete(kind, kept):
    data = encoded(Image.fromarray(255 - grey(size=400)), kind)
    assert "damaged or incomplete" in refusal(data[: int(len(data) * kept)])


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + chunk + struct.pack(">I", zlib.crc32(chunk)) + end


@pytest.mark.parametrize("size", [(10_000, 5_001), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(size):
    """The file has no pixels: one that were decoded would be called damaged."""
    assert "too many pixels" in refusal(png_header(*size))


def header_of_webp(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0" + bytes(4) + size


def tiff_of(tags: dict[int, tuple[int, int]]) -> bytes:
    """A TIFF whose directory holds these tags, each with one value, and nothing else."""
    entries = b"".join(
        struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in sorted(tags.items())
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(200)


BOMBS = {
    "WebP of a vast canvas": header_of_webp(16_000, 16_000),
    "GIF of a vast canvas": b"GIF89a" + struct.pack("<HHBBB", 65_000, 65_000, 0, 0, 0) + b";",
    "BMP of a vast canvas": b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    + bytes(40),
    "TIFF of a vast tile": tiff_of(
        {
            256: (4, 100),
            257: (4, 100),
            258: (3, 8),
            259: (3, 1),
            262: (3, 1),
            277: (3, 1),
            322: (4, 40_000),
            323: (4, 40_000),
            324: (4, 8),
            325: (4, 200),
        }
    ),
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_a_bomb_of_any_format_is_refused_by_its_header(data):
    tracemalloc.start()
    words = refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "too many pixels" in words or "damaged" in words
    assert peak < 20e6


def test_a_jpeg_of_very_many_passes_is_refused():
    large = encoded(Image.new("L", (7_000, 7_000), 255), "JPEG", progressive=True)
    assert "too many pixels" not in refusal(large)
    last = large.rindex(b"\xff\xda")
    assert "too many pixels" in refusal(large[:-2] + large[last:-2] * 2_000 + large[-2:])


def test_a_picture_at_the_limit_of_pixels_is_looked_at():
    assert "too many" not in refusal(png_header(10_000, MAX_PICTURE_PIXELS // 10_000))


def test_a_large_file_is_refused_by_its_size():
    assert "10 MB" in refusal(b"\x89PNG\r\n\x1a\n" + bytes(MAX_PICTURE_BYTES))


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_a_tiny_picture_is_refused(size):
    words = refusal(encoded(Image.new("L", size, 255)))
    assert f"{size[0]} × {size[1]} pixels" in words
    assert f"at least {MIN_PICTURE_SIDE}" in words


def test_a_strange_name_does_not_reach_the_sentence_as_it_is():
    words = refusal(b"", "a\nb\x1b[31m" + "c" * 500)
    assert "\n" not in words
    assert "\x1b" not in words
    assert len(words) < 150
    assert refusal(b"", "").startswith("This picture is empty")


def outcome(data: bytes) -> None:
    """Anything but a digit or a `PictureError` fails the test."""
    words = None
    try:
        digit = digit_from_picture(data)
    except PictureError as error:
        words = str(error)
    if words is None:
        assert digit.shape == (1, 1, 28, 28)
        assert digit.max() == 255
    else:
        assert 20 < len(words) < 300


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(
        [
            b"",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"GIF89a",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"II*\0\x08\0\0\0",
            png_header(30, 30)[:33],
        ]
    ),
    st.binary(max_size=300),
)
def test_any_bytes_make_a_digit_or_a_sentence(start, rest):
    outcome(start + rest)


def with_checksums(data: bytes) -> bytes:
    """Mend the checksums of a PNG, so that damage reaches the reader behind them."""
    out, place = [data[:8]], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        body = data[place + 4 : place + 8 + length]
        if len(body) < 4 + length:
            break
        out.append(data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return b"".join([*out, data[place:]])


SAMPLES = [
    encoded(as_palette_on_nothing(grey(size=40))),
    encoded(as_16_bit(grey(size=40))),
    encoded(as_grey_on_nothing(grey(size=40))),
    encoded(
        Image.fromarray(grey(size=40)), save_all=True, append_images=[Image.new("L", (40, 40))]
    ),
    encoded(Image.fromarray(grey(size=40)), "JPEG"),
    encoded(Image.fromarray(grey(size=40)).convert("CMYK"), "JPEG", progressive=True),
    encoded(Image.fromarray(grey(size=40)), "JPEG", exif=Image.Exif()),
    *(
        encoded(Image.fromarray(grey(size=40)), kind.split()[0], **options)
        for kind, options in READ.items()
    ),
]


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8),
    st.integers(0, 40),
    st.booleans(),
)
def test_a_damaged_picture_makes_a_digit_or_a_sentence(sample, changes, cut, mend):
    data = bytearray(sample[: len(sample) - cut])
    for place, value in changes:
        data[place % len(data)] = value
    outcome(with_checksums(bytes(data)) if mend and data.startswith(b"\x89PNG") else bytes(data))


@settings(max_examples=80, deadline=None)
@given(
    st.integers(8, 40),
    st.integers(8, 40),
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
    st.randoms(use_true_random=False),
)
def test_any_pixels_make_a_digit_or_a_sentence(width, height, mode, random):
    raw = random.randbytes(width * height * 4)
    outcome(encoded(Image.frombytes(mode, (width, height), raw[: raw_length(mode, width, height)])))


def raw_length(mode: str, width: int, height: int) -> int:
    if mode == "1":
        return (width + 7) // 8 * height
    return {"L": 1, "P": 1, "LA": 2, "I;16": 2, "RGB": 3, "RGBA": 4}[mode] * width * height


def test_the_templates_are_strokes_in_the_unit_square():
    assert sorted(DIGITS) == list(range(10))
    for strokes in DIGITS.values():
        for stroke in strokes:
            assert 10 <= len(stroke) <= 45
            assert all(0 <= value <= 1 for point in stroke for value in point)
            steps = [np.hypot(c - a, d - b) for (a, b), (c, d) in pairwise(stroke)]
            assert max(steps) < 0.1
