"""Convolutions."""

from math import prod
from typing import Final

from torch import nn

from core.network.layer import (
    Arguments,
    GraphWriter,
    Layer,
    Operation,
    Shape,
    Step,
    Window,
    output_kept,
)
from core.network.operations.normalisation import hides_bias
from core.spec import BlockSpec

# 32-bit floats in the widest vector register of a CPU.
_VECTOR: Final = 16


def _window(args: Arguments, given: Shape) -> Window:
    size, stride, padding = args["kernel_size"], args.get("stride", 1), args.get("padding", 0)
    return Window(int(size), int(stride), int(padding))


def _shape(args: Arguments, given: Shape) -> Shape:
    side = _window(args, given).places(given[1])
    return (int(args["out_channels"]), side, side)


def _weights(layer: Layer) -> int:
    return prod((layer.given[0], layer.number("kernel_size") ** 2, layer.shape[0]))


def _params(layer: Layer) -> int:
    return _weights(layer) + (layer.shape[0] if layer.args.get("bias", True) else 0)


def _multiply_adds(layer: Layer) -> int:
    return _weights(layer) * prod(layer.shape[1:])


def _onnx(layer: Layer, graph: GraphWriter) -> None:
    graph.add(
        "Conv",
        layer.name,
        *graph.weights(layer, "weight", "bias"),
        kernel_shape=[layer.number("kernel_size")] * 2,
        strides=[layer.number("stride", 1)] * 2,
        pads=[layer.number("padding")] * 4,
    )


def _spoilt_by_channels_last(layer: Layer) -> bool:
    """Tell whether oneDNN, which computes convolutions on a CPU, would write beyond its buffer.

    For the gradient of the weights of a 1 x 1 convolution with a stride and fewer channels than fit
    in a vector register, it spoils the process's memory or gets the gradient wrong
    (uxlfoundation/oneDNN, issue 6035; so in 3.12, of PyTorch 2.13).
    """
    strided = layer.number("kernel_size") == 1 and layer.number("stride", 1) > 1
    return strided and layer.given[0] < _VECTOR


CONVOLUTION: Final = Operation(
    module=nn.Conv2d,
    positional=("in_channels", "out_channels"),
    shape=_shape,
    window=_window,
    params=_params,
    multiply_adds=_multiply_adds,
    memory=output_kept,
    matrices=True,
    spoilt_by_channels_last=_spoilt_by_channels_last,
    onnx=_onnx,
    box="convolution",
)


def convolving(block: BlockSpec, number: int, given: Shape) -> list[Step]:
    """Return the convolution of a block."""
    args: dict[str, int | float | str | bool] = {
        "in_channels": given[0],
        "out_channels": block.channels,
        "kernel_size": block.kernel_size,
    }
    if block.stride != 1:
        args["stride"] = block.stride
    if block.padding == "same" and block.kernel_size > 1:
        args["padding"] = block.kernel_size // 2
    if hides_bias(block):
        args["bias"] = False
    return [Step(f"conv{number}", CONVOLUTION, args, "kernel_size")]
