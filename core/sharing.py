"""How the training threads wait for one another while other programs want the same cores.

At a barrier libgomp's threads spin for a while before they sleep. Alone on the machine that is
fastest. Beside another busy program it burns the very time on the processor that the awaited
thread needs: on 2 cores under heavy load the default network trained 9 times slower than with
threads that sleep at once. How long they spin is fixed when libgomp is loaded, but for one case:
once a process has more OpenMP threads than cores, they hardly spin at all. So a team that does
nothing is kept for as long as the machine is crowded. The team that trains keeps its size, and
every result its bits.
"""

import ctypes
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

import torch

from core.device import cores

# Seconds that threads of this process were ready to run and had no processor, in a second. Beside
# nothing else it is under 0.1, under a heavy load more than 1. (How often they had to leave a
# processor tells nothing: it was 50 to 300 a second in both cases.)
CROWDED: Final = 0.2
LOOK_S: Final = 0.2
# How long to wait without spinning before it is tried again; doubled as long as that fails.
SHORTEST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 4.0


# Set while the threads of a team hardly spin, as others want the cores.
_resting = threading.Event()


class Calm:
    """Tells again and again whether others have left the cores to this process's one team."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Count from now on."""
        self._waited, self._at = _waited_s(), time.monotonic()

    def lasted(self) -> bool:
        """Tell whether they have since it was last asked, and begin anew.

        Always where the system does not say how long threads wait for a processor.
        """
        waited, began = self._waited, self._at
        self.begin()
        crowded = self._waited - waited > CROWDED * (self._at - began)
        return not crowded and not _resting.is_set()


@contextmanager
def sharing_cores() -> Iterator[None]:
    """Watch for other programs meanwhile, and spin only without them. Linux with libgomp only."""
    gomp = _libgomp()
    if gomp is None or cores() == 1:
        yield
        return
    over = threading.Event()
    watch = threading.Thread(
        target=watch_until,
        args=(over, _waited_s, lambda: idle_team(gomp)),
        name="netsketch-sharing",
        daemon=True,
    )
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def watch_until(
    over: threading.Event,
    waited_s: Callable[[], float],
    without_spinning: Callable[[], AbstractContextManager[None]],
) -> None:
    """Rest without spinning whenever other programs take the cores, until it is over.

    Args:
        over: set when there is nothing more to watch.
        waited_s: seconds that threads of this process have waited for a processor so far.
        without_spinning: keeps threads from spinning while it is entered.
    """
    rest_s = SHORTEST_REST_S
    waited, looked = waited_s(), time.monotonic()
    while not over.wait(LOOK_S):
        if waited_s() - waited < CROWDED * (time.monotonic() - looked):
            rest_s = SHORTEST_REST_S
        else:
            with without_spinning():
                over.wait(rest_s)
            rest_s = min(2 * rest_s, LONGEST_REST_S)
        waited, looked = waited_s(), time.monotonic()


@contextmanager
def idle_team(gomp: ctypes.CDLL) -> Iterator[None]:
    """Keep as many OpenMP threads as there are cores, asleep, in addition to all others."""
    made, over = threading.Event(), threading.Event()

    def keep() -> None:
        # A team belongs to the thread that made it, and ends with it. What its threads run once is
        # libgomp's own function that reads a number.
        gomp.GOMP_parallel(gomp.omp_get_num_threads, None, cores(), 0)
        made.set()
        over.wait()

    keeper = threading.Thread(target=keep, name="netsketch-idle-team", daemon=True)
    keeper.start()
    made.wait()
    _resting.set()
    try:
        yield
    finally:
        over.set()
        keeper.join()
        _resting.clear()


def _libgomp() -> ctypes.CDLL | None:
    """Return the OpenMP library that torch computes with, if it is GNU's on Linux."""
    if sys.platform != "linux":
        return None
    try:
        # Its functions are found through torch's own library: others may have loaded a second one.
        library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"))
        library.GOMP_parallel.argtypes = (
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_uint,
            ctypes.c_uint,
        )
        library.GOMP_parallel.restype = None
        library.omp_get_num_threads.restype = ctypes.c_int
    except (OSError, AttributeError):
        return None
    return library


def _waited_s() -> float:
    """Seconds that this process's threads have waited for a processor, 0 where nobody counts."""
    total = 0
    for task in Path("/proc/self/task").glob("*"):
        # A thread may end meanwhile, and a kernel may keep no such figures.
        with suppress(OSError):
            total += int((task / "schedstat").read_text().split()[1])
    return total / 1e9
