"""Whose turn it is among those who wait, so that each gets the same time."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
# Of those who wait no longer, so many are remembered.
_MAX_REMEMBERED: Final = 1_000


class Turns(Generic[K]):
    """The time that each of those who ask has had. Several threads need a lock around it.

    The one that has had the least time is next. One that comes, for the first time or after a
    break, begins with as much time as the one that was chosen last had had, so that nobody saves up
    time.
    """

    def __init__(self) -> None:
        self._used_s: dict[K, float] = {}
        self._waiting: set[K] = set()
        self._now_s = 0.0

    def next(self, waiting: Iterable[K]) -> K | None:
        """Return the one that is next, of equal ones the first; None where nobody waits."""
        asked = list(dict.fromkeys(waiting))
        for one in asked:
            if one not in self._waiting:
                self._used_s[one] = max(self._used_s.get(one, 0.0), self._now_s)
        self._waiting = set(asked)
        if not asked:
            return None
        chosen = min(asked, key=self._used_s.__getitem__)
        self._now_s = self._used_s[chosen]
        self._forget()
        return chosen

    def used(self, who: K, seconds: float) -> None:
        """Note seconds that one of them has had."""
        self._used_s[who] = self._used_s.get(who, self._now_s) + seconds

    def _forget(self) -> None:
        """Forget those who would begin again from the same place as if they were new."""
        if len(self._used_s) > _MAX_REMEMBERED:
            self._used_s = {
                one: used
                for one, used in self._used_s.items()
                if one in self._waiting or used > self._now_s
            }


def surplus(
    waiting: Sequence[K], address_of: Mapping[K, str], most: int, most_each: int
) -> list[K]:
    """Return who must go where too many ask, the longest wait first.

    Args:
        waiting: who has asked, the longest wait first.
        address_of: network address of each; empty, or none, for this very machine.
        most: so many may wait in all.
        most_each: and so many from one address.
    """
    going: list[K] = []
    counts: dict[str, int] = {}
    for one in reversed(waiting):
        address = address_of.get(one, "")
        counts[address] = counts.get(address, 0) + 1
        if address and counts[address] > most_each:
            going.append(one)
    kept = [one for one in waiting if one not in going]
    return [*reversed(going), *kept[: max(0, len(kept) - most)]]
