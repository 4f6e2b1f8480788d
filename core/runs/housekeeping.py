"""Takes deleted runs off the disk when their time has come, whether or not anything trains."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from core.runs.store import Store

# Seconds between two looks at the clock.
LOOK_S: Final = 5.0
# Seconds between two searches for what a fault has left on the disk.
_SWEEP_S: Final = 60.0

_log = logging.getLogger(__name__)


class Housekeeper:
    """A thread that takes deleted runs off the disk when their time has come.

    Args:
        store: of the runs.
        keep_s: returns for how many seconds a deleted run is kept.
        look_again: called now and then, for whatever could not be read before.
    """

    def __init__(
        self, store: Store, keep_s: Callable[[], float], look_again: Callable[[], None]
    ) -> None:
        self._store = store
        self._keep_s = keep_s
        self._look_again = look_again
        self._over = False
        self._woken = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="netsketch-house", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Look at the clock again: something was deleted."""
        with self._woken:
            self._woken.notify_all()

    def close(self, timeout_s: float) -> None:
        """End the thread, once it has done what it is at."""
        with self._woken:
            self._over = True
            self._woken.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _work(self) -> None:
        swept_at = time.monotonic()  # the store has swept as it was opened
        while not self._over:
            pause_s = LOOK_S
            try:
                if time.monotonic() - swept_at > _SWEEP_S:
                    swept_at = time.monotonic()
                    self._store.sweep()
                self._store.purge(self._keep_s())
                self._look_again()
                pause_s = self._pause_s()
            except Exception:  # what failed now is tried the next time
                _log.exception("Housekeeping failed")
            with self._woken:
                if not self._over:
                    self._woken.wait(pause_s)

    def _pause_s(self) -> float:
        """Return when to look again, in seconds."""
        deleted_at = self._store.next_purge()
        if deleted_at is None:
            return LOOK_S
        return min(max(deleted_at + self._keep_s() - time.time(), 1.0), LOOK_S)
