"""The index of all runs: a SQLite file that can always be made anew from the runs' folders."""

import json
import math
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Final, get_args

from core.machine import device
from core.runs.record import Status
from core.runs.store.row import Entry, RunRow
from core.spec import summary as glance

# What brings a file of version N to version N + 1 stands at place N. Files of every version are
# in use somewhere: only ever add to the end.
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            number INTEGER NOT NULL,
            name TEXT NOT NULL,
            tags TEXT NOT NULL,
            note TEXT NOT NULL,
            starred INTEGER NOT NULL,
            status TEXT NOT NULL,
            message TEXT NOT NULL,
            network TEXT NOT NULL,
            data TEXT NOT NULL,
            step INTEGER NOT NULL,
            num_steps INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            val_accuracy REAL,
            test_accuracy REAL,
            params INTEGER NOT NULL,
            elapsed_s REAL NOT NULL,
            device TEXT NOT NULL,
            created_at REAL NOT NULL,
            num_bytes INTEGER NOT NULL,
            owner TEXT NOT NULL,
            rival TEXT NOT NULL,
            deleted_at REAL,
            stamp TEXT NOT NULL,
            crc INTEGER NOT NULL
        )""",
        "CREATE TABLE counter (last_number INTEGER NOT NULL)",
        "INSERT INTO counter VALUES (0)",
    ),
    # Networks and devices were words, and are facts in JSON; the folders have both.
    ("DELETE FROM runs", "ALTER TABLE runs DROP COLUMN message"),
)

_COLUMNS: Final = (*(f.name for f in fields(RunRow)), "deleted_at", "stamp")
_MEASURED: Final = _COLUMNS.index("num_bytes")
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM runs"
_UPSERT: Final = (
    f"INSERT OR REPLACE INTO runs ({', '.join(_COLUMNS)}, crc) "
    f"VALUES ({', '.join('?' for _ in _COLUMNS)}, ?)"
)

# The file is sound, but not to be had now: locked, or the disk is full, at fault or read-only.
_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_AUTH,
    }
)


class Damaged(Exception):
    """The file is no index of ours, or no longer one."""


class Unavailable(Exception):
    """The index cannot be had now."""


class Database:
    """An open index. One thread at a time.

    Args:
        path: the file; made where there is none.
        busy_s: how long to wait for another process.
        migrations: what leads from an empty file to the present version.

    Raises:
        Damaged, Unavailable: it cannot be used, for good or for now; so do all methods.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_s: float,
        migrations: Sequence[Sequence[str]] = MIGRATIONS,
    ) -> None:
        with _judged():
            self._db = sqlite3.connect(
                path, timeout=busy_s, isolation_level=None, check_same_thread=False
            )
        self._read: dict[object, tuple[Sequence[object], Entry]] = {}
        self._read_at = (-1, -1)
        try:
            with _judged():
                self._prepare(migrations)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with _judged():
            self._db.close()

    def entries(self) -> tuple[Entry, ...]:
        """Return all runs, newest first."""
        with _judged():
            # Changes by others, and our own.
            (version,) = self._db.execute("PRAGMA data_version").fetchone()
            now = (version, self._db.total_changes)
            if now != self._read_at:
                self._read = dict(self._read_anew())
                self._read_at = now
        return tuple(entry for _, entry in self._read.values())

    def rows(self) -> tuple[RunRow, ...]:
        """Return the runs that are not deleted, newest first."""
        return tuple(entry.row for entry in self.entries() if entry.deleted_at is None)

    def stamps(self) -> dict[str, str]:
        """Return each run's stamp by its id; "" where the disk has changed the row by itself."""
        with _judged():
            return {
                values[0]: values[-2] if _crc(values[:-1]) == values[-1] else ""
                for values in self._db.execute(f"SELECT {', '.join(_COLUMNS)}, crc FROM runs")
            }

    def num_bytes(self) -> int:
        """Return what all runs take on the disk."""
        with _judged():
            (total,) = self._db.execute("SELECT SUM(num_bytes) FROM runs").fetchone()
            return int(total or 0)

    def put(self, entries: Iterable[Entry], gone: Iterable[str] = ()) -> None:
        """Take in entries, in place of older ones, and drop the runs that are gone."""
        with self._writing():
            self._db.executemany(_UPSERT, (_values(entry) for entry in entries))
            self._db.executemany("DELETE FROM runs WHERE id = ?", ((run_id,) for run_id in gone))

    def measure(self, run_id: str, num_bytes: int) -> None:
        """Note what a run takes on the disk."""
        with self._writing():
            self._db.execute("UPDATE runs SET num_bytes = ? WHERE id = ?", (num_bytes, run_id))

    def new_number(self, above: int) -> int:
        """Return a number greater than `above` and than any returned before, in any process."""
        with self._writing():
            (highest,) = self._db.execute("SELECT MAX(number) FROM runs").fetchone()
            (last,) = self._db.execute("SELECT MAX(last_number) FROM counter").fetchone()
            number = int(max(highest or 0, last or 0, above)) + 1
            self._db.execute("UPDATE counter SET last_number = ?", (number,))
        return number

    def _read_anew(self) -> Iterator[tuple[object, tuple[Sequence[object], Entry]]]:
        """Yield each run's id with what the file says and what that means; few have changed."""
        for values in self._db.execute(f"{_SELECT} ORDER BY number DESC, created_at DESC, id DESC"):
            known = self._read.get(values[0])
            if known is None or known[0] != values:
                known = values, _entry(values)
            yield values[0], known

    def _prepare(self, migrations: Sequence[Sequence[str]]) -> None:
        # A write-ahead log lets others read while one writes; network drives may not have it.
        self._db.execute("PRAGMA journal_mode = WAL")
        # The folders are the truth; a power cut that takes the newest rows costs nothing.
        self._db.execute("PRAGMA synchronous = NORMAL")
        (verdict,) = self._db.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged(str(verdict))
        with self._writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(migrations):
                raise Damaged(f"version {version}")
            for statements in migrations[version:]:
                for statement in statements:
                    self._db.execute(statement)
            if version < len(migrations):
                self._db.execute(f"PRAGMA user_version = {len(migrations)}")
                # New columns are filled from the folders.
                self._db.execute("UPDATE runs SET stamp = ''")
        self._db.execute(f"{_SELECT} LIMIT 0")
        if self._db.execute("SELECT COUNT(*) FROM counter").fetchone() != (1,):
            raise Damaged("no counter")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _judged():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise


