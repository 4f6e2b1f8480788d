"""The work of one download: fetch, check, unpack, and say in words what went wrong.

What has arrived lies in a folder of its own and stays there when a download breaks off, so that
the next one asks only for the rest. Nothing is taken over that lacks its checksum.
"""

import contextlib
import errno
import hashlib
import http.client
import os
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from filelock import FileLock, Timeout

from core.data.build import build
from core.data.catalogue import DATASETS
from core.data.formats import FormatError, unpacked
from core.data.loading import DataError
from core.data.mnist import (
    MNIST_FILES,
    find_damage,
    is_complete,
    mnist_root,
    raw_folder,
)
from core.data.npz import npz_path
from core.data.sources import RemoteFile, Source
from core.words.message import N_, message

State = Literal["idle", "running", "done", "failed", "cancelled"]

_CHUNK: Final = 64 * 1024
# Packed and unpacked files lie side by side until the end; 5 % is for the file system.
_SPACE_FACTOR: Final = 1.05
_FULL_ERRORS: Final = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_AGAIN: Final = N_("then download again; the built-in digits work meanwhile.")
# The rate of a download is told once so many seconds have passed since its first byte.
_RATE_S: Final = 0.5


@dataclass(frozen=True)
class DownloadStatus:
    """How a download stands. `remaining_s` is None as long as nobody can tell."""

    state: State = "idle"
    bytes_done: int = 0
    bytes_total: int = 0
    elapsed_s: float = 0.0
    remaining_s: float | None = None
    message: str = ""


class Cancelled(Exception):
    """The person no longer wants the download."""


class OnDisk(Exception):
    """The disk refuses; no other server could help."""

    def __init__(self, error: OSError) -> None:
        self.error = error


