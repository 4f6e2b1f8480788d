"""A few words that tell a spec from a person's others: what it is nearest to, and what differs.

Such as “Small and fast, SGD”, “deep sigmoid + ReLU” or “conv 8–16 + 64, batch norm”.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.data.catalogue import info_of
from core.data.own.kept import is_own
from core.spec import (
    RECURRENT,
    BlockSpec,
    DenseSpec,
    RunSpec,
    in_use,
    place,
    setting_at,
    settings,
    walk,
)
from core.spec.difference import amount, differences, in_words
from core.spec.presets import PRESETS
from core.spec.settings import Choice, Flag, Number
from core.spec.summary import outline_of
from core.words.message import N_, Quoted, joined, message

# As wide as the column of the table of runs; a first difference is told even beyond it.
MAX_WORDS: Final = 32
# Of a name that a person gave, so that there is room for a difference.
_MAX_CALLED: Final = 18
# A network that differs in more from a preset is another one, and so is one of other widths in
# both of its parts.
_MOST_OF_NETWORK: Final = 3
_MOST_OF_SHAPE: Final = 1
_MOST_CHANGES: Final = 4
# A name that a person gave to a run is passed on to one that differs in so few things.
_MOST_OF_NAMED: Final = 2
# These say where and on what a network learns, not which it is.
_AROUND: Final = frozenset({"data", "seed", "device", "precision"})
_OF_NETWORK: Final = frozenset(
    {*settings(BlockSpec), *settings(DenseSpec), *RECURRENT, "head", "conv", "dense"}
)
_SHAPES: Final = {"blocks": "conv", "dense": "dense"}
_WIDTHS: Final = frozenset({"channels", "units"})
# Of these none is told as what was taken away.
_NEVER_OFF: Final = frozenset({"seed"})

# Settings with a shorter name than their label.
_NAMES: Final[Mapping[str, str]] = {
    "lr": N_("lr"),
    "batch_size": N_("batch"),
    "label_smoothing": N_("smoothing"),
    "clip_norm": N_("clipping"),
    "weight_decay": N_("decay"),
    "target_accuracy": N_("stop at"),
    "kernel_size": N_("kernel"),
    "keep_best": N_("best epoch"),
}
# How the choice of a setting is told, where its label and the choice are not the way.
_TEMPLATES: Final[Mapping[str, str]] = {
    "optimizer": "{value}",
    "activation": "{value}",
    "cell": "{value}",
    "device": "{value}",
    "norm": "{value!l}",
    "folds": "{value!l}",
    "convolution": "{value!l}",
    "head": "{value!l}",
    "precision": "{value!l}",
    "pool": N_("{value!l} pooling"),
    "padding": N_("{value!l} padding"),
    "schedule": N_("{value!l} schedule"),
    "init": N_("{value} start"),
    "order": N_("other order"),
}
_CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "loss": {
        "cross_entropy": N_("cross entropy"),
        "nll": "NLL",
        "bce": "BCE",
        "multi_margin": N_("margin loss"),
        "mse": "MSE",
    },
    "schedule": {"constant": N_("constant lr")},
    "device": {"auto": N_("best device")},
    "folds": {"0": N_("no folds")},
    "convolution": {"depthwise_separable": N_("separable")},
}


@dataclass(frozen=True, kw_only=True)
class Known:
    """A spec that a person knows by a name.

    Attributes:
        spec: the spec.
        called: its name as the person gave it.
    """

    spec: RunSpec
    called: str


@dataclass(frozen=True, kw_only=True)
class _Change:
    """One thing that a spec does otherwise than another one.

    Attributes:
        key: the same for what changes together, such as the activations of all layers.
        words: how the spec has it.
    """

    key: str
    words: str


def naming(
    spec: RunSpec,
    *,
    last: RunSpec | None = None,
    known: Known | None = None,
    room: int = MAX_WORDS,
) -> str:
    """Say in a few words which spec this is.

    Args:
        spec: to be named.
        last: what the person trained before it, or sets against it: what differs from that is told
            first.
        known: the newest spec that the person has given a name.
        room: letters that the words may take.
    """
    base, changes = _nearest(spec, last, known)
    if known is not None and base == known.called:
        base = Quoted(_cut(known.called))
        if changes:
            first, *rest = changes
            base = message("{one} + {two}", one=base, two=first.words)
            return _with(base, [change.words for change in rest], room)
    if last is not None:
        fresh = {change.words for change in _changes(spec, last)}
        changes.sort(key=lambda change: change.words not in fresh)
    if not changes:
        return base
    first, *rest = changes
    return _with(joined([base, first.words], ", "), [change.words for change in rest], room)


def _nearest(spec: RunSpec, last: RunSpec | None, known: Known | None) -> tuple[str, list[_Change]]:
    """Return what a spec is nearest to, by its name, and what differs from that."""
    found: list[tuple[int, str, list[_Change]]] = []
    if known is not None and known.spec.family == spec.family:
        changes = _changes(spec, known.spec)
        if len(changes) <= _MOST_OF_NAMED:
            found.append((len(changes), known.called, changes))
    for preset in PRESETS.values():
        if preset.spec.family != spec.family:
            continue
        changes = _changes(spec, preset.spec)
        if _is_like(changes):
            found.append((len(changes), preset.title, changes))
    if found:
        _, name, changes = min(found, key=lambda one: one[0])
        return name, changes
    told = [] if last is None or last.family != spec.family else _changes(spec, last)
    if len(told) > _MOST_CHANGES:  # another one altogether
        told = []
    shape = {*_SHAPES.values(), "rnn_units", "rnn_layers", "cell", "bidirectional"}
    return _widths(spec), [change for change in told if change.key not in shape]


def _is_like(changes: Sequence[_Change]) -> bool:
    """Tell whether a spec that differs from a preset so much can still be called after it."""
    network = [change for change in changes if change.key in _OF_NETWORK]
    shape = [change for change in network if change.key in _SHAPES.values()]
    around = [change for change in changes if change.key in _AROUND]
    return not network or (
        len(network) <= _MOST_OF_NETWORK
        and len(shape) <= _MOST_OF_SHAPE
        and len(changes) - len(around) <= _MOST_CHANGES
    )


def _changes(spec: RunSpec, other: RunSpec) -> list[_Change]:
    """Return what a spec does otherwise than another one, each thing once."""
    paths: dict[str, list[str]] = {}
    for difference in differences((spec, other)):
        head, _, rest = difference.path.partition(".")
        name = difference.path.rpartition(".")[2]
        is_width = bool(rest) and name in _WIDTHS
        key = _SHAPES[head] if difference.part or is_width else name
        paths.setdefault(key, []).append(difference.path)
    ordered = sorted(paths, key=lambda key: key in _AROUND)
    return [_Change(key=key, words=_told(spec, key, paths[key])) for key in ordered]


def _told(spec: RunSpec, key: str, paths: Sequence[str]) -> str:
    """Say what a spec has where it differs from another one."""
    if key == "conv":
        return _widths(replace(spec, family="conv", dense=()))
    if key == "dense":
        return _widths(replace(spec, family="dense")) if spec.dense else N_("no dense layer")
    if len({spec.value(path) for path in paths}) > 1:
        return message("other {label!l}", label=setting_at(paths[0]).label)
    words = _value(key, spec, paths[0])
    # Which order it is is not told, so neither is where.
    if key == "order" or len({spec.value(path) for path in _everywhere(spec, key)}) == 1:
        return words
    if len(paths) == 1:
        return message("{part!l} {words}", part=place(paths[0]), words=words)
    return message("{words} in {count} layers", words=words, count=len(paths))


def _everywhere(spec: RunSpec, key: str) -> list[str]:
    """Return every path at which a spec has a setting of this name."""
    return [
        path for path, _, _ in walk(spec) if path.rpartition(".")[2] == key and in_use(spec, path)
    ]


def _value(key: str, spec: RunSpec, path: str) -> str:
    """Say a setting's value with as much of its name as it needs."""
    record, value = setting_at(path), spec.value(path)
    label = _NAMES.get(key, record.label)
    if isinstance(record, Flag):
        return message("{label!l}", label=label) if value else _without(label)
    if key == "num_epochs":
        return N_("1 epoch") if value == 1 else message("{epochs} epochs", epochs=amount(value))
    if isinstance(record, Number):
        if value == 0 and key not in _NEVER_OFF:
            return _without(label)
        return message("{label!l} {value}", label=label, value=amount(value))
    assert isinstance(record, Choice)
    if key == "data":
        info = info_of(str(value))
        return Quoted(_cut(info.title)) if is_own(value) else info.short_title or info.title
    if value == "none":
        return _without(label)
    if (own := _CHOICES.get(key, {}).get(str(value))) is not None:
        return own
    template = _TEMPLATES.get(key)
    if template is None:
        return message("{label!l} {value!l}", label=label, value=in_words(record, value))
    return message(template, value=in_words(record, value))


