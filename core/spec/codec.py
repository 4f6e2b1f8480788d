"""A spec as the query of an address and as JSON, and back.

Both forms come from the one table of fields in `core.spec`. An address is read leniently (the
nearest valid network and a sentence for each thing mended); JSON strictly (the first wrong thing
is refused).
"""

import json
from collections.abc import Mapping
from typing import Final

from core.data.own.kept import is_known, is_own
from core.spec import (
    GROUPS,
    MAX_BLOCKS,
    MAX_DENSE,
    MIN_BLOCKS,
    BlockSpec,
    DenseSpec,
    RunSpec,
    SpecError,
    default_of,
    place,
    settings,
    walk,
)
from core.spec.earlier import EARLIER
from core.spec.settings import Setting, Value
from core.words.message import N_, Quoted, message, shown

VERSION: Final = 1
# Longer addresses were not written by NetSketch; reading on would only cost time.
MAX_QUERY_KEYS: Final = 200
MAX_JSON_BYTES: Final = 64 * 1024

_GROUPS: Final[dict[str, tuple[str, type[BlockSpec] | type[DenseSpec], int, int]]] = {
    "blocks": ("b", BlockSpec, MIN_BLOCKS, MAX_BLOCKS),
    "dense": ("d", DenseSpec, 0, MAX_DENSE),
}


def to_query(spec: RunSpec) -> dict[str, str]:
    """Write a spec as query parameters; values equal to a field's default are left out."""
    query = {"v": str(VERSION), "blocks": str(len(spec.blocks)), "dense": str(len(spec.dense))}
    for path, record, value in walk(spec):
        head, *rest = path.split(".")
        cls = _GROUPS[head][1] if rest else RunSpec
        if value == default_of(cls, rest[-1] if rest else head):
            continue
        query[_query_key(path)] = record.format(value)
    return query


def from_query(query: Mapping[str, str], default: RunSpec) -> tuple[RunSpec, list[str]]:
    """Read query parameters, however broken, as the nearest valid spec.

    Args:
        query: keys and values as they stand in the address.
        default: the spec of an address that says nothing.

    Returns:
        The spec, and a sentence for each thing that had to be mended or ignored.
    """
    if not query:
        return default, []
    reader = _QueryReader(dict(list(query.items())[:MAX_QUERY_KEYS]))
    if len(query) > MAX_QUERY_KEYS:
        reader.mended.append(
            message(
                "The address holds {count} settings; only the first {most} were read.",
                count=len(query),
                most=MAX_QUERY_KEYS,
            )
        )
    spec = reader.spec()
    return (spec if reader.understood else default), reader.mended


class _QueryReader:
    def __init__(self, query: dict[str, str]) -> None:
        self._query = query
        self._size = len(query)
        self.mended: list[str] = []

    @property
    def understood(self) -> bool:
        """Whether anything in the address was about a network, once `spec` has read it."""
        return len(self._query) < self._size

    def spec(self) -> RunSpec:
        version = self._query.pop("v", str(VERSION))
        if version != str(VERSION):
            self.mended.append(
                message(
                    "The address is of version “{found}”; it was read as version {version}.",
                    found=shown(version),
                    version=VERSION,
                )
            )
        groups: dict[str, tuple[object, ...]] = {}
        for group, (letter, cls, low, high) in _GROUPS.items():
            count = self._count(group, low, high, default=low)
            groups[group] = tuple(
                cls(**self._values(cls, f"{letter}{i + 1}.", place(f"{group}.{i}")))  # type: ignore[arg-type]
                for i in range(count)
            )
        values = self._values(RunSpec, "", RunSpec.title)
        unknown = [shown(key) for key in self._query]
        if unknown:
            listed = ", ".join(f"“{key}”" for key in unknown[:5])
            if len(unknown) > 5:
                listed = message("{listed} and {count} more", listed=listed, count=len(unknown) - 5)
            self.mended.append(
                message("Not a setting of this network, so ignored: {listed}.", listed=listed)
            )
        return RunSpec(**groups, **values)  # type: ignore[arg-type]

    def _count(self, group: str, low: int, high: int, default: int) -> int:
        text = self._query.pop(group, str(default))
        if text.isascii() and text.isdigit() and len(text) < 20:
            count = min(max(int(text), low), high)
            if count == int(text):
                return count
        else:
            count = default
        self.mended.append(
            message(
                "A network has {low} to {high} {parts}, not “{found}”; {count} used.",
                low=low,
                high=high,
                parts=GROUPS[group],
                found=shown(text),
                count=count,
            )
        )
        return count

    def _values(self, cls: type, prefix: str, title: str) -> dict[str, Value]:
        values = {}
        for name, record in settings(cls).items():
            text = self._query.pop(prefix + name, None)
            if text is not None:
                values[name] = self._value(record, default_of(cls, name), text, title)
        for name, earlier in EARLIER.get(cls, {}).items():
            if earlier.name not in values and prefix + name in self._query:
                text = self._query.pop(prefix + name)
                default = default_of(cls, earlier.name)
                before = next(old for old, now in earlier.values.items() if now == default)
                values[earlier.name] = earlier.values[
                    self._value(earlier.record, before, text, title)
                ]
        return values

    def _value(self, record: Setting, default: Value, text: str, title: str) -> Value:
        value = record.parse(text)
        complaint = record.complaint(value)
        if complaint is None and is_own(value) and not is_known(str(value)):
            complaint = message(
                "names images that this computer does not have (“{key}”)", key=str(value)
            )
        if complaint is None:
            return value  # type: ignore[return-value]
        nearest = record.nearest(value, default)
        self.mended.append(
            message(
                "{place}: {setting!l} {complaint}; {used} used.",
                place=title,
                setting=record.label,
                complaint=complaint,
                used=Quoted(record.format(nearest)),
            )
        )
        return nearest


