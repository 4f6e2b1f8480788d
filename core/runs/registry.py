"""The runs that are at hand in memory, and the way to all others."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from core.runs.found import Found
from core.runs.record import ACTIVE, ENDED
from core.runs.store import Store, Unreadable
from core.runs.view import Run
from core.serving.ownership import Ownership
from core.words.errors import UserError
from core.words.message import N_

# The newest runs are at hand in memory; all others are read from the disk when asked for.
MAX_KEPT: Final = 60
# So many older ones that somebody looks at stay at hand too.
_MAX_SEEN: Final = 8


class Registry:
    """The newest runs, with those that were on the disk as the process started.

    Every method may be called from any thread.

    Args:
        store: keeps the runs; None where they live in memory only.
        ownership: says who may change whose runs.

    Attributes:
        changed: the one lock for decisions that concern several runs, notified of each change. No
            disk is waited for while the lock is held.
    """

    def __init__(self, store: Store | None, ownership: Ownership) -> None:
        self.store = store
        self.ownership = ownership
        self.changed = threading.Condition()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._seen: OrderedDict[str, Run] = OrderedDict()
        self._count = 0
        self._found = Found(store, MAX_KEPT) if store is not None else None
        if self._found is not None:
            for record in self._found.at_start():
                self.take_in(Run(record, store))

    def new_number(self) -> int:
        """Return the number of the next run."""
        if self.store is not None:
            return self.store.new_number()
        with self.changed:
            self._count += 1
            return self._count

    def all(self) -> tuple[Run, ...]:
        """Return the newest runs, at most MAX_KEPT that have ended among them, newest first."""
        with self.changed:
            return tuple(reversed(self._runs.values()))

    def all_active(self) -> tuple[Run, ...]:
        """Return the runs that have the device, oldest first: none, one, or the two of a duel."""
        with self.changed:
            return tuple(run for run in self._runs.values() if run.status in ACTIVE)

    def at_hand(self, run_id: str) -> Run | None:
        """Return one of the newest runs by its id."""
        with self.changed:
            return self._runs.get(run_id)

    def look_up(self, run_id: str) -> Run | None:
        """Return a run by its id, from the disk if need be; None where there is none.

        Raises:
            Unreadable: it cannot be read now.
        """
        run = self.at_hand(run_id)
        if run is not None or self.store is None:
            return run
        record = self.store.get(run_id)
        if record is None or record.deleted_at is not None:
            return None
        with self.changed:
            # The same as the last time, with the figures that were read then.
            seen = self._seen.pop(run_id, None)
            if seen is None or seen.record() != record:
                seen = Run(record, self.store)
            self._seen[run_id] = seen
            if len(self._seen) > _MAX_SEEN:
                self._seen.popitem(last=False)
            return seen

    def get(self, run_id: str) -> Run | None:
        """Return a run by its id, from the disk if need be; None where it cannot be had."""
        try:
            return self.look_up(run_id)
        except Unreadable:
            return None

    def to_change(self, run_id: str, owner: str) -> Run:
        """Return a run that a person may change: the one door to every change of a run.

        Raises:
            UserError: there is no such run, it is somebody else's, or it cannot be read now.
        """
        run = self.look_up(run_id)
        if run is None:
            raise UserError(N_("There is no such run any more."))
        self.ownership.require_run(run.owner, owner)
        return run

    def take_in(self, run: Run) -> None:
        """Have a run at hand, in the order of the numbers."""
        with self.changed:
            if run.id in self._runs:
                return
            last = next(reversed(self._runs.values()), None)
            self._runs[run.id] = run
            if last is not None and last.number > run.number:
                ordered = sorted(self._runs.values(), key=lambda one: one.number)
                self._runs = OrderedDict((one.id, one) for one in ordered)
            ended = [one.id for one in self._runs.values() if one.status in ENDED]
            for run_id in ended[: max(0, len(self._runs) - MAX_KEPT)]:
                del self._runs[run_id]

    def drop(self, run_id: str) -> None:
        """Have a run at hand no longer."""
        with self.changed:
            self._runs.pop(run_id, None)

    def look_again(self, is_busy: Callable[[str], bool]) -> None:
        """Take in what could not be read before, or what another process has ended.

        Args:
            is_busy: tells of the id of a run whether this process has taken it up.
        """
        for record in self._found.again(is_busy) if self._found is not None else ():
            with self.changed:
                if is_busy(record.id):
                    continue
                self.drop(record.id)
                self.take_in(Run(record, self.store))
        for run in self.all():
            run.let_go()
