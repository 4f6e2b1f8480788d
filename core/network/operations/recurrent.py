"""Layers that read an image row by row, with a memory of what was read."""

from collections.abc import Sequence
from math import prod
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.network.layer import (
    WHOLE_IMAGE,
    Arguments,
    GraphWriter,
    Held,
    Layer,
    Operation,
    Shape,
    Step,
    Window,
)
from core.spec import RunSpec
from core.words.message import N_

# What a layer keeps of every row and gate, in copies of the gates' values.
_KEPT: Final = 4
# Sets of weights of each class, and the order in which ONNX has PyTorch's.
_GATES: Final[dict[type[nn.Module], tuple[int, ...]]] = {
    nn.RNN: (0,),
    nn.LSTM: (0, 3, 1, 2),
    nn.GRU: (1, 0, 2),
}


def read_rows(layer: nn.Module, images: Tensor) -> Tensor:
    """Read images (N, 1, 28, 28) row by row; return what is remembered at the end, (N, values).

    Of two directions, each one's own end: the last row, and the first.
    """
    assert isinstance(layer, nn.RNNBase)
    memory: Tensor = layer(images.squeeze(1))[0]
    if not layer.bidirectional:
        return memory[:, -1]
    units = layer.hidden_size
    return torch.cat([memory[:, -1, :units], memory[:, 0, units:]], 1)


def _reading_lines(layer: Layer) -> list[str]:
    read = f"x, _ = self.{layer.name}(x.squeeze(1))  # 28 rows of 28 pixels, one after another"
    units, (values,) = layer.args["hidden_size"], layer.shape
    if not layer.args.get("bidirectional"):
        return [read, f"x = x[:, -1]  # what is remembered after the last row: {values}"]
    return [
        read,
        "# What each direction remembers at its end.",
        f"x = torch.cat([x[:, -1, :{units}], x[:, 0, {units}:]], 1)  # {values}",
    ]


def _directions(args: Arguments) -> int:
    return 2 if args.get("bidirectional") else 1


def _gates(layer: Layer) -> tuple[int, ...]:
    return _GATES[layer.operation.module]


def _shape(args: Arguments, given: Shape) -> Shape:
    return (_directions(args) * int(args["hidden_size"]),)


def _window(args: Arguments, given: Shape) -> Window:
    return WHOLE_IMAGE


def _rows(layer: Layer) -> int:
    """Rows of a layer's matrices: one for every value of every gate, in each direction."""
    return len(_gates(layer)) * prod(layer.shape)


def _weights(layer: Layer) -> int:
    units, depth = layer.number("hidden_size"), layer.number("num_layers", 1)
    widths = [layer.number("input_size"), *[prod(layer.shape)] * (depth - 1)]
    return _rows(layer) * sum(width + units for width in widths)


def _params(layer: Layer) -> int:
    # Beside the weights of the input and of the memory, each has a bias.
    return _weights(layer) + 2 * _rows(layer) * layer.number("num_layers", 1)


def _multiply_adds(layer: Layer) -> int:
    return _weights(layer) * layer.given[1]


def _memory(layer: Layer) -> Held:
    made = layer.given[1] * _rows(layer)
    return Held(made, kept=layer.number("num_layers", 1) * _KEPT * made)


def _drops_in_between(layer: Layer) -> bool:
    return "dropout" in layer.args


def _onnx(layer: Layer, graph: GraphWriter) -> None:
    """Append layers that read the image row by row, and what they remember at the end."""
    name, units = layer.name, layer.number("hidden_size")
    ways = ["", "_reverse"][: _directions(layer.args)]
    graph.add("Squeeze", f"{name}.rows", graph.numbers(f"{name}.axis", [1]))
    # ONNX has the steps first and the images second.
    graph.add("Transpose", f"{name}.in_steps", perm=[1, 0, 2])
    attributes: dict[str, object] = {"hidden_size": units}
    if layer.operation.module is nn.GRU:
        attributes["linear_before_reset"] = 1
    depth = layer.number("num_layers", 1)
    for i in range(depth):
        given = [
            graph.constant(
                f"{name}.{kind}{i}",
                _in_order(
                    [[graph.weight(layer, f"{key}_l{i}{way}") for key in keys] for way in ways],
                    _gates(layer),
                ),
            )
            for kind, keys in (
                ("W", ["weight_ih"]),
                ("R", ["weight_hh"]),
                ("B", ["bias_ih", "bias_hh"]),
            )
        ]
        # (steps, ways, images, units) for the next layer; of the last, (ways, images, units).
        every, last = f"{name}.every{i}", f"{name}.last{i}"
        graph.add_many(
            layer.op,
            f"{name}.layer{i}",
            (every, last),
            *given,
            goes_on=every if i + 1 < depth else last,
            direction="bidirectional" if len(ways) > 1 else "forward",
            **attributes,
        )
        if i + 1 < depth:
            graph.add("Transpose", f"{every}.turned", perm=[0, 2, 1, 3])
            graph.add("Reshape", f"{every}.joined", graph.numbers(f"{every}.shape", [0, 0, -1]))
    graph.add("Transpose", f"{name}.turned", perm=[1, 0, 2])
    graph.add("Reshape", name, graph.numbers(f"{name}.shape", [0, -1]))


def _in_order(tensors: Sequence[Sequence[Tensor]], order: tuple[int, ...]) -> NDArray[np.float32]:
    """Join the tensors of each direction, their gates in the order in which ONNX has them."""
    found = []
    for way in tensors:
        parts = []
        for value in way:
            gates = value.chunk(len(order))
            parts += [gates[i] for i in order]
        found.append(torch.cat(parts))
    made: NDArray[np.float32] = torch.stack(found).contiguous().numpy()
    return made


def _recurrent(module: type[nn.Module]) -> Operation:
    return Operation(
        module=module,
        arguments={
            "input_size": N_("input size"),
            "hidden_size": N_("hidden size"),
            "num_layers": N_("num layers"),
            "dropout": N_("dropout"),
            "bidirectional": N_("bidirectional"),
            "batch_first": N_("batch first"),
        },
        positional=("input_size", "hidden_size"),
        shape=_shape,
        window=_window,
        params=_params,
        multiply_adds=_multiply_adds,
        memory=_memory,
        random=_drops_in_between,
        apply=read_rows,
        lines=_reading_lines,
        gates=True,
        onnx=_onnx,
        box="recurrent",
    )


# By the option of a spec's `cell`.
CELLS: Final = {"rnn": _recurrent(nn.RNN), "lstm": _recurrent(nn.LSTM), "gru": _recurrent(nn.GRU)}


def recurring(spec: RunSpec, given: Shape) -> Step:
    """Return the layers that read the image row by row; what they end with goes on."""
    args: dict[str, int | float | str | bool] = {
        "input_size": given[2],
        "hidden_size": spec.rnn_units,
    }
    if spec.rnn_layers > 1:
        args["num_layers"] = spec.rnn_layers
        if spec.rnn_dropout:
            args["dropout"] = spec.rnn_dropout
    if spec.bidirectional:
        args["bidirectional"] = True
    args["batch_first"] = True
    return Step("rnn", CELLS[spec.cell], args)
