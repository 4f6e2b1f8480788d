"""Batch, group and layer norm, and the bias that only one of them hides."""

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.network.layers import lay_out
from core.network.model import build
from core.network.operations.normalisation import groups_of
from core.spec import BlockSpec, RunSpec


@pytest.mark.parametrize(
    ("channels", "groups"),
    [(1, 1), (2, 1), (3, 1), (4, 2), (6, 2), (8, 4), (12, 4), (16, 8), (20, 4), (24, 8), (512, 8)],
)
def test_groups_are_the_most_that_fit_with_two_channels_in_each(channels, groups):
    assert groups_of(channels) == groups


@pytest.mark.parametrize(("norm", "groups"), [("group", 4), ("layer", 1)])
def test_each_image_s_groups_come_to_mean_0_and_variance_1(norm, groups):
    spec = RunSpec(blocks=(BlockSpec(channels=8, norm=norm),))
    model, images = build(spec), torch.randn(3, 1, 28, 28)
    made = model.norm1(model.conv1(images)).reshape(3, groups, -1)
    torch.testing.assert_close(made.mean(2), torch.zeros(3, groups), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        made.var(2, unbiased=False), torch.ones(3, groups), atol=1e-3, rtol=0
    )
    (layer,) = (layer for layer in lay_out(spec).layers if layer.name == "norm1")
    assert layer.params == 16
    assert layer.note == ("4 groups" if norm == "group" else "layer norm")


def train_mode_output(model: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    torch.manual_seed(5)
    return model.train()(images)


@given(st.data())
@hypothesis_settings(max_examples=60)
def test_a_convolution_has_a_bias_where_and_only_where_it_changes_something(specs, data):
    spec = data.draw(specs(most=6, family=st.just("conv"), init=st.just("default")))
    block = replace(spec.blocks[0], channels=6, kernel_size=3, stride=1, residual=False)
    assume(block.dropout < 0.5)
    # A sigmoid or none, so that what a bias adds is not cut off.
    block = replace(block, activation="sigmoid" if block.activation != "none" else "none")
    spec = replace(spec, blocks=(block,), dense=(), head="flatten")
    conv = lay_out(spec).layers[0 if block.convolution == "standard" else 1]
    model, images = build(spec), torch.randn(8, 1, 28, 28)
    before = train_mode_output(model, images)
    layer = model.get_submodule(conv.name)
    added = torch.linspace(0.5, 2.0, 6)
    layer.bias = torch.nn.Parameter(added if layer.bias is None else layer.bias + added)
    after = train_mode_output(model, images)
    same = torch.allclose(before, after, atol=1e-3)
    assert same == (conv.args.get("bias") is False)