def _without(label: str) -> str:
    return message("no {label!l}", label=label)


def _widths(spec: RunSpec) -> str:
    """Return a network in a few words, layers of one width that follow each other told as one."""
    outline = outline_of(spec)
    if spec.family == "recurrent":
        return outline.words
    if spec.family == "conv":
        widths = " + ".join([_in_a_row(outline.channels), *map(str, outline.dense)])
        return message("conv {widths}", widths=widths)
    if not outline.dense:
        return outline.words
    return message("dense {widths}", widths=_in_a_row(outline.dense))


def _in_a_row(widths: Sequence[int]) -> str:
    if len(widths) > 2 and len(set(widths)) == 1:
        return f"{len(widths)} × {widths[0]}"
    if len(widths) > 4:
        return f"{widths[0]}–…–{widths[-1]}"
    return "–".join(map(str, widths))


def _with(base: str, words: Sequence[str], room: int) -> str:
    """Put differences behind a name as far as there is room, and count the rest."""
    told = base
    for i, each in enumerate(words):
        longer = joined([told, each], ", ")
        rest = len(words) - i - 1
        if len(longer) + (len(f" +{rest}") if rest else 0) > room:
            return message("{words} +{count}", words=told, count=len(words) - i)
        told = longer
    return told


def _cut(called: str) -> str:
    return called if len(called) <= _MAX_CALLED else called[: _MAX_CALLED - 1].rstrip() + "…"
