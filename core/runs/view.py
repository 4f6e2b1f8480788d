"""A run as pages see it: what is known of the run, and what people wish of it.

A `core.runs.worker.Worker`, here or elsewhere, trains the run. Its reports and people's wishes go
through a channel.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Final, TypeVar

from torch import Tensor

from core.judging.fold_verdict import FoldResults, fold_results
from core.runs.channel import ViewsEnd
from core.runs.facts import RunFacts, waiting
from core.runs.final_weights import read_final_weights, save_final_weights
from core.runs.history import Curves, History
from core.runs.messages import TAKEN_OUT, Ended, Job, RateTaken, Report, Wish
from core.runs.record import ACTIVE, ENDED, RunRecord, Status
from core.runs.snapshot import RunSnapshot
from core.runs.store import Store, StoreError, Unreadable
from core.runs.store.claim import CLAIM_S, Claimed
from core.training.cross_validation import SAME_FOR_ALL
from core.training.learning import require_lr
from core.words.errors import UserError
from core.words.message import N_, joined

T = TypeVar("T")

_STATUS: Final[Mapping[str, Status]] = {"stop": "stopped", "interrupt": "interrupted"}
_log = logging.getLogger(__name__)


class Run:
    """A run from the moment someone asks for it, in this process or an earlier one.

    Args:
        record: what is known of it.
        store: keeps it on disk; None where runs live in memory only.
    """

    def __init__(self, record: RunRecord, store: Store | None = None) -> None:
        self.id = record.id
        self.spec = record.spec
        self.store = store
        # The other one of a duel; a pause holds both.
        self.rival: Run | None = None
        self._folder = store.folder(record.id) if store else None
        self._changed = threading.Condition()
        self._facts = RunFacts(record, is_kept=store is not None)
        # To the worker that trains the run; None where none does.
        self._channel: ViewsEnd | None = None
        self._pause_wanted = False
        # Was paused for so long that it gave its place up; waits in line until someone resumes it.
        self._held = False
        self._end_wanted: Wish | None = None
        self._lr_wanted: float | None = None
        self._unsaved_told = False
        self._trouble = ""
        # Only threads that read figures from the disk wait for this one.
        self._reading = threading.Lock()

    @property
    def status(self) -> Status:
        """The present status."""
        own, rival = self._facts.record.status, self.rival
        if own == "running" and rival is not None and rival._facts.record.status == "paused":
            return "paused"
        return own

    @property
    def name(self) -> str:
        """What people call the run."""
        return self._facts.record.name

    @property
    def number(self) -> int:
        """The run's number among those of its store, from 1."""
        return self._facts.record.number

    @property
    def owner(self) -> str:
        """Whose run it is; empty for nobody's."""
        return self._facts.record.owner

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        return self._facts.progress

    @property
    def waits(self) -> bool:
        """Whether the run wants the device, to be trained or, if brought in, to be tested."""
        return self.in_line and not self._held

    @property
    def in_line(self) -> bool:
        """Whether the run wants the device, or will once it is resumed."""
        facts = self._facts
        return facts.record.status == "queued" or (
            facts.record.status == "imported" and facts.test is None and self._end_wanted is None
        )

    @property
    def held(self) -> bool:
        """Whether the run gave the device up in a pause, and waits until somebody resumes it."""
        return self._facts.record.status == "queued" and self._held

    @property
    def has_weights(self) -> bool:
        """Whether `weights` would return any; cheap."""
        return self._facts.weights_version > 0

    @property
    def trouble(self) -> str:
        """What of the run could not be read from the disk the last time, in a sentence."""
        return self._trouble

    def join_rival(self, other: "Run") -> None:
        """Make this and another run, neither begun yet, the two of a duel."""
        self.rival, other.rival = other, self

    # What is wished of it

    def pause(self) -> None:
        """Hold still after the present few steps; the run keeps its place on the device."""
        for run in self._both():
            with run._changed:
                run._pause_wanted = not run._end_wanted and run._facts.record.status in ACTIVE
                if run._pause_wanted:
                    run._wish(Wish("pause"))

    def resume(self) -> None:
        """Go on after a pause."""
        for run in self._both():
            with run._changed:
                run._pause_wanted = run._held = False
                run._wish(Wish("resume"))

    def set_lr(self, lr: float) -> None:
        """Learn at another rate from the next few steps on; see `Trainer.set_lr`.

        Raises:
            UserError: the rate is not allowed, the run does not train now, or it is one of several
                that are compared.
        """
        require_lr(lr)
        if self.spec.folds:
            raise UserError(SAME_FOR_ALL)
        if self.rival is not None:
            raise UserError(
                N_(
                    "The two of a duel differ in one thing only, so their learning rates stay as "
                    "they are."
                )
            )
        with self._changed:
            if self._facts.record.status not in ACTIVE:
                raise UserError(
                    N_("This run does not train now, so its learning rate cannot be changed.")
                )
            self._lr_wanted = lr
            self._wish(Wish("rate", lr))

    def stop(self) -> None:
        """End after the present few steps and keep what was learned; leave the queue if waiting."""
        self._end_early(Wish("stop"))

    def interrupt(self) -> None:
        """End as by `stop`, but untested and to go on another time, as the process ends."""
        self._end_early(Wish("interrupt"))

    def nudge(self) -> None:
        """Let the worker, should the run be paused, look whether a guest wants the device."""
        self._wish(Wish("look"))

    def requeue(self) -> bool:
        """Wait for another turn, to go on from where it was; return whether it can.

        Where another process has worked on the run since, it goes on from there.

        Raises:
            StoreError: another process works on the run now, or the run cannot be saved; nothing
                has changed.
        """
        if self.store is None or not self.record().resumable:
            return False
        with self._claimed(self.store) as now:
            if not now.resumable:
                return False
            self.store.put(waiting(now))
        with self._changed:
            self._facts.wait_in_line()
            self._pause_wanted = self._held = False
            self._end_wanted = self._lr_wanted = None
            self._changed.notify_all()
        return True

    # What its worker reports

    def hand_over(self, channel: ViewsEnd, limit_s: float | None = None) -> Job | None:
        """Return the job for a worker to train the run, or None where the run does not wait.

        Args:
            channel: to the worker.
            limit_s: seconds of work after which the run is stopped.
        """
        with self._changed:
            if not self.in_line:
                return None
            if self._facts.record.status == "queued":
                self._facts.be("running")
            self._channel = channel
            if self._lr_wanted is not None:  # asked for before the run gave the device up
                self._wish(Wish("rate", self._lr_wanted))
            return self._facts.job(limit_s)

    def take(self, report: Report) -> None:
        """Take in a report of the worker."""
        history, late = self._facts.figures_after(report), None
        with self._changed:
            self._facts.take(report, history)
            if isinstance(report, RateTaken) and report.lr_changes[-1][1] == self._lr_wanted:
                self._lr_wanted = None
            if isinstance(report, Ended):
                self._channel = None
                # A run that somebody has resumed meanwhile waits for its turn.
                self._held = report.status == "queued" and self._pause_wanted
                self._pause_wanted = False
                if report.status == "imported":
                    self._end_wanted = Wish("stop")  # else it would be tested again and again
                # That came as the worker was giving the device up.
                late = self._end_wanted if report.status == "queued" else None
                self._changed.notify_all()
        if late:
            self._end_early(late)

    # What is known of it

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run has ended; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._facts.record.status in ENDED, timeout_s)

    def weights(self) -> Mapping[str, Tensor] | None:
        """Return the newest published weights, on the CPU; not to be written to.

        None where there are none, or where they cannot be read now; `trouble` then says so.
        """
        with self._changed:
            weights, version = self._facts.weights, self._facts.weights_version
        if weights is None and version and self._folder is not None:
            return self._read_back(lambda: _weights_on_disk(self, version))
        return weights

    def curves(self, max_points: int = 400) -> Curves:
        """Return the figures so far, for charts; none where `trouble` says so."""
        return self._figures().curves(max_points)

    def folds(self) -> FoldResults | None:
        """Return what a cross-validation has found so far, or None where the run is none."""
        return fold_results(self.spec, self._figures().epochs) if self.spec.folds else None

    def logits(self) -> Tensor | None:
        """Return what the final weights say of the test images, float32 (N, classes), or None."""
        test = self._facts.test
        if test is None or test.logits is not None or self._folder is None:
            return test.logits if test else None
        return self._read_back(self._folder.load_logits)

    def record(self) -> RunRecord:
        """Return all that is kept of the run as it is now, but for its curves and weights."""
        with self._changed:
            return self._facts.record_now()

    def reworded(self, record: RunRecord) -> None:
        """Take over what a person has changed: name, tags, note and star."""
        with self._changed:
            self._facts.reworded(record)

    def snapshot(self) -> RunSnapshot:
        """Return the run as it is now."""
        with self._changed:
            return self._facts.snapshot(self.status, self._lr_wanted, self.held, self._trouble)

    def let_go(self) -> None:
        """Drop the weights of a run that has ended, where the disk would not take them before."""
        with self._changed:
            record, weights = self._facts.record, self._facts.weights
            saved = self._facts.weights_are_saved
        if record.status not in ENDED or weights is None or self._folder is None:
            return
        if not saved and self.store is not None:
            try:
                with self._claimed(self.store):
                    if weights is self._facts.weights:
                        save_final_weights(self._folder, record, weights)
            except StoreError as error:
                if not self._unsaved_told:  # it is tried every few seconds
                    self._unsaved_told = True
                    _log.warning("The weights of a run stay in memory. %s", error)
                return
        with self._changed:
            if weights is self._facts.weights:
                self._facts.weights = None

    def _both(self) -> tuple["Run", ...]:
        return (self,) if self.rival is None else (self, self.rival)

    def _wish(self, wish: Wish) -> None:
        if (channel := self._channel) is not None:
            channel.wish(self.id, wish)

    def _end_early(self, wish: Wish) -> None:
        with self._changed:
            waiting = self._facts.record.status == "queued"
            self._end_wanted = wish
            self._pause_wanted = self._held = False
            self._wish(wish)
            if waiting:
                # A run that has been trained in part is no run that never began.
                words = "" if self._facts.record.step or wish.what != "stop" else TAKEN_OUT
                self._facts.be(_STATUS[wish.what], words, time.time())
            self._changed.notify_all()
        if waiting:
            self._note_at_last()

    def _note_at_last(self) -> None:
        """Keep how it ended; a disk that fails even now must not hide that it ended."""
        if self.store is None:
            return
        try:
            with self.store.claim(self.id, CLAIM_S):
                self.store.put(self.record())
        except Claimed:
            pass  # what is on the disk is for the process that works on the run to say
        except StoreError as error:
            with self._changed:
                now = self._facts.record
                self._facts.be(now.status, joined([now.message, error.message]), now.ended_at)

    @contextmanager
    def _claimed(self, store: Store) -> Iterator[RunRecord]:
        """Hold an ended run, with what another process may have made of it since taken over.

        Raises:
            StoreError: on entering, another process works on the run, or the run is gone or cannot
                be read now.
        """
        with store.claim(self.id, CLAIM_S):
            kept = store.folder(self.id).read_record()
            if kept.deleted_at is not None:
                raise StoreError(N_("There is no such run any more."))
            with self._changed:
                now = self._facts.record_now()
                # Where the disk says that the run goes on, this process knows better how it ended.
                if kept.status in ENDED and _end_of(kept) != _end_of(now):
                    self._facts = self._facts.replaced(kept)
                    now = self._facts.record_now()
            yield now

    def _figures(self) -> History:
        history = self._facts.history
        if history is not None:
            return history
        assert self._folder is not None
        folder, steps_per_epoch = self._folder, self._facts.course.steps_per_epoch
        with self._reading:
            read = self._read_back(lambda: folder.load_history(steps_per_epoch))
        with self._changed:
            if self._facts.history is None:
                if read is None:
                    return History(steps_per_epoch)
                self._facts.history = read
            return self._facts.history

    def _read_back(self, read: Callable[[], T | None]) -> T | None:
        """Return what is on the disk, or None where it cannot be read now; pages are told why."""
        try:
            found = read()
        except Unreadable as error:
            self._trouble = error.message
            return None
        self._trouble = ""
        return found


def _end_of(record: RunRecord) -> tuple[Status, int, float | None]:
    return record.status, record.step, record.ended_at


@lru_cache(maxsize=6)
def _weights_on_disk(run: Run, version: int) -> dict[str, Tensor] | None:
    """Read the weights of an ended run; `version` tells them from those of its earlier parts."""
    assert run._folder is not None
    return read_final_weights(run._folder, run.record())
