"""What a network makes of one image."""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from core.data.catalogue import info_of
from core.machine.device import take_one_core
from core.network.model import build
from core.spec import RunSpec
from core.training.batches import normalise

# So many images are computed at once, for little memory.
_BATCH: Final = 100


def probabilities(spec: RunSpec, weights: Mapping[str, Tensor], digit: Tensor) -> Tensor:
    """Return the softmax probabilities (classes,) that a network gives to one image.

    Args:
        spec: of the network.
        weights: its state dict on the CPU; left unchanged.
        digit: uint8 (1, 1, 28, 28), light on dark.
    """
    return torch.softmax(logits_of(spec, weights, digit), dim=1)[0]


def logits_of(spec: RunSpec, weights: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Return what a network says of images uint8 (N, 1, 28, 28): logits (N, classes)."""
    take_one_core()
    with torch.device("meta"):
        model = build(spec)
    model.load_state_dict(dict(weights), assign=True)
    model.eval()
    info = info_of(spec.data)
    with torch.inference_mode():
        pieces = [
            model(normalise(images[i : i + _BATCH], info.mean, info.std))
            for i in range(0, len(images), _BATCH)
        ]
    return torch.cat(pieces)
