"""Photographs of a digit are read, whatever else is in them.

`tests/bench/photos.py` counts over many more of each kind.
"""

import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from core.data.loading import Split, load
from core.drawing.centring import digit_from_ink
from core.drawing.photo import readings
from core.drawing.picture import PictureError, digits_from_picture
from tests.photos.digits import sample
from tests.photos.kinds import HARD, ORDINARY
from tests.photos.sheet import BLACK, Sheet, packed

# One of MNIST's test digits and one that is drawn: few, for a suite that is to be quick.
CHOSEN = (13, 25)


@pytest.fixture(scope="module")
def known():
    """Whatever reads clean digits will do: the nearest of the training images, at no cost."""
    return load("embedded").train


@pytest.fixture(scope="module")
def written():
    test = load("embedded").test
    return sample(test.images, test.labels, seed=3)


def read(data: bytes, known: Split) -> list[int]:
    digits = torch.cat(digits_from_picture(data)).flatten(1).float()
    nearest = torch.cdist(digits, known.images.flatten(1).float()).topk(5, largest=False).indices
    return known.labels[nearest].mode(dim=1).values.tolist()


@pytest.mark.parametrize("name", [*ORDINARY, *HARD])
def test_a_photo_is_read(known, written, name):
    kind = (ORDINARY | HARD)[name]
    wrong = []
    for place in CHOSEN:
        sheet = Sheet(written[place].pen, zlib.crc32(f"{name} {place}".encode()))
        answers = read(kind(sheet), known)
        if answers[0] != written[place].label:
            wrong.append((written[place].label, answers))
    assert len(wrong) <= (0 if name in ORDINARY else 1), wrong


@pytest.mark.parametrize(
    "name",
    [
        "strong_squares",
        "printed_box",
        "touching_the_box",
        "corner_marks",
        "hard_shadow",
        "tight_crop",
        "crop_into_the_ink",
        "glare",
    ],
)
def test_a_photo_of_these_kinds_is_read_nine_times_of_ten(known, written, name):
    kind = HARD[name]
    right = 0
    for place in range(20, 30):
        sheet = Sheet(written[place].pen, zlib.crc32(f"{name} {place}".encode()))
        right += read(kind(sheet), known)[0] == written[place].label
    assert right >= 9


def test_a_clean_sheet_has_one_reading_only(written):
    sheet = Sheet(written[25].pen, 1).write()
    assert len(digits_from_picture(sheet.photo())) == 1


@pytest.mark.parametrize("ground", ["dark", "light"])
def test_a_thumbnail_that_the_digit_fills_is_read(known, ground):
    """As MNIST's own boxes of 20 x 20 are, enlarged: strokes end at the border."""
    test = load("embedded").test
    right = 0
    for i in range(20):
        box = test.images[i, 0, 4:24, 4:24].numpy()
        image = Image.fromarray(box if ground == "dark" else 255 - box)
        data = packed(image.resize((200, 200), Image.Resampling.BICUBIC), "PNG")
        right += read(data, known)[0] == test.labels[i]
    assert right >= 18


@pytest.mark.parametrize("side", [130, 400], ids=str)
def test_a_filled_shape_on_plain_paper_is_taken_as_it_is(side):
    image = Image.new("L", (side, side), 240)
    corners = [(0.35, 0.4), (0.5, 0.32), (0.68, 0.42), (0.58, 0.5), (0.64, 0.67), (0.4, 0.62)]
    ImageDraw.Draw(image).polygon([(x * side, y * side) for x, y in corners], fill=40)
    (found,) = digits_from_picture(packed(image, "PNG"))
    expected = digit_from_ink(240 - np.asarray(image, np.float32))
    assert expected is not None
    assert (found.float() - expected.float()).abs().mean() < 1


@pytest.mark.parametrize("kind", ["clean sheet", "tight crop", "filled shape"])
def test_a_picture_of_one_clear_sign_is_not_searched(monkeypatch, written, kind):
    """Thousands of such pictures come in as a data set: only what is in doubt may take its time."""
    searched = []
    monkeypatch.setattr(readings, "local_inks", lambda page: searched.append(page) or iter(()))
    ink = written[25].pen(300)
    if kind == "clean sheet":
        picture = Sheet(written[25].pen, 1).write().photo()
    elif kind == "tight crop":
        picture = packed(Image.fromarray((235 - 200 * ink).astype(np.uint8)), "PNG")
    else:
        square = np.full((300, 300), 235, np.uint8)
        square[100:200, 110:200] = 40
        picture = packed(Image.fromarray(square), "PNG")
    assert len(digits_from_picture(picture)) == 1
    assert not searched


def test_two_digits_side_by_side_are_both_offered(known, written):
    sheet = Sheet(written[23].pen, 1, (480, 640)).write(0.4, BLACK, (0.5, 0.27))
    sheet.pen = written[25].pen
    answers = read(sheet.write(0.4, BLACK, (0.5, 0.73)).photo(), known)
    assert {3, 5} <= set(answers)


def test_readings_differ_and_are_few(written):
    sheet = Sheet(written[28].pen, 5)
    digits = digits_from_picture(HARD["in_a_table"](sheet))
    assert 1 <= len(digits) <= 4
    for i, one in enumerate(digits):
        assert all(not torch.equal(one, other) for other in digits[:i])


@pytest.mark.parametrize("side", [8, 9, 20, 700], ids=str)
def test_any_texture_is_a_digit_or_none(side):
    """Nothing that has no digit takes long or fails: checks, stripes, noise, a gradient."""
    y, x = np.mgrid[:side, :side]
    noise = np.random.default_rng(0).integers(0, 256, (side, side))
    textures = [(x // 4 + y // 4) % 2 * 255, x % 7 * 40, noise, x * 255 // side]

    for texture in textures:
        data = packed(Image.fromarray(texture.astype(np.uint8)), "PNG")
        try:
            digits = digits_from_picture(data)
        except PictureError:
            continue
        assert all(digit.shape == (1, 1, 28, 28) for digit in digits)
