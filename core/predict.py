"""What a network makes of one image."""

from collections.abc import Mapping

import torch
from torch import Tensor

from core.batches import normalise
from core.datasets.table import info_of
from core.device import take_one_core
from core.model import build
from core.spec import RunSpec


def probabilities(spec: RunSpec, weights: Mapping[str, Tensor], digit: Tensor) -> Tensor:
    """Return the softmax probabilities (classes,) that a network gives to one image.

    Args:
        spec: of the network.
        weights: its state dict on the CPU; left unchanged.
        digit: uint8 (1, 1, 28, 28), light on dark.
    """
    take_one_core()
    with torch.device("meta"):
        model = build(spec)
    model.load_state_dict(dict(weights), assign=True)
    model.eval()
    info = info_of(spec.data)
    with torch.inference_mode():
        return torch.softmax(model(normalise(digit, info.mean, info.std)), dim=1)[0]
