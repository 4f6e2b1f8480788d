"""A run's whole configuration as plain, frozen, validated data.

The URL, JSON files, the model builder and the pages' widgets are all driven by the fields declared
here. Add a field and every one of them knows it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self, cast

from core.datasets.choice import DataChoice
from core.datasets.table import DATASETS
from core.errors import UserError
from core.message import message
from core.settings import Choice, Flag, Number, Setting, Value, setting

MAX_BLOCKS = 6
MIN_BLOCKS = 1
MAX_DENSE = 3

# The settings of a recurrent network's own part.
RECURRENT = ("cell", "rnn_units", "rnn_layers", "rnn_dropout", "bidirectional")

ACTIVATIONS = {
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "elu": "ELU",
    "silu": "SiLU",
    "none": "None",
}
DEVICES = {
    "auto": "Best available",
    "cpu": "CPU",
    "cuda": "CUDA GPU",
    "mps": "Apple GPU (MPS)",
}

_LOSS_NOTES = {
    "cross_entropy": "Minus the log of the probability given to the right class. Wrong where a "
    "picture may show several classes or none: its probabilities always add up to 1.",
    "nll": "Minus the log-probability of the right class: cross entropy written out in two steps, "
    "without label smoothing. Wrong where the last layer gives probabilities: it needs their "
    "logarithms.",
    "bce": "Asks for each class by itself: this one, yes or no? Wrong where just one class can be "
    "right, as here: the many easy noes count as much as the one yes, and nothing makes the "
    "answers agree.",
    "multi_margin": "Asks that the right class’s score lead each other one by 1, and then is "
    "content. Wrong where it matters how sure the network is: the probabilities it shows mean "
    "little.",
    "mse": "The squared distance between the probabilities and a perfect answer. Wrong for classes "
    "as a rule: a network that is sure and mistaken hears almost nothing.",
}
_ACTIVATION = Choice(
    label="Activation",
    help="The bend after each layer. Without one (None), any number of layers is no more than a "
    "single linear one. ReLU keeps gradients alive; Sigmoid and Tanh flatten out and slow deep "
    "networks. LeakyReLU, ELU, GELU and SiLU are ReLUs that do not go silent below 0.",
    options=ACTIVATIONS,
)
_DROPOUT = Number(
    label="Dropout",
    help="Share of values set to zero at random while training, so that the network cannot lean "
    "on a few of them. 0 switches it off.",
    low=0.0,
    high=0.9,
    whole=False,
)


class SpecError(UserError):
    """A setting is wrong. `where` is its path, such as `blocks.1.kernel_size`, or ''."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where


@dataclass(frozen=True, kw_only=True)
class BlockSpec:
    """One convolution block: convolution, batch norm, activation, pooling, dropout."""

    title: ClassVar[str] = "Block"

    channels: int = setting(
        16,
        Number(
            label="Channels",
            help="How many different patterns this layer looks for. Each becomes one output image.",
            low=1,
            high=512,
        ),
    )
    kernel_size: int = setting(
        3,
        Choice(
            label="Kernel size",
            help="Side of the window that slides over the image, in pixels.",
            options={1: "1 × 1", 3: "3 × 3", 5: "5 × 5", 7: "7 × 7"},
        ),
    )
    stride: int = setting(
        1,
        Choice(
            label="Stride",
            help="How many pixels the window moves at a time. 2 halves the image's side.",
            options={1: "1", 2: "2", 3: "3"},
        ),
    )
    padding: str = setting(
        "same",
        Choice(
            label="Padding",
            help="Same: a rim of zeros keeps the image's size (at stride 1). Valid: no rim, so the "
            "image loses kernel size minus 1 pixels.",
            options={"same": "Same", "valid": "Valid"},
        ),
    )
    activation: str = setting("relu", _ACTIVATION)
    batch_norm: bool = setting(
        False,
        Flag(
            label="Batch norm",
            help="Brings every channel to mean 0 and variance 1 over the batch. Training becomes "
            "faster and less touchy about the learning rate.",
        ),
    )
    pool: str = setting(
        "max",
        Choice(
            label="Pooling",
            help="Shrinks the image by keeping one value of each small square: its largest or its "
            "average.",
            options={"none": "None", "max": "Max", "avg": "Average"},
        ),
    )
    pool_size: int = setting(
        2,
        Choice(
            label="Pool window",
            help="Side of the square that becomes one value.",
            options={2: "2 × 2", 3: "3 × 3"},
        ),
    )
    pool_stride: int = setting(
        0,
        Choice(
            label="Pool stride",
            help="How many pixels the pooling window moves at a time. Same: as many as it is wide, "
            "so that windows neither overlap nor leave out a pixel.",
            options={0: "Same", 1: "1", 2: "2", 3: "3"},
        ),
    )
    dropout: float = setting(0.0, _DROPOUT)
    residual: bool = setting(
        False,
        Flag(
            label="Residual",
            help="Adds what comes into the block to what it makes of it. The block then learns "
            "only what to change, and gradients pass a deep network by the short way. Both must "
            "have the same shape.",
        ),
    )


