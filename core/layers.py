"""A spec as a list of layers: names, arguments, shapes, parameters, cost, and what cannot work.

The module builder, the source code shown to people, the layer table and the drawing all read this
one list, so that they cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

from core.datasets.table import num_classes_of
from core.message import N_, message
from core.spec import BlockSpec, DenseSpec, RunSpec, place

IMAGE_SHAPE: Final = (1, 28, 28)

# The class in `torch.nn` of each activation; `none` has none.
ACTIVATION_OPS: Final = {
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "elu": "ELU",
    "silu": "SiLU",
}
# Sets of weights in each recurrent layer.
GATES: Final = {"RNN": 1, "LSTM": 4, "GRU": 3}
_POOL_OPS: Final = {"max": "MaxPool2d", "avg": "AvgPool2d"}


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One `torch.nn` module of the network and what it does to an image.

    Attributes:
        name: the module's name in the network, such as `conv1`.
        part: the part of the spec it comes from: `blocks.0`, `dense.1`, or `output`.
        op: the class in `torch.nn`.
        args: its keyword arguments.
        shape: of one image after this layer: (channels, height, width) or (features,).
        params: number of learnable parameters.
        multiply_adds: multiplications with an addition, for one image, forward.
        receptive_field: side of the square of input pixels that one value depends on, in pixels.
    """

    name: str
    part: str
    op: str
    args: Mapping[str, int | float | str | bool]
    shape: tuple[int, ...]
    params: int = 0
    multiply_adds: int = 0
    receptive_field: int = 1

    @property
    def is_head(self) -> bool:
        """Whether it only hands the last block's image on to the layers behind it."""
        return self.op in ("Flatten", "AdaptiveAvgPool2d")

    @property
    def window(self) -> int | None:
        """Side of the sliding window, where the layer has one."""
        size = self.args.get("kernel_size")
        return size if isinstance(size, int) else None


@dataclass(frozen=True, kw_only=True)
class Broken:
    """The first layer that cannot be applied.

    Attributes:
        path: the setting that breaks, such as `blocks.4.pool`.
        side: side of the image that arrives there, in pixels.
        window: side of the window that does not fit, in pixels.
    """

    path: str
    side: int
    window: int

    @property
    def message(self) -> str:
        """What is wrong, at which block, for a person."""
        return message(
            "{place}: the image that arrives here is only {side} × {side}; a {what} of "
            "{window} × {window} does not fit into it.",
            place=place(self.path),
            side=self.side,
            what=N_("pooling window") if self.path.endswith(".pool") else N_("kernel"),
            window=self.window,
        )


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """A block whose input cannot be added to its output.

    Attributes:
        path: the setting that asks for it, such as `blocks.1.residual`.
        given: shape of what comes into the block.
        made: shape of what it makes of that.
    """

    path: str
    given: tuple[int, ...]
    made: tuple[int, ...]

    @property
    def message(self) -> str:
        """What is wrong, at which block, for a person."""
        given, made = (" × ".join(map(str, shape)) for shape in (self.given, self.made))
        return message(
            "{place}: its input of {given} cannot be added to its output of {made}. A residual "
            "block must keep the number of channels and the image’s size.",
            place=place(self.path),
            given=given,
            made=made,
        )


