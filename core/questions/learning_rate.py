"""Range tests that pages ask for, and what came of them."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from core.data.loading import Digits, load
from core.questions.base import Questions, takes_much_memory
from core.spec import RunSpec
from core.training.range_test import NUM_STEPS, range_key, range_test
from core.words.message import N_


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """A test as it is now.

    Attributes:
        status: `waiting` for its images or its turn, `running`, `ended` or `failed`.
        losses: of the steps so far; `core.training.range_test.RATES` are their rates.
        remaining_s: seconds that the rest will take at most, where that can be told.
        trouble: why it failed.
    """

    status: Literal["waiting", "running", "ended", "failed"]
    losses: tuple[float, ...] = ()
    remaining_s: float | None = None
    trouble: str = ""


class RangeTests(Questions[RunSpec, float, tuple[float, ...]]):
    """Tests of specs, whose losses are told step by step; see `Questions`.

    Args:
        wake, most_each: see `Questions`.
        read: returns a data set.
    """

    BROKE_OFF = N_("The test broke off.")

    def __init__(
        self,
        wake: Callable[[], None],
        read: Callable[[str], Digits] | None = None,
        most_each: int | None = None,
    ) -> None:
        super().__init__(wake, most_each)
        self._read = read or (lambda key: load(key))

    def ask(self, asker: str, spec: RunSpec, address: str = "") -> None:
        """See to it that a spec is tested; it never waits.

        What the same asker wanted before is dropped, though half done. What is known is not tested
        again, unless it failed.

        Args:
            asker: who will look at it, such as the id of a browser's session.
            spec: one that can run here.
            address: where it is asked; empty for this very machine.
        """
        self._ask(asker, range_key(spec), asker, address)

    def look(self, asker: str, spec: RunSpec) -> RangeTest | None:
        """Return the test of a spec as it is now; None where this asker has not asked for it."""
        key = range_key(spec)
        with self._lock:
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                if known.answer is None:
                    return RangeTest(status="failed", trouble=known.trouble)
                return RangeTest(status="ended", losses=known.answer)
            wanted, now = self._wanted.get(asker), self._now
            if wanted is None or wanted.key != key:
                return None
            if now is None or now.key != key:
                return RangeTest(status="waiting")
            done = len(now.said)
            each_s = (time.monotonic() - now.began) / done if done else None
            return RangeTest(
                status="running",
                losses=tuple(now.said),
                remaining_s=None if each_s is None else each_s * (NUM_STEPS - done),
            )

    def make_room(self) -> None:
        """Let go of a test that holds much memory, as a run is about to begin; it begins anew."""
        if self._now is not None and self._is_large(self._now.key):
            self.drop()

    def _prepare(self, key: RunSpec) -> Callable[[], Generator[float, None, tuple[float, ...]]]:
        return partial(_losses, key, self._read(key.data))

    def _is_large(self, key: RunSpec) -> bool:
        return takes_much_memory(key)


def _losses(key: RunSpec, data: Digits) -> Generator[float, None, tuple[float, ...]]:
    """Test a spec, yielding the loss of each step; return all of them."""
    losses: list[float] = []
    for loss in range_test(key, data):
        losses.append(loss)
        yield loss
    return tuple(losses)
