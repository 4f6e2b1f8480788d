"""All runs, and the one thread of this process that trains them in turn."""

import atexit
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final

from torch import Tensor

from core.check import require_runnable
from core.cross_test import CrossTested, CrossTests
from core.data import data_folder, load
from core.datasets.described import remember
from core.datasets.owned import OwnData
from core.device import keep_freed_memory, take_all_cores, take_one_core
from core.duel import require_fair, take_turns
from core.environment import require_sound
from core.errors import UserError
from core.found import Found
from core.guests import Guests
from core.housekeeping import Housekeeper
from core.limits import Limits
from core.line import Line, Waiting
from core.line_room import require_room
from core.message import N_, Quoted, message
from core.new_record import new_record
from core.ownership import Ownership
from core.patience import Patience
from core.price import Price, Prices
from core.range_tests import RangeTest, RangeTests
from core.record import ACTIVE, ENDED, RunRecord
from core.run import Run
from core.sharing import sharing_cores
from core.spec import RunSpec
from core.state import State, copied
from core.store import RunRow, Store, StoreError, Unreadable
from core.store.row import row_of

# The newest runs are at hand in memory; all others are read from the disk when asked for.
MAX_KEPT: Final = 60
# So many older ones that somebody looks at stay at hand too.
_MAX_SEEN: Final = 8
# How long an ordinary exit waits for the run to save what it has learned.
EXIT_S: Final = 10.0
# A disk that cannot be had as the server starts is asked again so often.
_OPEN_AGAIN_S: Final = (0.2, 0.5, 1.0)
# What it waits for the housekeeper, who may be left in the middle of anything.
_HOUSE_S: Final = 1.0
_DAY_S: Final = 86_400.0

_log = logging.getLogger(__name__)


