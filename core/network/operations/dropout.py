"""Dropout: values, or whole channels, that are zero at random while the network learns."""

from typing import Final

from torch import nn

from core.network.layer import GraphWriter, Layer, Operation, Step, output_kept


def _always(layer: Layer) -> bool:
    return True


def _nothing_to_write(layer: Layer, graph: GraphWriter) -> None:
    """When nothing is learned, all values pass as they are."""


_ARGUMENTS: Final = {"p": "p"}

DROPOUT: Final = Operation(
    module=nn.Dropout,
    arguments=_ARGUMENTS,
    memory=output_kept,
    random=_always,
    onnx=_nothing_to_write,
)
DROPOUT_2D: Final = Operation(
    module=nn.Dropout2d,
    arguments=_ARGUMENTS,
    memory=output_kept,
    random=_always,
    onnx=_nothing_to_write,
)


def dropping(name: str, share: float, operation: Operation) -> list[Step]:
    """Return the layer that drops a share of the values or channels, if it is not 0."""
    return [Step(name, operation, {"p": share})] if share else []
