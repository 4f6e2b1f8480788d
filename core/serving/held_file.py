"""A file that a person sent, held on the disk for as long as somebody may still read it.

It has no name there: the system takes it away when nobody holds it any more, however that comes.
"""

import errno
import io
import threading
from typing import IO, Final, Self

_PIECE: Final = 2**18


class HeldFile:
    """Bytes that are read where they are wanted, never all at once unless asked for.

    Args:
        file: holds them; nobody else moves in it from now on.
        size: how many there are.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.size = size

    def __del__(self) -> None:
        """Give it back to the disk."""
        self._file.close()

    @classmethod
    def of(cls, data: "bytes | HeldFile") -> "HeldFile":
        """Return bytes that lie in memory as such a file."""
        return data if isinstance(data, HeldFile) else cls(io.BytesIO(data), len(data))

    def read(self, start: int = 0, count: int | None = None) -> bytes:
        """Return so many bytes from a place on, or as many as there are; all of them by default."""
        with self._lock:
            self._file.seek(start)
            return self._file.read(self.size if count is None else count)

    def count(self, pattern: bytes) -> int:
        """Return how often a pattern that cannot overlap itself occurs."""
        found, rest = 0, b""
        for start in range(0, self.size, _PIECE):
            piece = rest + self.read(start, _PIECE)
            found += piece.count(pattern)
            # Shorter than the pattern, so that none is counted twice.
            rest = piece[max(0, len(piece) - len(pattern) + 1) :]
        return found

    def opened(self) -> io.BufferedReader:
        """Return a stream of its own place, for readers that want one."""
        return io.BufferedReader(_Stream(self), _PIECE)


class _Stream(io.RawIOBase):
    """Reads a held file, which lives as long as the stream does."""

    def __init__(self, held: HeldFile) -> None:
        self._held = held
        self._place = 0

    def __enter__(self) -> Self:
        return self

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._held.size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "before the beginning")
        self._place = base + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._held.read(self._place, len(buffer))
        buffer[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)
