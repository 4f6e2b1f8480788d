"""How much memory a training step takes, told from the layer list alone."""

from dataclasses import dataclass
from math import prod
from typing import Final

from core.layers import IMAGE_SHAPE, Network
from core.spec import RunSpec

FLOAT_BYTES: Final = 4
# Copies of the weights that an optimiser keeps beside weight and gradient.
_STATES: Final = {"sgd": 1, "adam": 2, "adamw": 2, "rmsprop": 2}
# The library's workspace (packed weights, threads' scratch) and Python objects; measured on CPU.
_OVERHEAD_BYTES: Final = 48 * 2**20
# Layers whose output autograd keeps or must hold beside their input until the backward pass.
_KEPT: Final = {"Conv2d", "BatchNorm2d", "Linear", "MaxPool2d", "AvgPool2d"}
_KEPT_ACTIVATIONS: Final = {"ReLU", "Sigmoid", "Tanh", "LeakyReLU", "GELU", "Dropout", "Dropout2d"}


@dataclass(frozen=True)
class StepMemory:
    """Bytes that one training step takes at its peak, by what takes them."""

    weights: int
    activations: int
    overhead: int = _OVERHEAD_BYTES

    @property
    def total(self) -> int:
        """All bytes of a step."""
        return self.weights + self.activations + self.overhead


def step_memory(spec: RunSpec, network: Network, batch_size: int | None = None) -> StepMemory:
    """Estimate the memory of one training step, as an upper bound.

    Weights, gradients and optimiser states; every layer's saved output; and twice the largest
    output for the gradients that flow back. A published snapshot of the weights is counted too.
    """
    batch = batch_size or spec.batch_size
    copies = 2 + _STATES[spec.optimizer] + 2
    kept = prod(IMAGE_SHAPE)
    largest = kept
    for layer in network.layers:
        size = prod(layer.shape)
        if layer.op in _KEPT or layer.op in _KEPT_ACTIVATIONS:
            # max pooling keeps an int64 index for every value beside the value itself
            kept += size * (3 if layer.op == "MaxPool2d" else 1)
        largest = max(largest, size)
    return StepMemory(
        weights=network.params * copies * FLOAT_BYTES,
        activations=batch * (kept + 2 * largest) * FLOAT_BYTES,
    )
