"""The whole of a run's configuration, and how its settings are named."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self, cast

from core.spec.augmentation import AugmentationSettings
from core.spec.layers import BlockSpec, DenseSpec
from core.spec.learning import LearningSettings
from core.spec.network import MAX_BLOCKS, MAX_DENSE, MIN_BLOCKS, RECURRENT, NetworkSettings
from core.spec.settings import Choice, Number, Setting, Value, setting
from core.words.errors import UserError
from core.words.message import N_, Quoted, message

DEVICES = {
    "auto": N_("Best available"),
    "cpu": "CPU",
    "cuda": "CUDA GPU",
    "mps": N_("Apple GPU (MPS)"),
}
# What the lists of a spec hold, as people say it in a sentence.
GROUPS = {"blocks": N_("convolution blocks"), "dense": N_("dense layers")}


class SpecError(UserError):
    """A setting is wrong. `where` is its path, such as `blocks.1.kernel_size`, or ''."""

    def __init__(self, sentence: str, where: str = "") -> None:
        super().__init__(sentence)
        self.where = where


# The settings of the last-named base come first, in addresses and wherever settings are listed.
@dataclass(frozen=True, kw_only=True)
class RunSpec(AugmentationSettings, LearningSettings, NetworkSettings):
    """All that a run is made of: the data, the network and how it learns.

    Raises:
        SpecError: a value is of the wrong type or out of range; the message names the place.
    """

    title: ClassVar[str] = N_("Settings")

    seed: int = setting(
        0,
        Number(
            label=N_("Seed"),
            help=N_(
                "Start of all randomness: first weights, order of the images and changes to them, "
                "dropout. The same seed gives the same run."
            ),
            low=0,
            high=999_999,
        ),
    )
    device: str = setting(
        "auto",
        Choice(
            label=N_("Device"),
            help=N_("Where the run computes. Only devices of this machine are offered."),
            options=DEVICES,
        ),
    )
    precision: str = setting(
        "auto",
        Choice(
            label=N_("Float precision"),
            help=N_(
                "The numbers that a training step multiplies. bfloat16 reaches as far as 32-bit "
                "floats but keeps only three digits; a processor with instructions for it "
                "multiplies twice as fast or faster. Weights, updates, the loss and every test "
                "stay in 32 bits. Fastest here: bfloat16 where the device has such instructions "
                "and a step is long enough to gain by it."
            ),
            options={
                "auto": N_("Fastest here"),
                "float32": N_("32-bit floats"),
                "bfloat16": "bfloat16",
            },
        ),
    )

    def __post_init__(self) -> None:
        """Check every value, nested ones included."""
        _check_count("blocks", self.blocks, BlockSpec, MIN_BLOCKS, MAX_BLOCKS)
        _check_count("dense", self.dense, DenseSpec, 0, MAX_DENSE)
        for path, record, value in walk(self):
            complaint = record.complaint(value)
            if complaint:
                sentence = message(
                    "{place}: {setting!l} {complaint}.",
                    place=place(path),
                    setting=record.label,
                    complaint=complaint,
                )
                raise SpecError(sentence, path)

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
        return N_("Recurrent part")
    index = rest.partition(".")[0]
    number = int(index) + 1 if index.isdigit() else 0
    match head:
        case "blocks":
            return message("Block {number}", number=number) if number else N_("Blocks")
        case "dense":
            return message("Dense layer {number}", number=number) if number else N_("Dense layers")
    return RunSpec.title


def _known(cls: type, name: str) -> str:
    if name not in settings(cls):
        raise KeyError(name)
    return name


def _check_count(name: str, parts: object, cls: type, low: int, high: int) -> None:
    title = GROUPS[name]
    if not isinstance(parts, tuple) or any(not isinstance(part, cls) for part in parts):
        sentence = message(
            "Settings: {name} must be a list of {parts}.", name=Quoted(name), parts=title
        )
        raise SpecError(sentence, name)
    if not low <= len(parts) <= high:
        sentence = message(
            "Settings: a network has {low} to {high} {parts}, not {count}.",
            low=low,
            high=high,
            parts=title,
            count=len(parts),
        )
        raise SpecError(sentence, name)
