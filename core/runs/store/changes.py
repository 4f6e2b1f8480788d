"""What others change: a file to which each process adds the ids of the runs that it has changed."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from core.runs.store import disk

# A longer file is begun anew.
_MOST_BYTES: Final = 1024 * 1024


class Changes:
    """The end of that file, as far as it has been read. One thread reads; any may tell.

    Looking whether anything has changed takes one `stat`, however many runs there are. The file
    is no more than a hint: nobody waits for it, and a process that misses a line sees the change
    when all folders are compared the next time.

    Args:
        path: the file; there may be none yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._me = token_hex(4)
        self._inode, self._size = _state_of(path)

    def tell(self, run_id: str) -> None:
        """Let other processes know that a run is not what it was."""
        with suppress(OSError):
            if _state_of(self._path)[1] > _MOST_BYTES:
                disk.write(self._path, b"")
            # The first line break ends what a kill left of a line.
            disk.append(self._path, f"\n{run_id} {self._me}\n".encode(), wait=False)

    def news(self) -> set[str] | None:
        """Return the ids that others have told since the last time; None for “all, perhaps”."""
        inode, size = _state_of(self._path)
        if (inode, size) == (self._inode, self._size):
            return set()
        before, self._inode = self._inode, inode
        if inode != before or size < self._size:
            self._size = size
            return None
        try:
            with self._path.open("rb") as file:
                file.seek(self._size)
                told = file.read(size - self._size)
        except OSError:
            return set()
        whole = told[: told.rfind(b"\n") + 1]
        self._size += len(whole)
        words = (line.split() for line in whole.decode(errors="replace").splitlines())
        return {pair[0] for pair in words if len(pair) == 2 and pair[1] != self._me}


def _state_of(path: Path) -> tuple[int, int]:
    """Return which file is there, by its number, and its bytes; (-1, 0) for none."""
    try:
        found = os.stat(path)
    except OSError:
        return -1, 0
    return found.st_ino, found.st_size
