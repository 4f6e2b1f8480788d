import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.network.average_pooling import TiledAvgPool2d


@given(
    side=st.integers(1, 7),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    channels=st.integers(1, 20),
    rest=st.sampled_from([(0, 0), (1, 0), (0, 1)]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    order=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_values_and_gradients_are_pytorchs_to_the_last_bit(
    side, rows, columns, channels, rest, dtype, order
):
    generator = torch.Generator().manual_seed(side + 10 * rows + 100 * columns + 1000 * channels)
    height, width = side * rows + rest[0], side * columns + rest[1]
    images = torch.randn(3, channels, height, width, generator=generator).to(dtype)
    images = images.contiguous(memory_format=order).requires_grad_()
    expected, found = nn.AvgPool2d(side)(images), TiledAvgPool2d(side)(images)
    assert torch.equal(found, expected)
    assert found.dtype == dtype
    grad = torch.randn(expected.shape, generator=generator).to(dtype)
    (wanted,) = torch.autograd.grad(expected, images, grad)
    (given_back,) = torch.autograd.grad(found, images, grad)
    assert torch.equal(given_back, wanted)
    assert given_back.dtype == dtype
    # Whoever sums it goes through its memory in order.
    assert given_back.stride() == wanted.stride()


def test_windows_larger_than_the_image_are_refused_as_pytorch_does():
    with pytest.raises(RuntimeError):
        F.avg_pool2d(torch.zeros(1, 1, 3, 3), 4)
    with pytest.raises(RuntimeError):
        TiledAvgPool2d(4)(torch.zeros(1, 1, 3, 3))