class Runs:
    """The runs, newest last, and their line. Every method may be called from any thread.

    Args:
        store: keeps them on disk; None where they live in memory only.
        allowed: what this server allows.
    """

    def __init__(self, store: Store | None = None, allowed: Limits | None = None) -> None:
        self.limits = allowed or Limits()
        self._ownership = Ownership(self.limits.only_own_runs)
        self.own_data = OwnData(self.limits)
        self._store = store
        self._changed = threading.Condition()
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._line = Line()
        self._turn = Waiting((), "")  # who has the device, or had it last
        self._worker: threading.Thread | None = None
        self._closing = False
        self._count = 0
        each = self.limits.max_questions_per_address
        self._prices = Prices(self._wake, each)
        self._cross_tests = CrossTests(self._wake, most_each=each)
        self._range_tests = RangeTests(self._wake, most_each=each)
        self._guests = Guests(
            *(self._prices, self._cross_tests, self._range_tests), trains=self._trains
        )
        # What is being made or put back in line just now, each only once at a time.
        self._under_way: list[object] = []
        self._seen: OrderedDict[str, Run] = OrderedDict()
        self._house: Housekeeper | None = None
        if store is not None:
            self._found = Found(store, MAX_KEPT)
            for record in self._found.at_start():
                self._take_in(Run(record, store))
            for run in self._runs.values():
                if run.waits and run.status in ENDED:  # brought in, and not tested yet
                    self._line.join(Waiting((run.id,), run.owner))
            self._house = Housekeeper(store, self._keep_s, self._look_again)

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
        key = (spec, owner)
        with self._changed:
            # Two clicks may have come this far at once.
            self._changed.wait_for(lambda: key not in self._under_way)
            if (same := self._unfinished(spec, owner)) is not None:
                return same
            places = self._hold(key, owner, address)
        with self._making(key, places):
            (run,) = self._made([new_record(self._new_number(), spec, owner)])
            self._enter([run], places)
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
        key = object()
        with self._changed:
            places = self._hold(key, owner, address, 2)
        with self._making(key, places):
            two = [new_record(self._new_number(), spec, owner) for spec in (first, second)]
            names = [record.id for record in two]
            one, other = self._made(
                replace(record, rival=rival)
                for record, rival in zip(two, reversed(names), strict=True)
            )
            one.join_rival(other)
            self._enter([one, other], places)
        self._ensure_worker()
        return one, other

    def go_on(self, run_id: str, owner: str = "", address: str = "") -> Run:
        """Put a run that ended early in line once more, to go on from where it was.

        Raises:
            UserError: there is no such run, it cannot go on or is somebody else's, or too many
                runs wait.
        """
        run = self._to_change(run_id, owner)
        self.own_data.require(run.spec.data, owner)
        with self._changed:
            self._changed.wait_for(lambda: run_id not in self._under_way)
            run = self._runs.get(run_id, run)
            if run.status == "queued":
                return run
            places = self._hold(run_id, owner, address)
        with self._making(run_id, places):
            self._to_change(run_id, owner)  # it may have been deleted meanwhile
            if not run.requeue():
                raise UserError(
                    message("{run} cannot go on: it has come to its end.", run=Quoted(run.name))
                )
            self._enter([run], places)
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
        key = object()
        with self._changed:
            places = self._hold(key, owner, address)
        with self._making(key, places):
            state = State(step=0, epoch=0, tensors=copied(weights, "model."), numbers={})
            record = new_record(self._new_number(), spec, owner, name=name)
            (run,) = self._made([replace(record, status="imported")], state)
            self._enter([run], places)
        self._ensure_worker()
        return run

    def close(self, timeout_s: float = EXIT_S) -> None:
        """Let every run keep what it has learned, and wait for the thread to end."""
        with self._changed:
            self._closing = True
            own, worker = [run for run in self._runs.values() if self._is_ours(run)], self._worker
            self._changed.notify_all()
        for run in own:
            if run.status not in ENDED or run.waits:
                run.interrupt()
        if self._house is not None:
            self._house.close(min(timeout_s, _HOUSE_S))
        if worker is not None and worker is not threading.current_thread():
            worker.join(timeout_s)
        if self._store is not None:
            self._store.close()

    # Looking

    def get(self, run_id: str) -> Run | None:
        """Return a run by its id, from the disk if need be; None where it cannot be had."""
        try:
            return self._look_up(run_id)
        except Unreadable:
            return None

    def all(self) -> tuple[Run, ...]:
        """Return the newest runs, at most MAX_KEPT that have ended among them, newest first."""
        with self._changed:
            return tuple(reversed(self._runs.values()))

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
        with self._changed:
            return tuple(run for run in self._runs.values() if run.status in ACTIVE)

    def place_in_line(self, run: Run) -> int:
        """Return how many runs go before a waiting one; 0 if it does not wait."""
        with self._changed:
            if run.status != "queued":
                return 0
            active = self.all_active()
            ahead = len(active)
            for entry in self._order():
                if run.id in entry.run_ids:
                    return ahead
                ahead += len(entry.run_ids)
        return 0

    def waiting_before(self, run: Run) -> bool:
        """Tell whether its owner has another run that waits before this one."""
        with self._changed:
            if run.status != "queued":
                return False
            own = self._line.of(run.owner)
            return bool(own) and run.id not in own[0].run_ids

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
        return run is None or self._ownership.allows(run.owner, owner)

    def pause(self, run_id: str, owner: str = "") -> None:
        """Let a run that trains hold still; see `Run.pause`.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        self._to_change(run_id, owner).pause()

    def resume(self, run_id: str, owner: str = "") -> None:
        """Let a paused run go on; one that gave its place up is in line again, where it was.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        self._to_change(run_id, owner).resume()
        self._wake()

    def stop(self, run_id: str, owner: str = "") -> None:
        """End a run and keep what it has learned, or take it out of the line; see `Run.stop`.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        self._to_change(run_id, owner).stop()

    def set_lr(self, run_id: str, lr: float, owner: str = "") -> None:
        """Let a run learn at another rate from its next few steps on; see `Run.set_lr`.

        Raises:
            UserError: there is no such run, it is somebody else's, or it cannot have that rate.
        """
        self._to_change(run_id, owner).set_lr(lr)

    def move(self, run_id: str, by: int, owner: str = "") -> None:
        """Move a waiting run among its owner's own: back, or forward where `by` is negative.

        Raises:
            UserError: it is somebody else's.
        """
        self._to_change(run_id, owner)
        with self._changed:
            self._line.move(run_id, by)

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
        self._to_change(run_id, owner)
        store = self._kept()
        record = store.change(run_id, name=name, tags=tags, note=note, starred=starred)
        with self._changed:
            if (run := self._runs.get(run_id)) is not None:
                run.reworded(record)
        return record

    def delete(self, run_ids: Iterable[str], owner: str = "") -> None:
        """Delete runs, to be undone by `restore`.

        Raises:
            UserError: one has not ended, is somebody else's, or cannot be deleted.
        """
        wanted = tuple(dict.fromkeys(run_ids))
        with self._changed:  # none goes on between the look at how it is and its deletion
            self._changed.wait_for(lambda: not any(i in self._under_way for i in wanted))
            self._under_way.extend(wanted)
        deleted: tuple[str, ...] = ()
        try:
            for run_id in wanted:
                self._require_deletable(run_id, owner)
            self._kept().delete(wanted)
            deleted = wanted
        finally:
            with self._changed:
                for run_id in deleted:
                    self._runs.pop(run_id, None)
                for run_id in wanted:
                    self._under_way.remove(run_id)
                self._changed.notify_all()
        if self._house is not None:
            self._house.nudge()

    def restore(self, run_ids: Iterable[str], owner: str = "") -> None:
        """Undo `delete`.

        Raises:
            UserError: a run is gone for good, is somebody else's, or cannot be written.
        """
        wanted = list(run_ids)
        store = self._kept()
        for run_id in wanted:
            if (deleted := store.get(run_id)) is not None:
                self._ownership.require_run(deleted.owner, owner)
        store.restore(wanted)
        back = [record for run_id in wanted if (record := store.get(run_id)) is not None]
        for record in back:
            self._take_in(Run(record, store))
        if len(back) < len(wanted):
            raise UserError(
                N_("What was deleted too long ago is gone for good and cannot be brought back.")
            )

    # What a run would cost

    def price(self, asker: str, spec: RunSpec, address: str = "") -> Price | None:
        """Return what a run would take, or None while that is measured; see `Prices.ask`.

        Args:
            asker: whoever will ask again: the id of a browser's session.
            spec: one that `check` finds nothing wrong with.
            address: where they ask from; empty for this very machine.
        """
        self._ensure_worker()
        return self._prices.ask(asker, spec, address)

    def price_pending(self, asker: str) -> bool:
        """Tell whether it is worth asking again for the price that this asker asked for last."""
        return self._prices.pending(asker)

    # How a network does on other data

    def cross_test(self, run_id: str, owner: str = "", address: str = "") -> None:
        """See to it that a run's network is tested on the other data sets of its classes.

        Raises:
            UserError: there is no such run, it is somebody else's, or it has no weights yet.
        """
        spec = self._to_change(run_id, owner).spec
        self._weights_to_test(run_id, owner)
        self._ensure_worker()
        weights = partial(self._weights_to_test, run_id, owner)
        self._cross_tests.ask(run_id, spec, weights, owner, address)

    def cross_tested(self, run_id: str) -> tuple[CrossTested, ...]:
        """Return what is known so far of a run's network on other data sets."""
        return self._cross_tests.results(run_id)

    def cross_testing(self, run_id: str) -> float | None:
        """Return how much of that is done, 0 to 1, or None where nothing is going on."""
        return self._cross_tests.progress(run_id)

    # Which learning rate to begin with

    def range_test(self, asker: str, spec: RunSpec, owner: str = "", address: str = "") -> None:
        """See to it that learning rates are tried on a spec, in place of what the asker had asked.

        Args:
            asker: whoever will look: the id of a browser's session.
            spec: one that `check` finds nothing wrong with.
            owner: the person whose session that is.
            address: where they ask from; empty for this very machine.

        Raises:
            UserError: the images are somebody else's.
        """
        self.own_data.require(spec.data, owner)
        self._ensure_worker()
        self._range_tests.ask(asker, spec, address)

    def range_tested(self, asker: str, spec: RunSpec) -> RangeTest | None:
        """Return what that has found so far; None where it was not asked for."""
        return self._range_tests.look(asker, spec)

    def stop_range_test(self, asker: str) -> None:
        """Drop what this asker has asked for."""
        self._range_tests.stop(asker)

    # The thread

    def warm_up(self) -> None:
        """Start the training thread and read the built-in digits before anyone asks for them."""
        self._ensure_worker()

    def _ensure_worker(self) -> None:
        ready = threading.Event()
        with self._changed:
            if self._closing or (self._worker is not None and self._worker.is_alive()):
                return
            keep_freed_memory()
            self._worker = threading.Thread(
                target=self._work, args=(ready,), name="netsketch-trainer", daemon=True
            )
            self._worker.start()
        # The worker has taken all cores for itself; every thread after it gets one.
        ready.wait()
        take_one_core()

    def _work(self, ready: threading.Event) -> None:
        take_all_cores()
        ready.set()
        # A run of these digits says what is wrong, where a person can see it; without this thread
        # none ever would.
        with suppress(Exception):
            load("embedded")
        while (turn := self._next_turn()) is not None:
            with sharing_cores():
                if turn:
                    self._prices.drop()  # the run may need the memory
                    self._range_tests.make_room()
                    patience = Patience(self.limits.pause_s, self._others_wait)
                    take_turns(turn, self._guests, self.limits.run_s, patience)
                    self._take_back()
                else:
                    self._guests.advance()

    def _next_turn(self) -> Sequence[Run] | None:
        """Wait for something to do: runs, or a price where there are none; None is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._order() or self._guests.waits)
            if self._closing:
                return None
            if not (order := self._order()):
                return ()
            self._turn = order[0]
            turn = [self._runs[run_id] for run_id in order[0].run_ids]
            for run in turn:
                self._line.leave(run.id)
            return turn

    def _others_wait(self) -> bool:
        with self._changed:
            return bool(self._order())

    def _take_back(self) -> None:
        """Let those who gave their turn up in a pause wait in line again."""
        with self._changed:
            turn = self._turn
            still = tuple(i for i in turn.run_ids if i in self._runs and self._runs[i].in_line)
            if still:
                self._line.rejoin(replace(turn, run_ids=still))

    def _trains(self) -> bool:
        return any(run.status == "running" for run in self.all_active())

    def _wake(self) -> None:
        """Let the training thread see that something is asked for, wherever it waits."""
        with self._changed:
            self._changed.notify_all()
        for run in self.all_active():
            run.nudge()

    # Within the lock

    def _order(self) -> tuple[Waiting, ...]:
        """Return who waits, in order; whoever has been stopped meanwhile has left."""
        for entry in self._line.all():
            for run_id in entry.run_ids:
                run = self._runs.get(run_id)
                if run is None or not run.in_line:
                    self._line.leave(run_id)
        return self._line.order(
            (run.owner for run in self.all_active()),
            lambda entry: any(self._runs[run_id].waits for run_id in entry.run_ids),
        )

    def _is_ours(self, run: Run) -> bool:
        """Tell whether this process trains a run, or will; others may share the folder."""
        return run.id in self._turn.run_ids or self._line.has(run.id)

    def _is_busy(self, run_id: str) -> bool:
        """Tell whether this process trains a run or will, or is about to put it in line."""
        with self._changed:
            waits = run_id in self._under_way or self._line.has(run_id)
            return waits or run_id in self._turn.run_ids

    def _hold(self, key: object, owner: str, address: str, count: int = 1) -> Waiting:
        """Keep places in line for runs that are made next, outside of the lock."""
        self._require_room(owner, address, count)
        places = Waiting(("",) * count, owner, address)
        self._line.hold(places)
        self._under_way.append(key)
        return places

    # Making runs, which takes the disk its time and no lock

    @contextmanager
    def _making(self, key: object, places: Waiting) -> Iterator[None]:
        """Let go of what `_hold` has kept, whatever becomes of the runs."""
        try:
            yield
        finally:
            with self._changed:
                self._under_way.remove(key)
                self._line.give_up(places)
                self._changed.notify_all()

    def _new_number(self) -> int:
        if self._store is not None:
            return self._store.new_number()
        with self._changed:
            self._count += 1
            return self._count

    def _made(self, records: Iterable[RunRecord], state: State | None = None) -> list[Run]:
        """Make runs on the disk, all of them or none.

        Raises:
            StoreError: none is there.
        """
        new = tuple(records)
        if self._store is not None:
            self._store.add_all(new, state)
        return [Run(record, self._store) for record in new]

    def _enter(self, made: Sequence[Run], places: Waiting) -> None:
        """Let runs wait in the places that were kept for them."""
        with self._changed:
            for run in made:
                self._take_in(run)
            self._line.join(replace(places, run_ids=tuple(run.id for run in made)))
            self._changed.notify_all()

    def _take_in(self, run: Run) -> None:
        """Have a run at hand, in the order of the numbers."""
        with self._changed:
            if run.id in self._runs:
                return
            last = next(reversed(self._runs.values()), None)
            self._runs[run.id] = run
            if last is not None and last.number > run.number:
                ordered = sorted(self._runs.values(), key=lambda one: one.number)
                self._runs = OrderedDict((one.id, one) for one in ordered)
            self._forget_old()

    def _look_up(self, run_id: str) -> Run | None:
        """Return a run by its id, from the disk if need be.

        Raises:
            Unreadable: it cannot be read now.
        """
        with self._changed:
            run = self._runs.get(run_id)
        if run is not None or self._store is None:
            return run
        record = self._store.get(run_id)
        if record is None or record.deleted_at is not None:
            return None
        with self._changed:
            # The same as the last time, with the figures that were read then.
            seen = self._seen.pop(run_id, None)
            if seen is None or seen.record() != record:
                seen = Run(record, self._store)
            self._seen[run_id] = seen
            if len(self._seen) > _MAX_SEEN:
                self._seen.popitem(last=False)
            return seen

    def _keep_s(self) -> float:
        return self.limits.keep_deleted_days * _DAY_S

    def _look_again(self) -> None:
        """Take in what could not be read before, or what another process has ended."""
        assert self._store is not None
        for record in self._found.again(self._is_busy):
            with self._changed:
                if self._is_busy(record.id):
                    continue
                self._runs.pop(record.id, None)
                self._take_in(Run(record, self._store))
        for run in self.all():
            run.let_go()

    def _require_room(self, owner: str, address: str, count: int = 1) -> None:
        self._order()
        require_room(self._line, self.limits, owner, address, count)

    def _unfinished(self, spec: RunSpec, owner: str) -> Run | None:
        with self._changed:
            same = (
                run
                for run in self._runs.values()
                if run.spec == spec
                and run.owner == owner
                and run.status not in ENDED
                and self._is_ours(run)
            )
            return next(same, None)

    def _forget_old(self) -> None:
        ended = [run.id for run in self._runs.values() if run.status in ENDED]
        for run_id in ended[: max(0, len(self._runs) - MAX_KEPT)]:
            del self._runs[run_id]

    def _to_change(self, run_id: str, owner: str) -> Run:
        """Return a run that a person may change: the one door to every change of a run.

        Raises:
            UserError: there is no such run, or it is somebody else's.
        """
        run = self._look_up(run_id)
        if run is None:
            raise UserError(N_("There is no such run any more."))
        self._ownership.require_run(run.owner, owner)
        return run

    def _weights_to_test(self, run_id: str, owner: str) -> Mapping[str, Tensor]:
        """Return what a run has learned.

        Raises:
            UserError: there is no such run, it is somebody else's, or it has no weights yet.
        """
        run = self._to_change(run_id, owner)
        weights = run.weights()
        if weights is None:
            none = message(
                "{run} has no weights yet, so there is nothing to test.", run=Quoted(run.name)
            )
            raise UserError(run.trouble or none)
        return weights

    def _require_deletable(self, run_id: str, owner: str) -> None:
        """See to it that a person may delete a run now; one that is gone may be.

        Raises:
            UserError: it has not ended, is somebody else's, or cannot be read: whose is it?
        """
        run = self._look_up(run_id)
        if run is None:
            return
        self._ownership.require_run(run.owner, owner)
        if run.status not in ENDED:
            raise UserError(
                message("{run} has not ended. Stop it first, then delete it.", run=Quoted(run.name))
            )

    def _kept(self) -> Store:
        if self._store is None:
            raise UserError(N_("Runs are not kept on this disk, so there is nothing to change."))
        return self._store


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
            allowed = require_sound()
            _runs = Runs(_open_store(), allowed)
            _runs.warm_up()
            # A server keeps them sooner, by `close_runs`; a command-line program only here.
            atexit.register(_runs.close)
        return _runs


def close_runs() -> None:
    """Let every run of this process keep what it has learned, where there are any."""
    if _runs is not None:
        _runs.close()


def _open_store() -> Store | None:
    for wait_s in (*_OPEN_AGAIN_S, None):
        try:
            return Store(data_folder())
        except StoreError as error:
            if wait_s is None:
                _log.warning("Runs live in memory only. %s", error)
            else:
                time.sleep(wait_s)
    return None
