"""The one thread of this process that trains, and answers questions in between."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from core.data.loading import load
from core.machine.device import keep_freed_memory, take_all_cores, take_one_core
from core.machine.thread_team import adapting_threads
from core.questions.fair_share import Guests
from core.runs.executor import Executor, MakeExecutor, ThisThread
from core.runs.handover import end_unreported, handed_over
from core.runs.pause_limit import Patience
from core.runs.queue import RunQueue
from core.runs.registry import Registry
from core.serving.limits import Limits

_NAME: Final = "netsketch-trainer"

_log = logging.getLogger(__name__)


class TrainingThread:
    """A thread that trains the runs in the queue, one turn after the other.

    Args:
        registry: of the runs.
        queue: tells whose turn it is.
        guests: questions that the thread answers, beside a run and while no run waits.
        make_room: lets go of memory that a run may need.
        limits: returns what this server allows.
        executor: makes what does the jobs of a turn; None for what does them in this thread.
    """

    def __init__(
        self,
        registry: Registry,
        queue: RunQueue,
        guests: Guests,
        make_room: Callable[[], None],
        limits: Callable[[], Limits],
        executor: MakeExecutor | None = None,
    ) -> None:
        self._registry = registry
        self._changed = registry.changed
        self._queue = queue
        self._guests = guests
        self._make_room = make_room
        self._limits = limits
        self._executor = executor or self._this_thread
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def is_alive(self) -> bool:
        """Whether the thread has begun and not ended."""
        return self._thread is not None and self._thread.is_alive()

    def ensure(self) -> None:
        """Begin the thread, unless it goes on already; it reads the built-in digits first."""
        ready = threading.Event()
        with self._changed:
            if self._closing or self.is_alive:
                return
            keep_freed_memory()
            self._thread = threading.Thread(
                target=self._work, args=(ready,), name=_NAME, daemon=True
            )
            self._thread.start()
        # The new thread has taken all cores for itself; every thread after it gets one.
        ready.wait()
        take_one_core()

    def wake(self) -> None:
        """Let the thread see that a question is asked, also where a paused run has it."""
        with self._changed:
            self._changed.notify_all()
        for run in self._registry.all_active():
            run.nudge()

    def take_no_more(self) -> None:
        """Let the thread end after the present turn."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _work(self, ready: threading.Event) -> None:
        take_all_cores()
        ready.set()
        # A run of these digits says what is wrong, where a person can see it; without this thread
        # none ever would.
        with suppress(Exception):
            load("embedded")
        while self._is_wanted():
            with adapting_threads():
                if turn := self._queue.take_turn():
                    self._make_room()
                    limits = self._limits()
                    patience = Patience(limits.pause_s, self._queue.someone_waits)
                    try:
                        self._executor(patience).execute(*handed_over(turn, limits.run_s))
                    except Exception:  # the next run is trained all the same
                        _log.exception("An executor failed")
                    end_unreported(turn)
                    self._queue.take_back()
                else:
                    self._guests.advance()

    def _is_wanted(self) -> bool:
        """Wait for runs or questions; return False where the thread is to end instead."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or self._queue.someone_waits() or self._guests.waits
            )
            return not self._closing

    def _this_thread(self, patience: Patience) -> Executor:
        return ThisThread(self._registry.store, self._guests, patience)
