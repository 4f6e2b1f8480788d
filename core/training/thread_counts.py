"""With how many threads a training computed, from which of its steps on."""

import time
from collections.abc import Iterable
from typing import Final

import torch

from core.machine.device import take_cores
from core.machine.thread_team import ThreadTeam
from core.training.state import Plain

# As many changes as a record has room for; after them the number stays.
MOST: Final = 1_000

# After how many steps, and with how many threads from there on; in order, no number twice running.
Stretch = tuple[int, int]


class Stretches:
    """The stretches of one training, whose number of threads changes between two steps only.

    Args:
        team: whose number of threads it takes, or None to compute with the threads of whichever
            thread trains; nothing is noted then.
    """

    def __init__(self, team: ThreadTeam | None = None) -> None:
        self._team = team
        self._known: tuple[Stretch, ...] = ()

    @property
    def known(self) -> tuple[Stretch, ...]:
        """The stretches so far; empty where nothing is noted."""
        return self._known

    def before_step(self, step: int) -> None:
        """Compute with as many threads as the team has now.

        Args:
            step: steps done so far.
        """
        if self._team is None:
            return
        if not self._known or len(self._known) < MOST:
            self._known = joined(self._known, [(step, self._team.size)])
        _compute_with(self._known[-1][1])

    def restore(self, plain: Plain) -> None:
        """Go on with as many threads as a training had, until the team changes.

        Args:
            plain: what `to_plain` returned; nothing where an earlier version noted none.

        Raises:
            TypeError, ValueError: it is something else.
        """
        known = of_plain(plain)
        if self._team is None:
            return  # with how many it goes on is not known, so no more is said of it
        self._known = known
        if known:
            self._team.begin_with(known[-1][1], time.monotonic())
            _compute_with(self._team.size)


def _compute_with(threads: int) -> None:
    if torch.get_num_threads() != threads:
        take_cores(threads)


def joined(known: Iterable[Stretch], more: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return stretches one after the other; where the number stays, there is one stretch."""
    found: list[Stretch] = []
    for step, threads in (*known, *more):
        if not found or found[-1][1] != threads:
            found.append((step, threads))
    return tuple(found)


def to_plain(stretches: Iterable[Stretch]) -> Plain:
    """Write stretches as JSON can say them."""
    return [[step, threads] for step, threads in stretches]


def of_plain(plain: object) -> tuple[Stretch, ...]:
    """Read what `to_plain` wrote.

    Raises:
        TypeError: it is no list of pairs of whole numbers.
        ValueError: a step is lower than the one before, or there are no threads.
    """
    if not isinstance(plain, list):
        raise TypeError("stretches are a list")
    found: list[Stretch] = []
    for pair in plain:
        if not isinstance(pair, list) or [type(number) for number in pair] != [int, int]:
            raise TypeError("a stretch is two whole numbers")
        step, threads = pair
        if step < (found[-1][0] if found else 0) or threads < 1:
            raise ValueError("stretches are in order, of one thread or more")
        found.append((step, threads))
    return tuple(found)
