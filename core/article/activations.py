"""What an activation makes of a value, of a picture, and of a gradient on its way back."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.article.digits import DATA
from core.article.little import weights_of
from core.data.loading import load
from core.machine.device import take_one_core
from core.network.operations.activation import activation_of
from core.training.batches import normalise

# An activation whose slope is under this passes next to nothing of a gradient back.
FLAT: Final = 0.01
DEPTH: Final = 8
_WIDTH: Final = 64
_BATCH: Final = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Effect:
    """What an activation makes of a picture.

    Attributes:
        before: float (height, width), what a convolution found.
        after: the same values after the activation.
        zero: share of the values that are 0 afterwards, 0 to 1.
        flat: share of the values where the slope is between -FLAT and FLAT, 0 to 1.
    """

    before: Tensor
    after: Tensor
    zero: float
    flat: float


def module(key: str) -> nn.Module:
    """Return an activation, such as `relu`; `none` changes nothing."""
    return activation_of(key)


def curve(key: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return an activation's values and its slopes at x, each of x's shape."""
    x = x.detach().clone().requires_grad_()
    y = module(key)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach(), slope


def effect(key: str, digit: Tensor, channel: int = 0) -> Effect:
    """Send a digit through one channel of the little network's first convolution, then on.

    Args:
        key: of the activation.
        digit: uint8 (1, 1, 28, 28).
        channel: of the convolution.
    """
    take_one_core()
    data, weights = load(DATA), weights_of("fresh")
    x = normalise(digit, data.mean, data.std)
    before = F.conv2d(x, weights["conv1.weight"], weights["conv1.bias"], padding=2)[0, channel]
    after, slope = curve(key, before)
    return Effect(
        before=before,
        after=after,
        zero=float((after == 0).float().mean()),
        flat=float((slope.abs() < FLAT).float().mean()),
    )


@cache
def gradients_by_layer(key: str) -> tuple[float, ...]:
    """Return the length of the gradient at each of DEPTH layers, the first one's first.

    Each layer is linear, as wide as the one before it, and ends with this activation. The weights
    are drawn by Kaiming's rule from the same seed whichever the activation; the loss at the end is
    that of real digits.
    """
    take_one_core()
    data, generator = load(DATA), torch.Generator().manual_seed(0)
    train = data.train
    x = normalise(train.images[:_BATCH], data.mean, data.std).flatten(1)
    x.requires_grad_()
    bend = module(key)
    seen: list[Tensor] = []
    for _ in range(DEPTH):
        spread = (2 / x.shape[1]) ** 0.5
        weight = torch.randn(_WIDTH, x.shape[1], generator=generator) * spread
        x = bend(x @ weight.T)
        seen.append(x)
    head = torch.randn(10, _WIDTH, generator=generator) * _WIDTH**-0.5
    loss = F.cross_entropy(x @ head.T, train.labels[:_BATCH])
    return tuple(float(gradient.norm()) for gradient in torch.autograd.grad(loss, seen))
