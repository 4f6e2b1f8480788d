"""Pooling, held against PyTorch's modules and against windows walked by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.article.digits import picture
from core.article.pooling_window import pooled, side_after, window_at

sizes = st.integers(1, 9)
strides = st.integers(1, 9)
kinds = st.sampled_from(["max", "avg"])


@given(st.integers(0, 2**31), kinds, sizes, strides)
def test_it_is_pytorchs_pooling(seed, kind, size, stride):
    image = torch.randint(
        0, 256, (1, 1, 28, 28), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8
    )
    module = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}[kind](size, stride)
    expected = module(image.float() / 255)[0, 0]
    found = pooled(image, kind, size, stride)
    assert torch.equal(found, expected)
    assert found.shape == (side_after(28, size, stride),) * 2


@given(kinds, sizes, strides, st.data())
def test_every_value_comes_from_its_window(kind, size, stride, data):
    image = picture(6)
    side = side_after(28, size, stride)
    place = data.draw(st.integers(0, side * side - 1))
    window = window_at(image, kind, size, stride, place)
    pixels = image[0, 0].numpy() / 255
    walked = pixels[window.top : window.top + size, window.left : window.left + size]
    assert window.pixels.shape == (size, size)
    np.testing.assert_allclose(window.pixels, walked, rtol=1e-6)
    assert window.value == pytest.approx({"max": np.max, "avg": np.mean}[kind](walked), abs=1e-6)
    assert (window.top // stride, window.left // stride) == divmod(place, side)


def test_a_stroke_survives_the_maximum_and_fades_in_the_average():
    image = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    image[0, 0, :, 10] = 255
    assert float(pooled(image, "max", 2, 2)[:, 5].min()) == 1
    assert float(pooled(image, "avg", 2, 2)[:, 5].max()) == 0.5
