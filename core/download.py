"""Fetch full MNIST the way torchvision does, in a process that can be watched and stopped.

torchvision's own download knows neither progress nor cancelling nor a network that falls silent.
So a child process runs it (`python -m core.download TARGET`) into a folder of its own, and the
parent watches the files grow. Only a complete and verified set of files is moved into place.
"""

import argparse
import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from http.client import HTTPException
from pathlib import Path
from typing import Final, Literal

import psutil

from core.data import (
    MNIST_FILES,
    DataError,
    RawFile,
    data_folder,
    find_damage,
    is_complete,
    mnist_root,
    raw_folder,
)
from core.torchvision_schemas import import_torchvision

State = Literal["idle", "running", "done", "failed", "cancelled"]

_log: Final = logging.getLogger(__name__)
_CODE_ROOT: Final = Path(__file__).resolve().parents[1]
_PREFIX: Final = "mnist-download-"
_POLL_S: Final = 0.1
_PARENT_POLL_S: Final = 0.5
# Importing torch from a cold disk, or unpacking on a slow one, is no stall of the network.
_PATIENCE_S: Final = 180.0
# Packed and unpacked files lie side by side until the end; 5 % is for the file system.
_SPACE_FACTOR: Final = 1.05
_FULL_ERRORS: Final = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_DISK_ERRORS: Final = _FULL_ERRORS | {errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EIO}
_AGAIN: Final = "then download again; the built-in digits work meanwhile."


@dataclass(frozen=True)
class DownloadStatus:
    """How a download stands. `remaining_s` is None as long as nobody can tell."""

    state: State = "idle"
    bytes_done: int = 0
    bytes_total: int = 0
    elapsed_s: float = 0.0
    remaining_s: float | None = None
    message: str = ""


class _Cancelled(Exception):
    """The person no longer wants the download."""


