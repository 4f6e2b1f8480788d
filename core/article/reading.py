"""How each kind of network reads a picture: real first layers, with the weights they begin with."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from torch import Tensor, nn

from core.article.digits import DATA
from core.article.little import draw
from core.data.loading import load
from core.machine.device import take_one_core
from core.network.layer import Layer
from core.network.layers import lay_out
from core.network.model import seed_of
from core.spec.presets import PRESETS
from core.training.batches import normalise

# The preset that stands for each kind of network.
KINDS: Final = {"conv": "small", "dense": "dense", "recurrent": "recurrent"}
ROWS: Final = 28


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a network costs, and how its first layer that learns uses its weights.

    Attributes:
        preset: key of the network.
        params: of the whole network.
        multiply_adds: of the whole network, for one image.
        first_weights: that the first layer has, without biases.
        uses: how often each of them is used for one image.
    """

    preset: str
    params: int
    multiply_adds: int
    first_weights: int
    uses: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What the first layers have made of a picture once some of its rows have been passed.

    Attributes:
        conv: float (28, 28), what the first channel found; NaN where the window has not been.
        dense: float (units,), what a dense layer makes of the picture, all of which it needs.
        recurrent: float (units,), the memory after those rows.
    """

    conv: Tensor
    dense: Tensor
    recurrent: Tensor


def facts(kind: str) -> Facts:
    """Return what there is to know of the network that stands for a kind."""
    network = lay_out(PRESETS[KINDS[kind]].spec)
    first = _first(kind)
    weights = sum(value.numel() for value in _module(kind).parameters() if value.dim() > 1)
    return Facts(
        preset=KINDS[kind],
        params=network.params,
        multiply_adds=network.multiply_adds,
        first_weights=weights,
        uses=first.multiply_adds // weights,
    )


def read(digit: Tensor, rows: int) -> Reading:
    """Let the three first layers read a digit.

    Args:
        digit: uint8 (1, 1, 28, 28).
        rows: how many have been passed, 1 to ROWS.
    """
    take_one_core()
    data = load(DATA)
    x = normalise(digit, data.mean, data.std)
    with torch.inference_mode():
        found = _module("conv")(x)[0, 0].clone()
        found[rows:] = torch.nan
        memory: Tensor = _module("recurrent")(x[:, 0, :rows])[0]
        return Reading(conv=found, dense=_module("dense")(x.flatten(1))[0], recurrent=memory[0, -1])


def window_side() -> int:
    """Return the side of the convolution's window, in pixels."""
    side = _first("conv").window
    assert side is not None
    return side


def _first(kind: str) -> Layer:
    layers = lay_out(PRESETS[KINDS[kind]].spec).layers
    return next(layer for layer in layers if layer.params)


@cache
def _module(kind: str) -> nn.Module:
    first = _first(kind)
    with torch.device("meta"):
        layer = first.module()
    layer.to_empty(device="cpu")
    draw(layer, torch.Generator().manual_seed(seed_of(first.name, PRESETS[KINDS[kind]].spec.seed)))
    return layer
