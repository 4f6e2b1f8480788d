"""How runs are deleted, brought back while there is time, and taken off the disk after it."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from core.runs.housekeeping import Housekeeper
from core.runs.queue import RunQueue
from core.runs.record import ENDED
from core.runs.registry import Registry
from core.runs.store import Store
from core.runs.view import Run
from core.serving.limits import Limits
from core.words.errors import UserError
from core.words.message import N_, message

_DAY_S: Final = 86_400.0


class Retention:
    """What of a registry's runs stays on the disk, seen to by a thread of its own.

    Args:
        store: keeps the runs.
        registry: of the runs.
        queue: knows which of them this process works on.
        limits: returns what this server allows.
    """

    def __init__(
        self, store: Store, registry: Registry, queue: RunQueue, limits: Callable[[], Limits]
    ) -> None:
        self._store = store
        self._registry = registry
        self._queue = queue
        self._looking = threading.Lock()
        self._house = Housekeeper(
            store, lambda: limits().keep_deleted_days * _DAY_S, self.look_again
        )

    def delete(self, run_ids: Sequence[str], owner: str) -> None:
        """Delete runs, to be undone by `restore`.

        Raises:
            UserError: one has not ended, is somebody else's, or cannot be deleted.
        """
        # None goes on between the look at how it is and its deletion.
        with self._queue.alone_with(*run_ids):
            for run_id in run_ids:
                self._require_deletable(run_id, owner)
            self._store.delete(run_ids)
            for run_id in run_ids:
                self._registry.drop(run_id)
        self._house.nudge()

    def restore(self, run_ids: Sequence[str], owner: str) -> None:
        """Undo `delete`.

        Raises:
            UserError: a run is gone for good, is somebody else's, or cannot be written.
        """
        for run_id in run_ids:
            if (deleted := self._store.get(run_id)) is not None:
                self._registry.ownership.require_run(deleted.owner, owner)
        self._store.restore(run_ids)
        back = [record for run_id in run_ids if (record := self._store.get(run_id)) is not None]
        for record in back:
            self._registry.take_in(Run(record, self._store))
        if len(back) < len(run_ids):
            raise UserError(
                N_("What was deleted too long ago is gone for good and cannot be brought back.")
            )

    def look_again(self) -> None:
        """See to what could not be read before, and to weights that the disk did not take."""
        with self._looking:  # a look holds the run, which another would take for one that goes on
            self._registry.look_again(self._queue.is_busy)

    def close(self, timeout_s: float) -> None:
        """End, after what is done just now."""
        self._house.close(timeout_s)

    def _require_deletable(self, run_id: str, owner: str) -> None:
        """See to it that a person may delete a run now; one that is gone may be.

        Raises:
            UserError: it has not ended, is somebody else's, or cannot be read: whose is it?
        """
        run = self._registry.look_up(run_id)
        if run is None:
            return
        self._registry.ownership.require_run(run.owner, owner)
        if run.status not in ENDED:
            raise UserError(
                message("{run} has not ended. Stop it first, then delete it.", run=run.name)
            )
