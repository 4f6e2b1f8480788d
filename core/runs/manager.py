"""All runs of this process: what pages ask of them, and what people do with them."""

import atexit
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from torch import Tensor

from core.data.own.described import remember
from core.data.own.owners import OwnData
from core.runs.duel import require_fair
from core.runs.executor import MakeExecutor
from core.runs.fair_queue import QueueEntry
from core.runs.found import open_store
from core.runs.new_record import new_record, next_records
from core.runs.questions import RunQuestions
from core.runs.queue import RunQueue
from core.runs.record import ENDED, RunRecord
from core.runs.registry import Registry
from core.runs.retention import Retention
from core.runs.store import RunRow, Store
from core.runs.store.row import row_of
from core.runs.training_thread import TrainingThread
from core.runs.view import Run
from core.serving.environment import require_sound
from core.serving.limits import Limits
from core.serving.ownership import Ownership
from core.spec import RunSpec
from core.training.check import require_runnable
from core.training.state import State, copied
from core.words.errors import UserError
from core.words.message import N_, message

# How long an ordinary exit waits for the run to save what it has learned.
EXIT_S: Final = 10.0
# What it waits for the housekeeper, who may be left in the middle of anything.
_HOUSE_S: Final = 1.0
_NOTHING_KEPT: Final = N_("Runs are not kept on this disk, so there is nothing to change.")


