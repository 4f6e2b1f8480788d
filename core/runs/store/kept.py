"""What the list of runs keeps beside the folders, each file with a sum over all that it says.

A file that is missing, damaged or another version's counts for nothing: the folders are the truth.
"""

import gc
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Final

from core.machine import device
from core.runs.record import name_from_plain, name_to_plain
from core.runs.store import disk
from core.runs.store.row import VERSION, Entry, RunRow
from core.spec import summary

_COLUMNS: Final = tuple(field.name for field in fields(RunRow))
# A list that was made by other code is not read.
_KIND: Final = f"{VERSION} {' '.join(_COLUMNS)}"


def read_rows(path: Path) -> dict[str, Entry]:
    """Return the entries that were kept, by id."""
    # Nothing of this is garbage, and the collector would go through it again and again: 10,000
    # entries take 0.28 s of one core of an EPYC, and 0.13 s without it (medians, n=5).
    collects = gc.isenabled()
    gc.disable()
    try:
        kind, *rows = json.loads(_read(path))
        return {row[0]: _entry(row) for row in rows} if kind == _KIND else {}
    except (OSError, ValueError, TypeError, IndexError):
        return {}
    finally:
        if collects:
            gc.enable()


def write_rows(path: Path, entries: Iterable[Entry]) -> None:
    """Keep entries, for the next process; not at all where the disk does not take them."""
    rows = [
        [*(_plain(entry.row, name) for name in _COLUMNS), entry.deleted_at, entry.stamp]
        for entry in entries
    ]
    _write(path, json.dumps([_KIND, *rows]))


def read_number(path: Path) -> int | None:
    """Return the number that was kept, or None."""
    try:
        return int(_read(path))
    except (OSError, ValueError):
        return None


def write_number(path: Path, number: int) -> None:
    """Keep a number; not at all where the disk does not take it."""
    _write(path, str(number))


def number_in_database(path: Path) -> int | None:
    """Return the last number that the list of an earlier NetSketch has given; None without one.

    Runs were listed by a SQLite database, which alone knew of those that were gone for good. One
    that cannot be read now is asked as the next server starts.
    """
    with suppress(OSError, sqlite3.Error):
        if path.is_file():
            with closing(sqlite3.connect(path, timeout=0.2)) as database:
                (number,) = database.execute("SELECT MAX(last_number) FROM counter").fetchone()
                return number if isinstance(number, int) else 0
    return None


def _plain(row: RunRow, name: str) -> object:
    match name:
        case "name":
            return name_to_plain(row.name)
        case "network":
            return summary.to_plain(row.network)
        case "device":
            return device.to_plain(row.device)
    return getattr(row, name)


def _entry(row: list[object]) -> Entry:
    *values, deleted_at, stamp = row
    named = dict(zip(_COLUMNS, values, strict=True))
    named["name"] = name_from_plain(named["name"])
    named["tags"] = tuple(named["tags"])  # type: ignore[arg-type]
    named["network"] = summary.from_plain(named["network"])
    named["device"] = device.from_plain(named["device"])
    return Entry(row=RunRow(**named), deleted_at=deleted_at, stamp=stamp)  # type: ignore[arg-type]


def _read(path: Path) -> bytes:
    """Return what a file says.

    Raises:
        OSError, ValueError: it is not there, or damaged.
    """
    said, _, words = disk.read(path).partition(b"\n")
    if said != _sum(words):
        raise ValueError("damaged")
    return words


def _write(path: Path, words: str) -> None:
    with suppress(OSError):
        disk.write(path, _sum(words.encode()) + b"\n" + words.encode())


def _sum(words: bytes) -> bytes:
    return sha256(words).hexdigest().encode()
