"""Depthwise separable convolution: a window for each channel, then a mixture of the channels."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from core.network.layers import lay_out
from core.network.model import build
from core.spec import BlockSpec, RunSpec

SEPARABLE = BlockSpec(channels=24, kernel_size=5, convolution="depthwise_separable", pool="none")
SPEC = RunSpec(blocks=(BlockSpec(channels=10), SEPARABLE))


def test_it_is_two_layers_that_cost_a_fraction():
    network = lay_out(SPEC)
    depthwise, pointwise, *_ = network.of_part("blocks.1")
    assert (depthwise.name, depthwise.shape) == ("depthwise2", (10, 14, 14))
    assert (pointwise.name, pointwise.shape) == ("pointwise2", (24, 14, 14))
    assert (depthwise.params, pointwise.params) == (10 * 25, 10 * 24 + 24)
    assert depthwise.multiply_adds == 10 * 25 * 14 * 14
    assert pointwise.multiply_adds == 10 * 24 * 14 * 14
    assert (depthwise.note, pointwise.note) == ("depthwise", "")
    assert depthwise.receptive_field == pointwise.receptive_field == 4 + 4 * 2
    usual = lay_out(SPEC.with_value("blocks.1.convolution", "standard")).of_part("blocks.1")[0]
    assert usual.multiply_adds > 12 * (depthwise.multiply_adds + pointwise.multiply_adds)


def test_it_computes_each_channel_by_itself_and_then_mixes_them():
    model, images = build(SPEC), torch.randn(2, 1, 28, 28)
    x = model.pool1(model.act1(model.conv1(images)))
    windows = model.depthwise2.weight
    alone = [F.conv2d(x[:, i : i + 1], windows[i : i + 1], padding=2) for i in range(10)]
    mixed = torch.einsum("oi,nihw->nohw", model.pointwise2.weight[:, :, 0, 0], torch.cat(alone, 1))
    expected = mixed + model.pointwise2.bias[:, None, None]
    torch.testing.assert_close(model.pointwise2(model.depthwise2(x)), expected)


def test_a_window_that_does_not_fit_is_told_at_its_block():
    small = BlockSpec(channels=2, pool_size=3)
    last = replace(SEPARABLE, padding="valid", kernel_size=7)
    network = lay_out(RunSpec(blocks=(small, small, last)))
    assert network.broken.path == "blocks.2.kernel_size"
    assert (network.broken.side, network.broken.window) == (3, 7)


@pytest.mark.parametrize("norm", ["none", "batch", "group", "layer"])
def test_only_the_second_has_a_bias(norm):
    first, second, *_ = lay_out(RunSpec(blocks=(replace(SEPARABLE, norm=norm),))).layers
    assert first.args["bias"] is False
    assert ("bias" in second.args) == (norm == "batch")
