"""How much memory the files that people send may take: one account for all of it, in bytes.

Two kinds of memory are counted. The images of a file that is being read, or has been, are *kept* as
long as somebody looks at them. *Work* is over soon: a picture is decoded, an array unpacked. Work
waits for other work to end, never for people: what is kept is limited to a share of the whole. What
does not fit is refused in a sentence. Files that are not being read lie on the disk.
"""

import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from core.serving.limits import limits
from core.words.errors import UserError
from core.words.message import N_

MB: Final = 2**20
# Seconds after which a thread that waits looks whether it is still wanted.
_LOOK_S: Final = 0.2
# Of the whole, what is kept may take this part,
_KEPT: Final = 1 / 3
# and several short works at once this one; a larger work is the only one.
_AT_ONCE: Final = 0.4


class NoMemory(UserError):
    """There is no room now; the text says what to do."""


class MemoryBudget:
    """An account of bytes. Every method may be called by any thread.

    Args:
        most: bytes of all together.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.most_kept = int(most * _KEPT)
        self._most_at_once = int(most * _AT_ONCE)
        self._kept = self._looked_at = self._working = self._short = self._highest = 0
        # Two lines: a file that waits for another to be read must not hold up that one's work.
        self._workers: deque[object] = deque()
        self._readers: deque[object] = deque()
        # Reentrant, as what is kept may end wherever Python collects garbage.
        self._changed = threading.Condition(threading.RLock())

    @property
    def taken(self) -> int:
        """Bytes of all that is kept and all work."""
        return self._kept + self._working

    def highest(self) -> int:
        """Return the most that was taken at once since the last call."""
        with self._changed:
            found, self._highest = self._highest, self.taken
            return found

    @contextmanager
    def work(
        self, size: int, patience_s: float | None = None, *, is_long: bool = False
    ) -> Iterator[None]:
        """Wait until there is room for some work, and keep it meanwhile.

        Args:
            size: bytes that it takes at its peak.
            patience_s: seconds to wait for other work; None for as long as that takes.
            is_long: it takes so long that short work goes on beside it, as far as there is room.

        Raises:
            NoMemory: what is kept leaves no room, or other work took too long.
        """
        end = None if patience_s is None else time.monotonic() + patience_s
        short = 0 if is_long else size

        def begins(is_first: bool) -> bool:
            if self._kept + size > self.most or (end is not None and time.monotonic() > end):
                raise NoMemory(
                    N_(
                        "The server has no memory to spare at the moment: others use it. Wait a "
                        "minute, then try again."
                    )
                )
            crowded = self._short > 0 and self._short + short > self._most_at_once
            if not is_first or crowded or self.taken + size > self.most:
                return False
            self._add(working=size, short=short)
            return True

        self._wait(self._workers, begins)
        try:
            yield
        finally:
            self._add(working=-size, short=-short)

    @contextmanager
    def reading(self, size: int, is_over: Callable[[], bool]) -> Iterator[bool]:
        """Keep room for what comes of a file while it is read; `keep` counts what then stays.

        Args:
            size: bytes, at most.
            is_over: tells that it is wanted no longer.

        Yields:
            Whether there is room, and it was not over before.

        Raises:
            NoMemory: what others look at leaves none.
        """
        # The largest file has its turn, too, unless people look at half of what they may.
        size = min(size, self.most_kept // 2)
        over = False

        def begins(is_first: bool) -> bool:
            nonlocal over
            if over := is_over():
                return True
            if self._looked_at + size > self.most_kept:
                raise NoMemory(
                    N_(
                        "The server holds as many images as it can that people look at before they "
                        "use them. Wait a minute, then choose the file again."
                    )
                )
            room = min(self.most_kept - self._kept, self.most - self.taken)
            if not is_first or size > room:
                return False
            self._add(kept=size)
            return True

        self._wait(self._readers, begins)
        if over:
            yield False
            return
        try:
            yield True
        finally:
            self._add(kept=-size)

    def keep(self, owner: object, size: int) -> None:
        """Count bytes that are looked at for as long as their owner lives; nothing is refused."""
        self._add(kept=size, looked_at=size)
        ended = weakref.finalize(owner, self._add, kept=-size, looked_at=-size)
        ended.atexit = False

    def _wait(self, line: deque[object], begins: Callable[[bool], bool]) -> None:
        """Wait in a line until something begins or raises, told whether it is the first there."""
        ticket = object()
        with self._changed:
            line.append(ticket)
            try:
                while not begins(line[0] is ticket):
                    self._changed.wait(_LOOK_S)
            finally:
                line.remove(ticket)
                self._changed.notify_all()

    def _add(self, *, kept: int = 0, looked_at: int = 0, working: int = 0, short: int = 0) -> None:
        with self._changed:
            self._kept += kept
            self._looked_at += looked_at
            self._working += working
            self._short += short
            self._highest = max(self._highest, self.taken)
            self._changed.notify_all()


@cache
def memory_budget() -> MemoryBudget:
    """Return the account of this process, as large as `netsketch.toml` says."""
    return MemoryBudget(limits().max_memory_mb * MB)
