"""Room on the disk that is kept for the first deletion once the disk is full."""

from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from typing import Final

from core.runs.store import disk

# A description and what it replaces take some blocks of 4 KiB at most.
_BYTES: Final = 64 * 1024


class Reserve:
    """A file that takes room as long as nobody needs it.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def set_aside(self) -> None:
        """Take the room, where it is not taken; not at all where the disk has none."""
        with suppress(OSError):
            if not self._path.exists():
                # Some file systems keep no zeros.
                disk.write(self._path, token_bytes(_BYTES))

    def give_up(self) -> bool:
        """Give the room back to the disk; return whether there was any."""
        there = self._path.exists()
        disk.remove(self._path)
        return there and not self._path.exists()
