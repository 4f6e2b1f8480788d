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
from core.words.message import N_

# 32-bit floats in the widest vector register of a CPU.
_VECTOR: Final = 16


def _window(args: Arguments, given: Shape) -> Window:
    size, stride, padding = args["kernel_size"], args.get("stride", 1), args.get("padding", 0)
    return Window(int(size), int(stride), int(padding))


def _shape(args: Arguments, given: Shape) -> Shape:
    side = _window(args, given).places(given[1])
    return (int(args["out_channels"]), side, side)


def _inputs(layer: Layer) -> int:
    """Return how many input channels an output channel is made of."""
    return layer.given[0] // layer.number("groups", 1)


def _weights(layer: Layer) -> int:
    return prod((_inputs(layer), layer.number("kernel_size") ** 2, layer.shape[0]))


def _params(layer: Layer) -> int:
    return _weights(layer) + (layer.shape[0] if layer.args.get("bias", True) else 0)


def _multiply_adds(layer: Layer) -> int:
    return _weights(layer) * prod(layer.shape[1:])


def _onnx(layer: Layer, graph: GraphWriter) -> None:
    grouped = {"group": layer.number("groups")} if "groups" in layer.args else {}
    graph.add(
        "Conv",
        layer.name,
        *graph.weights(layer, "weight", "bias"),
        kernel_shape=[layer.number("kernel_size")] * 2,
        strides=[layer.number("stride", 1)] * 2,
        pads=[layer.number("padding")] * 4,
        **grouped,
    )


def _spoilt_by_channels_last(layer: Layer) -> bool:
    """Tell whether oneDNN, which computes convolutions on a CPU, would write beyond its buffer.

    For the gradient of the weights of a 1 x 1 convolution with a stride and fewer channels than fit
    in a vector register, it spoils the process's memory or gets the gradient wrong
    (uxlfoundation/oneDNN, issue 6035; so in 3.12, of PyTorch 2.13).
    """
    strided = layer.number("kernel_size") == 1 and layer.number("stride", 1) > 1
    return strided and _inputs(layer) < _VECTOR


def _depthwise(layer: Layer) -> str:
    return N_("depthwise") if "groups" in layer.args else ""


CONVOLUTION: Final = Operation(
    module=nn.Conv2d,
    arguments={
        "in_channels": N_("in channels"),
        "out_channels": N_("out channels"),
        "kernel_size": N_("kernel size"),
        "stride": N_("stride"),
        "padding": N_("padding"),
        "groups": N_("groups"),
        "bias": N_("bias"),
    },
    positional=("in_channels", "out_channels"),
    shape=_shape,
    window=_window,
    params=_params,
    multiply_adds=_multiply_adds,
    memory=output_kept,
    matrices=True,
    spoilt_by_channels_last=_spoilt_by_channels_last,
    note=_depthwise,
    onnx=_onnx,
    box="convolution",
)


def convolving(block: BlockSpec, number: int, given: Shape) -> list[Step]:
    """Return the convolution of a block, or both of a depthwise separable one."""
    bias = {"bias": False} if hides_bias(block) else {}
    if block.convolution == "standard":
        args = {"in_channels": given[0], "out_channels": block.channels, **_sliding(block), **bias}
        return [Step(f"conv{number}", CONVOLUTION, args, "kernel_size")]
    alone = {
        "in_channels": given[0],
        "out_channels": given[0],
        **_sliding(block),
        "groups": given[0],
        # The second convolution's does the same.
        "bias": False,
    }
    mixed = {"in_channels": given[0], "out_channels": block.channels, "kernel_size": 1, **bias}
    return [
        Step(f"depthwise{number}", CONVOLUTION, alone, "kernel_size"),
        Step(f"pointwise{number}", CONVOLUTION, mixed),
    ]


def _sliding(block: BlockSpec) -> dict[str, int]:
    args = {"kernel_size": block.kernel_size}
    if block.stride != 1:
        args["stride"] = block.stride
    if block.padding == "same" and block.kernel_size > 1:
        args["padding"] = block.kernel_size // 2
    return args