def to_dict(spec: RunSpec) -> dict[str, object]:
    """Write a spec as nested plain data, every field spelled out."""
    return {
        "version": VERSION,
        "blocks": [{name: getattr(b, name) for name in settings(BlockSpec)} for b in spec.blocks],
        "dense": [{name: getattr(d, name) for name in settings(DenseSpec)} for d in spec.dense],
        **{name: getattr(spec, name) for name in settings(RunSpec)},
    }


def from_dict(data: object) -> RunSpec:
    """Read what `to_dict` wrote.

    Raises:
        SpecError: anything is unknown, of the wrong type or out of range; the message names it.
    """
    if not isinstance(data, dict):
        raise SpecError(N_("The configuration must be a JSON object."))
    version = data.get("version", VERSION)
    if version != VERSION or isinstance(version, bool):
        raise SpecError(
            message(
                "The configuration is of version “{found}”; this NetSketch reads {version}.",
                found=shown(version),
                version=VERSION,
            ),
            "version",
        )
    for key in data:
        if key != "version" and key not in _GROUPS and key not in settings(RunSpec):
            sentence = message("Settings: “{key}” is not a setting.", key=shown(key))
            raise SpecError(sentence, shown(key))
    groups = {group: _parts(group, data.get(group, [])) for group in _GROUPS}
    values = {name: data[name] for name in settings(RunSpec) if name in data}
    return RunSpec(**groups, **values)  # type: ignore[arg-type]


def to_json(spec: RunSpec) -> str:
    """Write a spec as indented JSON."""
    return json.dumps(to_dict(spec), indent=2)


def from_json(text: str) -> RunSpec:
    """Read what `to_json` wrote.

    Raises:
        SpecError: the text is too long, not JSON, has a key twice, or `from_dict` refuses it.
    """
    if len(text.encode(errors="replace")) > MAX_JSON_BYTES:
        raise SpecError(
            message("The configuration is larger than {most} KB.", most=MAX_JSON_BYTES // 1024)
        )
    try:
        return from_dict(json.loads(text, object_pairs_hook=_no_duplicates))
    except RecursionError as error:
        raise SpecError(N_("The configuration is nested too deeply.")) from error
    except json.JSONDecodeError as error:
        raise SpecError(
            message(
                "The configuration is not JSON: line {line}, column {column}.",
                line=error.lineno,
                column=error.colno,
            )
        ) from error
    except ValueError as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(N_("The configuration holds a number that is too long.")) from error


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    once: dict[str, object] = {}
    for key, value in pairs:
        if key in once:
            raise SpecError(message("The configuration has “{key}” twice.", key=shown(key)))
        once[key] = value
    return once


def _parts(group: str, data: object) -> tuple[object, ...]:
    _, cls, low, high = _GROUPS[group]
    if not isinstance(data, list):
        raise SpecError(message("Settings: “{group}” must be a list.", group=Quoted(group)), group)
    if not low <= len(data) <= high:
        sentence = message(
            "Settings: “{group}” holds {low} to {high} entries.",
            group=Quoted(group),
            low=low,
            high=high,
        )
        raise SpecError(sentence, group)
    found: list[dict[str, object]] = []
    for i, part in enumerate(data):
        title = place(f"{group}.{i}")
        if not isinstance(part, dict):
            sentence = message("{place}: must be a JSON object.", place=title)
            raise SpecError(sentence, f"{group}.{i}")
        part = _as_now(cls, part, f"{group}.{i}")
        unknown = next((key for key in part if key not in settings(cls)), None)
        if unknown is not None:
            sentence = message(
                "{place}: “{key}” is not a setting.", place=title, key=shown(unknown)
            )
            raise SpecError(sentence, f"{group}.{i}")
        found.append(part)
    return tuple(cls(**part) for part in found)  # type: ignore[arg-type]


def _as_now(cls: type, part: dict[str, object], path: str) -> dict[str, object]:
    """Return a part of the JSON with the settings of earlier versions by their present names."""
    now = dict(part)
    for name, earlier in EARLIER.get(cls, {}).items():
        if name not in part or earlier.name in part:
            continue
        value = now.pop(name)
        complaint = earlier.record.complaint(value)
        if complaint is not None:
            sentence = message(
                "{place}: {setting!l} {complaint}.",
                place=place(path),
                setting=earlier.record.label,
                complaint=complaint,
            )
            raise SpecError(sentence, f"{path}.{earlier.name}")
        now[earlier.name] = earlier.values[value]  # type: ignore[index]
    return now


def _query_key(path: str) -> str:
    head, *rest = path.split(".")
    return f"{_GROUPS[head][0]}{int(rest[0]) + 1}.{rest[1]}" if rest else head
