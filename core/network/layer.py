"""A layer of a network, and the kind of layer that it is.

An `Operation` is one entry of the table in `core.network.operations`. The module, its source text,
its cost, its memory, its drawing and its ONNX nodes all read that entry, so a new kind of layer is
described in one place.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

IMAGE_SHAPE: Final = (1, 28, 28)

Arguments = Mapping[str, int | float | str | bool]
Shape = tuple[int, ...]
# Which box of the drawing a layer has; one of `none` is told of in the box before it.
Box = Literal["convolution", "pooling", "recurrent", "dense", "none"]


@dataclass(frozen=True)
class Window:
    """The square of values that one output is made of, and how it moves; all in values."""

    size: int = 1
    stride: int = 1
    padding: int = 0

    def fits(self, side: int) -> bool:
        """Tell whether the window fits into an image of this side."""
        return side + 2 * self.padding >= self.size

    def places(self, side: int) -> int:
        """Return in how many places along a side of an image the window can lie."""
        return (side + 2 * self.padding - self.size) // self.stride + 1


# A layer of which every output depends on every value that comes in.
WHOLE_IMAGE: Final = Window(IMAGE_SHAPE[1])


@dataclass(frozen=True)
class Held:
    """What a layer holds in a training step for one image, in numbers of values.

    Attributes:
        made: values that exist at once when the layer has computed.
        kept: values that stay until the backward pass.
        indices: whole numbers of 64 bits that stay as long, such as places of maxima.
    """

    made: int
    kept: int = 0
    indices: int = 0


class GraphWriter(Protocol):
    """What a kind of layer writes its ONNX nodes with; see `core.take_home.onnx_graph`."""

    @property
    def value(self) -> str:
        """The name of the present value, which the next node is given."""
        ...

    def weight(self, layer: "Layer", name: str) -> Tensor:
        """One of a layer's tensors."""
        ...

    def weights(self, layer: "Layer", *names: str) -> list[str]:
        """Append those of a layer's tensors that it has, and return their names."""
        ...

    def constant(self, name: str, value: NDArray[np.float32] | np.float32) -> str:
        """Append a constant and return its name."""
        ...

    def numbers(self, name: str, values: list[int]) -> str:
        """Append whole numbers, such as a shape, and return their name."""
        ...

    def add(self, op: str, name: str, *more: str, **attributes: object) -> None:
        """Append a node whose first input is the present value; its output, `name`, is the next."""
        ...

    def add_many(
        self,
        op: str,
        name: str,
        outputs: tuple[str, ...],
        *more: str,
        goes_on: str,
        **attributes: object,
    ) -> None:
        """Append a node of several outputs, of which `goes_on` is the next present value."""
        ...


def _same_shape(args: Arguments, given: Shape) -> Shape:
    return given


def _one_value(args: Arguments, given: Shape) -> Window:
    return Window()


def _nothing(layer: "Layer") -> int:
    return 0


def _never(layer: "Layer") -> bool:
    return False


def _no_note(layer: "Layer") -> str:
    return ""


def _no_lines(layer: "Layer") -> list[str]:
    return []


def _as_it_is(module: nn.Module) -> nn.Module:
    return module


