"""Fetch data sets over the network, in a thread that can be watched, stopped and gone on with."""

import logging
import threading
from dataclasses import replace
from typing import Final

from core.data.catalogue import DATASETS
from core.data.fetch import Cancelled, DownloadStatus, Job, OnDisk, State, disk_error, is_here
from core.data.loading import DataError, data_folder
from core.data.sources import SOURCES, Source
from core.words.message import N_, message

_log: Final = logging.getLogger(__name__)


class Download:
    """One download of a source at a time, in a thread of this process.

    Args:
        source: what is fetched.
        stall_s: seconds without a single byte after which a server is given up.
    """

    def __init__(self, source: Source, *, stall_s: float = 30.0) -> None:
        self.source = source
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._status = DownloadStatus(bytes_total=source.size)

    def snapshot(self) -> DownloadStatus:
        """Return how the download stands now; never waits for it."""
        with self._lock:
            return self._status

    def start(self) -> None:
        """Begin or go on, unless it is running or the data are already here."""
        folder, total = data_folder(), self.source.size
        with self._lock:
            if self._status.state == "running":
                return
            if is_here(self.source, folder):
                self._status = DownloadStatus("done", total, total, 0.0, 0.0, self._ready())
                return
            self._stop = threading.Event()
            self._status = DownloadStatus("running", bytes_total=total, message=N_("Connecting"))
            job = Job(self.source, folder, self._stop, self._stall_s, self._show)
            self._thread = threading.Thread(
                target=self._run, args=(job,), name=f"download-{self.source.key}", daemon=True
            )
            self._thread.start()

    def cancel(self) -> None:
        """Stop; what has arrived is kept, to go on with. Harmless where none is running."""
        with self._lock:
            self._stop.set()
            if self._status.state == "running":
                # The thread may hang in a name server that does not answer, and no longer counts.
                self._status = replace(
                    self._status,
                    state="cancelled",
                    remaining_s=None,
                    message=N_("The download was stopped. Start it again to go on where it was."),
                )

    def wait(self, timeout_s: float) -> bool:
        """Wait until the thread has ended; return whether it has."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _run(self, job: Job) -> None:
        state: State = "failed"
        try:
            job.work()
            state, message = "done", self._ready()
        except Cancelled:
            return
        except OnDisk as refused:
            message = disk_error(refused.error, job.folder).message
        except DataError as error:
            message = error.message
        except OSError as error:
            message = disk_error(error, job.folder).message
        except Exception:
            _log.exception("A download failed in a way that nobody foresaw.")
            message = N_(
                "The download failed through a fault of NetSketch’s own. Please try it again."
            )
        now = job.status()
        done, left = (now.bytes_total, 0.0) if state == "done" else (now.bytes_done, None)
        self._show(
            job.stop,
            replace(now, state=state, bytes_done=done, remaining_s=left, message=message),
        )

    def _show(self, stop: threading.Event, status: DownloadStatus) -> None:
        with self._lock:
            if stop is self._stop and not stop.is_set():
                self._status = status

    def _ready(self) -> str:
        return message("{title!u} is ready.", title=self.source.title)


_downloads: Final = {key: Download(source) for key, source in SOURCES.items()}


def download_of(key: str) -> Download:
    """Return this process's one download of what a data set needs."""
    return _downloads[DATASETS[key].source]
