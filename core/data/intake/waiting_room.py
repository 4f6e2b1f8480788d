"""Room for so many threads at once; the others wait in the order of asking."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

# Seconds after which a thread that waits looks whether it is still wanted.
_LOOK_S: Final = 0.2


class Lane:
    """Lets so many threads in at once. Every method may be called by any thread.

    Args:
        places: how many.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for a place."""
        return bool(self._waiting)

    def enter(self, is_over: Callable[[], bool]) -> bool:
        """Wait for a place and take it.

        Args:
            is_over: tells that it is wanted no longer.

        Returns:
            Whether the place is had; if so, `leave` must follow.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while not (self._free and self._waiting[0] is ticket):
                    if is_over():
                        return False
                    self._changed.wait(_LOOK_S)
                self._free -= 1
                return True
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def leave(self) -> None:
        """Give a place back."""
        with self._changed:
            self._free += 1
            self._changed.notify_all()
