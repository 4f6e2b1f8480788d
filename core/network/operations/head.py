"""What hands the last block's image on to the layers behind it."""

from math import prod
from typing import Final

from torch import nn

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
from core.words.message import N_


def _one_pixel(args: Arguments, given: Shape) -> Shape:
    return (given[0], 1, 1)


def _all_that_is_left(args: Arguments, given: Shape) -> Window:
    return Window(given[1])


def _average_onnx(layer: Layer, graph: GraphWriter) -> None:
    graph.add("GlobalAveragePool", layer.name)


def _row(args: Arguments, given: Shape) -> Shape:
    return (prod(given),)


def _flatten_onnx(layer: Layer, graph: GraphWriter) -> None:
    graph.add("Flatten", layer.name, axis=1)


def _the_same_values(layer: Layer) -> Held:
    return Held(prod(layer.shape))


GLOBAL_AVERAGE: Final = Operation(
    arguments={
        "output_size": N_("output size"),
    },
    module=nn.AdaptiveAvgPool2d,
    shape=_one_pixel,
    window=_all_that_is_left,
    memory=output_kept,
    is_head=True,
    onnx=_average_onnx,
    box="pooling",
)
FLATTEN: Final = Operation(
    module=nn.Flatten,
    shape=_row,
    memory=_the_same_values,
    is_head=True,
    onnx=_flatten_onnx,
)


def averaging() -> Step:
    """Return the average of each channel over the whole image that is left."""
    return Step("average", GLOBAL_AVERAGE, {"output_size": 1})


def flattening() -> Step:
    """Return the layer that lays all values out in one row."""
    return Step("flatten", FLATTEN, {})
