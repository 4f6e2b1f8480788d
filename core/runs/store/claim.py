"""Who works on a run: a lock that the system takes back from a dead process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from core.runs.store import disk
from core.runs.store.disk import StoreError
from core.words.message import N_, message

CLAIM: Final = "claim.lock"
# Another process that only looks whether anybody works on a run holds it for a moment.
CLAIM_S: Final = 2.0


class Claimed(StoreError):
    """Another process or thread works on that run."""


@contextmanager
def claimed(folder: Path, title: str, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a run while this process works on it; a dead process holds nothing.

    Args:
        folder: the run's.
        title: the run in sentences.
        wait_s: for so long it may be another's still.

    Raises:
        Claimed: on entering, another process or thread holds it.
        StoreError: on entering, it is gone, or cannot be held now.
    """
    lock = FileLock(folder / CLAIM, timeout=wait_s, thread_local=False)
    try:
        if not folder.is_dir():  # the lock would make it
            raise StoreError(N_("There is no such run any more."))
        lock.acquire()
    except Timeout as error:
        raise Claimed(
            N_(
                "Another NetSketch on this machine is working on that run. Wait for it to end, "
                "or stop it there."
            )
        ) from error
    except OSError as error:
        with disk.saving(message("The claim to {run!l}", run=title)):
            raise error
    try:
        yield
    finally:
        lock.release()
