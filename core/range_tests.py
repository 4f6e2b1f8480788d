"""Range tests that pages ask for, and what came of them; a guest of the training thread.

Only that thread has a team of all cores. A test goes on step by step, in the moments that a run
leaves to its guests, and without pause where nothing is trained. The images are read before, in a
thread of their own, so that no run waits for a disk.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from core.data import Digits, load
from core.device import release_freed_memory
from core.errors import UserError
from core.layers import lay_out
from core.memory import step_memory
from core.message import N_
from core.range_test import NUM_STEPS, range_key, range_test
from core.spec import RunSpec
from core.turns import Turns, surplus

MAX_KNOWN: Final = 200
MAX_ASKERS: Final = 200
# Below it, memory is kept for the next steps of anyone.
_WORTH_RELEASING: Final = 256 * 2**20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """A test as it is now.

    Attributes:
        status: `waiting` for its images or its turn, `running`, `ended` or `failed`.
        losses: of the steps so far; `core.range_test.RATES` are their rates.
        remaining_s: seconds that the rest will take at most, where that can be told.
        trouble: why it failed.
    """

    status: Literal["waiting", "running", "ended", "failed"]
    losses: tuple[float, ...] = ()
    remaining_s: float | None = None
    trouble: str = ""


@dataclass(eq=False)
class _Now:
    """The test under way."""

    key: RunSpec
    steps: Iterator[float]
    losses: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def seen(self) -> RangeTest:
        done = len(self.losses)
        each_s = (time.monotonic() - self.began) / done if done else None
        return RangeTest(
            status="running",
            losses=tuple(self.losses),
            remaining_s=None if each_s is None else each_s * (NUM_STEPS - done),
        )


class RangeTests:
    """Questions of pages and their answers.

    Any thread may ask, look and stop; the rest is for the training thread alone.

    Args:
        wake: called without a lock held when there is something new to do.
        read: returns a data set.
        most_each: so many may wait that were asked from one address; of more, the oldest go.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        read: Callable[[str], Digits] | None = None,
        most_each: int = MAX_ASKERS,
    ) -> None:
        self._wake = wake
        self._most_each = most_each
        self._read = read or (lambda key: load(key))
        self._lock = threading.Lock()
        # Who waits for which test, the longest wait first, and the images of those that have them.
        self._wanted: OrderedDict[str, RunSpec] = OrderedDict()
        self._data: dict[RunSpec, Digits] = {}
        self._address_of: dict[str, str] = {}
        self._turns: Turns[str] = Turns()
        self._served = ""
        self._known: OrderedDict[RunSpec, RangeTest] = OrderedDict()
        self._now: _Now | None = None
        self._reader: threading.Thread | None = None
        self._credit_s = 0.0

    def ask(self, asker: str, spec: RunSpec, address: str = "") -> None:
        """See to it that a spec is tested; it never waits.

        What the same asker wanted before is dropped, though half done. What is known is not tested
        again, unless it failed.

        Args:
            asker: whoever will look, such as a browser's session.
            spec: one that can run here.
            address: where it is asked; empty for this very machine.
        """
        key = range_key(spec)
        with self._lock:
            self._wanted.pop(asker, None)
            known = self._known.get(key)
            if known is None or known.status == "failed":
                self._known.pop(key, None)
                self._wanted[asker] = key
            self._address_of[asker] = address
            waiting = tuple(self._wanted)
            for gone in surplus(waiting, self._address_of, MAX_ASKERS, self._most_each):
                del self._wanted[gone]
            self._address_of = {one: self._address_of.get(one, "") for one in self._wanted}
            self._forget_unwanted()
            if self._unread() is not None and self._reader is None:
                self._reader = threading.Thread(
                    target=self._read_all, name="range-test-reader", daemon=True
                )
                self._reader.start()
        self._wake()

    def look(self, asker: str, spec: RunSpec) -> RangeTest | None:
        """Return the test of a spec as it is now; None where this asker has not asked for it."""
        key = range_key(spec)
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                return known
            if self._wanted.get(asker) != key:
                return None
            now = self._now
            return now.seen() if now and now.key == key else RangeTest(status="waiting")

    def stop(self, asker: str) -> None:
        """Drop what an asker waits for."""
        with self._lock:
            self._wanted.pop(asker, None)
            self._forget_unwanted()
        self._wake()

    @property
    def waits(self) -> bool:
        """Whether `advance` has anything to do."""
        return self._now is not None or bool(self._data)

    def serve(self, budget_s: float) -> None:
        """Go on for about that long; what a long step took too much is missing the next times."""
        self._credit_s = min(self._credit_s, 0.0) + budget_s
        while self.waits and self._credit_s > 0:
            began = time.monotonic()
            self.advance()
            self._credit_s -= time.monotonic() - began

    def advance(self) -> None:
        """Do one step for whoever has had least time. It raises nothing."""
        with self._lock:
            stale = self._now is not None and self._now.key not in self._wanted.values()
        if stale:
            self.drop()
        if self._now is None and not self._begin():
            return
        assert self._now is not None
        began = time.monotonic()
        try:
            loss = next(self._now.steps)
        except StopIteration:
            self._settle(RangeTest(status="ended", losses=tuple(self._now.losses)))
        except UserError as error:
            self._settle(RangeTest(status="failed", trouble=error.message))
        except Exception:  # the page says so, and the thread goes on
            _log.exception("A range test failed")
            self._settle(RangeTest(status="failed", trouble=N_("The test broke off.")))
        else:
            with self._lock:
                self._now.losses.append(loss)
        with self._lock:
            self._turns.used(self._served, time.monotonic() - began)

    def make_room(self) -> None:
        """Let go of a test that holds much memory, as a run is about to begin; it begins anew."""
        if self._now is not None and _is_large(self._now.key):
            self.drop()

    def drop(self) -> None:
        """Let go of a half-done test; whoever waits for it goes on waiting."""
        with self._lock:
            now, self._now = self._now, None
        if now is not None:
            key = now.key
            del now
            if _is_large(key):
                release_freed_memory()

    def _begin(self) -> bool:
        with self._lock:
            ready = (asker for asker, key in self._wanted.items() if key in self._data)
            self._served = self._turns.next(ready) or ""
            key = self._wanted.get(self._served)
            if key is not None:
                self._now = _Now(key, range_test(key, self._data[key]))
        return key is not None

    def _settle(self, outcome: RangeTest) -> None:
        assert self._now is not None
        self._note(self._now.key, outcome)
        self.drop()

    def _note(self, key: RunSpec, outcome: RangeTest) -> None:
        with self._lock:
            self._known[key] = outcome
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
            for asker in [asker for asker, wanted in self._wanted.items() if wanted == key]:
                del self._wanted[asker]
            self._forget_unwanted()

    def _read_all(self) -> None:
        """Read the images of all that is asked for, then end."""
        while True:
            with self._lock:
                key = self._unread()
                if key is None:
                    self._reader = None
                    return
            try:
                data = self._read(key.data)
            except UserError as error:
                self._note(key, RangeTest(status="failed", trouble=error.message))
                continue
            except Exception:
                _log.exception("A data set could not be read")
                trouble = N_("Its images cannot be read.")
                self._note(key, RangeTest(status="failed", trouble=trouble))
                continue
            with self._lock:
                self._data[key] = data
                self._forget_unwanted()
            self._wake()

    # Within the lock

    def _unread(self) -> RunSpec | None:
        return next((key for key in self._wanted.values() if key not in self._data), None)

    def _forget_unwanted(self) -> None:
        wanted = set(self._wanted.values())
        self._data = {key: data for key, data in self._data.items() if key in wanted}


def _is_large(key: RunSpec) -> bool:
    return step_memory(key, lay_out(key)).total > _WORTH_RELEASING