@dataclass(frozen=True, kw_only=True)
class DenseSpec:
    """One fully connected hidden layer: linear, activation, dropout."""

    title: ClassVar[str] = "Dense layer"

    units: int = setting(
        64,
        Number(
            label="Units",
            help="How many values this layer computes, each from all values of the layer before.",
            low=1,
            high=4096,
        ),
    )
    activation: str = setting("relu", _ACTIVATION)
    dropout: float = setting(0.0, _DROPOUT)


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """All that a run is made of: the data, the network and how it learns.

    Raises:
        SpecError: a value is of the wrong type or out of range; the message names the place.
    """

    title: ClassVar[str] = "Settings"

    blocks: tuple[BlockSpec, ...] = (BlockSpec(),)
    dense: tuple[DenseSpec, ...] = ()
    family: str = setting(
        "conv",
        Choice(
            label="Kind of network",
            help="Convolutional: small windows slide over the image, so that a pattern is found "
            "wherever it is. Dense: every pixel has a weight of its own to every value. Recurrent: "
            "the image is read row by row, as if it were a sentence, with a memory of what was "
            "read.",
            options={"conv": "Convolutional", "dense": "Dense", "recurrent": "Recurrent"},
        ),
    )
    cell: str = setting(
        "gru",
        Choice(
            label="Cell",
            help="How the memory is brought up to date after a row. RNN: all of it is computed "
            "anew. LSTM and GRU have gates that learn what to keep, so that the first rows are "
            "still known at the last; GRU is the smaller of the two.",
            options={"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"},
        ),
    )
    rnn_units: int = setting(
        64,
        Number(
            label="Memory",
            help="How many values the memory holds.",
            low=1,
            high=1024,
            unit="units",
        ),
    )
    rnn_layers: int = setting(
        1,
        Number(
            label="Recurrent layers",
            help="Each reads, row by row, what the one below it has made of the image.",
            low=1,
            high=4,
        ),
    )
    rnn_dropout: float = setting(
        0.0,
        Number(
            label="Dropout in between",
            help="Share of values set to zero at random between two recurrent layers while "
            "training. Used where there are at least two. 0 switches it off.",
            low=0.0,
            high=0.9,
            whole=False,
        ),
    )
    bidirectional: bool = setting(
        False,
        Flag(
            label="Both directions",
            help="Reads the image from the top and, with weights of its own, from the bottom; the "
            "two memories stand side by side.",
        ),
    )
    data: str = setting(
        "embedded",
        DataChoice(
            label="Data",
            help="The images to learn from. What is not on this computer yet is downloaded once.",
            options={info.key: info.title for info in DATASETS.values()},
        ),
    )
    head: str = setting(
        "flatten",
        Choice(
            label="Before the head",
            help="What the layers after the last block are given. Flatten: every value at its "
            "place. Global average: one average a channel, far fewer values, wherever in the image "
            "a pattern was found.",
            options={"flatten": "Flatten", "global_average": "Global average"},
        ),
    )
    init: str = setting(
        "default",
        Choice(
            label="First weights",
            help="How the random weights that training begins with are spread. PyTorch’s own: "
            "evenly, narrower the more inputs a value has. Kaiming: such that values keep their "
            "size from one ReLU layer to the next. Xavier: the same for Tanh and Sigmoid.",
            options={"default": "PyTorch’s own", "kaiming": "Kaiming", "xavier": "Xavier"},
        ),
    )
    loss: str = setting(
        "cross_entropy",
        Choice(
            label="Loss",
            help="What training makes small: one number that says how wrong the network’s answers "
            "to a batch are. Each loss is wrong for some purpose; the sentence below says for "
            "which.",
            options={
                "cross_entropy": "Cross entropy",
                "nll": "Negative log-likelihood",
                "bce": "Binary cross entropy",
                "multi_margin": "Multi-margin",
                "mse": "Mean squared error",
            },
            notes=_LOSS_NOTES,
        ),
    )
    label_smoothing: float = setting(
        0.0,
        Number(
            label="Label smoothing",
            help="Share of the right answer that is spread evenly over all ten digits, so that the "
            "network never strives to be entirely sure. Used by cross entropy; 0.1 is usual.",
            low=0.0,
            high=0.5,
            whole=False,
        ),
    )
    optimizer: str = setting(
        "adam",
        Choice(
            label="Optimizer",
            help="The rule that turns gradients into weight changes. Adam adapts the step to each "
            "weight; SGD takes one step size for all, with momentum. RMSprop and Adagrad divide "
            "each weight’s step by the size of its gradients: of the last ones, or of all so far.",
            options={
                "sgd": "SGD",
                "adam": "Adam",
                "adamw": "AdamW",
                "rmsprop": "RMSprop",
                "adagrad": "Adagrad",
            },
        ),
    )
    lr: float = setting(
        0.001,
        Number(
            label="Learning rate",
            help="Size of each step. Too small: it crawls. Too large: the loss jumps about or "
            "becomes infinite.",
            low=1e-6,
            high=100.0,
            whole=False,
        ),
    )
    schedule: str = setting(
        "constant",
        Choice(
            label="Schedule",
            help="How the learning rate moves during the run. Step: it drops every few epochs. "
            "Cosine: it comes down slowly, then fast, then slowly. One-cycle: it climbs for three "
            "tenths of the run and comes down to almost nothing. Warm-up: it climbs in a straight "
            "line, then comes down as cosine does.",
            options={
                "constant": "Constant",
                "step": "Step",
                "cosine": "Cosine",
                "one_cycle": "One-cycle",
                "warmup": "Warm-up",
            },
        ),
    )
    step_epochs: int = setting(
        2,
        Number(
            label="Epochs a step",
            help="After how many epochs the learning rate drops, again and again. Used by the "
            "schedule Step.",
            low=1,
            high=50,
        ),
    )
    step_factor: float = setting(
        0.1,
        Number(
            label="Step factor",
            help="What the learning rate is multiplied by at each drop. Used by the schedule Step.",
            low=0.01,
            high=1.0,
            whole=False,
        ),
    )
    warmup: float = setting(
        0.1,
        Number(
            label="Warm-up share",
            help="Share of the run in which the learning rate climbs. Used by the schedule "
            "Warm-up.",
            low=0.01,
            high=0.9,
            whole=False,
        ),
    )
    momentum: float = setting(
        0.9,
        Number(
            label="Momentum",
            help="How much of the last step is kept in the next. Used by SGD and RMSprop.",
            low=0.0,
            high=0.99,
            whole=False,
        ),
    )
    nesterov: bool = setting(
        False,
        Flag(
            label="Nesterov",
            help="Looks at the gradient where momentum is about to lead, not where the weights "
            "are. Used by SGD where its momentum is not 0.",
        ),
    )
    clip_norm: float = setting(
        0.0,
        Number(
            label="Gradient clipping",
            help="Longest step of all gradients together, their norm: longer ones are shortened to "
            "it, so that one odd batch cannot throw the weights far away. 0 switches it off.",
            low=0.0,
            high=100.0,
            whole=False,
        ),
    )
    weight_decay: float = setting(
        0.0,
        Number(
            label="Weight decay",
            help="Pulls every weight towards zero a little at each step, which keeps a network "
            "from learning its examples by heart.",
            low=0.0,
            high=1.0,
            whole=False,
        ),
    )
    batch_size: int = setting(
        64,
        Number(
            label="Batch size",
            help="How many images are looked at before the weights change once.",
            low=1,
            high=8192,
            unit="images",
        ),
    )
    num_epochs: int = setting(
        5,
        Number(
            label="Epochs",
            help="How often the whole training set is gone through.",
            low=1,
            high=200,
        ),
    )
    folds: int = setting(
        0,
        Choice(
            label="Cross-validation",
            help="Divides all images that are not for the test in so many folds. Each is held back "
            "once, while a new network learns from the others: how much the folds differ is how "
            "much of a result is luck. It takes as many times as long. Stopping early and keeping "
            "the best epoch are not used, for they would choose by the images that judge.",
            options={0: "Off"} | {k: message("{folds} folds", folds=k) for k in range(2, 11)},
        ),
    )
    target_accuracy: float = setting(
        0.0,
        Number(
            label="Stop at an accuracy of",
            help="Share of the validation images, 0 to 1: the run ends after the first epoch that "
            "reaches it. 0 switches it off.",
            low=0.0,
            high=1.0,
            whole=False,
        ),
    )
    patience: int = setting(
        0,
        Number(
            label="Patience",
            help="The run ends when for so many epochs no more validation images were right than "
            "at its best before. 0 switches it off.",
            low=0,
            high=50,
            unit="epochs",
        ),
    )
    keep_best: bool = setting(
        False,
        Flag(
            label="Keep the best epoch",
            help="At the end, goes back to the weights of the epoch after which most validation "
            "images were right, and tests those.",
        ),
    )
    shift: int = setting(
        0,
        Number(
            label="Shift",
            help="Moves every training digit by up to this many pixels, anew each time it is "
            "looked at, so that its place stops mattering. 0 switches it off.",
            low=0,
            high=8,
            unit="pixels",
        ),
    )
    rotation: int = setting(
        0,
        Number(
            label="Rotation",
            help="Turns every training digit by up to this many degrees, either way, so that its "
            "slant stops mattering. 10 suits handwriting; 0 switches it off.",
            low=0,
            high=45,
            unit="degrees",
        ),
    )
    scale: float = setting(
        0.0,
        Number(
            label="Scale",
            help="Makes every training digit larger or smaller by up to this share: 0.1 is from "
            "90 % to 110 % of its size. 0 switches it off.",
            low=0.0,
            high=0.5,
            whole=False,
        ),
    )
    elastic: float = setting(
        0.0,
        Number(
            label="Elastic",
            help="Bends every training digit as if drawn on rubber, by so many pixels on average, "
            "like the strokes of another hand. 1 is plenty; 0 switches it off.",
            low=0.0,
            high=4.0,
            whole=False,
            unit="pixels",
        ),
    )
    seed: int = setting(
        0,
        Number(
            label="Seed",
            help="Start of all randomness: first weights, order of the images and changes to them, "
            "dropout. The same seed gives the same run.",
            low=0,
            high=999_999,
        ),
    )
    device: str = setting(
        "auto",
        Choice(
            label="Device",
            help="Where the run computes. Only devices of this machine are offered.",
            options=DEVICES,
        ),
    )

    def __post_init__(self) -> None:
        """Check every value, nested ones included."""
        _check_count("blocks", self.blocks, BlockSpec, MIN_BLOCKS, MAX_BLOCKS)
        _check_count("dense", self.dense, DenseSpec, 0, MAX_DENSE)
        for path, record, value in walk(self):
            complaint = record.complaint(value)
            if complaint:
                raise SpecError(f"{place(path)}: {record.label.lower()} {complaint}.", path)

    def with_value(self, path: str, value: Value) -> Self:
        """Return a copy with one value changed.

        Args:
            path: such as `lr` or `blocks.1.kernel_size`.
            value: the new value.

        Raises:
            SpecError: the value is not allowed there.
            KeyError: there is no such path.
        """
        head, _, rest = path.partition(".")
        if not rest:
            return replace(self, **{_known(type(self), head): value})  # type: ignore[arg-type]
        index, _, name = rest.partition(".")
        parts: list[BlockSpec | DenseSpec] = list(getattr(self, head))
        if not 0 <= int(index) < len(parts):
            raise KeyError(path)
        part = parts[int(index)]
        parts[int(index)] = replace(part, **{_known(type(part), name): value})  # type: ignore[arg-type]
        return replace(self, **{head: tuple(parts)})  # type: ignore[arg-type]

    def value(self, path: str) -> Value:
        """Return the value at a path such as `blocks.1.kernel_size`."""
        node: object = self
        for step in path.split("."):
            node = node[int(step)] if isinstance(node, tuple) else getattr(node, step)
        return cast(Value, node)


