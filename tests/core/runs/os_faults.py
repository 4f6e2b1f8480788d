"""Errors of the operating system at the nth thing that is asked of a folder."""

import errno
import io
import os
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("stat", "listdir", "scandir", "replace", "mkdir", "unlink", "open")


class OsFaults:
    """Stands between Python and the system: open, read, write, stat, list, rename, fsync, ...

    Only what the present thread asks of files below `root` counts.

    Attributes:
        seen: what was asked for, and of which file.
        hit: which of them failed.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.seen: list[tuple[str, str]] = []
        self.hit: list[tuple[str, str]] = []
        self._root = str(root)
        self._thread = threading.get_ident()
        self._at = self._until = 0
        self._number = 0
        self._counts = False
        for name in NAMES:
            monkeypatch.setattr(os, name, self._counted(name, getattr(os, name)))
        fsync = os.fsync
        monkeypatch.setattr(os, "fsync", lambda handle: (self._ask("fsync", self._root), fsync)[0])
        opened = io.open

        def open_(file: Any, *args: Any, **more: Any) -> Any:
            if not self._is_below(file):
                return opened(file, *args, **more)
            self._ask("open", str(file))
            return _Watched(opened(file, *args, **more), self._ask)

        monkeypatch.setattr(io, "open", open_)

    @contextmanager
    def at(self, point: int, number: int, times: int = 1):
        """Let the system report an error at the nth thing asked for within, and so many after."""
        self.seen.clear()
        self.hit.clear()
        self._at, self._until, self._number, self._counts = point, point + times, number, True
        try:
            yield self
        finally:
            self._counts = False

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Any = ".", *args: Any, **more: Any) -> Any:
            if self._is_below(path):
                self._ask(name, str(path))
            return real(path, *args, **more)

        return asked

    def _is_below(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and str(path).startswith(self._root)

    def _ask(self, what: str, path: str) -> None:
        if not self._counts or threading.get_ident() != self._thread:
            return
        self.seen.append((what, path))
        if self._at <= len(self.seen) < self._until:
            self.hit.append((what, path))
            raise OSError(self._number, os.strerror(self._number), path)


class _Watched:
    """A file, each read and write of which is asked for."""

    def __init__(self, file: Any, ask: Callable[[str, str], None]) -> None:
        self._file, self._ask = file, ask

    def __enter__(self) -> "_Watched":
        return self

    def __exit__(self, *args: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def read(self, *args: Any) -> Any:
        self._ask("read", str(self._file.name))
        return self._file.read(*args)

    def write(self, data: Any) -> Any:
        self._ask("write", str(self._file.name))
        return self._file.write(data)


KINDS = {
    "EMFILE once": (errno.EMFILE, 1),
    "EMFILE for long": (errno.EMFILE, 6),
    "EIO once": (errno.EIO, 1),
    "EACCES once": (errno.EACCES, 1),
    "ENOSPC from then on": (errno.ENOSPC, 10**6),
}
