"""Layers that bring values to mean 0 and variance 1."""

from math import prod
from typing import Final

import numpy as np
from torch import nn

from core.network.layer import GraphWriter, Held, Layer, Operation, Shape, Step, output_kept
from core.spec import BlockSpec
from core.words.message import N_, message

# Of groups of channels, the first that divides them.
_GROUPS: Final = (8, 4, 2)


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
    arguments={
        "num_features": N_("num features"),
    },
    positional=("num_features",),
    memory=output_kept,
    spread_of=_pixels,
    whole_batch=True,
    onnx=_batch_onnx,
)


def _values_of_a_group(layer: Layer) -> int:
    return prod(layer.shape) // layer.number("num_groups")


def _twice_the_output(layer: Layer) -> Held:
    # PyTorch's autocast computes it in 32-bit floats on a GPU.
    size = prod(layer.shape)
    return Held(size, kept=2 * size)


def _groups(layer: Layer) -> str:
    groups = layer.number("num_groups")
    return N_("layer norm") if groups == 1 else message("{count} groups", count=groups)


def _group_onnx(layer: Layer, graph: GraphWriter) -> None:
    """Bring each group to mean 0 and variance 1 as if it were a channel, then scale channels.

    ONNX's own GroupNormalization needs opset 18, and is right from 21 on only.
    """
    name, groups = layer.name, layer.number("num_groups")
    graph.add("Reshape", f"{name}.groups", graph.numbers(f"{name}.in_groups", [0, groups, -1]))
    graph.add(
        "InstanceNormalization",
        f"{name}.normal",
        graph.constant(f"{name}.ones", np.ones(groups, np.float32)),
        graph.constant(f"{name}.zeros", np.zeros(groups, np.float32)),
        epsilon=1e-5,
    )
    shape = graph.numbers(f"{name}.shape", [0, *layer.shape])
    graph.add("Reshape", f"{name}.channels", shape)
    scale, shift = (
        graph.constant(f"{name}.{key}", graph.weight(layer, key).reshape(-1, 1, 1).numpy())
        for key in ("weight", "bias")
    )
    graph.add("Mul", f"{name}.scaled", scale)
    graph.add("Add", name, shift)


GROUP_NORM: Final = Operation(
    module=nn.GroupNorm,
    params=_scale_and_shift,
    arguments={
        "num_groups": N_("num groups"),
        "num_channels": N_("num channels"),
    },
    positional=("num_groups", "num_channels"),
    memory=_twice_the_output,
    spread_of=_values_of_a_group,
    note=_groups,
    onnx=_group_onnx,
)


def normalising(block: BlockSpec, number: int, given: Shape) -> list[Step]:
    """Return the norm of a block, if it has one."""
    name, channels = f"norm{number}", given[0]
    match block.norm:
        case "batch":
            return [Step(name, BATCH_NORM, {"num_features": channels})]
        case "group":
            args = {"num_groups": groups_of(channels), "num_channels": channels}
            return [Step(name, GROUP_NORM, args)]
        case "layer":
            return [Step(name, GROUP_NORM, {"num_groups": 1, "num_channels": channels})]
    return []


def groups_of(channels: int) -> int:
    """Return in how many groups these channels are normalised, with two or more in each."""
    fitting = (count for count in _GROUPS if channels % count == 0 and channels > count)
    return next(fitting, 1)


def hides_bias(block: BlockSpec) -> bool:
    """Tell whether a block's norm takes away what a bias of its convolution would add.

    Batch norm does, as it brings every channel to mean 0, unless something other than pooling
    stands between the two. Group and layer norm leave the differences between channels.
    """
    between = block.order.partition("norm")[0]
    bent = "act" in between and block.activation != "none"
    dropped = "drop" in between and block.dropout > 0
    return block.norm == "batch" and not bent and not dropped
