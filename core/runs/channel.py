"""The channel between workers that train and the runs that pages see."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Protocol

from core.runs.messages import Report, Wish

# The id of a run, and what is wished of it.
Addressed = tuple[str, Wish]


class WorkersEnd(Protocol):
    """The end of a channel that workers use, all from one thread."""

    def tell(self, run_id: str, report: Report) -> None:
        """Send a report of a run. The reports of a run arrive in the order of sending."""
        ...

    def wishes(self, wait_s: float = 0.0) -> list[Addressed]:
        """Return the wishes that have come since the last call, in order.

        Args:
            wait_s: how long to wait for a wish where there is none, in seconds.
        """
        ...


class ViewsEnd(Protocol):
    """The end of a channel that runs use, from any thread."""

    def wish(self, run_id: str, wish: Wish) -> None:
        """Send a wish, without waiting for anything."""
        ...


class ThreadChannel:
    """Both ends of a channel within one process.

    Args:
        deliver: takes each report, in the thread that sends it.
    """

    def __init__(self, deliver: Callable[[str, Report], None]) -> None:
        self.tell = deliver
        # A signal's handler may put to such a queue at any instant; most locks would block it.
        self._wishes: SimpleQueue[Addressed] = SimpleQueue()

    def wish(self, run_id: str, wish: Wish) -> None:
        """See `ViewsEnd`."""
        self._wishes.put((run_id, wish))

    def wishes(self, wait_s: float = 0.0) -> list[Addressed]:
        """See `WorkersEnd`."""
        found: list[Addressed] = []
        try:
            if wait_s:
                found.append(self._wishes.get(timeout=wait_s))
            while True:
                found.append(self._wishes.get_nowait())
        except Empty:
            return found
