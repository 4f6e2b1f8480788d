"""Pooling: one value for each small square of an image, or for the whole of it."""

from functools import partial
from math import prod
from typing import Final

from torch import nn

from core.network.average_pooling import TiledAvgPool2d
from core.network.layer import (
    Arguments,
    GraphWriter,
    Held,
    Layer,
    Operation,
    Shape,
    Step,
    Window,
    output_kept,
)
from core.spec import BlockSpec
from core.words.message import N_


def _window(args: Arguments, given: Shape) -> Window:
    size = int(args["kernel_size"])
    return Window(size, int(args.get("stride", size)))


def _shape(args: Arguments, given: Shape) -> Shape:
    side = _window(args, given).places(given[1])
    return (given[0], side, side)


def _output_and_places(layer: Layer) -> Held:
    size = prod(layer.shape)
    return Held(size, kept=size, indices=size)


def _onnx(op: str, layer: Layer, graph: GraphWriter) -> None:
    window = _window(layer.args, layer.given)
    graph.add(op, layer.name, kernel_shape=[window.size] * 2, strides=[window.stride] * 2)


def _tiled(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.AvgPool2d) and module.kernel_size == module.stride:
        side = module.kernel_size
        if isinstance(side, int) and not module.padding and not module.ceil_mode:
            return TiledAvgPool2d(side)
    return module


_ARGUMENTS: Final = {"kernel_size": N_("kernel size"), "stride": N_("stride")}

# By the option of a block's `pool`; `none` has no layer.
POOLINGS: Final = {
    "max": Operation(
        module=nn.MaxPool2d,
        arguments=_ARGUMENTS,
        shape=_shape,
        window=_window,
        memory=_output_and_places,
        onnx=partial(_onnx, "MaxPool"),
        box="pooling",
    ),
    "avg": Operation(
        module=nn.AvgPool2d,
        arguments=_ARGUMENTS,
        shape=_shape,
        window=_window,
        memory=output_kept,
        fast=_tiled,
        onnx=partial(_onnx, "AveragePool"),
        box="pooling",
    ),
}


def pooling(block: BlockSpec, number: int) -> list[Step]:
    """Return the pooling of a block, if it has one."""
    if block.pool == "none":
        return []
    args = {"kernel_size": block.pool_size}
    if block.pool_stride not in (0, block.pool_size):
        args["stride"] = block.pool_stride
    return [Step(f"pool{number}", POOLINGS[block.pool], args, "pool")]