def settings(cls: type) -> dict[str, Setting]:
    """Return the described fields of a spec dataclass by name, in order."""
    return {f.name: f.metadata["setting"] for f in fields(cls) if "setting" in f.metadata}


def setting_at(path: str) -> Setting:
    """Return the record behind a path such as `blocks.1.kernel_size`."""
    head, *rest = path.split(".")
    cls = {"blocks": BlockSpec, "dense": DenseSpec}[head] if rest else RunSpec
    return settings(cls)[rest[-1] if rest else head]


def default_of(cls: type, name: str) -> Value:
    """Return the declared default of a field."""
    return next(cast(Value, f.default) for f in fields(cls) if f.name == name)


def walk(spec: RunSpec) -> Iterator[tuple[str, Setting, Value]]:
    """Yield path, record and value of every described field, network first."""
    for group in ("blocks", "dense"):
        for i, part in enumerate(getattr(spec, group)):
            for name, record in settings(type(part)).items():
                yield f"{group}.{i}.{name}", record, getattr(part, name)
    for name, record in settings(RunSpec).items():
        yield name, record, getattr(spec, name)


def in_use(spec: RunSpec, path: str) -> bool:
    """Tell whether a setting means anything beside what else a spec says."""
    head = path.partition(".")[0]
    if head in ("blocks", "head"):
        return spec.family == "conv"
    if head in ("target_accuracy", "patience", "keep_best"):
        return not spec.folds
    return head not in RECURRENT or spec.family == "recurrent"


