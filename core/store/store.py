"""All runs on the disk, for every process that shares the folder."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from core.errors import UserError
from core.message import N_, message
from core.record import ENDED, RunRecord
from core.store import disk
from core.store.disk import StoreError
from core.store.folder import CLAIM, RunFolder
from core.store.index import LOCK_S, Index, is_id
from core.store.row import RunRow

_INTERRUPTED: Final = N_("NetSketch ended while this run was going on.")
_NEVER_BEGAN: Final = N_("NetSketch ended before this run began.")
# Folders on their way in and out; their names are no ids.
_NEW: Final = ".new-"
_GONE: Final = ".gone-"
_ABANDONED_S: Final = 3600.0


class Store:
    """The runs below a folder: `runs/ID` for each, and `runs.sqlite`, which lists them.

    Every method may be called from any thread, and several processes may share the folder.

    Args:
        root: the folder; made where there is none.

    Raises:
        StoreError: the folder cannot be written.
    """

    def __init__(self, root: Path) -> None:
        self._folders = root / "runs"
        self._lock = threading.RLock()
        # Shared by the threads, which `_lock` keeps apart.
        self._file_lock = FileLock(
            root / "store.lock", timeout=LOCK_S, thread_local=False, poll_interval=0.01
        )
        with disk.saving(message("The folder for runs ({folder})", folder=str(self._folders))):
            self._folders.mkdir(parents=True, exist_ok=True)
            _try_to_write(root)
        self._sweep()
        self._index = Index(root / "runs.sqlite", self._folders)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for people: what was moved aside, rebuilt or left out."""
        return self._index.notices

    def new_number(self) -> int:
        """Return the number of the next run."""
        return self._index.new_number()

    def add(self, record: RunRecord) -> RunFolder:
        """Begin a run's folder.

        Raises:
            StoreError: it cannot be written; there is no such run then.
        """
        path = self._path(record.id)
        new = path.with_name(_NEW + record.id)
        title = message("Run {number}", number=record.number)
        folder = RunFolder(new, title)
        with self._alone():
            if path.exists():
                raise StoreError(message("There is a run {id} already.", id=record.id))
            try:
                with disk.saving(title):
                    new.mkdir(exist_ok=True)
                    folder.write_record(record)
                    disk.rename(new, path)
                    disk.sync_folder(self._folders)
            except StoreError:
                disk.remove(new)
                raise
            self._index.put(record)
        return self.folder(record.id)

    def put(self, record: RunRecord) -> None:
        """Save what became of a run. What people say of it stays as they said it.

        Raises:
            StoreError: it cannot be written; what was there before still is.
        """
        with self._alone():
            folder = self.folder(record.id)
            with suppress(UserError):
                kept = folder.read_record()
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
        """Return a run, deleted or not, or None where there is none that can be read."""
        if not is_id(run_id):
            return None
        try:
            return self.folder(run_id).read_record()
        except UserError:
            return None

    def folder(self, run_id: str) -> RunFolder:
        """Return a run's folder, whether or not it exists.

        Raises:
            StoreError: this is no id.
        """
        path = self._path(run_id)
        number = run_id.partition("-")[0]
        title = message("Run {number}", number=number) if number.isdigit() else N_("The run")
        return RunFolder(path, title, lambda: self._index.measure(run_id))

    def rows(self) -> tuple[RunRow, ...]:
        """Return the runs that are not deleted, newest first."""
        return self._index.rows()

    def newest(self, limit: int) -> tuple[RunRecord, ...]:
        """Return the newest runs that are not deleted, newest first."""
        found: list[RunRecord] = []
        for row in self.rows():
            if len(found) >= limit:
                break
            record = self.get(row.id)
            if record is not None and record.deleted_at is None:
                found.append(record)
        return tuple(found)

    def delete(self, run_ids: Iterable[str]) -> None:
        """Take runs out of all lists; `restore` undoes it.

        Even a deletion takes a little room. On a full disk, those that were deleted before make it.

        Raises:
            StoreError: it cannot be written.
        """
        wanted = tuple(run_ids)
        try:
            self._set_deleted(wanted, time.time())
        except StoreError as error:
            if not disk.is_full(error):
                raise
            self.purge(0.0)
            self._set_deleted(wanted, time.time())

    def restore(self, run_ids: Iterable[str]) -> None:
        """Bring deleted runs back, as long as they have not been purged.

        Raises:
            StoreError: it cannot be written.
        """
        self._set_deleted(run_ids, None)

    def purge(self, older_than_s: float) -> None:
        """Remove for good what was deleted so long ago, unless a process works on it."""
        limit = time.time() - older_than_s
        for entry in self._index.entries():
            if entry.deleted_at is not None and entry.deleted_at <= limit:
                self._purge(entry.row.id, limit)

    def disk_used(self) -> int:
        """Return the bytes of all runs, deleted ones too."""
        return self._index.num_bytes()

    def claim(self, run_id: str) -> AbstractContextManager[None]:
        """Hold a run while this process works on it; a dead process holds nothing.

        Raises:
            StoreError: on entering, another process or thread holds it.
        """
        return self._claimed(self._path(run_id))

    def interrupt_orphans(self) -> tuple[str, ...]:
        """Mark the runs that went on when their process died; return their ids."""
        found = []
        for entry in self._index.entries():
            if entry.row.status not in ENDED:
                # A run that cannot be marked now is found again the next time.
                with suppress(UserError), self.claim(entry.row.id):
                    if self._interrupt(entry.row.id):
                        found.append(entry.row.id)
        return tuple(found)

    def close(self) -> None:
        """Let go of the database."""
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

    def _purge(self, run_id: str, limit: float) -> None:
        path = self._path(run_id)
        with suppress(UserError, OSError), self._alone():
            record = self.get(run_id)
            if record is None or record.deleted_at is None or record.deleted_at > limit:
                return
            with self.claim(run_id):
                pass
            # Half a folder under its own name would be taken for a damaged run.
            gone = path.with_name(_GONE + run_id)
            disk.rename(path, gone)
            disk.remove(gone)
            self._index.drop(run_id)

    def _interrupt(self, run_id: str) -> bool:
        with self._alone():
            folder = self.folder(run_id)
            record = folder.read_record()
            if record.status in ENDED:
                return False
            seen = folder.last_sign_of_life()
            record = folder.as_far_as(record)
            record = replace(
                record,
                status="interrupted",
                message=_INTERRUPTED if record.device or record.step else _NEVER_BEGAN,
                ended_at=seen,
            )
            self._write(folder, record)
            return True

    @contextmanager
    def _claimed(self, path: Path) -> Iterator[None]:
        if not path.is_dir():  # the lock would make it
            raise StoreError(N_("There is no such run any more."))
        lock = FileLock(path / CLAIM, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreError(
                N_(
                    "Another NetSketch on this machine is working on that run. Wait for it to end, "
                    "or stop it there."
                )
            ) from error
        except OSError as error:
            raise StoreError(
                N_("That run’s folder cannot be written, so it cannot be worked on.")
            ) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep others from changing a description between our reading and our writing.

        A lock that cannot be had within LOCK_S is done without: at worst one of two changes made
        at the same instant is lost, and no page hangs.
        """
        with self._lock:
            with suppress(Timeout, OSError, NotImplementedError):
                self._file_lock.acquire()
            try:
                yield
            finally:
                self._file_lock.release()

    def _sweep(self) -> None:
        """Remove folders that a kill left on their way in or out."""
        for path in list(self._folders.iterdir()):
            with suppress(OSError):
                old = time.time() - path.stat().st_mtime > _ABANDONED_S
                if path.name.startswith(_GONE) or (path.name.startswith(_NEW) and old):
                    disk.remove(path)


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