class Runs(RunQuestions):
    """The runs, newest last, and their line. Every method may be called from any thread.

    What a person may do is checked here, and not left to what a page offers.

    Args:
        store: keeps them on disk; None where they live in memory only.
        allowed: what this server allows.
        executor: makes what has runs trained; None for a thread of this process.
    """

    def __init__(
        self,
        store: Store | None = None,
        allowed: Limits | None = None,
        executor: MakeExecutor | None = None,
    ) -> None:
        self.limits = allowed or Limits()
        self._store = store
        self._registry = Registry(store, Ownership(self.limits.only_own_runs))
        self._queue = RunQueue(self._registry, lambda: self.limits)
        super().__init__(
            self._registry,
            OwnData(self.limits),
            wake=self._wake,
            most_each=self.limits.max_questions_per_address,
        )
        parts = self._registry, self._queue, self._guests, self._make_room
        self._thread = TrainingThread(*parts, lambda: self.limits, executor)
        self._retention = (
            Retention(store, self._registry, self._queue, lambda: self.limits) if store else None
        )

    # Beginning and ending

    def start(self, spec: RunSpec, owner: str = "", address: str = "") -> Run:
        """Put a run in line, or return the owner's one of the same spec that has not ended yet.

        Args:
            spec: what is to be trained.
            owner: who asks: what a browser calls itself; empty for nobody in particular.
            address: where they ask from; empty for this very machine.

        Raises:
            UserError: the spec cannot run here, too many runs wait already, or none can be saved.
        """
        if (same := self._unfinished(spec, owner)) is not None:
            return same
        self.own_data.require(spec.data, owner)
        require_runnable(spec)
        with self._queue.alone_with((spec, owner)):
            # Two clicks may have come this far at once.
            if (same := self._unfinished(spec, owner)) is not None:
                return same
            with self._queue.places(owner, address) as places:
                (run,) = self._enter(places, next_records(self._registry, owner, spec))
        self._ensure_worker()
        return run

    def duel(
        self, first: RunSpec, second: RunSpec, owner: str = "", address: str = ""
    ) -> tuple[Run, Run]:
        """Train two specs that differ in one thing side by side, in turns of a few steps.

        They have the same seed, so the same order of images and, wherever a layer of both has the
        same name and shape, the same first weights.

        Raises:
            UserError: they differ in nothing, in more than one thing or in what they learn from;
                one of them cannot run here, or both together cannot; too many runs wait.
        """
        require_fair(first, second)
        self.own_data.require(first.data, owner)
        with self._queue.places(owner, address, 2) as places:
            two = next_records(self._registry, owner, first, second)
            rivals = reversed([record.id for record in two])
            one, other = self._enter(
                places,
                [replace(record, rival=rival) for record, rival in zip(two, rivals, strict=True)],
            )
        self._ensure_worker()
        return one, other

    def go_on(self, run_id: str, owner: str = "", address: str = "") -> Run:
        """Put a run that ended early in line once more, to go on from where it was.

        Raises:
            UserError: there is no such run, it cannot go on or is somebody else's, or too many
                runs wait.
        """
        run = self._registry.to_change(run_id, owner)
        self.own_data.require(run.spec.data, owner)
        with self._queue.alone_with(run_id):
            run = self._registry.at_hand(run_id) or run
            if run.status == "queued":
                return run
            with self._queue.places(owner, address) as places:
                self._registry.to_change(run_id, owner)  # it may have been deleted meanwhile
                if not run.requeue():
                    raise UserError(
                        message("{run} cannot go on: it has come to its end.", run=run.name)
                    )
                self._queue.enter([run], places)
        self._ensure_worker()
        return run

    def bring_in(
        self,
        name: str,
        spec: RunSpec,
        weights: Mapping[str, Tensor],
        owner: str = "",
        address: str = "",
        images: str = "",
    ) -> Run:
        """Make a run of weights that were trained elsewhere, and test them when it is their turn.

        Args:
            name: for people.
            spec: of the network.
            weights: its state dict, already checked against the spec.
            owner: whose it is.
            address: where they ask from; empty for this very machine.
            images: what the weights tell of own images that were never here.

        Raises:
            UserError: runs cannot be kept on this disk, the spec cannot run here, or too many runs
                wait.
        """
        self.own_data.require(spec.data, owner)
        with suppress(OSError):
            remember(spec.data, images)
        require_runnable(spec)
        if self._store is None:
            raise UserError(N_("Weights cannot be brought in where runs are not kept on the disk."))
        with self._queue.places(owner, address) as places:
            state = State(step=0, epoch=0, tensors=copied(weights, "model."), numbers={})
            record = new_record(self._registry.new_number(), spec, owner, name=name)
            (run,) = self._enter(places, [replace(record, status="imported")], state)
        self._ensure_worker()
        return run

    def close(self, timeout_s: float = EXIT_S) -> None:
        """Let every run keep what it has learned, and wait for the thread to end."""
        self._thread.take_no_more()
        for run in self._registry.all():
            if self._queue.is_ours(run.id) and (run.status not in ENDED or run.waits):
                run.interrupt()
        if self._retention is not None:
            self._retention.close(min(timeout_s, _HOUSE_S))
        self._thread.join(timeout_s)
        if self._store is not None:
            self._store.close()

    # Looking

    def get(self, run_id: str) -> Run | None:
        """Return a run by its id, from the disk if need be; None where it cannot be had."""
        return self._registry.get(run_id)

    def all(self) -> tuple[Run, ...]:
        """Return the newest runs, newest first; see `Registry.all`."""
        return self._registry.all()

    def rows(self) -> tuple[RunRow, ...]:
        """Return every run for a list, newest first."""
        if self._store is None:
            return tuple(row_of(run.record(), 0) for run in self.all())
        return self._store.rows()

    def active(self) -> Run | None:
        """Return the run that has the device, paused or not; the first one of a duel."""
        return next(iter(self.all_active()), None)

    def all_active(self) -> tuple[Run, ...]:
        """Return the runs that have the device: none, one, or the two of a duel."""
        return self._registry.all_active()

    def place_in_line(self, run: Run) -> int:
        """Return how many runs go before a waiting one; 0 if it does not wait."""
        return self._queue.place_of(run)

    def waiting_before(self, run: Run) -> bool:
        """Tell whether its owner has another run that waits before this one."""
        return self._queue.waiting_before(run)

    def notices(self) -> tuple[str, ...]:
        """Return what people must know of the store: what was damaged, or that nothing is kept."""
        return self._store.notices if self._store is not None else ()

    def disk_used(self) -> int:
        """Return what all runs take on the disk, in bytes."""
        return self._store.disk_used() if self._store is not None else 0

    @property
    def are_kept(self) -> bool:
        """Whether runs outlive this process."""
        return self._store is not None

    # Arranging

    def may_change(self, run_id: str, owner: str) -> bool:
        """Tell whether a person may pause, stop, rename and delete a run."""
        run = self.get(run_id)
        return run is None or self._registry.ownership.allows(run.owner, owner)

    def pause(self, run_id: str, owner: str = "") -> None:
        """Let a run that trains hold still; see `Run.pause`.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        self._registry.to_change(run_id, owner).pause()

    def resume(self, run_id: str, owner: str = "") -> None:
        """Let a paused run go on; one that gave its place up is in line again, where it was.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        self._registry.to_change(run_id, owner).resume()
        self._wake()

    def stop(self, run_id: str, owner: str = "") -> None:
        """End a run and keep what it has learned, or take it out of the line; see `Run.stop`.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        self._registry.to_change(run_id, owner).stop()

    def set_lr(self, run_id: str, lr: float, owner: str = "") -> None:
        """Let a run learn at another rate from its next few steps on; see `Run.set_lr`.

        Raises:
            UserError: there is no such run, it is somebody else's, or it cannot have that rate.
        """
        self._registry.to_change(run_id, owner).set_lr(lr)

    def move(self, run_id: str, by: int, owner: str = "") -> None:
        """Move a waiting run among its owner's own: back, or forward where `by` is negative.

        Raises:
            UserError: it is somebody else's.
        """
        self._registry.to_change(run_id, owner)
        self._queue.move(run_id, by)

    def change(
        self,
        run_id: str,
        *,
        name: str | None = None,
        tags: tuple[str, ...] | None = None,
        note: str | None = None,
        starred: bool | None = None,
        owner: str = "",
    ) -> RunRecord:
        """Change what people say of a run; None leaves a thing as it is.

        Raises:
            UserError: the words do not fit, there is no such run, it cannot be saved, or it is
                somebody else's.
        """
        self._registry.to_change(run_id, owner)
        if self._store is None:
            raise UserError(_NOTHING_KEPT)
        record = self._store.change(run_id, name=name, tags=tags, note=note, starred=starred)
        if (run := self._registry.at_hand(run_id)) is not None:
            run.reworded(record)
        return record

    def delete(self, run_ids: Iterable[str], owner: str = "") -> None:
        """Delete runs, to be undone by `restore`.

        Raises:
            UserError: one has not ended, is somebody else's, or cannot be deleted.
        """
        self._kept().delete(tuple(dict.fromkeys(run_ids)), owner)

    def restore(self, run_ids: Iterable[str], owner: str = "") -> None:
        """Undo `delete`.

        Raises:
            UserError: a run is gone for good, is somebody else's, or cannot be written.
        """
        self._kept().restore(tuple(run_ids), owner)

    def warm_up(self) -> None:
        """Start the training thread and read the built-in digits before anyone asks for them."""
        self._ensure_worker()

    def _ensure_worker(self) -> None:
        self._thread.ensure()

    def _wake(self) -> None:
        self._ensure_worker()
        self._thread.wake()

    def _kept(self) -> Retention:
        if self._retention is None:
            raise UserError(_NOTHING_KEPT)
        return self._retention

    # Making runs, which takes the disk its time and no lock

    def _unfinished(self, spec: RunSpec, owner: str) -> Run | None:
        same = (
            run
            for run in reversed(self._registry.all())
            if (run.spec, run.owner) == (spec, owner)
            and run.status not in ENDED
            and self._queue.is_ours(run.id)
        )
        return next(same, None)

    def _enter(
        self, places: QueueEntry, records: Sequence[RunRecord], state: State | None = None
    ) -> list[Run]:
        """Make runs on the disk, all of them or none, and let them wait in their places.

        Raises:
            StoreError: none is there.
        """
        if self._store is not None:
            self._store.add_all(records, state)
        made = [Run(record, self._store) for record in records]
        if len(made) == 2:
            made[0].join_rival(made[1])
        self._queue.enter(made, places)
        return made


_runs: Runs | None = None
_making = threading.Lock()


def runs() -> Runs:
    """Return the runs of this process.

    Raises:
        UserError: at the first call, what this server allows cannot be told.
    """
    global _runs
    with _making:
        if _runs is None:
            _runs = Runs(allowed=require_sound(), store=open_store())
            _runs.warm_up()
            # A server keeps them sooner, by `close_runs`; a command-line program only here.
            atexit.register(_runs.close)
        return _runs


def close_runs() -> None:
    """Let every run of this process keep what it has learned, where there are any."""
    if _runs is not None:
        _runs.close()