def parts(spec: RunSpec) -> list[str]:
    """Name the parts of a network that can be edited, in order, such as `blocks.0`."""
    first = {
        "conv": [f"blocks.{i}" for i in range(len(spec.blocks))],
        "recurrent": ["recurrent"],
    }.get(spec.family, [])
    return first + [f"dense.{i}" for i in range(len(spec.dense))]


def place(path: str) -> str:
    """Name the part that a path lies in as people do: `blocks.1.pool` is Block 2."""
    head, _, rest = path.partition(".")
    if head == "recurrent" or head in RECURRENT:
        return "Recurrent part"
    titles = {"blocks": BlockSpec.title, "dense": DenseSpec.title}
    if head not in titles:
        return RunSpec.title
    index = rest.partition(".")[0]
    return f"{titles[head]} {int(index) + 1}" if index.isdigit() else f"{titles[head]}s"


def _known(cls: type, name: str) -> str:
    if name not in settings(cls):
        raise KeyError(name)
    return name


def _check_count(name: str, parts: object, cls: type, low: int, high: int) -> None:
    title = {"blocks": "convolution blocks", "dense": "dense layers"}[name]
    if not isinstance(parts, tuple) or any(not isinstance(part, cls) for part in parts):
        raise SpecError(f"Settings: {name} must be a list of {title}.", name)
    if not low <= len(parts) <= high:
        raise SpecError(f"Settings: a network has {low} to {high} {title}, not {len(parts)}.", name)
