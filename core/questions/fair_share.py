"""The questions of pages that the training thread answers: their share of its time, fairly."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from core.questions.turns import Turns

# What all questions together may take of the time while a run trains. Measured beside a run on two
# cores that other programs used too (tests/bench/questions.py, n = 1): an endless editor takes 0.17
# of the time with a sixth, 0.47 with a half, and a price, of which such a machine needs several
# seconds, comes after 27 s instead of 21 s. So a run keeps five sixths of its pace for little more
# waiting.
SHARE: Final = 1 / 6
# Questions save up at most so many seconds of unused time: more would hold a run up in one piece.
_MOST_CREDIT_S: Final = 0.2


class Guest(Protocol):
    """Short work on a run's device and thread, done between two reports or during a pause."""

    @property
    def waits(self) -> bool:
        """Whether there is anything to do; cheap, and takes no lock."""
        ...

    def serve(self, budget_s: float) -> None:
        """Work for about that long. It raises nothing and changes no randomness."""
        ...


class Asked(Protocol):
    """Questions of one kind."""

    @property
    def waits(self) -> bool:
        """Whether `advance` has anything to do; cheap, and takes no lock."""
        ...

    def advance(self) -> None:
        """Do a little of the work, raising nothing and changing no randomness."""
        ...


class Guests:
    """Questions of several kinds as one guest; see `Guest`.

    While a run trains they have SHARE of the time, by their own clock, and a question whose pieces
    take long pays for that by waiting; else they have all of it. Of the kinds that wait, the one
    that has had least time is served next, so that no kind keeps another from its answers.

    Args:
        kinds: of questions.
        trains: tells whether a run trains now, and is neither paused nor over.
        clock: in seconds.
    """

    def __init__(
        self,
        *kinds: Asked,
        trains: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = kinds
        self._trains = trains
        self._clock = clock
        self._turns: Turns[int] = Turns()
        self._credit_s = 0.0
        self._served_at = clock()

    @property
    def waits(self) -> bool:
        """See `Guest.waits`."""
        return any(kind.waits for kind in self._kinds)

    def serve(self, budget_s: float) -> None:
        """Answer for about that long; beside a run that trains only as far as the share goes."""
        began = self._clock()
        if not self._trains():
            while self.waits and self._clock() - began < budget_s:
                self.advance()
            return
        earned_s = (began - self._served_at) * SHARE / (1 - SHARE)
        self._credit_s = min(self._credit_s + earned_s, _MOST_CREDIT_S)
        while self.waits and self._credit_s > 0:
            before = self._clock()
            self.advance()
            self._credit_s -= self._clock() - before
        self._served_at = self._clock()

    def advance(self) -> None:
        """Do a little for the kind of questions that has had least time."""
        chosen = self._turns.next(i for i, kind in enumerate(self._kinds) if kind.waits)
        if chosen is None:
            return
        began = self._clock()
        self._kinds[chosen].advance()
        self._turns.used(chosen, self._clock() - began)