class MnistDownload:
    """One download of full MNIST at a time, watched by a thread of this process.

    Args:
        mirrors: addresses of folders that hold the packed files, tried in order; torchvision's
            own where empty.
        files: what has to arrive.
        stall_s: seconds without a single byte after which the download is given up.
    """

    def __init__(
        self,
        *,
        mirrors: Sequence[str] = (),
        files: Sequence[RawFile] = MNIST_FILES,
        stall_s: float = 30.0,
    ) -> None:
        self._mirrors = tuple(mirrors)
        self._files = tuple(files)
        self._stall_s = stall_s
        self._total = sum(file.gz_size for file in self._files)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._status = DownloadStatus(bytes_total=self._total)

    def snapshot(self) -> DownloadStatus:
        """Return how the download stands now; never waits for it."""
        with self._lock:
            return self._status

    def start(self) -> None:
        """Begin the download, unless it is running or the files are already here."""
        folder = data_folder()
        with self._lock:
            if self._status.state == "running":
                return
            if is_complete(raw_folder(mnist_root(folder)), self._files):
                self._status = DownloadStatus(
                    "done", self._total, self._total, 0.0, 0.0, "Full MNIST is ready."
                )
                return
            self._stop = threading.Event()
            self._thread = threading.Thread(
                target=self._run, args=(folder, self._stop), name="mnist-download", daemon=True
            )
            self._thread.start()
            self._status = DownloadStatus("running", bytes_total=self._total, message="Connecting")

    def cancel(self) -> None:
        """Stop the download and remove what has arrived; harmless where none is running."""
        with self._lock:
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join(timeout=10)

    def _run(self, folder: Path, stop: threading.Event) -> None:
        started = time.monotonic()
        state: State = "failed"
        try:
            self._download(folder, stop, started)
            state, message = "done", "Full MNIST is ready."
        except _Cancelled:
            state, message = "cancelled", "The download was cancelled; nothing was kept."
        except DataError as error:
            message = str(error)
        except OSError as error:
            message = str(_disk_error(error, folder))
        except Exception:
            _log.exception("The download of MNIST failed in a way that nobody foresaw.")
            message = "The download failed through a fault of NetSketch’s own. Please try it again."
        with self._lock:
            done, left = (self._total, 0.0) if state == "done" else (self._status.bytes_done, None)
            elapsed_s = time.monotonic() - started
            self._status = DownloadStatus(state, done, self._total, elapsed_s, left, message)

    def _download(self, folder: Path, stop: threading.Event, started: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        needed = sum(file.size + file.gz_size for file in self._files) * _SPACE_FACTOR
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise _full(folder, f"{needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB free")
        target = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{_own_mark()}-", dir=folder))
        try:
            self._fetch_in_child(target, stop, started)
            if stop.is_set():
                raise _Cancelled
            self._move_into_place(raw_folder(target), raw_folder(mnist_root(folder)))
        finally:
            shutil.rmtree(target, ignore_errors=True)

    def _fetch_in_child(self, target: Path, stop: threading.Event, started: float) -> None:
        # Where there is another server to try, a silent one must leave it the time.
        timeout_s = self._stall_s if len(self._mirrors) == 1 else self._stall_s / 2
        command = [sys.executable, "-m", "core.download", str(target), "--timeout", str(timeout_s)]
        command += ["--parent", str(os.getpid())]
        command += ["--files", json.dumps([asdict(file) for file in self._files])]
        for mirror in self._mirrors:
            command += ["--mirror", mirror]
        search_path = os.pathsep.join(
            filter(None, [str(_CODE_ROOT), os.environ.get("PYTHONPATH", "")])
        )
        with subprocess.Popen(
            command,
            cwd=_CODE_ROOT,
            env=os.environ | {"PYTHONPATH": search_path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        ) as child:
            try:
                self._watch(child, target, stop, started)
            finally:
                child.kill()
            report = child.stdout.read().decode() if child.stdout else ""
        if child.returncode != 0:
            raise DataError(
                report
                or f"The download stopped unexpectedly (exit code {child.returncode}). Start it "
                "again; the built-in digits work meanwhile."
            )

    def _watch(
        self, child: "subprocess.Popen[bytes]", target: Path, stop: threading.Event, started: float
    ) -> None:
        """Follow the growing files until the child ends; raise to have it killed."""
        raw = raw_folder(target)
        seen, last_change, first_byte = 0, time.monotonic(), 0.0
        connecting = True
        while child.poll() is None:
            if stop.wait(_POLL_S):
                raise _Cancelled
            now = time.monotonic()
            done = _arrived(raw, self._files)
            if done != seen or (connecting and raw.is_dir()):
                seen, last_change, connecting = done, now, not raw.is_dir()
                first_byte = first_byte or (now if done else 0.0)
            on_network = not connecting and done < self._total
            if now - last_change > (self._stall_s if on_network else _PATIENCE_S):
                raise _stalled(self._stall_s)
            rate = done / (now - first_byte) if first_byte and now - first_byte > 0.5 else 0.0
            if done >= self._total:
                message = "Checking the files"
            else:
                message = "Downloading" if done else "Connecting"
            with self._lock:
                self._status = replace(
                    self._status,
                    bytes_done=done,
                    elapsed_s=now - started,
                    remaining_s=(self._total - done) / rate if rate else None,
                    message=message,
                )

    def _move_into_place(self, complete: Path, final: Path) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        if is_complete(final, self._files):
            return  # another NetSketch on this computer was faster
        shutil.rmtree(final, ignore_errors=True)
        for file in self._files:
            (complete / f"{file.name}.gz").unlink()
        os.replace(complete, final)


_shared: Final = MnistDownload()


def mnist_download() -> MnistDownload:
    """Return this process's one download of full MNIST."""
    return _shared


def _own_mark() -> str:
    return f"{os.getpid()}-{psutil.Process().create_time():.0f}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what crashed downloads left behind, but nothing of a download that still runs."""
    for leftover in folder.glob(f"{_PREFIX}*"):
        pid, started, *_ = [*leftover.name.removeprefix(_PREFIX).split("-"), "", ""]
        try:
            # A clock that was set meanwhile shifts the start that the system reports.
            alive = abs(psutil.Process(int(pid)).create_time() - float(started)) < 10
        except (ValueError, OverflowError, psutil.Error):
            alive = False
        if not alive:
            shutil.rmtree(leftover, ignore_errors=True)


def _arrived(raw: Path, files: Sequence[RawFile]) -> int:
    total = 0
    for file in files:
        with contextlib.suppress(OSError):
            total += min((raw / f"{file.name}.gz").stat().st_size, file.gz_size)
    return total


def _full(folder: Path, detail: str) -> DataError:
    return DataError(f"The disk of {folder} is full: {detail}. Free some space, {_AGAIN}")


def _disk_error(error: OSError, folder: Path) -> DataError:
    if error.errno in _FULL_ERRORS:
        return _full(folder, "the files did not fit")
    return DataError(
        f"NetSketch cannot write to {folder} ({error.strerror or error}). Make it writable or name "
        f"another folder in NETSKETCH_DATA, {_AGAIN}"
    )


def _stalled(seconds: float) -> DataError:
    return DataError(
        f"The download stalled: no data came for {seconds:.0f} s. Check the connection, {_AGAIN}"
    )


def fetch(target: Path, mirrors: Sequence[str], files: Sequence[RawFile]) -> None:
    """Download, unpack and verify MNIST's files below `target`; the child's whole work.

    Args:
        target: an empty folder.
        mirrors: see `MnistDownload`.
        files: what has to arrive.

    Raises:
        DataError: why the first mirror failed, where every one did; or what the disk refused.
    """
    raw = raw_folder(target)
    mnist = import_torchvision().datasets.MNIST
    failure: DataError | None = None
    for mirror in mirrors or mnist.mirrors:
        attributes = {
            "mirrors": [mirror.rstrip("/") + "/"],
            "resources": [(f"{file.name}.gz", file.gz_md5) for file in files],
        }
        try:
            # torchvision names the folder after the class, and skips files that are whole already.
            type("MNIST", (mnist,), attributes)(target, download=True)
            break
        except (RuntimeError, OSError, HTTPException) as error:
            failure = failure or _explain(error, target, files)
    else:
        raise failure or DataError(f"There is no server to download from. Name one, {_AGAIN}")
    damage = find_damage(raw, files)
    if damage is not None:
        raise DataError(f"{damage[0].name} {damage[1]}. Please download again.")


def _explain(error: Exception, target: Path, files: Sequence[RawFile]) -> DataError:
    """Tell from the exception and from what lies on the disk why a mirror failed.

    torchvision folds most causes into one RuntimeError, but the files tell them apart.

    Raises:
        DataError: the disk refuses to be written to, so that other mirrors cannot help.
    """
    folder, raw = target.parent, raw_folder(target)
    if isinstance(error, PermissionError) or getattr(error, "errno", None) in _DISK_ERRORS:
        assert isinstance(error, OSError)
        raise _disk_error(error, folder) from error
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return _stalled(socket.getdefaulttimeout() or 0.0)
    for file in files:
        path = raw / f"{file.name}.gz"
        size = path.stat().st_size if path.is_file() else None
        if size is not None and size < file.gz_size:
            return DataError(
                f"{path.name} arrived incomplete: {size:,} of {file.gz_size:,} bytes. "
                f"Check the connection, {_AGAIN}"
            )
        if size is not None and _md5(path) != file.gz_md5:
            return DataError(
                f"{path.name} arrived altered: its checksum is wrong. Something between here and "
                f"the server changed it (a proxy or a login page, perhaps); mend that, {_AGAIN}"
            )
    return DataError(
        "The server that holds MNIST cannot be reached or does not have the files. Check the "
        f"internet connection and the proxy settings, {_AGAIN}"
    )


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _end_with_parent(parent_pid: int, target: Path) -> None:
    """Wait until the parent is gone, however it went; then leave nothing behind.

    A thread that waits on stdin would learn of it sooner, but on Windows it can block the loading
    of libraries.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(parent_pid)
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_PARENT_POLL_S)
    shutil.rmtree(target, ignore_errors=True)
    os._exit(2)


def _reach_loopback_directly() -> None:
    bypass = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if bypass.strip() != "*":
        os.environ["no_proxy"] = ",".join(filter(None, [bypass, "localhost,127.0.0.1,::1"]))


def main() -> int:
    """Run `fetch` as a child process: a sentence on stdout and exit code 1 where it fails."""
    parser = argparse.ArgumentParser(prog="python -m core.download", description=main.__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--mirror", action="append", default=[])
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds without any data")
    parser.add_argument("--files", help="what has to arrive, as JSON; MNIST where absent")
    parser.add_argument("--parent", type=int, help="id of the process to end with")
    given = parser.parse_args()
    files = [RawFile(**file) for file in json.loads(given.files)] if given.files else MNIST_FILES
    if given.parent is not None:
        watch = (given.parent, given.target)
        threading.Thread(target=_end_with_parent, args=watch, daemon=True).start()
    socket.setdefaulttimeout(given.timeout)
    _reach_loopback_directly()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            fetch(given.target, given.mirror, files)
    except (DataError, OSError) as error:
        mended = _disk_error(error, given.target.parent) if isinstance(error, OSError) else error
        sys.stdout.buffer.write(str(mended).encode())
        sys.stdout.flush()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
