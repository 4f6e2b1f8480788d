"""How often a page may look again by itself, and when it may be drawn anew.

A panel that shows something live asks the server again and again. Each such look takes time from
people who wait for a page, and from training. So a panel rests for many times as long as its last
looks took, and for longer the more people look: on a busy server a look takes longer, and all look
less often. And where many pages are drawn anew at once, as at the end of a run that a whole class
looks at, they take turns.
"""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

# A panel rests so many times as long as a look takes, and as many times more for each other person
# who looks: however many there are, their looks take a sixth of the time, and leave it to pages.
RESTS: Final = 16.0
RESTS_FOR_EACH: Final = 6.0
# The longest rest: a person takes a panel that stands still for longer to be broken.
LONGEST_S: Final = 8.0
# How many looks tell how long one takes: the shortest of them, so that one or two that had to wait
# change nothing, and one that had not is enough to go back.
LOOKS: Final = 3
# No rest is longer than so many of the one before: the server may be quiet again in a moment.
GROWTH: Final = 2.0
# Of one processor's time, what all pages together take that are drawn anew by themselves.
SHARE: Final = 0.5
# A viewer who has not looked again after so many rests has gone, or looks at another tab.
MISSED: Final = 2.5


class Audience:
    """Everybody who looks at this server's pages, and what drawing each one's page takes.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # Of each viewer: until when they count, and the processor's seconds that their page takes.
        self._seen: dict[str, tuple[float, float]] = {}
        self._took: dict[str, deque[float]] = {}

    def see(self, viewer: str, page_s: float, rest_s: float) -> None:
        """Note that somebody looks.

        Args:
            viewer: who looks.
            page_s: seconds of a processor that this one's whole page takes.
            rest_s: seconds until the next look.
        """
        with self._lock:
            until = self._clock() + MISSED * rest_s
            self._seen[viewer] = (max(until, self._seen.get(viewer, (until, 0.0))[0]), page_s)

    def gap_s(self, viewer: str) -> float:
        """Return seconds in which everybody else's pages can be drawn anew, one by one."""
        with self._lock:
            return sum(self._others(viewer)) / SHARE

    def others(self, viewer: str) -> int:
        """Return how many others look."""
        with self._lock:
            return len(self._others(viewer))

    def note(self, panel: str, took_s: float) -> None:
        """Keep how long anybody's look at a panel took, in seconds."""
        with self._lock:
            self._took.setdefault(panel, deque(maxlen=LOOKS)).append(took_s)

    def took_s(self, panel: str) -> tuple[float, ...]:
        """Return how long the last looks of all at a panel took."""
        with self._lock:
            return tuple(self._took.get(panel, ()))

    def _others(self, viewer: str) -> list[float]:
        now = self._clock()
        self._seen = {who: seen for who, seen in self._seen.items() if seen[0] >= now}
        return [page_s for who, (_, page_s) in self._seen.items() if who != viewer]


class Pace:
    """When one session looks again.

    Args:
        viewer: a name that no other session has.
        audience: all who look.
        clock: tells seconds.
    """

    def __init__(
        self, viewer: str, audience: Audience, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._viewer, self._audience, self._clock = viewer, audience, clock
        self._took: dict[str, deque[float]] = {}
        self._rest_s: dict[str, float] = {}
        self._page_s = 0.0
        self._drawn_at = float("-inf")
        self._due: float | None = None
        self._at_once = False

    def drawn(self, page_s: float) -> None:
        """Note that the whole page was drawn, in so many seconds of a processor."""
        self._page_s, self._drawn_at = page_s, self._clock()
        self._due, self._at_once = None, False
        self._audience.see(self._viewer, page_s, 0.0)

    def looked(self, panel: str, took_s: float) -> None:
        """Note that a look at a panel took so many seconds, waiting included."""
        self._took.setdefault(panel, deque(maxlen=LOOKS)).append(took_s)
        self._audience.note(panel, took_s)

    def rest_s(self, panel: str, shortest_s: float) -> float:
        """Return seconds until a panel may look again.

        Args:
            panel: which one.
            shortest_s: after how many seconds the panel may have something new to show.
        """
        took = tuple(self._took.get(panel, ()))
        if len(took) < LOOKS:
            took = self._audience.took_s(panel)
        times = RESTS + RESTS_FOR_EACH * self._audience.others(self._viewer)
        rest = min(LONGEST_S, times * min(took)) if len(took) == LOOKS else 0.0
        if panel in self._rest_s:
            rest = min(rest, GROWTH * self._rest_s[panel])
        rest = self._rest_s[panel] = max(shortest_s, rest)
        self._audience.see(self._viewer, self._page_s, rest)
        return rest

    def hurry(self) -> None:
        """Let what comes of a person's own click be drawn at once."""
        self._at_once = True

    def turn_in_s(self) -> float:
        """Return seconds until this session may draw its page anew, from now on in its turn."""
        now = self._clock()
        if self._at_once:
            return 0.0
        if self._due is None:
            gap = self._audience.gap_s(self._viewer)
            self._due = max(self._drawn_at + gap, now) + random.uniform(0, gap)
        return max(0.0, self._due - now)