class Job:
    """The work of one download, from its start to its end."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        stop: threading.Event,
        stall_s: float,
        show: Callable[[threading.Event, DownloadStatus], None],
    ) -> None:
        self.source, self.folder, self.stop = source, folder, stop
        self._stall_s, self._show = stall_s, show
        self._began = time.monotonic()
        # Seconds and bytes at the first byte that came over the network.
        self._first: tuple[float, int] | None = None
        self._sizes = {file.name: file.size for file in source.files}
        self._done = {file.name: 0 for file in source.files}
        self._message = N_("Connecting")

    def status(self) -> DownloadStatus:
        """Say how it stands."""
        now = time.monotonic()
        done, total = sum(self._done.values()), sum(self._sizes.values())
        remaining_s = None
        if self._first is not None and now - self._first[0] > _RATE_S and done > self._first[1]:
            rate = (done - self._first[1]) / (now - self._first[0])
            remaining_s = max(0, total - done) / rate
        return DownloadStatus("running", done, total, now - self._began, remaining_s, self._message)

    def work(self) -> None:
        """Fetch, check and unpack.

        Raises:
            Cancelled, OnDisk, DataError, OSError.
        """
        place = self.folder / "downloads" / self.source.key
        place.mkdir(parents=True, exist_ok=True)
        try:
            # A download that was stopped in this process may wait for its server for so long.
            with FileLock(place.with_suffix(".lock"), timeout=self._stall_s + 1):
                self._work(place)
        except Timeout:
            raise DataError(
                message(
                    "Another NetSketch on this computer is downloading {title} already. Wait for "
                    "it, or stop it there.",
                    title=self.source.title,
                )
            ) from None

    def _work(self, place: Path) -> None:
        if is_here(self.source, self.folder):
            return
        arrived = sum(_size(place / file.name) for file in self.source.files)
        needed = (self.source.size + self.source.kept) * _SPACE_FACTOR - arrived
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise _full(
                self.folder,
                message(
                    "{needed:.0f} MB are needed and {free:.0f} MB free",
                    needed=needed / 1e6,
                    free=free / 1e6,
                ),
            )
        for file in self.source.files:
            self._done[file.name] = _size(place / file.name)
        for file in self.source.files:
            self._fetch(file, place / file.name)
        self._tell(N_("Unpacking"))
        try:
            if self.source.key == "mnist":
                _keep_mnist(place, self.folder)
            else:
                build(self.source.key, place, self.folder)
        except FormatError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise DataError(
                message(
                    "{what}. What had arrived was removed; download again; the built-in digits "
                    "work meanwhile.",
                    what=error.message,
                )
            ) from error
        shutil.rmtree(place, ignore_errors=True)

    def _fetch(self, file: RemoteFile, path: Path) -> None:
        """Fetch the rest of a file from the first server that has it."""
        failure: DataError | None = None
        for mirror in self.source.mirrors:
            try:
                if not self._is_whole(file, path):
                    self._receive(mirror.rstrip("/") + "/" + file.name, file, path)
                    if not self._is_whole(file, path):
                        raise self._altered(file, path)
                return
            except DataError as error:
                failure = failure or error
        raise failure or DataError(
            message("There is no server to download from. Name one, {again}", again=_AGAIN)
        )

    def _receive(self, url: str, file: RemoteFile, path: Path) -> None:
        start = _size(path)
        request = urllib.request.Request(url, headers={"User-Agent": "NetSketch"})
        if start:
            request.add_header("Range", f"bytes={start}-")
        try:
            with _opener(url).open(request, timeout=self._stall_s) as answer:
                if start and answer.status != http.client.PARTIAL_CONTENT:
                    start = 0
                told = answer.headers.get("Content-Length", "")
                expected = start + int(told) if told.isdigit() else file.size
                self._sizes[file.name] = expected
                self._copy(answer, file, path, start)
        except urllib.error.HTTPError as error:
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                # The file here is longer than the server's, so it is not the same one.
                raise self._altered(file, path) from error
            raise self._unreachable() from error
        except TimeoutError as error:
            raise self._stalled() from error
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            self._stop_if_wanted()
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise self._stalled() from error
            if _size(path) > start:
                raise self._incomplete(file, path) from error
            raise self._unreachable() from error
        if _size(path) < self._sizes[file.name]:
            raise self._incomplete(file, path)

    def _copy(
        self, answer: http.client.HTTPResponse, file: RemoteFile, path: Path, start: int
    ) -> None:
        self._tell(N_("Downloading"))
        try:
            stream = path.open("r+b" if start else "wb")
        except OSError as error:
            raise OnDisk(error) from error
        with stream:
            stream.seek(start)
            self._done[file.name] = start
            while chunk := answer.read1(_CHUNK):
                self._stop_if_wanted()
                try:
                    stream.write(chunk)
                    stream.flush()
                except OSError as error:
                    raise OnDisk(error) from error
                if self._first is None:
                    self._first = time.monotonic(), sum(self._done.values())
                self._done[file.name] += len(chunk)
                self._tell(N_("Downloading"))

    def _is_whole(self, file: RemoteFile, path: Path) -> bool:
        if not path.is_file():
            return False
        self._stop_if_wanted()
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as stream:
            while chunk := stream.read(2**22):
                self._stop_if_wanted()
                digest.update(chunk)
        return digest.hexdigest() == file.md5

    def _stop_if_wanted(self) -> None:
        if self.stop.is_set():
            raise Cancelled

    def _tell(self, message: str) -> None:
        self._stop_if_wanted()
        self._message = message
        self._show(self.stop, self.status())

    def _altered(self, file: RemoteFile, path: Path) -> DataError:
        path.unlink(missing_ok=True)
        self._done[file.name] = 0
        return DataError(
            message(
                "{name} arrived altered: its checksum is wrong. Something between here and the "
                "server changed it (a proxy or a login page, perhaps); mend that, {again}",
                name=file.name,
                again=_AGAIN,
            )
        )

    def _incomplete(self, file: RemoteFile, path: Path) -> DataError:
        return DataError(
            message(
                "{name} arrived incomplete: {arrived:,} of {whole:,} bytes. They are kept. Check "
                "the connection, {again}",
                name=file.name,
                arrived=_size(path),
                whole=self._sizes[file.name],
                again=_AGAIN,
            )
        )

    def _stalled(self) -> DataError:
        return DataError(
            message(
                "The download stalled: no data came for {seconds:.0f} s. Check the connection, "
                "{again}",
                seconds=self._stall_s,
                again=_AGAIN,
            )
        )

    def _unreachable(self) -> DataError:
        return DataError(
            message(
                "The server that holds {title} cannot be reached or does not have the files. Check "
                "the internet connection and the proxy settings, {again}",
                title=self.source.title,
                again=_AGAIN,
            )
        )


def is_here(source: Source, folder: Path) -> bool:
    """Tell cheaply whether all data sets of a source are in the data folder."""
    if source.key == "mnist":
        return is_complete(raw_folder(mnist_root(folder)), MNIST_FILES)
    keys = [info.key for info in DATASETS.values() if info.source == source.key]
    return all(npz_path(folder, key).is_file() for key in keys)


def _keep_mnist(place: Path, folder: Path) -> None:
    """Unpack MNIST's files to where torchvision and the take-home scripts look for them."""
    final = raw_folder(mnist_root(folder))
    final.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="raw.", dir=final.parent))
    try:
        for file in MNIST_FILES:
            try:
                content = unpacked((place / f"{file.name}.gz").read_bytes(), file.size)
            except FormatError as error:
                raise FormatError(
                    message("{name} {what}", name=f"{file.name}.gz", what=error.message)
                ) from error
            (made / file.name).write_bytes(content)
        damage = find_damage(made, MNIST_FILES)
        if damage is not None:
            raise FormatError(message("{name} {what}", name=damage[0].name, what=damage[1]))
        shutil.rmtree(final, ignore_errors=True)
        os.replace(made, final)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _opener(url: str) -> urllib.request.OpenerDirector:
    """Open addresses through the system's proxy, but this computer's own directly."""
    if urllib.parse.urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1"):
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def _full(folder: Path, detail: str) -> DataError:
    return DataError(
        message(
            "The disk of {folder} is full: {detail}. Free some space, {again}",
            folder=str(folder),
            detail=detail,
            again=_AGAIN,
        )
    )


def disk_error(error: OSError, folder: Path) -> DataError:
    """Say what a disk refuses, and what helps."""
    if error.errno in _FULL_ERRORS:
        return _full(folder, N_("the files did not fit"))
    return DataError(
        message(
            "NetSketch cannot write to {folder} ({why}). Make it writable or name another folder "
            "in NETSKETCH_DATA, {again}",
            folder=str(folder),
            why=error.strerror or str(error),
            again=_AGAIN,
        )
    )
