"""All runs on the disk, for every process that shares the folder."""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from core.runs.record import ENDED, RunRecord
from core.runs.store import disk, passage
from core.runs.store.claim import Claimed, claimed
from core.runs.store.disk import StoreError, Unreadable
from core.runs.store.folder import RunFolder, title_of
from core.runs.store.index import LOCK_S, Index, is_id
from core.runs.store.reserve import Reserve
from core.runs.store.row import RunRow
from core.training.state import State
from core.words.errors import UserError
from core.words.message import N_, message


class Store:
    """The runs below a folder: `runs/ID` for each, and beside them what is kept of their list.

    Every method may be called from any thread, and several processes may share the folder.

    Args:
        root: the folder; made where there is none.

    Raises:
        StoreError: the folder cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self._folders = root / "runs"
        self._lock = threading.RLock()
        # What was begun of runs that could not be made, and could not be removed either.
        self._unwanted: set[Path] = set()
        # Shared by the threads, which `_lock` keeps apart.
        self._file_lock = FileLock(
            root / "store.lock", timeout=LOCK_S, thread_local=False, poll_interval=0.01
        )
        with disk.saving(message("The folder for runs ({folder})", folder=str(self._folders))):
            self._folders.mkdir(parents=True, exist_ok=True)
            _try_to_write(root)
        self._reserve = Reserve(root / "runs.reserve")
        self._sweep_folders()
        self._reserve.set_aside()
        self._index = Index(root)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for people: what was moved aside, rebuilt or left out."""
        return self._index.notices

    def new_number(self) -> int:
        """Return the number of the next run."""
        return self._index.new_number()

    def add(self, record: RunRecord) -> RunFolder:
        """Begin a run's folder; see `add_all`.

        Raises:
            StoreError: it cannot be written; there is no such run then.
        """
        self.add_all([record])
        return self.folder(record.id)

    def add_all(self, records: Sequence[RunRecord], state: State | None = None) -> None:
        """Begin the folders of runs that belong together: all of them, or none.

        Each is whole before any gets its name. Should the process die between two names, the next
        store gives the rest theirs.

        Args:
            records: of runs that there are not yet.
            state: a first checkpoint of each, for weights that were trained elsewhere.

        Raises:
            StoreError: one cannot be written; there is none of them then.
        """
        made = [self._path(record.id) for record in records]
        for path, record in zip(made, records, strict=True):
            with disk.reading(title_of(record.id)):
                if path.exists():
                    raise StoreError(message("There is a run {id} already.", id=record.id))
        try:
            for path, record in zip(made, records, strict=True):
                passage.prepare(path, record, state)
            with self._alone(), disk.saving(title_of(records[0].id)):
                for path in made:
                    disk.rename(passage.new(path), path)
                disk.sync_folder(self._folders)
        except BaseException as error:
            if isinstance(error, Exception):  # nothing of ours runs after a kill
                self._unwanted |= {path for path in made if not passage.abandon(path)}
            raise
        for record in records:
            self._index.put(record)

    def put(self, record: RunRecord) -> None:
        """Save what became of a run. What people say of it stays as they said it.

        Raises:
            StoreError: it cannot be written; what was there before still is.
        """
        with self._alone():
            folder = self.folder(record.id)
            try:
                kept = folder.read_record()
            except Unreadable:
                raise  # what people said would be written over
            except UserError:
                pass
            else:
                record = replace(
                    record,
                    name=kept.name,
                    tags=kept.tags,
                    note=kept.note,
                    starred=kept.starred,
                    deleted_at=kept.deleted_at,
                )
            self._write(folder, record)

    def change(
        self,
        run_id: str,
        *,
        name: str | None = None,
        tags: tuple[str, ...] | None = None,
        note: str | None = None,
        starred: bool | None = None,
    ) -> RunRecord:
        """Change what people say of a run; None leaves a thing as it is.

        Raises:
            UserError: the words do not fit, there is no such run, or it cannot be written.
        """
        wanted = {"name": name, "tags": tags, "note": note, "starred": starred}
        changes = {key: value for key, value in wanted.items() if value is not None}
        with self._alone():
            folder = self.folder(run_id)
            record = replace(folder.read_record(), **changes)  # type: ignore[arg-type]
            self._write(folder, record)
        return record

    def get(self, run_id: str) -> RunRecord | None:
        """Return a run, deleted or not, or None where there is none that is whole.

        Raises:
            Unreadable: it cannot be read now.
        """
        if not is_id(run_id):
            return None
        try:
            return self.folder(run_id).read_record()
        except Unreadable:
            raise
        except UserError:
            return None

    def folder(self, run_id: str) -> RunFolder:
        """Return a run's folder, whether or not it exists.

        Raises:
            StoreError: this is no id.
        """
        return RunFolder(self._path(run_id), title_of(run_id), lambda: self._index.measure(run_id))

    def rows(self) -> tuple[RunRow, ...]:
        """Return the runs that are not deleted, newest first."""
        return self._index.rows()

    def newest(self, limit: int) -> tuple[RunRecord, ...]:
        """Return the newest runs that are not deleted and can be read now, newest first."""
        found: list[RunRecord] = []
        for row in self.rows():
            if len(found) >= limit:
                break
            try:
                record = self.get(row.id)
            except Unreadable as error:
                self._index.notice(row.id, error.message)
                continue
            if record is not None and record.deleted_at is None:
                found.append(record)
        return tuple(found)

    def delete(self, run_ids: Iterable[str]) -> None:
        """Take runs out of all lists; `restore` undoes it.

        Even a deletion takes a little room. On a full disk, those that were deleted before make it,
        or what was kept for that.

        Raises:
            StoreError: it cannot be written.
        """
        wanted = tuple(run_ids)
        while True:
            try:
                return self._set_deleted(wanted, time.time())
            except StoreError as error:
                if not disk.is_full(error):
                    raise
                if not self._purge_oldest() and not self._reserve.give_up():
                    raise

    def restore(self, run_ids: Iterable[str]) -> None:
        """Bring deleted runs back, as long as they have not been purged.

        Raises:
            StoreError: one cannot be read or written.
        """
        self._set_deleted(run_ids, None)

    def purge(self, older_than_s: float) -> None:
        """Remove for good what was deleted so long ago, unless a process works on it."""
        limit = time.time() - older_than_s
        for entry in self._index.entries():
            if entry.deleted_at is not None and entry.deleted_at <= limit:
                self._purge(entry.row.id, limit)

    def next_purge(self) -> float | None:
        """Return when the run that was deleted first was, in seconds since 1970; None for none."""
        times = [e.deleted_at for e in self._index.entries() if e.deleted_at is not None]
        return min(times, default=None)

    def disk_used(self) -> int:
        """Return the bytes of all runs, deleted ones too."""
        return self._index.num_bytes()

    def claim(self, run_id: str, wait_s: float = 0.0) -> AbstractContextManager[None]:
        """Hold a run while this process works on it; a dead process holds nothing.

        Args:
            run_id: of the run.
            wait_s: for so long another may hold it still, on entering.

        Raises:
            Claimed: on entering, another process or thread holds it.
            StoreError: on entering, it is gone, or cannot be held now.
        """
        return claimed(self._path(run_id), title_of(run_id), wait_s)

    def interrupt_orphans(self) -> tuple[str, ...]:
        """Mark the runs that went on when their process died; return their ids."""
        active = [entry.row.id for entry in self._index.entries() if entry.row.status not in ENDED]
        # A run that cannot be marked now is found again the next time.
        found = []
        for run_id in active:
            with suppress(UserError):
                record = self.interrupt_orphan(run_id)
                if record is not None and record.status == "interrupted":
                    found.append(run_id)
        return tuple(found)

    def interrupt_orphan(self, run_id: str) -> RunRecord | None:
        """Mark a run as interrupted if it goes on and no process works on it.

        Returns:
            It as it is now; where it cannot be marked, as it ought to be. None where another
            process works on it.

        Raises:
            Unreadable: it cannot be read now.
            StoreError: there is no such run.
        """
        try:
            with self.claim(run_id):
                record, mended = self._interrupted(run_id)
                if mended:
                    with suppress(StoreError), self._alone():
                        self._write(self.folder(run_id), record)
                return record
        except Claimed:
            return None

    def close(self) -> None:
        """Keep the list of runs for the next process."""
        self._index.close()

    def _path(self, run_id: str) -> Path:
        if not is_id(run_id):
            raise StoreError(N_("There is no such run."))
        return self._folders / run_id

    def _write(self, folder: RunFolder, record: RunRecord) -> None:
        folder.write_record(record)
        self._index.put(record)

    def _set_deleted(self, run_ids: Iterable[str], deleted_at: float | None) -> None:
        for run_id in run_ids:
            with self._alone():
                record = self.get(run_id)
                if record is not None and (record.deleted_at is None) != (deleted_at is None):
                    self._write(self.folder(run_id), replace(record, deleted_at=deleted_at))

    def _purge_oldest(self) -> bool:
        """Make room by the run that was deleted first; return whether there was one."""
        deleted = sorted(
            (entry.deleted_at, entry.row.id)
            for entry in self._index.entries()
            if entry.deleted_at is not None
        )
        return any(self._purge(run_id, deleted_at) for deleted_at, run_id in deleted)

    def _purge(self, run_id: str, limit: float) -> bool:
        """Remove a run that was deleted by then; return whether it is gone."""
        path = self._path(run_id)
        gone = passage.gone(path)
        try:
            with self._alone(surely=True):
                record = self.get(run_id)
                if record is None or record.deleted_at is None or record.deleted_at > limit:
                    return False
                with self.claim(run_id):
                    pass
                # Half a folder under its own name would be taken for a damaged run.
                disk.rename(path, gone)
        except (UserError, OSError, Timeout, NotImplementedError):
            return False
        disk.remove(gone)
        self._index.drop(run_id)
        return True

    def _interrupted(self, run_id: str) -> tuple[RunRecord, bool]:
        """Return a run as it is when its process has died, and whether that is news.

        Raises:
            Unreadable, StoreError: see `interrupt_orphan`.
        """
        folder = self.folder(run_id)
        record = folder.read_record()
        if record.status in ENDED:
            return record, False
        words = ""
        try:
            record = folder.as_far_as(record)
        except Unreadable as error:
            # As far as the record says; the worker that goes on with the run looks again.
            words = error.message
        seen = folder.last_sign_of_life()
        return replace(record, status="interrupted", message=words, ended_at=seen), True

    @contextmanager
    def _alone(self, *, surely: bool = False) -> Iterator[None]:
        """Keep others from changing a description between our reading and our writing.

        A lock that cannot be had within LOCK_S is done without: at worst one of two changes made
        at the same instant is lost, and no page hangs.

        Args:
            surely: do nothing without it.

        Raises:
            Timeout, OSError, NotImplementedError: on entering, only where it must be had.
        """
        with self._lock:
            try:
                self._file_lock.acquire()
            except (Timeout, OSError, NotImplementedError):
                if surely:
                    raise
            try:
                yield
            finally:
                self._file_lock.release()

    def sweep(self) -> None:
        """See to what a kill or a fault has left, and to what was changed by other means."""
        self._sweep_folders()
        self._reserve.set_aside()
        for path in tuple(self._unwanted):
            if passage.abandon(path):
                self._unwanted.discard(path)
                self._index.drop(path.name)
        self._index.look()

    def _sweep_folders(self) -> None:
        """See to the folders that a kill or a fault left on their way in or out."""
        passage.sweep(self._folders, lambda: self._alone(surely=True))


def _try_to_write(folder: Path) -> None:
    """Find out whether a folder can be written.

    Raises:
        OSError: it cannot; a full disk is no reason, for people must be able to delete runs.
    """
    trial = folder / "trial"
    try:
        disk.write(trial, b"")
    except OSError as error:
        if not disk.is_full(error):
            raise
    disk.remove(trial)
