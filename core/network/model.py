"""A spec as a PyTorch module, and as the text of one."""

import zlib
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core.network.layer import Layer
from core.network.layers import Network, lay_out
from core.network.operations import OPERATIONS
from core.spec import RunSpec, SpecError


class Stack(nn.Sequential):
    """Named layers, applied one after another, some with a way around them.

    Attributes:
        around: for each layer that ends a residual part, by its place, the place of the layer that
            begins it.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module], around: Mapping[int, int]) -> None:
        super().__init__(layers)
        self.around = dict(around)
        self._begins = frozenset(around.values())
        entries = [OPERATIONS.get(type(layer)) for layer in layers.values()]
        # By their places, the layers that a call alone does not apply.
        self._ways = {i: entry.apply for i, entry in enumerate(entries) if entry and entry.apply}

    def forward(self, x: Tensor, made: list[Tensor] | None = None) -> Tensor:
        """Return the logits of a batch of images.

        Args:
            x: float32 (N, 1, 28, 28).
            made: where it is given, each layer's own output is added to it in turn, before it is
                added to what goes around.
        """
        given = x
        for i, layer in enumerate(self):
            if i in self._begins:
                given = x
            x = self._ways[i](layer, x) if i in self._ways else layer(x)
            if made is not None:
                made.append(x)
            if i in self.around:
                x = given + x
        return x


def build(spec: RunSpec) -> Stack:
    """Build the network: float32 images (N, 1, 28, 28) in, logits (N, classes) out.

    Its first weights are anyone's: see `initialise`. Submodules bear the names of
    `core.network.layers`, so that a hook can be set on any of them.

    Raises:
        SpecError: a layer cannot be applied to what the one before it makes.
    """
    network = lay_out(spec)
    if network.broken:
        raise SpecError(network.broken.message, network.broken.path)
    layers = OrderedDict((layer.name, layer.module()) for layer in network.layers)
    places: dict[str, list[int]] = {}
    for i, layer in enumerate(network.layers):
        if not layer.is_head:
            places.setdefault(layer.part, []).append(i)
    return Stack(layers, {places[part][-1]: places[part][0] for part in network.residual})


def initialise(model: nn.Sequential, seed: int, init: str = "default") -> None:
    """Draw the first weights, by PyTorch's own rule for each kind of layer or by another one.

    Each layer is drawn from a seed of its own, made of the run's and of the layer's name. So two
    networks begin alike wherever a layer of the same name has the same shape, however much they
    differ elsewhere. PyTorch's global generator is left seeded by the last layer.

    Args:
        model: as `build` returns it.
        seed: of the run.
        init: `default`; or `kaiming` or `xavier`, by which matrices and kernels are drawn while
            every bias begins at 0.
    """
    for name, layer in model.named_children():
        if any(True for _ in layer.parameters()):
            torch.manual_seed(seed_of(name, seed))
            layer.reset_parameters()  # type: ignore[operator]
            if init != "default":
                _redraw(layer, init)


def _redraw(layer: nn.Module, init: str) -> None:
    has_gates = OPERATIONS[type(layer)].gates
    for value in layer.parameters():
        if value.dim() > 1:
            matrices = value.split(layer.hidden_size) if has_gates else [value]  # type: ignore[no-untyped-call]
            for matrix in matrices:
                if init == "kaiming":
                    nn.init.kaiming_normal_(matrix, nonlinearity="relu")
                else:
                    nn.init.xavier_uniform_(matrix)
    for name, value in layer.named_parameters():
        if name.startswith("bias"):
            nn.init.zeros_(value)


def seed_of(name: str, seed: int) -> int:
    """Return the seed of a layer's first weights, 0 to 2**32 - 1."""
    return zlib.crc32(f"{seed}/{name}".encode())


def memory_format_of(network: Network) -> torch.memory_format:
    """Return the order of a network's values in memory that trains fastest and safely.

    It is `channels_last`, unless a layer of these arguments would be spoilt by it.
    """
    spoilt = any(layer.operation.spoilt_by_channels_last(layer) for layer in network.layers)
    return torch.contiguous_format if spoilt else torch.channels_last


def in_fast_order(model: Stack) -> Stack:
    """Return the same modules in the order and form in which they are fast, to the last bit.

    Where a layer yields to the one behind it, as ReLU does to max pooling, the two change places;
    average pooling is `TiledAvgPool2d`.
    """
    entries = [OPERATIONS[type(module)] for module in model]
    modules = [entry.fast(module) for entry, module in zip(entries, model, strict=True)]
    for i in range(len(modules) - 1):
        if type(modules[i + 1]) in entries[i].yields_to:
            modules[i], modules[i + 1] = modules[i + 1], modules[i]
            entries[i], entries[i + 1] = entries[i + 1], entries[i]
    return Stack(OrderedDict((str(i), module) for i, module in enumerate(modules)), model.around)


def source(network: Network) -> str:
    """Write a network as a PyTorch module that stands alone, ready to copy."""
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "",
            "",
            class_source(network),
            "",
            "",
            "net = Net()",
            # two, as batch norm cannot train on a single image that has shrunk to one pixel
            "logits = net(torch.zeros(2, 1, 28, 28))",
            f"assert sum(p.numel() for p in net.parameters()) == {network.params:_}",
            "",
        ]
    )


def class_source(network: Network) -> str:
    """Write a network as the class `Net`; it needs `torch` and `nn`."""
    width = max(len(layer.name) for layer in network.layers)
    made = [f"self.{layer.name:<{width}} = {_call(layer)}" for layer in network.layers]
    parts = dict.fromkeys(layer.part for layer in network.layers)
    return "\n".join(
        [
            "class Net(nn.Module):",
            f'    """Images (N, 1, 28, 28) in, logits (N, {network.num_classes}) out."""',
            "",
            "    def __init__(self):",
            "        super().__init__()",
            *(f"        {line}" for line in made),
            "",
            "    def forward(self, x):",
            *(f"        {line}" for part in parts for line in _steps(network, part)),
            "        return x",
        ]
    )


def _call(layer: Layer) -> str:
    args = ", ".join(
        repr(value) if key in layer.operation.positional else f"{key}={value!r}"
        for key, value in layer.args.items()
    )
    return f"nn.{layer.op}({args})"


def _steps(network: Network, part: str) -> list[str]:
    """Lines of `forward`: the layers of a part, and those that flatten what it makes."""
    layers = network.of_part(part)
    if lines := layers[0].operation.lines(layers[0]):
        return lines
    if part not in network.residual:
        return [_step(layers)]
    block = tuple(layer for layer in layers if not layer.is_head)
    rest = layers[len(block) :]
    return [_step(block, "x + "), *([_step(rest)] if rest else [])]


def _step(layers: tuple[Layer, ...], way_around: str = "") -> str:
    """One line: layers applied inside out."""
    expression = "x"
    for layer in layers:
        expression = f"self.{layer.name}({expression})"
    return f"x = {way_around}{expression}  # {' × '.join(map(str, layers[-1].shape))}"
