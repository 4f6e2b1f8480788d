"""Fully connected layers."""

from math import prod
from typing import Final

from torch import nn

from core.network.layer import (
    WHOLE_IMAGE,
    Arguments,
    GraphWriter,
    Layer,
    Operation,
    Shape,
    Step,
    Window,
    output_kept,
)
from core.words.message import N_


def _window(args: Arguments, given: Shape) -> Window:
    return WHOLE_IMAGE


def _shape(args: Arguments, given: Shape) -> Shape:
    return (int(args["out_features"]),)


def _params(layer: Layer) -> int:
    return (prod(layer.given) + 1) * prod(layer.shape)


def _multiply_adds(layer: Layer) -> int:
    return prod(layer.given) * prod(layer.shape)


def _onnx(layer: Layer, graph: GraphWriter) -> None:
    graph.add("Gemm", layer.name, *graph.weights(layer, "weight", "bias"), transB=1)


LINEAR: Final = Operation(
    module=nn.Linear,
    arguments={
        "in_features": N_("in features"),
        "out_features": N_("out features"),
    },
    positional=("in_features", "out_features"),
    shape=_shape,
    window=_window,
    params=_params,
    multiply_adds=_multiply_adds,
    memory=output_kept,
    matrices=True,
    onnx=_onnx,
    box="dense",
)


def linear(name: str, units: int, given: Shape) -> Step:
    """Return a fully connected layer."""
    (features,) = given
    return Step(name, LINEAR, {"in_features": features, "out_features": units})
