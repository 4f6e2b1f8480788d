"""The index as the store uses it: mended where it is damaged, done without where it is locked."""

import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from filelock import FileLock, Timeout

from core.runs.record import RunRecord
from core.runs.store import disk
from core.runs.store.database import Damaged, Database, Unavailable
from core.runs.store.disk import StoreError, Unreadable
from core.runs.store.folder import RECORD, RunFolder, title_of
from core.runs.store.row import Entry, RunRow, row_of
from core.words.errors import UserError
from core.words.message import N_, message

# How long to wait for another process that writes to the database.
BUSY_S: Final = 3.0
# How long after a vain wait the index is not asked again.
RETRY_S: Final = 10.0
LOCK_S: Final = 5.0
# How long whoever only looks waits for whoever writes.
_GLANCE_S: Final = 0.01
# Lower case, for file systems that tell no other; no dots or slashes, for it becomes a path.
_ID: Final = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)$)[a-z0-9][a-z0-9-]{0,63}")

T = TypeVar("T")


def is_id(text: str) -> bool:
    """Tell whether this could be the id of a run, and so the name of a folder."""
    return _ID.fullmatch(text) is not None


class Index:
    """All runs as rows, from the database, or from the folders while it cannot be had.

    Every method may be called from any thread.

    Args:
        path: the database.
        folders: holds the folders of the runs.
    """

    def __init__(self, path: Path, folders: Path) -> None:
        self._path = path
        self._folders = folders
        self._lock = threading.RLock()
        self._database: Database | None = None
        self._inode = 0
        self._unavailable_until = 0.0
        self._unmeasured: set[str] = set()
        # Runs whose descriptions could not be read the last time.
        self._unread: set[str] = set()
        self._read_again_at = 0.0
        self._read: dict[str, Entry] = {}
        # As all runs were listed last, for whoever looks while somebody writes.
        self._shown: tuple[Entry, ...] = ()
        self._last_number = 0
        self._notices: dict[str, str] = {}
        self.entries()

    @property
    def notices(self) -> tuple[str, ...]:
        """What was moved aside, rebuilt or left out, in sentences."""
        return tuple(self._notices.values())

    def notice(self, key: str, sentence: str) -> None:
        """Say something to people, in place of what was said under the same key."""
        self._notices[key] = sentence

    def rows(self) -> tuple[RunRow, ...]:
        """Return the runs that are not deleted, newest first; see `entries`."""
        return tuple(entry.row for entry in self.entries() if entry.deleted_at is None)

    def entries(self) -> tuple[Entry, ...]:
        """Return all runs, newest first.

        While another thread writes, they are those of the last look and all that was put here
        since: no page waits for a disk.
        """
        if not self._lock.acquire(timeout=_GLANCE_S):
            return self._shown
        try:
            found = self._ask(Database.entries)
            self._shown = self._from_folders() if found is None else found
            return self._shown
        finally:
            self._lock.release()

    def num_bytes(self) -> int:
        """Return what all runs take on the disk; see `entries`."""
        return sum(entry.row.num_bytes for entry in self.entries())

    def new_number(self) -> int:
        """Return a number that no run of the store has had, as far as it remembers.

        Raises:
            Unreadable: what there is cannot be told now.
        """
        with self._lock:
            above = max([self._last_number, *(entry.row.number for entry in self._shown)])
            number = self._ask(lambda database: database.new_number(above))
            if number is None:
                with disk.reading(N_("The folder for runs")):
                    self._stamps()
                taken = [entry.row.number for entry in self._from_folders()]
                number = max([above, *taken]) + 1
            self._last_number = number
            return number

    def put(self, record: RunRecord) -> None:
        """Take in what a run's description says now."""
        entry = self._entry_of(record)
        with self._lock:
            if not self._tell(lambda database: database.put([entry])):
                self._unmeasured.add(record.id)
            self._show(record.id, entry)

    def drop(self, run_id: str) -> None:
        """Forget a run whose folder is gone."""
        with self._lock:
            self._tell(lambda database: database.put([], [run_id]))
            self._show(run_id, None)

    def measure(self, run_id: str) -> None:
        """Look what a run takes on the disk."""
        size = disk.size_of(self._folders / run_id)
        with self._lock:
            if not self._tell(lambda database: database.measure(run_id, size)):
                self._unmeasured.add(run_id)
            known = next((entry for entry in self._shown if entry.row.id == run_id), None)
            if known is not None:
                self._show(run_id, replace(known, row=replace(known.row, num_bytes=size)))

    def _show(self, run_id: str, entry: Entry | None) -> None:
        others = [known for known in self._shown if known.row.id != run_id]
        self._shown = _newest_first(others if entry is None else [*others, entry])

    def close(self) -> None:
        """Close the database; it opens again when asked."""
        with self._lock:
            database, self._database = self._database, None
            if database is not None:
                with suppress(Damaged, Unavailable):
                    database.close()

    def _tell(self, action: Callable[[Database], None]) -> bool:
        """Change the database; return False while it cannot be had."""

        def act(database: Database) -> bool:
            action(database)
            return True

        return self._ask(act) or False

    def _ask(self, ask: Callable[[Database], T]) -> T | None:
        """Ask the database; return None while it cannot be had."""
        with self._lock:
            if time.monotonic() < self._unavailable_until:
                return None
            for _ in range(2):
                inode = _inode(self._path)
                try:
                    answer = ask(self._opened())
                    self._notices.pop("unavailable", None)
                    return answer
                except (Unavailable, OSError):
                    break
                except Damaged:
                    self.close()
                    if not self._moved_aside(inode):
                        break
            self.close()
            self._unavailable_until = time.monotonic() + RETRY_S
            self.notice(
                "unavailable",
                N_(
                    "The list of runs (runs.sqlite) cannot be used now: another program has locked "
                    "it, or its disk is full or at fault. NetSketch reads the runs’ own folders "
                    "instead and tries again."
                ),
            )
            return None

    def _opened(self) -> Database:
        """Return the database, opened anew where another process has put another file there."""
        if self._database is not None and self._inode != _inode(self._path):
            self.close()
        if self._database is None:
            with self._alone():
                database = Database(self._path, busy_s=BUSY_S)
                try:
                    self._inode = _inode(self._path)
                    self._sync(database)
                except BaseException:
                    with suppress(Damaged, Unavailable):
                        database.close()
                    raise
                self._database = database
        elif self._unread and time.monotonic() >= self._read_again_at:
            self._sync(self._database)
        return self._database

    def _sync(self, database: Database) -> None:
        """Bring the database up to the folders, whoever changed them.

        Another process may change one between our reading and our writing; so we look again.
        """
        unmeasured = set(self._unmeasured)
        left_out: set[str] = set()
        unread: set[str] = set()
        for _ in range(5):
            known, found = database.stamps(), self._stamps()
            changed = {id_ for id_, stamp in found.items() if known.get(id_) != stamp} | unmeasured
            gone = known.keys() - found.keys()
            changed = (changed & found.keys()) - left_out - unread
            if not changed and not gone:
                break
            entries: list[Entry] = []
            for id_ in changed:
                try:
                    entry = self._read_entry(id_)
                except StoreError as error:
                    # Whatever the list says of it stays, until it can be read.
                    unread.add(id_)
                    self.notice(id_, error.message)
                    continue
                if entry is None:
                    left_out.add(id_)
                else:
                    entries.append(entry)
            database.put(entries, gone | left_out)
            unmeasured = set()
        self._unmeasured.clear()
        for id_ in self._unread - unread - left_out:
            self._notices.pop(id_, None)
        self._unread = unread
        self._read_again_at = time.monotonic() + RETRY_S

    def _moved_aside(self, inode: int) -> bool:
        """Give a damaged database another name; return whether there is room for a new one."""
        with self._alone():
            if _inode(self._path) != inode:
                return True  # another process was faster
            when = datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")
            aside = self._path.with_name(f"{self._path.stem}-damaged-{when}{self._path.suffix}")
            try:
                # The log first: with a new file it would be taken for that one's.
                for suffix in ("-wal", "-shm", ""):
                    source = self._path.with_name(self._path.name + suffix)
                    if source.exists():
                        disk.rename(source, aside.with_name(aside.name + suffix))
            except OSError:
                return False
        self.notice(
            "rebuilt",
            message(
                "The list of runs was damaged and has been rebuilt from the runs’ folders; the "
                "damaged file is kept as {file}.",
                file=aside.name,
            ),
        )
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from mending at the same time, as far as the system can."""
        lock = FileLock(self._path.with_name("index.lock"), timeout=LOCK_S)
        try:
            lock.acquire()
        except (Timeout, OSError, NotImplementedError):
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _from_folders(self) -> tuple[Entry, ...]:
        """Return all runs as their folders tell, newest first."""
        with self._lock:
            try:
                stamps = self._stamps()
            except OSError:
                return self._shown
            if not self._read:
                self._read = {entry.row.id: entry for entry in self._shown}
            for id_, stamp in stamps.items():
                kept = self._read.get(id_)
                if kept is None or kept.stamp != stamp or id_ in self._unmeasured:
                    try:
                        entry = self._read_entry(id_)
                    except StoreError as error:
                        self.notice(id_, error.message)
                        self._unread.add(id_)
                        continue
                    if entry is not None:
                        self._read[id_] = entry
                    elif kept is not None:
                        del self._read[id_]
            self._read = {id_: entry for id_, entry in self._read.items() if id_ in stamps}
            return _newest_first(self._read.values())

    def _stamps(self) -> dict[str, str]:
        """Return the stamp of every folder that holds anything, by id.

        Raises:
            OSError: that cannot be told now.
        """
        with os.scandir(self._folders) as entries:
            names = [entry.name for entry in entries if is_id(entry.name) and entry.is_dir()]
        return {name: self._stamp(name) for name in names}

    def _stamp(self, run_id: str) -> str:
        try:
            found = (self._folders / run_id / RECORD).stat()
        except disk.ABSENT:
            return "none"
        except OSError:
            return "unread"
        return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"

    def _read_entry(self, run_id: str) -> Entry | None:
        """Read a run's description, mending it where that can be done; None where it cannot.

        Raises:
            StoreError: that cannot be told now.
        """
        folder = RunFolder(self._folders / run_id, title_of(run_id))
        stamp = self._stamp(run_id)
        try:
            record = folder.read_record()
        except Unreadable:
            raise
        except UserError:
            mended = self._mended(folder)
            if mended is None:
                return None
            record, stamp = mended, self._stamp(run_id)
        size = disk.size_of(folder.path)
        return Entry(row=row_of(record, size), deleted_at=record.deleted_at, stamp=stamp)

    def _mended(self, folder: RunFolder) -> RunRecord | None:
        name = folder.path.name
        record = folder.mend_record()
        if record is not None:
            self.notice(
                name,
                message(
                    "The description of run {number} ({folder}) was damaged and has been rebuilt "
                    "from its newest checkpoint.",
                    number=record.number,
                    folder=name,
                ),
            )
        elif folder.path.is_dir():
            self.notice(
                name,
                message(
                    "The run in the folder {folder} is left out: its description ({file}) cannot "
                    "be read, and no checkpoint holds a copy.",
                    folder=name,
                    file=RECORD,
                ),
            )
        return record

    def _entry_of(self, record: RunRecord) -> Entry:
        size = disk.size_of(self._folders / record.id)
        return Entry(
            row=row_of(record, size), deleted_at=record.deleted_at, stamp=self._stamp(record.id)
        )


def _newest_first(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(
        sorted(
            entries,
            key=lambda entry: (entry.row.number, entry.row.created_at, entry.row.id),
            reverse=True,
        )
    )


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1
