"""Activations: curves, slopes, and what becomes of pictures and gradients."""

import pytest
import torch
import torch.nn.functional as F

from core.article.activations import (
    DEPTH,
    FLAT,
    curve,
    effect,
    gradients_by_layer,
)
from core.article.digits import picture
from core.spec import ACTIVATIONS

WRITTEN_OUT = {
    "relu": lambda x: x.clamp(min=0),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "tanh": lambda x: x.tanh(),
    "leaky_relu": lambda x: torch.maximum(0.01 * x, x),
    "gelu": lambda x: x * torch.distributions.Normal(0, 1).cdf(x),
    "elu": lambda x: torch.where(x > 0, x, x.exp() - 1),
    "silu": lambda x: x / (1 + (-x).exp()),
    "none": lambda x: x,
}


@pytest.mark.parametrize("key", ACTIVATIONS)
def test_values_and_slopes_are_those_of_the_formula(key):
    x = torch.linspace(-5, 5, 100, dtype=torch.float64)  # 0, where some bend, is not among them
    y, slope = curve(key, x)
    formula = WRITTEN_OUT[key]
    torch.testing.assert_close(y, formula(x), rtol=1e-4, atol=1e-6)
    by = 1e-6
    torch.testing.assert_close(
        slope, (formula(x + by) - formula(x - by)) / (2 * by), rtol=1e-3, atol=1e-5
    )


@pytest.mark.parametrize("key", ACTIVATIONS)
def test_the_effect_is_the_activation_of_what_the_convolution_found(key):
    found = effect(key, picture(8))
    assert found.before.shape == found.after.shape == (28, 28)
    y, slope = curve(key, found.before)
    assert torch.equal(found.after, y)
    assert found.zero == pytest.approx(float((y == 0).float().mean()))
    assert found.flat == pytest.approx(float((slope.abs() < FLAT).float().mean()))


def test_only_relu_silences_values_for_good():
    assert 0.1 < effect("relu", picture(3)).zero < 0.9
    assert effect("leaky_relu", picture(3)).flat == 0
    assert effect("none", picture(3)).zero == 0


def test_sigmoid_starves_the_first_layers_and_relu_does_not():
    sigmoid, relu = gradients_by_layer("sigmoid"), gradients_by_layer("relu")
    assert len(sigmoid) == len(relu) == DEPTH
    assert sigmoid[0] < sigmoid[-1] / 1000
    assert relu[0] > relu[-1] / 10


def test_no_activation_draws_from_the_global_generator():
    before = torch.get_rng_state()
    gradients_by_layer.__wrapped__("tanh")
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_bend_many_layers_are_one():
    a, b = torch.randn(5, 7), torch.randn(7, 3)
    x = torch.randn(4, 5)
    y, _ = curve("none", x @ a)
    torch.testing.assert_close(y @ b, F.linear(x, (a @ b).T))
