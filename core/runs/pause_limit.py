"""How long a paused run may keep the device while others wait for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

# Seconds between two looks of a paused run whether somebody has begun to wait.
LOOK_S: Final = 0.5


@dataclass(frozen=True)
class Patience:
    """The patience of those who wait.

    Attributes:
        pause_s: seconds that a pause may last while others wait; None for as long as it likes.
        others_wait: tells whether anyone waits for the device.
        clock: in seconds.
    """

    pause_s: float | None
    others_wait: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic

    def is_over(self, since: float) -> bool:
        """Tell whether a pause that began then has to end.

        Args:
            since: as `clock` told it.
        """
        if self.pause_s is None or self.clock() - since < self.pause_s:
            return False
        return self.others_wait()
