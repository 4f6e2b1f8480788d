"""How long a run has worked, and how fast it goes."""

import time
from collections import deque
from typing import Final

_WINDOW_S: Final = 3.0


class Clock:
    """Seconds of work, pauses left out. Callers from several threads need a lock of their own.

    Args:
        elapsed_s: seconds already worked.
    """

    def __init__(self, elapsed_s: float) -> None:
        self._before_s = elapsed_s
        self._since: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds worked so far."""
        since = self._since
        return self._before_s + (time.monotonic() - since if since is not None else 0.0)

    def go(self) -> None:
        """Count from now on."""
        self.hold()
        self._since = time.monotonic()

    def hold(self) -> None:
        """Stand still from now on."""
        self._before_s, self._since = self.elapsed_s, None


class Pace:
    """Images a second over the last few seconds of training."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def note(self, train_s: float, images: int) -> None:
        """Note how many images were gone through in how many seconds of training, in all."""
        self._seen.append((train_s, images))
        while train_s - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()

    @property
    def images_per_s(self) -> float | None:
        """The pace, or None before anything was noted."""
        if not self._seen:
            return None
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        if last_s > first_s:
            return (last - first) / (last_s - first_s)
        return last / last_s if last_s else None
