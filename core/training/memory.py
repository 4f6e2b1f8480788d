"""How much memory a training step takes, told from the layer list alone."""

from dataclasses import dataclass, replace
from math import prod
from typing import Final

from core.network.layer import IMAGE_SHAPE
from core.network.layers import Network
from core.spec import RunSpec
from core.training.augmentation import VALUES_PER_IMAGE, augments
from core.training.precision import precision_of

FLOAT_BYTES: Final = 4
_INDEX_BYTES: Final = 8
# Copies of the weights that an optimiser keeps beside weight and gradient.
_STATES: Final = {"sgd": 1, "adam": 2, "adamw": 2, "rmsprop": 2, "adagrad": 1}
# Copies that exist only while it steps: RMSprop's decayed gradients and square roots.
_SCRATCH: Final = {"rmsprop": 2}
# Copies kept for people who draw meanwhile: the newest, and those of the last whole epoch.
_PUBLISHED: Final = 2
# Evaluation takes as many images at once as training does, or more where that costs little, or
# fewer where they would take much memory.
_MAX_EVALUATED: Final = 500
_LITTLE_MEMORY: Final = 16 * 2**20
_MUCH_MEMORY: Final = 64 * 2**20
_LITTLE_WORK: Final = 10**10
# The library's workspace (packed weights, threads' scratch) and Python objects; measured on CPU.
_OVERHEAD_BYTES: Final = 48 * 2**20
# Outputs as large as the largest that come and go: two gradients that flow back, the library's
# copies in its own layout, and the holes that malloc leaves between blocks it keeps. Measured on
# random networks in glibc; 6 is the next whole number above all that were seen.
_PASSING: Final = 6
# The same among the weights, in copies of the largest layer's.
_HOLES: Final = 2


@dataclass(frozen=True)
class StepMemory:
    """Bytes that one training step takes at its peak, by what takes them."""

    weights: int
    activations: int
    overhead: int

    @property
    def total(self) -> int:
        """All bytes of a step."""
        return self.weights + self.activations + self.overhead


def step_memory(spec: RunSpec, network: Network, batch_size: int | None = None) -> StepMemory:
    """Estimate the memory of one training step, as an upper bound.

    Weights, gradients and optimiser states; every layer's saved output; and several times the
    largest output for what comes and goes. Published copies of the weights are counted too, and
    an evaluation, which finds little room in what the step before it left. Images are changed
    before all that, so it counts only where it takes more.
    """
    # The machine chooses floats by the length of a step, so of another batch it may choose others.
    spec = replace(spec, batch_size=batch_size or spec.batch_size)
    batch = spec.batch_size
    # Publishing makes a new copy before an old one goes, but never while the optimiser steps.
    passing = max(1, _SCRATCH.get(spec.optimizer, 0))
    copies = 2 + _STATES[spec.optimizer] + _PUBLISHED + passing + spec.keep_best
    half = spec.family != "recurrent" and precision_of(spec, network) == "bfloat16"
    # Copies in bfloat16 and their gradients, of half the size each.
    copies += half
    value_bytes = FLOAT_BYTES // 2 if half else FLOAT_BYTES
    largest = prod(IMAGE_SHAPE)
    # The images are 32-bit floats first, and indices are int64 in any case.
    kept = largest * (3 if half else 1)
    indices = 0
    for layer in network.layers:
        values = layer.operation.memory(layer)
        kept += values.kept
        indices += values.indices
        largest = max(largest, values.made)
    for part in network.residual:
        # The sum, which the next layer keeps, and its gradient, which flows both ways.
        kept += 2 * prod(network.of_part(part)[0].shape)
    largest_layer = max(layer.params for layer in network.layers)
    # As much again for the holes that changing the images leaves.
    changed = 2 * VALUES_PER_IMAGE if augments(spec) else 0
    held = (kept + _PASSING * largest) * value_bytes + indices * _INDEX_BYTES
    if half:
        # Pooling adds its gradients up in 32 bits.
        held += largest * FLOAT_BYTES
    activations = batch * max(held, changed * FLOAT_BYTES)
    return StepMemory(
        weights=(network.params * copies + largest_layer * _HOLES) * FLOAT_BYTES,
        activations=activations,
        overhead=_OVERHEAD_BYTES + min(activations, _MUCH_MEMORY),
    )


def evaluation_batch(spec: RunSpec, network: Network) -> int:
    """Return how many images to evaluate at once.

    Wide layers that train in small batches would need gigabytes, and minutes without a chance to
    stop, for many images at once. So it is what takes no more memory and work than a training
    step, and never much memory, as blocks of other sizes than training's come on top of those.
    """
    made = [layer.operation.memory(layer).made for layer in network.layers]
    largest = max(prod(IMAGE_SHAPE), *made)
    # A layer's input and output, and the library's own copy of one of them.
    memory = max(min(step_memory(spec, network).activations, _MUCH_MEMORY), _LITTLE_MEMORY)
    by_memory = memory // (3 * largest * FLOAT_BYTES)
    by_work = max(3 * spec.batch_size, _LITTLE_WORK // network.multiply_adds)
    return max(1, min(_MAX_EVALUATED, by_memory, by_work))