@contextmanager
def _judged() -> Iterator[None]:
    """Tell a damaged file from one that cannot be had now."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        raise (Unavailable if code in _PASSING else Damaged)(str(error)) from error
    except UnicodeDecodeError as error:  # SQLite quotes what it cannot read
        raise Damaged(str(error)) from error


def _values(entry: Entry) -> tuple[object, ...]:
    named = {name: getattr(entry.row, name) for name in _COLUMNS[:-2]}
    named |= {"tags": json.dumps(entry.row.tags), "deleted_at": entry.deleted_at}
    named |= {"stamp": entry.stamp, "network": json.dumps(glance.to_plain(entry.row.network))}
    named |= {"device": json.dumps(device.to_plain(entry.row.device))}
    values = [_storable(name, value) for name, value in named.items()]
    return (*values, _crc(values))


def _crc(values: Sequence[object]) -> int:
    """Return a sum of all that a row says, but for the size, which changes by itself."""
    said = [value for i, value in enumerate(values) if i != _MEASURED]
    return zlib.crc32(repr(said).encode(errors="replace"))


def _storable(name: str, value: object) -> object:
    """Return a value just as SQLite will give it back."""
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case bool():
            return int(value)
        case int() | float() if name in _REAL:
            return float(value) if math.isfinite(value) else 0.0
    return value


_KINDS: Final = {f.name: f.type for f in fields(RunRow)} | {"deleted_at": float | None}
_WHOLE: Final = frozenset(name for name, kind in _KINDS.items() if kind in (int, bool))
_REAL: Final = frozenset(name for name, kind in _KINDS.items() if kind in (float, float | None))
_OPTIONAL: Final = frozenset(name for name, kind in _KINDS.items() if kind == float | None)
# What else than numbers and texts is kept, as JSON.
_JSON: Final = ("tags", "network", "device")
_STATUSES: Final = frozenset(get_args(Status))


def _entry(values: Sequence[object]) -> Entry:
    """Read a row of the file.

    Raises:
        Damaged: it holds what we never wrote; SQLite itself checks no values.
    """
    named = dict(zip(_COLUMNS, values, strict=True))
    for name, value in named.items():
        if not _fits(name, value):
            raise Damaged(f"{name} is {value!r}")
    try:
        tags, network, computed_on = (json.loads(str(named[name])) for name in _JSON)
        named |= {"network": glance.from_plain(network), "device": device.from_plain(computed_on)}
    except (ValueError, RecursionError) as error:
        raise Damaged("no JSON of ours") from error
    listed = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    if named["status"] not in _STATUSES or not listed:
        raise Damaged("unknown words")
    deleted_at, stamp = named.pop("deleted_at"), named.pop("stamp")
    named |= {"tags": tuple(tags), "starred": bool(named["starred"])}
    return Entry(row=RunRow(**named), deleted_at=deleted_at, stamp=str(stamp))  # type: ignore[arg-type]


def _fits(name: str, value: object) -> bool:
    if name in _REAL:
        return (isinstance(value, float) and math.isfinite(value)) or (
            value is None and name in _OPTIONAL
        )
    return isinstance(value, int if name in _WHOLE else str)
