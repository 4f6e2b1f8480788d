"""A spec as a list of layers: names, arguments, shapes, parameters, cost, and what cannot work.

The module builder, the source code shown to people, the layer table and the drawing all read this
one list, so that they cannot disagree.
"""

from dataclasses import dataclass

from core.data.catalogue import num_classes_of
from core.network.layer import IMAGE_SHAPE, Layer, Shape, Step
from core.network.operations.activation import activating
from core.network.operations.convolution import convolving
from core.network.operations.dense import linear
from core.network.operations.dropout import DROPOUT, DROPOUT_2D, dropping
from core.network.operations.head import averaging, flattening
from core.network.operations.normalisation import normalising
from core.network.operations.pooling import pooling
from core.network.operations.recurrent import recurring
from core.spec import BlockSpec, DenseSpec, RunSpec, place
from core.words.message import N_, message


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
            part = plan.layers[-1].part
            if spec.head == "global_average":
                plan.add(averaging(), part)
            plan.add(flattening(), part)
        case "dense":
            plan.add(flattening(), "dense.0" if spec.dense else "output")
        case _:
            plan.add(recurring(spec, plan.shape), "recurrent")
    for i, dense in enumerate(spec.dense):
        plan.dense(i, dense)
    plan.add(linear("out", num_classes_of(spec.data), plan.shape), "output")
    return plan.network()


class _Plan:
    """The layers so far, the shape they leave, and the geometry of one value in the image."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.shape: Shape = IMAGE_SHAPE
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
        """Add the convolution of block `i`, and the rest in its order."""
        part, n, given = f"blocks.{i}", i + 1, self.shape
        self.add_all(convolving(block, n, self.shape), part)
        rest = {
            "norm": normalising(block, n, self.shape),
            "act": activating(f"act{n}", block.activation),
            "pool": pooling(block, n),
            "drop": dropping(f"drop{n}", block.dropout, DROPOUT_2D),
        }
        for name in block.order.split("-"):
            self.add_all(rest[name], part)
        if block.residual and not self.broken:
            if self.shape == given:
                self._residual.add(part)
            else:
                self.broken = Mismatch(path=f"{part}.residual", given=given, made=self.shape)

    def dense(self, i: int, dense: DenseSpec) -> None:
        """Add the linear layer, activation and dropout of dense layer `i`."""
        part, n = f"dense.{i}", i + 1
        self.add(linear(f"fc{n}", dense.units, self.shape), part)
        self.add_all(activating(f"fc_act{n}", dense.activation), part)
        self.add_all(dropping(f"fc_drop{n}", dense.dropout, DROPOUT), part)

    def add_all(self, steps: list[Step], part: str) -> None:
        """Append layers up to the first that cannot be applied."""
        for step in steps:
            if not self.broken:
                self.add(step, part)

    def add(self, step: Step, part: str) -> None:
        """Append one layer and take over its output shape."""
        operation, given = step.operation, self.shape
        window = operation.window(step.args, given)
        if step.setting and not window.fits(given[1]):
            self.broken = Broken(path=f"{part}.{step.setting}", side=given[1], window=window.size)
            return
        self._field += (window.size - 1) * self._jump
        self._jump *= window.stride
        self.shape = operation.shape(step.args, given)
        self.layers.append(
            Layer(
                name=step.name,
                part=part,
                operation=operation,
                args=step.args,
                given=given,
                shape=self.shape,
                receptive_field=min(self._field, IMAGE_SHAPE[1]),
            )
        )
