"""The article's network as it is printed: each of its mistakes is really run, and mended.

The mistakes are listed in the order in which a reader of the article meets them. A person who runs
the printed program meets the flattened batch first, for that line runs before the network does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.article.digits import DATA
from core.article.little import draw, drawn
from core.data.loading import load
from core.machine.device import take_one_core
from core.network.model import Stack, seed_of
from core.spec.presets import PRESETS
from core.training.batches import normalise

Fault = Literal["channels", "batch", "features"]

SIDE: Final = 28
BATCH_SIZE: Final = 64
# For how many channels the printed program makes its first convolution.
PRINTED_CHANNELS: Final = 28
# What the printed program takes the side of the last maps to be.
PRINTED_SIDE: Final = 8
MENDED: Final = PRESETS["article"].spec
LAST_CHANNELS: Final = MENDED.blocks[-1].channels


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of running some lines.

    Attributes:
        shapes: of the tensors that the lines made, in order, up to an error; () is a single number.
        error: what PyTorch said, with the kind of error; empty where nothing went wrong.
    """

    shapes: tuple[tuple[int, ...], ...]
    error: str = ""


def sides(side: int = SIDE) -> tuple[int, ...]:
    """Return the side of a picture, and of its maps after each of the poolings."""
    found = [side]
    for block in MENDED.blocks:
        found.append(found[-1] // block.pool_size)
    return tuple(found)


def features(last_side: int) -> int:
    """Return how many values of a picture arrive at the first linear layer.

    Args:
        last_side: of the maps after the last pooling.
    """
    return LAST_CHANNELS * last_side**2


@lru_cache
def run(fault: Fault, *, mended: bool, batch_size: int = BATCH_SIZE) -> Outcome:
    """Run the lines around one mistake on real digits, everything else being mended.

    Args:
        fault: `channels`: the first convolution is made for 28 channels; `batch`: all images are
            laid out in one row; `features`: 8 × 8 values a channel are taken to be left.
        mended: whether to run the mended line in place of the printed one.
        batch_size: how many digits.
    """
    take_one_core()
    data = load(DATA)
    images = normalise(data.train.images[:batch_size], data.mean, data.std)
    labels = data.train.labels[:batch_size]
    shapes: list[tuple[int, ...]] = []
    try:
        with torch.inference_mode():
            for made in _LINES[fault](mended, images, labels):
                shapes.append(tuple(made.shape))
    except (RuntimeError, ValueError) as error:
        return Outcome(shapes=tuple(shapes), error=f"{type(error).__name__}: {error}")
    return Outcome(shapes=tuple(shapes))


def _channels(mended: bool, images: Tensor, labels: Tensor) -> Iterator[Tensor]:
    yield images
    first = MENDED.blocks[0].channels
    conv1 = _made(nn.Conv2d, "conv1", 1 if mended else PRINTED_CHANNELS, first, 3, padding=1)
    yield conv1(images)


def _batch(mended: bool, images: Tensor, labels: Tensor) -> Iterator[Tensor]:
    inputs = images if mended else images.view(-1)
    yield inputs
    yield _mended_network()[0](inputs)


def _features(mended: bool, images: Tensor, labels: Tensor) -> Iterator[Tensor]:
    network = dict(_mended_network().named_children())
    x = images
    for name, layer in network.items():
        if name == "flatten":
            break
        x = layer(x)
    yield x
    count = features(sides()[-1] if mended else PRINTED_SIDE)
    x = x.view(-1, count)
    yield x
    fc1 = _made(nn.Linear, "fc1", count, MENDED.dense[0].units)
    x = network["out"](torch.relu(fc1(x)))
    yield x
    yield F.cross_entropy(x, labels)


_LINES: Final[dict[Fault, Callable[[bool, Tensor, Tensor], Iterator[Tensor]]]] = {
    "channels": _channels,
    "batch": _batch,
    "features": _features,
}
FAULTS: Final = tuple(_LINES)


@cache
def _mended_network() -> Stack:
    return drawn(MENDED)


def _made(layer: type[nn.Module], name: str, *args: int, **more: int) -> nn.Module:
    with torch.device("meta"):
        made = layer(*args, **more)
    made.to_empty(device="cpu")
    draw(made, torch.Generator().manual_seed(seed_of(name, MENDED.seed)))
    return made
