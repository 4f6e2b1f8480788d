"""How many threads train, while others want the same cores.

The threads of a team wait for each other at the end of every operation, so one of them that has to
share its core holds up all. On 2 cores beside a program that keeps one of them busy, two threads
trained at 0.15 to 0.36 of their speed alone, whether they spun or slept at their barriers, and a
single one at 0.60 to 0.65 (three networks at batches of 64). Beside a program that takes 0.4 of a
core, two are still the faster ones: 0.84 against 0.61. So a team has as many threads as there are
cores left to it, and a thread that has gone comes back when a core has been left free for a while.

Another number of threads adds in another order and so rounds otherwise. A trainer therefore takes
another number between two steps only, and its record says from which step on it computed with how
many.
"""

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from core.machine.device import cores, take_all_cores

# Seconds that threads of this process were ready to run and had no processor, in a second. Beside
# nothing else it is under 0.1, under a heavy load more than 1. (How often they had to leave a
# processor tells nothing: it was 50 to 300 a second in both cases.)
CROWDED: Final = 0.2
LOOK_S: Final = 0.25
# The share of a core that others may take before a thread is given up, and below which the thread
# comes back. A program that could use a whole core gets half of it beside a thread of the team.
GIVE_UP: Final = 0.45
TAKE_BACK: Final = 0.35
# Seconds that a core must have been free before a thread takes it back; doubled where others want
# the core again at once.
SHORTEST_REST_S: Final = 2.0
LONGEST_REST_S: Final = 32.0
# Others want a core again at once where they do so within this many seconds.
_RELAPSE_S: Final = 10.0


class ThreadTeam:
    """The threads that train: as many as others leave cores for, one at least.

    Args:
        most: cores of the machine.
    """

    def __init__(self, most: int) -> None:
        self._most = self._size = most
        self._used = 0.0
        self._calm_since = self._grown_at = -math.inf
        self._rest_s = SHORTEST_REST_S

    @property
    def size(self) -> int:
        """How many threads there are to be from the next step on."""
        return self._size

    @property
    def is_whole(self) -> bool:
        """Whether every core has a thread."""
        return self._size == self._most

    def begin_with(self, size: int, now_s: float) -> None:
        """Take the number of threads of a training that now goes on, as far as there are cores.

        Args:
            size: 1 or more.
            now_s: seconds, by any clock.
        """
        self._size = self._within(size)
        self._calm_since = now_s

    def look(self, used: float, now_s: float) -> None:
        """Note what others take; a single short burst of theirs changes nothing.

        Args:
            used: cores' worth of time that others have taken since the last look.
            now_s: seconds, by the same clock at every look.
        """
        lasting, self._used = min(used, self._used), used
        fitting = self._within(math.floor(self._most - lasting + GIVE_UP))
        if fitting < self._size:
            self._size = fitting
            relapsed = now_s - self._grown_at < _RELAPSE_S
            self._rest_s = min(2 * self._rest_s, LONGEST_REST_S) if relapsed else SHORTEST_REST_S
            self._calm_since = now_s
            return
        free = self._within(math.floor(self._most - used + TAKE_BACK))
        if free <= self._size:
            self._calm_since = now_s
        elif now_s - self._calm_since >= self._rest_s:
            self._size = free
            self._calm_since = self._grown_at = now_s

    def _within(self, size: int) -> int:
        return min(max(size, 1), self._most)


_team: ThreadTeam | None = None


def present_team() -> ThreadTeam | None:
    """Return the team that trains now, or None where nobody watches what others take."""
    return _team


@contextmanager
def adapting_threads() -> Iterator[None]:
    """Let the calling thread train, meanwhile, on the cores that others leave. Linux only.

    A thread watches what other programs take, and this process's own pages.
    """
    global _team
    take_all_cores()
    if sys.platform != "linux" or cores() == 1:
        yield
        return
    team = ThreadTeam(cores())
    over = threading.Event()
    watch = threading.Thread(
        target=watch_until,
        args=(over, team, others_s(threading.get_native_id())),
        name="netsketch-sharing",
        daemon=True,
    )
    watch.start()
    _team = team
    try:
        yield
    finally:
        _team = None
        over.set()
        watch.join()
        take_all_cores()


def watch_until(over: threading.Event, team: ThreadTeam, used_s: Callable[[], float]) -> None:
    """Tell a team again and again what others take, until `over` is set.

    Args:
        over: set when there is nothing more to watch.
        team: whom to tell.
        used_s: returns the seconds of any core that others have taken since its last call.
    """
    looked: float | None = None
    while True:
        # A system that is out of file handles tells nothing; the team stays as it is meanwhile.
        with suppress(OSError, psutil.Error):
            used, now = used_s(), time.monotonic()
            if looked is not None:
                team.look(used / (now - looked), now)
            looked = now
        if over.wait(LOOK_S):
            return


def others_s(trainer: int) -> Callable[[], float]:
    """Return a function: the seconds that others took of our cores since its last call.

    Others are other programs and this process's Python threads but the one that trains; what is
    left are the threads of its team.

    Args:
        trainer: the system's id of the thread that trains.
    """
    me = psutil.Process()
    mine = set(me.cpu_affinity())
    before: dict[int, float] = {}
    busy_before = own_before = 0.0

    def used_s() -> float:
        nonlocal before, busy_before, own_before
        pages = {thread.native_id for thread in threading.enumerate()} - {trainer}
        now = {
            thread.id: thread.user_time + thread.system_time
            for thread in me.threads()
            if thread.id in pages
        }
        # A thread that was not there before may bear the number of one that has ended.
        paged = sum(max(0.0, spent - before.get(number, spent)) for number, spent in now.items())
        busy, own = _busy_s(mine), time.process_time()
        others = busy - busy_before - (own - own_before) + paged
        before, busy_before, own_before = now, busy, own
        return max(0.0, others)

    return used_s


def _busy_s(mine: set[int]) -> float:
    """Seconds that these cores have worked since the machine started, for all programs."""
    # What a virtual machine takes is in the user's figure already.
    idle = ("idle", "iowait", "guest", "guest_nice")
    return sum(
        float(sum(times) - sum(getattr(times, name) for name in idle))
        for core, times in enumerate(psutil.cpu_times(percpu=True))
        if core in mine
    )


class QuietMeter:
    """Tells again and again whether others have left the cores to this process's one team."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._waited, self._at = _waited_s(), time.monotonic()

    def lasted(self) -> bool:
        """Tell whether others have left the cores alone since the last call, and begin anew.

        It is always so where the system does not say how long threads wait for a processor.
        """
        waited, began = self._waited, self._at
        self.begin()
        crowded = self._waited - waited > CROWDED * (self._at - began)
        return not crowded and (_team is None or _team.is_whole)


def _waited_s() -> float:
    """Seconds that this process's threads have waited for a processor; 0 where that is not told."""
    total = 0
    for task in Path("/proc/self/task").glob("*"):
        # A thread may end meanwhile, and a kernel may keep no such figures.
        with suppress(OSError):
            total += int((task / "schedstat").read_text().split()[1])
    return total / 1e9
