"""All that is done to the disk: a kill or a power cut leaves the old or the new, never half.

Whatever changes a file of a run does so here, so that a test can put a fault before every step.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final, Literal, TypeVar

from core.words.errors import UserError
from core.words.message import N_, message

try:
    from fcntl import F_FULLFSYNC, fcntl  # type: ignore[attr-defined]  # macOS
except ImportError:
    F_FULLFSYNC = None

T = TypeVar("T")
Step = Literal["write", "fsync", "rename", "remove"]

# What a file is called until it is whole; whatever still bears such a name later can go.
TEMPORARY: Final = ".tmp"
_CHUNK: Final = 256 * 1024
# A reader waits that long, in all, for a system that is out of file handles or memory just now.
_READ_AGAIN_S: Final = (0.01, 0.05, 0.1)
_PASSING: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ENOMEM, errno.ESTALE}
)
# There is nothing of that name.
ABSENT: Final = (FileNotFoundError, NotADirectoryError)
# Windows refuses to replace or remove a file while anybody, a virus scanner too, has it open.
_PATIENCE_S: Final = (0.01, 0.05, 0.2, 0.5)


class StoreError(UserError):
    """Something could not be saved or read; what was saved before is untouched."""


class Unreadable(StoreError):
    """Something is there, and may well be whole, but cannot be read now.

    Whoever meets this must neither go on as if there were nothing nor write in its place.
    """


def before(step: Step, path: Path) -> None:
    """Do nothing: called before each step that changes the disk, for tests to put a fault there."""


def is_full(error: OSError | StoreError) -> bool:
    """Tell whether something failed because the disk, or a person's share of it, is full."""
    cause = error.__cause__ if isinstance(error, StoreError) else error
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def saving(what: str) -> Iterator[None]:
    """Turn what the system says of a failed write into a sentence for people.

    Args:
        what: begins the sentence, such as “Run 3”.

    Raises:
        StoreError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        words = message("{what} could not be saved: {cause}", what=what, cause=_cause(error))
        raise StoreError(words) from error


@contextmanager
def reading(what: str, file: str = "") -> Iterator[None]:
    """Turn what the system says of a failed reading into a sentence for people.

    Args:
        what: begins the sentence, such as “Run 3”.
        file: what is read, where the error does not say.

    Raises:
        Unreadable: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        name = Path(str(error.filename)).name if error.filename else file
        words = message(
            "{what} cannot be read now ({file}): {cause}",
            what=what,
            file=name or N_("its folder"),
            cause=_cause_of_reading(error),
        )
        raise Unreadable(words) from error


def read(path: Path, most: int = -1) -> bytes:
    """Return a file's bytes, or the first `most` of them.

    Raises:
        OSError: it cannot be read now; one of ABSENT where there is none.
    """
    return _asked_again(lambda: _read(path, most))


def names_in(folder: Path) -> list[str]:
    """Return the names of all that is in a folder.

    Raises:
        OSError: it cannot be read now; one of ABSENT where there is none.
    """
    return _asked_again(lambda: os.listdir(folder))


def write(path: Path, data: bytes) -> None:
    """Put a whole file in place of what was there; `sync_folder` makes its name last.

    Raises:
        OSError: nothing has changed.
    """
    temporary = path.with_name(f"{path.name}.{token_hex(4)}{TEMPORARY}")
    try:
        before("write", temporary)
        with temporary.open("xb", buffering=0) as file:
            _put(file, temporary, data)
        before("rename", path)
        _patiently(lambda: os.replace(temporary, path))
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def append(path: Path, data: bytes, *, wait: bool = True) -> None:
    """Add to the end of a file, or begin one; when this returns, the bytes are on the disk.

    Args:
        path: the file.
        data: what to add.
        wait: for the disk; False where the bytes may come there later.

    Raises:
        OSError: some of the data may be there.
    """
    before("write", path)
    with path.open("ab", buffering=0) as file:
        _put(file, path, data, wait=wait)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last. Windows does so by itself.

    Raises:
        OSError: the disk reported a fault.
    """
    if os.name == "nt":
        return
    before("fsync", folder)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network drives know no such thing.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def rename(source: Path, target: Path) -> None:
    """Rename a file or a folder.

    Raises:
        OSError: it still has its old name.
    """
    before("rename", target)
    _patiently(lambda: os.replace(source, target))


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it, as far as the system lets us."""
    with suppress(OSError):
        before("remove", path)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder; 0 where there is none."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                total += entry.stat().st_size
    return total


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)


def _asked_again(ask: Callable[[], T]) -> T:
    """Ask the system, again where what it lacks comes back by itself."""
    for wait_s in _READ_AGAIN_S:
        try:
            return ask()
        except OSError as error:
            if error.errno not in _PASSING:
                raise
            time.sleep(wait_s)
    return ask()


def _put(file: BinaryIO, path: Path, data: bytes, *, wait: bool = True) -> None:
    """Write all the data to an unbuffered file and wait until the disk has them."""
    rest = memoryview(data)
    while rest:
        before("write", path)
        rest = rest[file.write(rest[:_CHUNK]) :]
    if not wait:
        return
    before("fsync", path)
    _sync(file.fileno())


def _sync(handle: int) -> None:
    if F_FULLFSYNC is not None:
        # On macOS plain fsync stops at the drive's own cache; some drives know only that.
        with suppress(OSError):
            fcntl(handle, F_FULLFSYNC)
            return
    os.fsync(handle)


def _patiently(action: Callable[[], None]) -> None:
    for wait_s in _PATIENCE_S if os.name == "nt" else ():
        try:
            return action()
        except PermissionError:
            time.sleep(wait_s)
    action()


def _cause(error: OSError) -> str:
    if is_full(error):
        return N_(
            "the disk is full. Free some space, by deleting old runs too; "
            "what was saved before is kept."
        )
    match error.errno:
        case errno.EIO:
            return N_(
                "the disk reported a fault. Copy what matters to another disk and let "
                "NETSKETCH_DATA name a folder there; what was saved before is kept."
            )
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return N_(
                "its folder is read-only. Allow writing there, or let NETSKETCH_DATA name another "
                "folder; what was saved before is kept."
            )
        case errno.ENOENT:
            return N_("its folder is gone. It was deleted or moved while NetSketch was running.")
    return message(
        "{reason}. See to the disk and try again; what was saved before is kept.",
        reason=error.strerror or type(error).__name__,
    )


def _cause_of_reading(error: OSError) -> str:
    match error.errno:
        case errno.EMFILE | errno.ENFILE:
            return N_("the system has too many files open. Nothing is lost; try again in a moment.")
        case errno.EIO:
            return N_(
                "the disk reported a fault. Nothing was changed; see to the disk and try again."
            )
        case errno.EACCES | errno.EPERM:
            return N_("reading is not allowed there. Nothing is lost; allow it and try again.")
    return message(
        "{reason}. Nothing was changed; see to the disk and try again.",
        reason=error.strerror or type(error).__name__,
    )
