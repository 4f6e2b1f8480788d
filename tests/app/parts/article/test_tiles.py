"""Grids of numbers as pictures: what is black, white, transparent, good and bad."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from pages.parts.article.tiles import grey, signed, tile
from pages.shared.palette import DARK, LIGHT
from pages.shared.pictures import data_uri


def test_grey_goes_from_black_to_white_and_leaves_out_what_is_unknown():
    values = torch.tensor([[-1.0, 0.0], [1.0, torch.nan]])
    pixels = grey(values, -1, 1)
    assert pixels[..., 0].tolist() == [[0, 127], [255, 0]]
    assert pixels[..., 3].tolist() == [[255, 255], [255, 0]]
    assert (pixels[..., 0] == pixels[..., 2]).all()


def test_a_picture_of_one_value_only_can_be_drawn():
    assert grey(torch.zeros(2, 2), 0, 0)[..., 0].tolist() == [[0, 0], [0, 0]]
    assert signed(torch.zeros(2, 2), 0, LIGHT)[..., 3].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_less_loss_is_right_and_more_is_wrong(colours):
    pixels = signed(torch.tensor([[-2.0, 0.0, 1.0]]), 2.0, colours)
    right, wrong = (bytes.fromhex(c[1:]) for c in (colours.right, colours.wrong))
    assert bytes(pixels[0, 0, :3].tolist()) == right
    assert bytes(pixels[0, 2, :3].tolist()) == wrong
    assert pixels[0, :, 3].tolist() == [255, 0, 127]


def test_a_picture_is_carried_whole_in_its_address():
    pixels = grey(torch.rand(5, 7), 0, 1)
    kind, _, body = data_uri(pixels).partition(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.array(Image.open(io.BytesIO(base64.b64decode(body)))), pixels)


def test_words_are_words():
    made = tile(grey(torch.zeros(1, 1), 0, 1), '"><script>alert(1)</script>')
    assert "<script>" not in made
    assert "&quot;&gt;&lt;script&gt;" in made
