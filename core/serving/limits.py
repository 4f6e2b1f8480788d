"""What a server allows: `netsketch.toml` beside app.py, or the file that NETSKETCH_CONFIG names.

A file that says something wrong is never replaced by the defaults: whoever wrote it meant to
restrict what people may do. The server says what is wrong and does not start; see `core.start`.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from core.words.errors import UserError
from core.words.message import Quoted, joined, message, shown

CONFIG: Final = Path(__file__).resolve().parents[2] / "netsketch.toml"
CONFIG_VARIABLE: Final = "NETSKETCH_CONFIG"
# Of each entry by section: the least whole number that it may hold; None for true or false.
_SECTIONS: Final[Mapping[str, Mapping[str, int | None]]] = {
    "queue": {
        "max_waiting": 1,
        "max_waiting_per_person": 1,
        "max_waiting_per_address": 1,
        "max_questions_per_address": 1,
        "max_run_minutes": 0,
        "max_pause_minutes": 0,
    },
    "people": {"only_own_runs": None},
    "images": {
        "max_own_sets_per_person": 1,
        "max_own_sets_per_address": 1,
        "max_own_mb_per_person": 1,
        "max_own_mb": 1,
    },
    "uploads": {
        "max_mb_per_page": 1,
        "max_mb_per_address": 1,
        "max_mb": 1,
        # Less would not do for one picture of the largest kind.
        "max_memory_mb": 240,
    },
    "store": {"keep_deleted_days": 0},
}
# The largest whole number of an entry: nobody means more, and its minutes still are a sane number
# of seconds.
_MOST: Final = 1_000_000


class LimitsError(UserError):
    """The file cannot be used; the text says where and why."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """A server's limits; 0 minutes are no limit. `netsketch.toml` explains each."""

    max_waiting: int = 30
    max_waiting_per_person: int = 10
    max_waiting_per_address: int = 24
    max_questions_per_address: int = 80
    max_run_minutes: int = 0
    max_pause_minutes: int = 5
    only_own_runs: bool = False
    max_own_sets_per_person: int = 10
    max_own_sets_per_address: int = 60
    max_own_mb_per_person: int = 500
    max_own_mb: int = 5_000
    max_mb_per_page: int = 110
    max_mb_per_address: int = 300
    max_mb: int = 500
    max_memory_mb: int = 240
    keep_deleted_days: int = 7

    @property
    def run_s(self) -> float | None:
        """Seconds that one run may take, or None."""
        return self.max_run_minutes * 60.0 or None

    @property
    def pause_s(self) -> float | None:
        """Seconds that a pause may hold the device while others wait, or None."""
        return self.max_pause_minutes * 60.0 or None


def limits(path: Path | None = None) -> Limits:
    """Read the limits; where there is no file, the defaults.

    Args:
        path: of the file; else the one that NETSKETCH_CONFIG names, or NetSketch's own.

    Raises:
        LimitsError: the file cannot be read or says what cannot be, or NETSKETCH_CONFIG names none.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    chosen = path or (Path(named).expanduser() if named else CONFIG)
    try:
        return parse(chosen.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        if path or not named:
            return Limits()
        raise LimitsError(
            message(
                "{variable} names {path}, and there is no such file.",
                variable=CONFIG_VARIABLE,
                path=Quoted(str(chosen)),
            )
        ) from error
    except LimitsError as error:
        raise LimitsError(
            message("{path}: {problem}", path=Quoted(str(chosen)), problem=error.message)
        ) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise LimitsError(
            message(
                "{path} cannot be read: {why}.", path=Quoted(str(chosen)), why=why or str(error)
            )
        ) from error


def parse(text: str) -> Limits:
    """Read the text of such a file.

    Raises:
        LimitsError: it is no TOML, or an entry is unknown, of the wrong type or out of range.
    """
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise LimitsError(message("it is not TOML: {why}.", why=str(error))) from error
    values: dict[str, int | bool] = {}
    for section, entries in data.items():
        known = _SECTIONS.get(section)
        if known is None or not isinstance(entries, dict):
            raise LimitsError(_unknown_section(text, section, isinstance(entries, dict)))
        for name, value in entries.items():
            if name not in known:
                raise LimitsError(_unknown_entry(text, section, name))
            values[name] = _sound(text, section, name, value)
    assert values.keys() <= {f.name for f in fields(Limits)}
    return Limits(**values)  # type: ignore[arg-type]


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return which of the known words somebody meant who wrote this one, if that can be told."""
    return next(iter(get_close_matches(word, list(known), n=1)), None)


def _sound(text: str, section: str, name: str, value: object) -> int | bool:
    """Return the value of an entry.

    Raises:
        LimitsError: it is of the wrong type, or out of range.
    """
    low = _SECTIONS[section][name]
    place = _place(text, section, name)
    if low is None:
        if isinstance(value, bool):
            return value
        raise LimitsError(message("{place} must be true or false.", place=place))
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= _MOST:
        raise LimitsError(
            message(
                "{place} must be a whole number from {low} on, at most {most:,}.",
                place=place,
                low=low,
                most=_MOST,
            )
        )
    return value


def _unknown_section(text: str, section: str, is_table: bool) -> str:
    place = _place(text, section) if is_table else _place(text, "", section)
    for other, names in _SECTIONS.items():
        if section in names:
            return message("{place} must stand below [{section}].", place=place, section=other)
    if meant := nearest(section, _SECTIONS):
        return message("{place} is no section. Did you mean [{meant}]?", place=place, meant=meant)
    return message(
        "{place} is no section. There are: {known}.",
        place=place,
        known=joined([f"[{known}]" for known in _SECTIONS], ", "),
    )


def _unknown_entry(text: str, section: str, name: str) -> str:
    place = _place(text, section, name)
    if other := next((other for other, names in _SECTIONS.items() if name in names), None):
        return message("{place} must stand below [{section}].", place=place, section=other)
    if meant := nearest(name, _SECTIONS[section]):
        return message(
            "{place} is no setting of NetSketch. Did you mean {meant}?", place=place, meant=meant
        )
    return message(
        "{place} is no setting of NetSketch. In this section there are: {known}.",
        place=place,
        known=joined(list(_SECTIONS[section]), ", "),
    )


def _place(text: str, section: str, name: str | None = None) -> str:
    """Say where an entry stands: its section, its name, and its line where that can be told."""
    table = f"[{shown(section)}]" if section else ""
    entry = f"{table} {shown(name)}".strip() if name else table
    line = _line_of(text, section, name)
    return message("line {line}, {entry}", line=line, entry=entry) if line else entry


def _line_of(text: str, section: str, name: str | None) -> int | None:
    """Return the line of an entry, or of a section; None where it is written in a rare way."""
    header = re.compile(r"\s*\[+\s*[\"']?([^\"'\]]*?)[\"']?\s*\]")
    key = re.compile(r"\s*[\"']?([^\"'=\s]+)[\"']?\s*=")
    wanted = ".".join(part for part in (section, name) if part)
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := header.match(line):
            inside = found[1]
            if name is None and inside == section:
                return number
        elif (found := key.match(line)) and wanted == ".".join(filter(None, (inside, found[1]))):
            return number
    return None
