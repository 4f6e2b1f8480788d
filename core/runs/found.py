"""The runs that a process finds on the disk as it starts, and those it could not read then."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from core.data.loading import data_folder
from core.runs.record import ENDED, RunRecord
from core.runs.store import Store, StoreError
from core.words.errors import UserError
from core.words.message import N_, joined

_UNSURE: Final = N_("What became of this run cannot be told now.")
# After so many seconds each, a disk that cannot be read as the server starts is tried again.
_OPEN_AGAIN_S: Final = (0.2, 0.5, 1.0)

_log = logging.getLogger(__name__)


def open_store() -> Store | None:
    """Return the runs of the data folder, or None where they can live in memory only."""
    for wait_s in (*_OPEN_AGAIN_S, None):
        try:
            return Store(data_folder())
        except StoreError as error:
            if wait_s is None:
                _log.warning("Runs live in memory only. %s", error)
            else:
                time.sleep(wait_s)
    return None


class Found:
    """The newest runs of a store.

    Args:
        store: of the runs.
        most: how many of them.
    """

    def __init__(self, store: Store, most: int) -> None:
        self._store = store
        self._most = most
        # Runs, as they were handed out, that another process works on, or may work on.
        self._open: dict[str, RunRecord] = {}
        self._unread: set[str] = set()

    def at_start(self) -> tuple[RunRecord, ...]:
        """Return the newest runs, oldest first; those of a dead process are marked interrupted."""
        self._store.interrupt_orphans()
        records = tuple(reversed(self._store.newest(self._most)))
        known = {record.id for record in records}
        newest = [row.id for row in self._store.rows()[: self._most]]
        self._unread = {run_id for run_id in newest if run_id not in known}
        return tuple(map(self._now, records))

    def again(self, is_busy: Callable[[str], bool]) -> Iterator[RunRecord]:
        """Yield the runs that have changed since they were handed out.

        Args:
            is_busy: tells of the id of a run whether this process has taken it up; such a run is
                neither looked at nor marked as interrupted, for this process works on it.
        """
        for run_id in tuple(self._unread):
            if is_busy(run_id):
                continue
            try:
                record = self._store.get(run_id)
            except StoreError:
                continue
            self._unread.discard(run_id)
            if record is not None and record.deleted_at is None:
                yield self._now(record)
        for run_id, before in tuple(self._open.items()):
            if is_busy(run_id):
                continue
            try:
                record = self._store.get(run_id)
            except StoreError:
                continue
            if record is None or record.deleted_at is not None:
                del self._open[run_id]
                continue
            now = self._now(record)
            if now != before:
                yield now

    def _now(self, record: RunRecord) -> RunRecord:
        """Return a run as it is to be shown."""
        if record.status in ENDED:
            self._open.pop(record.id, None)
            return record
        shown = record
        try:
            marked = self._store.interrupt_orphan(record.id)
        except UserError as error:
            shown = replace(record, status="interrupted", message=joined([_UNSURE, error.message]))
        else:
            if marked is not None:
                self._open.pop(record.id, None)
                return marked
        self._open[record.id] = shown
        return shown
