"""Layers that bring values to mean 0 and variance 1."""

from math import prod
from typing import Final

from torch import nn

from core.network.layer import GraphWriter, Layer, Operation, Shape, Step, output_kept
from core.spec import BlockSpec


def _scale_and_shift(layer: Layer) -> int:
    return 2 * layer.shape[0]


def _pixels(layer: Layer) -> int:
    return prod(layer.shape[1:])


def _batch_onnx(layer: Layer, graph: GraphWriter) -> None:
    kept = graph.weights(layer, "weight", "bias", "running_mean", "running_var")
    graph.add("BatchNormalization", layer.name, *kept, epsilon=1e-5)


BATCH_NORM: Final = Operation(
    module=nn.BatchNorm2d,
    params=_scale_and_shift,
    positional=("num_features",),
    memory=output_kept,
    spread_of=_pixels,
    whole_batch=True,
    onnx=_batch_onnx,
)


def normalising(block: BlockSpec, number: int, given: Shape) -> list[Step]:
    """Return the norm of a block, if it has one."""
    if not block.batch_norm:
        return []
    return [Step(f"norm{number}", BATCH_NORM, {"num_features": given[0]})]


def hides_bias(block: BlockSpec) -> bool:
    """Tell whether a block's norm takes away what a bias of its convolution would add."""
    return block.batch_norm
