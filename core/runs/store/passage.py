"""How the folder of a run comes to be and goes: under names that are no ids until it is whole."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from filelock import Timeout

from core.runs.history import History
from core.runs.record import RunRecord
from core.runs.store import disk
from core.runs.store.disk import Unreadable
from core.runs.store.folder import RunFolder, title_of
from core.training.length import length_of
from core.training.state import State
from core.words.errors import UserError

_NEW: Final = ".new-"
_GONE: Final = ".gone-"
# A process that makes a folder has given it its name, or died, by then.
_ABANDONED_S: Final = 3600.0
# A fault that made a run impossible may pass while what there is of it is removed.
_AGAIN_S: Final = (0.0, 0.01, 0.05, 0.1, 0.2, 0.5)


def new(path: Path) -> Path:
    """Return what a run's folder is called until it is whole."""
    return path.with_name(_NEW + path.name)


def gone(path: Path) -> Path:
    """Return what a run's folder is called while it is removed."""
    return path.with_name(_GONE + path.name)


def prepare(path: Path, record: RunRecord, state: State | None) -> None:
    """Write a run's folder, under its first name.

    Args:
        path: what it will be called.
        record: of the run.
        state: its first checkpoint, or None.

    Raises:
        StoreError: it cannot be written.
    """
    folder = RunFolder(new(path), title_of(record.id))
    with disk.saving(title_of(record.id)):
        new(path).mkdir(exist_ok=True)
    folder.write_record(record)
    if state is not None:
        folder.save(state, History(length_of(record.spec).steps_per_epoch))


def abandon(path: Path) -> bool:
    """Take a run's folder out of all that counts, and off the disk as far as that can be done.

    Returns:
        Whether it counts no more.
    """
    for wait_s in (*_AGAIN_S, None):
        try:
            if path.exists():
                disk.rename(path, gone(path))
            break
        except OSError:
            if wait_s is None:
                return False
            time.sleep(wait_s)
    disk.remove(gone(path))
    disk.remove(new(path))
    return True


def sweep(folders: Path, alone: Callable[[], AbstractContextManager[None]]) -> None:
    """See to what a kill or a fault left on its way in or out.

    Args:
        folders: where the runs' folders are.
        alone: keeps all others from making runs meanwhile.
    """
    with suppress(OSError):
        for name in disk.names_in(folders):
            if name.startswith(_GONE):
                disk.remove(folders / name)
            elif name.startswith(_NEW):
                with suppress(OSError, UserError, Timeout, NotImplementedError), alone():
                    _sweep_new(folders / name)


def _sweep_new(path: Path) -> None:
    """Give the second of two runs its name where the first has it; else remove what is old."""
    try:
        rival = RunFolder(path).read_record().rival
    except Unreadable:
        return
    except UserError:
        rival = ""
    if rival and (path.parent / rival).is_dir():
        disk.rename(path, path.with_name(path.name.removeprefix(_NEW)))
    elif time.time() - path.stat().st_mtime > _ABANDONED_S:
        disk.remove(path)
