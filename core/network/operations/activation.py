"""Activations: what bends the values that a layer makes, one by one."""

from typing import Final

import numpy as np
from torch import nn

from core.network.layer import GraphWriter, Layer, Operation, Step, output_kept


def _called_the_same(layer: Layer, graph: GraphWriter) -> None:
    graph.add(layer.op, layer.name)


def _relu(layer: Layer, graph: GraphWriter) -> None:
    graph.add("Relu", layer.name)


def _leaky_relu(layer: Layer, graph: GraphWriter) -> None:
    graph.add("LeakyRelu", layer.name, alpha=0.01)


def _elu(layer: Layer, graph: GraphWriter) -> None:
    graph.add("Elu", layer.name, alpha=1.0)


def _silu(layer: Layer, graph: GraphWriter) -> None:
    x = graph.value
    graph.add("Sigmoid", f"{layer.name}.share")
    graph.add("Mul", layer.name, x)


def _gelu(layer: Layer, graph: GraphWriter) -> None:
    """Multiply by the share of a normal distribution below; no operator before opset 20."""
    x, name = graph.value, layer.name
    graph.add("Div", f"{name}.scaled", graph.constant(f"{name}.root", np.float32(2**0.5)))
    graph.add("Erf", f"{name}.erf")
    graph.add("Add", f"{name}.share", graph.constant(f"{name}.one", np.float32(1)))
    graph.add("Mul", f"{name}.double", x)
    graph.add("Mul", name, graph.constant(f"{name}.half", np.float32(0.5)))


# By the option of a spec's `activation`; `none` has no layer.
ACTIVATIONS: Final = {
    "relu": Operation(
        module=nn.ReLU,
        memory=output_kept,
        # The largest of some values is the same before and after ReLU, and so is every gradient,
        # to the last bit; but ReLU then has a quarter of the work, or less. (Sigmoid and Tanh
        # round different values to the same one, so that there another pixel could be taken for
        # the largest.)
        yields_to=(nn.MaxPool2d,),
        onnx=_relu,
    ),
    "sigmoid": Operation(module=nn.Sigmoid, memory=output_kept, onnx=_called_the_same),
    "tanh": Operation(module=nn.Tanh, memory=output_kept, onnx=_called_the_same),
    "leaky_relu": Operation(module=nn.LeakyReLU, memory=output_kept, onnx=_leaky_relu),
    "gelu": Operation(module=nn.GELU, memory=output_kept, onnx=_gelu),
    "elu": Operation(module=nn.ELU, memory=output_kept, onnx=_elu),
    "silu": Operation(module=nn.SiLU, memory=output_kept, onnx=_silu),
}


def activating(name: str, activation: str) -> list[Step]:
    """Return the layer of an activation, if it has one."""
    return [] if activation == "none" else [Step(name, ACTIVATIONS[activation], {})]


def activation_of(activation: str) -> nn.Module:
    """Make the function that an option of a spec's `activation` names."""
    return nn.Identity() if activation == "none" else ACTIVATIONS[activation].module()