@dataclass(frozen=True, kw_only=True)
class Network:
    """All layers up to the first that cannot be applied, if there is one.

    Attributes:
        layers: in the order in which they are applied.
        broken: what cannot be applied, or None.
        residual: the parts whose input is added to their output, such as `blocks.1`.
    """

    layers: tuple[Layer, ...]
    broken: Broken | Mismatch | None
    residual: frozenset[str] = frozenset()

    @property
    def params(self) -> int:
        """Learnable parameters in all."""
        return sum(layer.params for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds in all, for one image, forward."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def num_classes(self) -> int:
        """Outputs of a network that works, one a class."""
        return self.layers[-1].shape[0]

    def last_of_block(self, part: str) -> Layer:
        """The layer that ends a block, without what hands its image on to the layers behind it."""
        return [layer for layer in self.of_part(part) if not layer.is_head][-1]

    def of_part(self, part: str) -> tuple[Layer, ...]:
        """The layers that come from one part of the spec, such as `blocks.0`."""
        return tuple(layer for layer in self.layers if layer.part == part)


def lay_out(spec: RunSpec) -> Network:
    """List the layers of a spec. Never raises: what cannot work is reported as `broken`."""
    plan = _Plan()
    match spec.family:
        case "conv":
            for i, block in enumerate(spec.blocks):
                plan.block(i, block)
                if plan.broken:
                    return plan.network()
            if spec.head == "global_average":
                plan.global_average()
            plan.flatten(plan.layers[-1].part)
        case "dense":
            plan.flatten("dense.0" if spec.dense else "output")
        case _:
            plan.recurrent(spec)
    for i, dense in enumerate(spec.dense):
        plan.dense(i, dense)
    plan.linear("out", num_classes_of(spec.data), part="output")
    return plan.network()


class _Plan:
    """The layers so far, the shape they leave, and the geometry of one value in the image."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.shape: tuple[int, ...] = IMAGE_SHAPE
        self.broken: Broken | Mismatch | None = None
        self._residual: set[str] = set()
        self._field = 1
        # Distance in input pixels between two neighbouring values (the product of all strides).
        self._jump = 1

    def network(self) -> Network:
        """Return what has been laid out."""
        return Network(
            layers=tuple(self.layers), broken=self.broken, residual=frozenset(self._residual)
        )

    def block(self, i: int, block: BlockSpec) -> None:
        """Add convolution, batch norm, activation, pooling and dropout of block `i`."""
        part, n = f"blocks.{i}", i + 1
        given = self.shape
        self._conv(part, n, block)
        if self.broken:
            return
        if block.batch_norm:
            args = {"num_features": block.channels}
            self.add(f"norm{n}", "BatchNorm2d", args, self.shape, part, params=2 * block.channels)
        self._activation(f"act{n}", block.activation, part)
        if block.pool != "none":
            self._pool(part, n, block)
        if block.dropout and not self.broken:
            self.add(f"drop{n}", "Dropout2d", {"p": block.dropout}, self.shape, part)
        if block.residual and not self.broken:
            if self.shape == given:
                self._residual.add(part)
            else:
                self.broken = Mismatch(path=f"{part}.residual", given=given, made=self.shape)

    def global_average(self) -> None:
        """Add the average of each channel over the whole image that is left."""
        channels, side, _ = self.shape
        self._widen(side, 1)
        args = {"output_size": 1}
        part = self.layers[-1].part
        self.add("average", "AdaptiveAvgPool2d", args, (channels, 1, 1), part)

    def flatten(self, part: str) -> None:
        """Add the layer that lays all values out in one row."""
        self.add("flatten", "Flatten", {}, (prod(self.shape),), part)

    def recurrent(self, spec: RunSpec) -> None:
        """Add the layers that read the image row by row; what they end with goes on."""
        _, steps, inputs = self.shape
        units, directions = spec.rnn_units, 2 if spec.bidirectional else 1
        args: dict[str, int | float | str | bool] = {"input_size": inputs, "hidden_size": units}
        if spec.rnn_layers > 1:
            args["num_layers"] = spec.rnn_layers
            if spec.rnn_dropout:
                args["dropout"] = spec.rnn_dropout
        if spec.bidirectional:
            args["bidirectional"] = True
        args["batch_first"] = True
        widths = [inputs, *[directions * units] * (spec.rnn_layers - 1)]
        rows = directions * GATES[spec.cell.upper()] * units
        weights = rows * sum(width + units for width in widths)
        self._field = IMAGE_SHAPE[1]
        self.add(
            "rnn",
            spec.cell.upper(),
            args,
            (directions * units,),
            "recurrent",
            # Beside the weights of the input and of the memory, each has a bias.
            params=weights + 2 * rows * spec.rnn_layers,
            multiply_adds=weights * steps,
        )

    def dense(self, i: int, dense: DenseSpec) -> None:
        """Add the linear layer, activation and dropout of dense layer `i`."""
        part, n = f"dense.{i}", i + 1
        self.linear(f"fc{n}", dense.units, part)
        self._activation(f"fc_act{n}", dense.activation, part)
        if dense.dropout:
            self.add(f"fc_drop{n}", "Dropout", {"p": dense.dropout}, self.shape, part)

    def linear(self, name: str, units: int, part: str) -> None:
        """Add a fully connected layer."""
        (features,) = self.shape
        args = {"in_features": features, "out_features": units}
        self._field = IMAGE_SHAPE[1]
        params, cost = (features + 1) * units, features * units
        self.add(name, "Linear", args, (units,), part, params=params, multiply_adds=cost)

    def add(
        self,
        name: str,
        op: str,
        args: Mapping[str, int | float | str | bool],
        shape: tuple[int, ...],
        part: str,
        *,
        params: int = 0,
        multiply_adds: int = 0,
    ) -> None:
        """Append one layer and take over its output shape."""
        self.shape = shape
        self.layers.append(
            Layer(
                name=name,
                part=part,
                op=op,
                args=args,
                shape=shape,
                params=params,
                multiply_adds=multiply_adds,
                receptive_field=min(self._field, IMAGE_SHAPE[1]),
            )
        )

    def _conv(self, part: str, n: int, block: BlockSpec) -> None:
        channels, side, _ = self.shape
        kernel = block.kernel_size
        padding = kernel // 2 if block.padding == "same" else 0
        if side + 2 * padding < kernel:
            self.broken = Broken(path=f"{part}.kernel_size", side=side, window=kernel)
            return
        out = (side + 2 * padding - kernel) // block.stride + 1
        args: dict[str, int | float | str | bool] = {
            "in_channels": channels,
            "out_channels": block.channels,
            "kernel_size": kernel,
        }
        if block.stride != 1:
            args["stride"] = block.stride
        if padding:
            args["padding"] = padding
        if block.batch_norm:  # its shift makes a bias pointless
            args["bias"] = False
        weights = channels * kernel * kernel * block.channels
        self._widen(kernel, block.stride)
        self.add(
            f"conv{n}",
            "Conv2d",
            args,
            (block.channels, out, out),
            part,
            params=weights + (0 if block.batch_norm else block.channels),
            multiply_adds=weights * out * out,
        )

    def _pool(self, part: str, n: int, block: BlockSpec) -> None:
        channels, side, _ = self.shape
        if side < block.pool_size:
            self.broken = Broken(path=f"{part}.pool", side=side, window=block.pool_size)
            return
        stride = block.pool_stride or block.pool_size
        out = (side - block.pool_size) // stride + 1
        self._widen(block.pool_size, stride)
        args = {"kernel_size": block.pool_size}
        if stride != block.pool_size:
            args["stride"] = stride
        self.add(f"pool{n}", _POOL_OPS[block.pool], args, (channels, out, out), part)

    def _activation(self, name: str, activation: str, part: str) -> None:
        if activation != "none":
            self.add(name, ACTIVATION_OPS[activation], {}, self.shape, part)

    def _widen(self, window: int, stride: int) -> None:
        self._field += (window - 1) * self._jump
        self._jump *= stride
