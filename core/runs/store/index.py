"""All runs as rows in memory: read from their folders, which are the truth, and kept up to them.

A description is read again only where its file has changed. What other processes change, they tell
in a file of which a page asks one `stat`. The rows are kept in a file for the next process, which
so need not read all descriptions.

A SQLite database stood here before, with 180 lines more. The two with 10,000 runs, on 2 cores of an
EPYC that others used (medians): opened in 0.24 s of processor time against 0.31 s (n=18), listed
after a change of its own in 0.4 ms against 76 ms (n=20), and after another process's in 3 ms
against 88 ms (n=20). With nothing kept, either reads about 1,000 descriptions a second.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from core.runs.record import RunRecord
from core.runs.store import disk, kept
from core.runs.store.changes import Changes
from core.runs.store.disk import StoreError, Unreadable
from core.runs.store.folder import RECORD, RunFolder, title_of
from core.runs.store.row import Entry, RunRow, row_of
from core.words.errors import UserError
from core.words.message import N_, message

# How long after a vain look at the disk a page looks again.
RETRY_S: Final = 10.0
LOCK_S: Final = 5.0
# How long a page that lists runs waits for a thread that reads or writes rows.
_GLANCE_S: Final = 0.01
# So many rows may differ from those that are kept for the next process: it reads 100 in 0.03 s.
_MOST_UNKEPT: Final = 100
_FORMER: Final = ("runs.sqlite-wal", "runs.sqlite-shm", "runs.sqlite")
# Lower case, for file systems that tell no other; no dots or slashes, for it becomes a path.
_ID: Final = re.compile(r"(?!(?:con|prn|aux|nul|com\d|lpt\d)$)[a-z0-9][a-z0-9-]{0,63}")


def is_id(text: str) -> bool:
    """Tell whether this could be the id of a run, and so the name of a folder."""
    return _ID.fullmatch(text) is not None


class Index:
    """All runs as rows. Every method may be called from any thread.

    Args:
        root: holds the runs' folders, in `runs`, and what is kept beside them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders = root / "runs"
        self._lock = threading.RLock()
        # Before the first look, so that nothing that is told meanwhile is missed.
        self._changes = Changes(root / "runs.changes")
        self._entries = kept.read_rows(root / "runs.list")
        # By id, the oldest first, but for what was just put there.
        self._is_sorted = False
        # Runs whose rows are not in that file as they are.
        self._unkept: set[str] = set()
        # Runs whose descriptions could not be read the last time.
        self._unread: set[str] = set()
        # Folders that hold no run, by what they looked like.
        self._left_out: dict[str, str] = {}
        self._look_again_at = 0.0
        self._shown: tuple[Entry, ...] = ()
        self._rows: tuple[tuple[Entry, ...], tuple[RunRow, ...]] = (), ()
        self._last_number = self._number_of_former_list()
        self._notices: dict[str, str] = {}
        self._show()
        self.look()

    @property
    def notices(self) -> tuple[str, ...]:
        """What was moved aside, rebuilt or left out, in sentences."""
        return tuple(self._notices.values())

    def notice(self, key: str, sentence: str) -> None:
        """Say something to people, in place of what was said under the same key."""
        self._notices[key] = sentence

    def rows(self) -> tuple[RunRow, ...]:
        """Return the runs that are not deleted, newest first; see `entries`."""
        entries = self.entries()
        of, rows = self._rows
        if of is not entries:
            rows = tuple(entry.row for entry in entries if entry.deleted_at is None)
            self._rows = entries, rows
        return rows

    def entries(self) -> tuple[Entry, ...]:
        """Return all runs, newest first.

        While another thread reads or writes, they are those of the last look and all that was put
        here since: no page waits for a disk.
        """
        if not self._lock.acquire(timeout=_GLANCE_S):
            return self._shown
        try:
            news = self._changes.news()
            if news is None or (self._look_again_at and time.monotonic() >= self._look_again_at):
                self._compare()
            elif news:
                self._read(news)
            return self._shown
        finally:
            self._lock.release()

    def num_bytes(self) -> int:
        """Return what all runs take on the disk; see `entries`."""
        return sum(entry.row.num_bytes for entry in self.entries())

    def look(self) -> None:
        """Compare every folder with its row, also for changes that no NetSketch made."""
        self._compare()
        self._keep(_MOST_UNKEPT)

    def new_number(self) -> int:
        """Return a number that no run of the store has had, as far as it remembers.

        Raises:
            Unreadable: what there is cannot be told now.
        """
        path = self._root / "runs.number"
        with self._lock, self._alone():
            last = kept.read_number(path)
            if last is None:
                self._read(self._changed())
            taken = [entry.row.number for entry in self.entries()]
            self._last_number = max([self._last_number, last or 0, *taken]) + 1
            kept.write_number(path, self._last_number)
            return self._last_number

    def put(self, record: RunRecord) -> None:
        """Take in what a run's description says now."""
        size = disk.size_of(self._folders / record.id)
        entry = Entry(
            row=row_of(record, size), deleted_at=record.deleted_at, stamp=self._stamp(record.id)
        )
        with self._lock:
            self._set(record.id, entry)
            self._show()
        self._changes.tell(record.id)

    def drop(self, run_id: str) -> None:
        """Forget a run whose folder is gone."""
        with self._lock:
            self._set(run_id, None)
            self._show()
        self._changes.tell(run_id)

    def measure(self, run_id: str) -> None:
        """Look what a run takes on the disk."""
        size = disk.size_of(self._folders / run_id)
        with self._lock:
            known = self._entries.get(run_id)
            if known is not None:
                self._set(run_id, replace(known, row=replace(known.row, num_bytes=size)))
                self._show()
        self._changes.tell(run_id)

    def close(self) -> None:
        """Keep the rows for the next process."""
        self._keep(0)

    def _compare(self) -> None:
        try:
            changed = self._changed()
        except Unreadable as error:
            self.notice("folders", error.message)
            self._look_again_at = time.monotonic() + RETRY_S
        else:
            self._notices.pop("folders", None)
            self._read(changed)

    def _changed(self) -> set[str]:
        """Return the ids of the folders that are not as their rows say.

        Raises:
            Unreadable: that cannot be told now.
        """
        with disk.reading(N_("The folder for runs")), os.scandir(self._folders) as entries:
            found = {entry.name for entry in entries if is_id(entry.name) and entry.is_dir()}
        known = {id_: entry.stamp for id_, entry in self._entries.copy().items()} | self._left_out
        changed = {id_ for id_ in found if known.get(id_) != self._stamp(id_)}
        return changed | self._unread | (known.keys() - found)

    def _read(self, run_ids: set[str]) -> None:
        """Read what has become of runs."""
        with self._lock:
            for id_ in filter(is_id, run_ids):
                try:
                    entry = self._read_entry(id_)
                except StoreError as error:
                    # Whatever the list says of it stays, until it can be read.
                    self._unread.add(id_)
                    self.notice(id_, error.message)
                    continue
                self._set(id_, entry)
                if entry is not None and id_ in self._unread:
                    self._notices.pop(id_, None)
                self._unread.discard(id_)
            self._look_again_at = time.monotonic() + RETRY_S if self._unread else 0.0
            self._show()

    def _set(self, run_id: str, entry: Entry | None) -> None:
        before = self._entries.get(run_id)
        if entry is None:
            self._entries.pop(run_id, None)
        else:
            # One that takes its own place, or comes last, leaves them in order.
            other = before or next(reversed(self._entries.values()), entry)
            ordered = _age(entry) == _age(other) if before else _age(entry) >= _age(other)
            self._is_sorted = self._is_sorted and ordered
            self._entries[run_id] = entry
        self._unkept.add(run_id)

    def _show(self) -> None:
        if not self._is_sorted:
            self._entries = dict(sorted(self._entries.items(), key=lambda item: _age(item[1])))
            self._is_sorted = True
        self._shown = tuple(reversed(self._entries.values()))

    def _keep(self, most_unkept: int) -> None:
        """Write the rows to the disk, once more of them differ from those that are there."""
        with self._lock:
            if len(self._unkept) <= most_unkept:
                return
            self._unkept.clear()
        kept.write_rows(self._root / "runs.list", self._shown)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from taking a number at the same time, as far as can be."""
        lock = FileLock(self._root / "index.lock", timeout=LOCK_S)
        try:
            lock.acquire()
        except (Timeout, OSError, NotImplementedError):
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _number_of_former_list(self) -> int:
        """Take the last number over from the database that was, and remove that."""
        number = kept.number_in_database(self._root / "runs.sqlite")
        if number is None:
            return 0
        path = self._root / "runs.number"
        with self._alone():
            kept.write_number(path, max(number, kept.read_number(path) or 0))
        if kept.read_number(path) is not None:
            for name in _FORMER:
                disk.remove(self._root / name)
        return number

    def _stamp(self, run_id: str) -> str:
        """Return what changes whenever a run's description does."""
        try:
            found = os.stat(f"{self._folders}/{run_id}/{RECORD}")
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
        self._left_out.pop(run_id, None)
        try:
            record = folder.read_record()
        except Unreadable:
            raise
        except UserError:
            mended = self._mended(folder)
            if mended is None:
                if folder.path.is_dir():
                    self._left_out[run_id] = stamp
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


def _age(entry: Entry) -> tuple[int, float, str]:
    """Return what puts the newest last when sorted by it."""
    return entry.row.number, entry.row.created_at, entry.row.id
