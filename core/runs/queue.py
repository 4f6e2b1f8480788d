"""Which runs wait for the device, who is next, and who has it."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from core.runs.fair_queue import FairQueue, QueueEntry
from core.runs.queue_limits import require_room
from core.runs.record import ENDED
from core.runs.registry import Registry
from core.runs.view import Run
from core.serving.limits import Limits


class RunQueue:
    """The queue of a registry's runs, which uses the registry's lock.

    Args:
        registry: of the runs. Runs that were brought in and are not tested yet wait from the start.
        limits: returns what this server allows.
    """

    def __init__(self, registry: Registry, limits: Callable[[], Limits]) -> None:
        self._registry = registry
        self._changed = registry.changed
        self._limits = limits
        self.line = FairQueue()
        self._turn = QueueEntry((), "")  # who has the device, or had it last
        # What is being made, put back in line or deleted just now, each only once at a time.
        self._under_way: list[Hashable] = []
        for run in reversed(registry.all()):
            if run.waits and run.status in ENDED:
                self.line.join(QueueEntry((run.id,), run.owner))

    @contextmanager
    def alone_with(self, *keys: Hashable) -> Iterator[None]:
        """Wait for others that hold one of these keys, such as ids of runs; then hold them."""
        with self._changed:
            self._changed.wait_for(lambda: not any(key in self._under_way for key in keys))
            self._under_way.extend(keys)
        try:
            yield
        finally:
            with self._changed:
                for key in keys:
                    self._under_way.remove(key)
                self._changed.notify_all()

    @contextmanager
    def places(self, owner: str, address: str, count: int = 1) -> Iterator[QueueEntry]:
        """Keep places in line for runs that are made meanwhile, which takes the disk its time.

        Args:
            owner: whose the runs are.
            address: where they were asked for; empty for this very machine.
            count: of runs.

        Raises:
            UserError: too many wait already.
        """
        with self._changed:
            self.order()
            require_room(self.line, self._limits(), owner, address, count)
            held = QueueEntry(("",) * count, owner, address)
            self.line.hold(held)
        try:
            yield held
        finally:
            with self._changed:
                self.line.give_up(held)

    def enter(self, made: Sequence[Run], places: QueueEntry) -> None:
        """Let runs wait in the places that were kept for them."""
        with self._changed:
            for run in made:
                self._registry.take_in(run)
            self.line.join(replace(places, run_ids=tuple(run.id for run in made)))
            self._changed.notify_all()

    def take_turn(self) -> tuple[Run, ...]:
        """Return whose turn it is, who then waits no longer; none where nobody waits."""
        with self._changed:
            if not (order := self.order()):
                return ()
            self._turn = order[0]
            for run_id in self._turn.run_ids:
                self.line.leave(run_id)
            return self._at_hand(self._turn)

    def take_back(self) -> None:
        """Let those who gave their turn up in a pause wait in line again."""
        with self._changed:
            still = tuple(run.id for run in self._at_hand(self._turn) if run.in_line)
            if still:
                self.line.rejoin(replace(self._turn, run_ids=still))

    def someone_waits(self) -> bool:
        """Tell whether anyone would take a turn now."""
        with self._changed:
            return bool(self.order())

    def order(self) -> tuple[QueueEntry, ...]:
        """Return who waits, in the order of turns; runs stopped meanwhile leave the line."""
        with self._changed:
            for entry in self.line.all():
                for run_id in entry.run_ids:
                    run = self._registry.at_hand(run_id)
                    if run is None or not run.in_line:
                        self.line.leave(run_id)
            return self.line.order(
                (run.owner for run in self._registry.all_active()),
                lambda entry: any(run.waits for run in self._at_hand(entry)),
            )

    def place_of(self, run: Run) -> int:
        """Return how many runs go before a waiting one; 0 if it does not wait."""
        with self._changed:
            if run.status != "queued":
                return 0
            ahead = len(self._registry.all_active())
            for entry in self.order():
                if run.id in entry.run_ids:
                    return ahead
                ahead += len(entry.run_ids)
        return 0

    def waiting_before(self, run: Run) -> bool:
        """Tell whether its owner has another run that waits before this one."""
        with self._changed:
            if run.status != "queued":
                return False
            own = self.line.of(run.owner)
            return bool(own) and run.id not in own[0].run_ids

    def move(self, run_id: str, by: int) -> None:
        """Move a waiting run among its owner's own; see `Line.move`."""
        with self._changed:
            self.line.move(run_id, by)

    def is_ours(self, run_id: str) -> bool:
        """Tell whether this process trains a run, or will; others may share the folder."""
        with self._changed:
            return run_id in self._turn.run_ids or self.line.has(run_id)

    def is_busy(self, run_id: str) -> bool:
        """Tell whether this process trains a run or will, or is about to put it in line."""
        with self._changed:
            return run_id in self._under_way or self.is_ours(run_id)

    def _at_hand(self, waiting: QueueEntry) -> tuple[Run, ...]:
        found = map(self._registry.at_hand, waiting.run_ids)
        return tuple(run for run in found if run is not None)
