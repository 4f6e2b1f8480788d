"""What differs between the specs of two or more runs, in words.

Specs are compared by the one table of fields, so that a field that is added there is compared too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from typing import Final

from core.spec import RunSpec, default_of, in_use, place, setting_at, walk
from core.spec.settings import Choice, Flag, Number, Setting, Value
from core.words.message import N_, joined, message

ALIKE: Final = N_("All settings are the same.")
# People no longer read a sentence that names more differences.
_MOST_NAMED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One setting, or one whole part of the network, that is not the same everywhere.

    Attributes:
        path: such as `lr`, `blocks.1.kernel_size`, or `blocks.2` for a part that some lack.
        label: for people, such as `Block 2: kernel size`.
        values: each spec's value in words, in the order of the specs; None where it has no such
            part.
    """

    path: str
    label: str
    values: tuple[str | None, ...]

    @property
    def part(self) -> bool:
        """Whether it is a whole part that some of the specs lack."""
        return None in self.values


def differences(specs: Sequence[RunSpec]) -> tuple[Difference, ...]:
    """Return what differs, network first, in the order of the table of fields.

    Parts of the network are compared by their place: the second block with the second block. A part
    that one of the specs lacks is a single difference, which describes the part of the others.
    """
    tables = [
        {path: (record, value) for path, record, value in walk(spec) if in_use(spec, path)}
        for spec in specs
    ]
    parts = [{_part(path) for path in table} for table in tables]
    found: list[Difference] = []
    told: set[str] = set()
    for path in _in_order(tables):
        part = _part(path)
        if not part and any(path not in table for table in tables):
            continue  # only one kind of network has it; that the kinds differ is told
        if all(part in known for known in parts):
            values = [table[path][1] for table in tables]
            if any(value != values[0] for value in values):
                records = [table[path][0] for table in tables]
                words = tuple(map(in_words, records, values))
                found.append(Difference(path=path, label=_label(path, records[0]), values=words))
        elif part not in told:
            told.add(part)
            summaries = tuple(
                _summary(spec, part) if part in known else None
                for spec, known in zip(specs, parts, strict=True)
            )
            found.append(Difference(path=part, label=place(part), values=summaries))
    return tuple(found)


def sentence(spec: RunSpec, other: RunSpec) -> str:
    """Say in one sentence how a spec differs from another one.

    Such as “Kernel size of block 1: 5 × 5, not 3 × 3; learning rate: 0.01, not 0.001.”
    """
    said = clauses(spec, other)
    return message("{clauses!u}.", clauses=said) if said else ALIKE


def clauses(spec: RunSpec, other: RunSpec) -> str:
    """Say the same as `sentence`, to stand within another one; empty where nothing differs."""
    found = differences((spec, other))
    # The last one is named where it would take as many words to count it.
    named = found if len(found) <= _MOST_NAMED + 1 else found[:_MOST_NAMED]
    said = [_clause(difference) for difference in named]
    if len(found) > len(named):
        said.append(message("and {count} more", count=len(found) - len(named)))
    return joined(said, "; ")


def same_loss(first: RunSpec, second: RunSpec) -> bool:
    """Tell whether two specs make the same thing small, so that their losses can be compared."""
    return _measure_of(first) == _measure_of(second)


def loss_in_words(spec: RunSpec) -> str:
    """Say what a spec makes small, such as `Cross entropy, labels smoothed by 0.1`."""
    words = in_words(setting_at("loss"), spec.loss)
    _, smoothing = _measure_of(spec)
    if not smoothing:
        return words
    return message("{loss}, labels smoothed by {share:g}", loss=words, share=smoothing)


def _measure_of(spec: RunSpec) -> tuple[str, float]:
    """Return what decides how large a loss is: its kind, and what the labels are smoothed by."""
    if spec.loss == "cross_entropy":
        return spec.loss, spec.label_smoothing
    # The negative log-likelihood of the log-softmax is cross entropy by another name.
    return "cross_entropy" if spec.loss == "nll" else spec.loss, 0.0


def in_words(record: Setting, value: Value) -> str:
    """Write a value as people read it: `3 × 3`, `on`, `0.001`, `64 images`."""
    match record:
        case Choice():
            return record.name(value)
        case Flag():
            return N_("on") if value else N_("off")
        case Number(unit=unit):
            told = amount(value)
            return message("{amount} {unit}", amount=told, unit=unit) if unit else told
    return record.format(value)


def amount(value: Value) -> str:
    """Write a number as people read it: `0.001`, `4,000`."""
    if isinstance(value, float) and (value == 0 or value >= 1e-6):
        return f"{value:,.10f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _part(path: str) -> str:
    """Return the part that a path lies in, such as `blocks.1`; empty for the run as a whole."""
    return path.rpartition(".")[0]


def _label(path: str, record: Setting) -> str:
    if not _part(path):
        return record.label
    return message("{part}: {label!l}", part=place(path), label=record.label)


def _summary(spec: RunSpec, part: str) -> str:
    """Describe a part by its first setting and all that are not at their default."""
    cls = type(spec.value(part))
    said: list[str] = []
    for path, record, value in walk(spec):
        if _part(path) != part or not in_use(spec, path):
            continue
        if not said or value != default_of(cls, path.rpartition(".")[2]):
            words = in_words(record, value)
            said.append(message("{label!l} {value}", label=record.label, value=words))
    return joined(said, ", ")


def _clause(difference: Difference) -> str:
    here, there = difference.values
    part = place(difference.path)
    if here is None:
        return message("there is no {part!l} ({words})", part=part, words=there)
    if there is None:
        return message("there is a {part!l} ({words})", part=part, words=here)
    label = setting_at(difference.path).label
    if not _part(difference.path):
        return message("{label!l}: {here}, not {there}", label=label, here=here, there=there)
    return message(
        "{label!l} of {part!l}: {here}, not {there}",
        label=label,
        part=part,
        here=here,
        there=there,
    )


def _in_order(tables: Iterable[Iterable[str]]) -> list[str]:
    """Merge the paths of several specs into one list, in the order of the table of fields."""
    heads = [field.name for field in fields(RunSpec)]

    def place_of(path: str) -> tuple[bool, int, int]:
        head, *rest = path.split(".")
        return not rest, heads.index(head), int(rest[0]) if rest and rest[0].isdigit() else 0

    # A sort that keeps the order of equals: the settings of one part stay as they are.
    return sorted(dict.fromkeys(chain.from_iterable(tables)), key=place_of)