def output_kept(layer: "Layer") -> Held:
    """The memory of most layers: what they make stays, as they or the next one need it again."""
    return Held(prod(layer.shape), kept=prod(layer.shape))


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A kind of layer: one class of `torch.nn` and everything that NetSketch knows of it.

    Attributes:
        module: the class.
        memory: what it holds in a training step.
        onnx: how it is written as ONNX, as it computes when nothing is learned.
        box: which box of the drawing it has.
        arguments: the names of its arguments in the words of the drawing.
        positional: arguments that people write without their names.
        shape: of one image after it, from its arguments and the shape that is given to it.
        window: the square of values that one of its outputs depends on.
        params: number of learnable parameters.
        multiply_adds: multiplications with an addition, for one image, forward.
        spread_of: how many values of one image share the mean and variance that it brings to 0
            and 1; 0 where it measures none.
        whole_batch: whether that mean and variance are those of the whole batch's values.
        note: what is said of a layer beside its class, such as its groups.
        random: whether it draws at random when the network learns.
        is_head: whether it only hands the last block's image on to the layers behind it.
        apply: how a module is applied to what the layer before it made; None where a call does it.
        lines: the lines of `forward` that apply it, where a call alone does not.
        gates: whether each of its matrices holds those of several gates below each other, of
            `hidden_size` rows each; another rule of first weights draws each gate's by itself.
        matrices: whether another rule of first weights draws its one matrix or kernel, `weight`.
        yields_to: classes whose layer, next in line, may be computed before it: outputs and
            gradients stay the same to the last bit.
        fast: a module in place of the class's that computes the same to the last bit.
        spoilt_by_channels_last: whether channels_last would spoil memory or gradients.
    """

    module: type[nn.Module]
    memory: Callable[["Layer"], Held]
    onnx: Callable[["Layer", GraphWriter], None]
    box: Box = "none"
    arguments: Mapping[str, str] = field(default_factory=dict)
    positional: tuple[str, ...] = ()
    shape: Callable[[Arguments, Shape], Shape] = _same_shape
    window: Callable[[Arguments, Shape], Window] = _one_value
    params: Callable[["Layer"], int] = _nothing
    multiply_adds: Callable[["Layer"], int] = _nothing
    spread_of: Callable[["Layer"], int] = _nothing
    whole_batch: bool = False
    note: Callable[["Layer"], str] = _no_note
    random: Callable[["Layer"], bool] = _never
    is_head: bool = False
    apply: Callable[[nn.Module, Tensor], Tensor] | None = None
    lines: Callable[["Layer"], list[str]] = _no_lines
    gates: bool = False
    matrices: bool = False
    yields_to: tuple[type[nn.Module], ...] = ()
    fast: Callable[[nn.Module], nn.Module] = _as_it_is
    spoilt_by_channels_last: Callable[["Layer"], bool] = _never

    @property
    def name(self) -> str:
        """The class's name."""
        return self.module.__name__


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One `torch.nn` module of the network and what it does to an image.

    Attributes:
        name: the module's name in the network, such as `conv1`.
        part: the part of the spec it comes from: `blocks.0`, `dense.1`, or `output`.
        operation: its entry in the table.
        args: keyword arguments of the class.
        given: shape of one image before this layer.
        shape: after it: (channels, height, width) or (features,).
        receptive_field: side of the square of input pixels that one value depends on, in pixels.
    """

    name: str
    part: str
    operation: Operation
    args: Arguments
    given: Shape
    shape: Shape
    receptive_field: int = 1

    @property
    def op(self) -> str:
        """The class in `torch.nn`."""
        return self.operation.name

    @property
    def note(self) -> str:
        """What is said of the layer beside its class, such as “depthwise”, for a person, or ""."""
        return self.operation.note(self)

    @property
    def params(self) -> int:
        """Number of learnable parameters."""
        return self.operation.params(self)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with an addition, for one image, forward."""
        return self.operation.multiply_adds(self)

    @property
    def is_head(self) -> bool:
        """Whether the layer only hands the last block's image on to the layers behind it."""
        return self.operation.is_head

    @property
    def window(self) -> int | None:
        """Side of the sliding window, where the layer has one."""
        size = self.args.get("kernel_size")
        return size if isinstance(size, int) else None

    def module(self) -> nn.Module:
        """Make the module."""
        return self.operation.module(**self.args)

    def number(self, name: str, default: int = 0) -> int:
        """Return an argument that is a whole number."""
        return int(self.args.get(name, default))


@dataclass(frozen=True)
class Step:
    """A layer that is to be applied next.

    Attributes:
        name: see `Layer`.
        operation: see `Layer`.
        args: see `Layer`.
        setting: what to change where its window does not fit into the image, such as `pool`.
    """

    name: str
    operation: Operation
    args: Arguments
    setting: str = ""
