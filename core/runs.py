"""All runs of this process, and the one thread that trains them in turn."""

import atexit
import threading
from collections import OrderedDict
from contextlib import suppress
from secrets import token_hex
from typing import Final

from core.check import require_runnable
from core.data import load
from core.device import keep_freed_memory, take_all_cores, take_one_core
from core.errors import UserError
from core.presets import PRESETS, preset_of
from core.price import Price, Prices
from core.record import ENDED
from core.run import Run
from core.sharing import sharing_cores
from core.spec import RunSpec

MAX_WAITING: Final = 30
MAX_KEPT: Final = 60
# How long an ordinary exit waits for the run to save what it has learned.
EXIT_S: Final = 10.0


class Runs:
    """The runs, newest last, and their queue. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._worker: threading.Thread | None = None
        self._closing = False
        self._count = 0
        self._prices = Prices(self._wake)

    def start(self, spec: RunSpec) -> Run:
        """Put a run in line, or return the one of the same spec that has not ended yet.

        Raises:
            UserError: the spec cannot run here, or too many runs wait already.
        """
        if (same := self._unfinished(spec)) is not None:
            return same
        require_runnable(spec)
        with self._changed:
            # Two clicks may have come this far at once.
            if (same := self._unfinished(spec)) is not None:
                return same
            if sum(run.status == "queued" for run in self._runs.values()) >= MAX_WAITING:
                raise UserError(
                    f"{MAX_WAITING} runs are waiting already. Wait for one to end, or stop one."
                )
            self._count += 1
            run = Run(f"{self._count}-{token_hex(3)}", _name(self._count, spec), spec)
            self._runs[run.id] = run
            self._forget_old()
            self._changed.notify_all()
        self._ensure_worker()
        return run

    def get(self, run_id: str) -> Run | None:
        """Return a run by its id."""
        with self._changed:
            return self._runs.get(run_id)

    def all(self) -> tuple[Run, ...]:
        """Return every run, newest first."""
        with self._changed:
            return tuple(reversed(self._runs.values()))

    def active(self) -> Run | None:
        """Return the run that has the device, paused or not."""
        return next((run for run in self.all() if run.status in ("running", "paused")), None)

    def place_in_line(self, run: Run) -> int:
        """Return how many runs go before a waiting one; 0 if it does not wait."""
        with self._changed:
            ahead = 0
            for other in self._runs.values():
                if other is run:
                    return ahead if run.status == "queued" else 0
                ahead += other.status not in ENDED
        return 0

    def price(self, asker: str, spec: RunSpec) -> Price | None:
        """Return what a run would take, or None while that is measured; see `Prices.ask`.

        Args:
            asker: whoever will ask again: the id of a browser's session.
            spec: one that `check` finds nothing wrong with.
        """
        self._ensure_worker()
        return self._prices.ask(asker, spec)

    def price_pending(self, asker: str) -> bool:
        """Tell whether it is worth asking again for the price that this asker asked for last."""
        return self._prices.pending(asker)

    def close(self, timeout_s: float = EXIT_S) -> None:
        """Stop everything and wait for the thread to end."""
        with self._changed:
            self._closing = True
            runs, worker = tuple(self._runs.values()), self._worker
            self._changed.notify_all()
        for run in runs:
            if run.status not in ENDED:
                run.stop()
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout_s)

    def _unfinished(self, spec: RunSpec) -> Run | None:
        with self._changed:
            same = (r for r in self._runs.values() if r.spec == spec and r.status not in ENDED)
            return next(same, None)

    def _wake(self) -> None:
        """Let the training thread see that a price is asked for, wherever it waits."""
        with self._changed:
            self._changed.notify_all()
        if (run := self.active()) is not None:
            run.nudge()

    def _ensure_worker(self) -> None:
        ready = threading.Event()
        with self._changed:
            if self._closing or (self._worker is not None and self._worker.is_alive()):
                return
            keep_freed_memory()
            self._worker = threading.Thread(
                target=self._work, args=(ready,), name="netsketch-trainer", daemon=True
            )
            self._worker.start()
        # The worker has taken all cores for itself; every thread after it gets one.
        ready.wait()
        take_one_core()

    def warm_up(self) -> None:
        """Start the training thread and read the built-in digits before anyone asks for them."""
        self._ensure_worker()

    def _work(self, ready: threading.Event) -> None:
        take_all_cores()
        ready.set()
        # A run of these digits says what is wrong, where a person can see it; without this thread
        # none ever would.
        with suppress(Exception):
            load("embedded")
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closing or self._next() is not None or self._prices.waits
                )
                run = self._next()
                if self._closing:
                    return
            if run is not None:
                self._prices.drop()  # the run may need the memory
                with sharing_cores():
                    run.execute(self._prices)
            else:
                self._prices.advance()

    def _next(self) -> Run | None:
        return next((run for run in self._runs.values() if run.status == "queued"), None)

    def _forget_old(self) -> None:
        ended = [run.id for run in self._runs.values() if run.status in ENDED]
        for run_id in ended[: max(0, len(self._runs) - MAX_KEPT)]:
            del self._runs[run_id]


def _name(number: int, spec: RunSpec) -> str:
    key = preset_of(spec)
    if key is not None:
        return f"{number} · {PRESETS[key].title}"
    shape = "–".join(str(block.channels) for block in spec.blocks)
    dense = "".join(f" + {layer.units}" for layer in spec.dense)
    return f"{number} · conv {shape}{dense}"


_runs: Runs | None = None
_making = threading.Lock()


def runs() -> Runs:
    """Return the runs of this process."""
    global _runs
    with _making:
        if _runs is None:
            _runs = Runs()
            _runs.warm_up()
            atexit.register(_runs.close)
        return _runs
