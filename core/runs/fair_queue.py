"""The line in which runs wait: fair between people, in each one's own order."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class QueueEntry:
    """Runs that go together, one or the two of a duel.

    Attributes:
        run_ids: of them.
        owner: whose they are.
        address: network address from which they were asked for; empty for this very machine.
    """

    run_ids: tuple[str, ...]
    owner: str
    address: str = ""


class FairQueue:
    """The runs that wait, in the order of asking. Several threads need a lock around it."""

    def __init__(self) -> None:
        self._waiting: list[QueueEntry] = []
        self._held: list[QueueEntry] = []

    def join(self, waiting: QueueEntry) -> None:
        """Put a run, or the two of a duel, at the end of the line."""
        self._waiting.append(waiting)

    def rejoin(self, waiting: QueueEntry) -> None:
        """Put runs that gave their turn up at the front: they were asked for before all others."""
        self._waiting.insert(0, waiting)

    def hold(self, places: QueueEntry) -> None:
        """Keep places for runs that are still being made; they take room but no turn."""
        self._held.append(places)

    def give_up(self, places: QueueEntry) -> None:
        """Keep the places of `hold` no longer."""
        self._held.remove(places)

    def has(self, run_id: str) -> bool:
        """Tell whether a run waits."""
        return any(run_id in entry.run_ids for entry in self._waiting)

    def leave(self, run_id: str) -> None:
        """Take a run out of the line; the other one of its duel waits on alone."""
        kept = (
            replace(entry, run_ids=tuple(i for i in entry.run_ids if i != run_id))
            for entry in self._waiting
        )
        self._waiting = [entry for entry in kept if entry.run_ids]

    def all(self) -> tuple[QueueEntry, ...]:
        """Return all runs that wait, in the order of asking."""
        return tuple(self._waiting)

    def order(
        self, served: Iterable[str] = (), ready: Callable[[QueueEntry], bool] = lambda entry: True
    ) -> tuple[QueueEntry, ...]:
        """Return the runs in the order of their turns.

        Everybody's first run comes before anybody's second: a person with ten runs in line delays
        one who brings a single run by one run, not by ten.

        Args:
            served: owners of the runs that have the device now, which counts as their first turn.
            ready: tells who would take a turn; the others stay in line and hold nobody up.
        """
        turns = Counter(served)
        ranked: list[tuple[int, int, QueueEntry]] = []
        for asked, entry in enumerate(self._waiting):
            if not ready(entry):
                continue
            ranked.append((turns[entry.owner], asked, entry))
            turns[entry.owner] += 1
        return tuple(entry for _, _, entry in sorted(ranked, key=lambda turn: turn[:2]))

    def of(self, owner: str) -> Sequence[QueueEntry]:
        """Return what one person waits for, in their own order."""
        return [entry for entry in self._waiting if entry.owner == owner]

    def count_of(self, owner: str) -> int:
        """Return how many runs of one person wait."""
        return sum(len(entry.run_ids) for entry in self._all if entry.owner == owner)

    def count_from(self, address: str) -> int:
        """Return how many runs wait that were asked for from one address."""
        return sum(len(entry.run_ids) for entry in self._all if entry.address == address)

    def move(self, run_id: str, by: int) -> None:
        """Move a run among its owner's own, `by` places back, or forward where that is negative."""
        entry = next((e for e in self._waiting if run_id in e.run_ids), None)
        if entry is None:
            return
        places = [i for i, other in enumerate(self._waiting) if other.owner == entry.owner]
        own = [self._waiting[i] for i in places]
        now = own.index(entry)
        own.insert(min(max(now + by, 0), len(own) - 1), own.pop(now))
        for place, other in zip(places, own, strict=True):
            self._waiting[place] = other

    def __len__(self) -> int:
        """How many runs wait or have a place kept for them."""
        return sum(len(entry.run_ids) for entry in self._all)

    @property
    def _all(self) -> list[QueueEntry]:
        return [*self._waiting, *self._held]
