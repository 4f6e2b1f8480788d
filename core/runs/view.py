"""One run: it consumes a trainer, keeps its figures and obeys pause, resume and stop."""

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import lru_cache
from typing import Final, Literal, Protocol, TypeVar

from torch import Tensor

from core.data.loading import load
from core.judging.fold_verdict import FoldResults, fold_results
from core.machine.device import release_freed_memory, resolve
from core.machine.thread_team import present_team
from core.runs.clock import Clock, Pace
from core.runs.history import Curves, History
from core.runs.pause_limit import LOOK_S, Patience
from core.runs.record import ACTIVE, ENDED, RunRecord, Status
from core.runs.snapshot import RunSnapshot
from core.runs.store import Store, StoreError, Unreadable
from core.runs.store.claim import Claimed
from core.training.cross_validation import SAME_FOR_ALL
from core.training.events import Diverged, Epoch, Event, Steps, Tested
from core.training.failure import in_words
from core.training.learner import PUBLISH_S, Learner, learner
from core.training.learning import require_lr
from core.training.length import course_of
from core.training.state import State, part_of
from core.training.trainer import Trainer
from core.words.errors import UserError
from core.words.message import N_, joined, message

# Within a long epoch the state is kept this often.
SAVE_S: Final = 30.0
# Another process that only looks whether anybody works on the run holds it for a moment.
CLAIM_S: Final = 2.0
# A guest of a run that trains has it this long at most after each report.
GUEST_S: Final = 0.2

T = TypeVar("T")
# What a run does after a report.
Turn = Literal["go", "end", "leave"]

# What is said of one that waited as the process ended.
ENDED_BEFORE: Final = N_("NetSketch was ended before this run began.")

_log = logging.getLogger(__name__)


class Guest(Protocol):
    """Short work on the run's device and thread, done between two reports or during a pause."""

    @property
    def waits(self) -> bool:
        """Whether there is anything to do; cheap, and takes no lock."""
        ...

    def serve(self, budget_s: float) -> None:
        """Work for about that long. It raises nothing and changes no randomness."""
        ...


class Run:
    """A run from the moment someone asks for it, in this process or an earlier one.

    Args:
        record: what is known of it.
        store: keeps it on disk; None where runs live in memory only.
    """

    def __init__(self, record: RunRecord, store: Store | None = None) -> None:
        self.id = record.id
        self.spec = record.spec
        # The other one of a duel; a pause holds both.
        self.rival: Run | None = None
        self._record = record
        self._store = store
        self._folder = store.folder(record.id) if store else None
        self._changed = threading.Condition()
        self._status: Status = record.status
        self._message = record.message
        self._pause_wanted = False
        # Was paused for so long that it gave its place up; waits in line until someone resumes it.
        self._held = False
        self._leaves = False  # and the training thread has still to let go of it
        self._left_with: State | None = None  # where no disk keeps what it had learned
        self._stop_wanted = False
        self._interrupt_wanted = False
        self._device, self._precision = record.device, record.precision
        self._lr_wanted: float | None = None
        self._lr_changes = record.lr_changes
        self._stretches = record.stretches
        self._step = record.step
        self._latest: Steps | None = None
        self._course = course_of(record.spec)
        self._steps_per_epoch = self._course.steps_per_epoch
        self._goes_on = record.step > 0
        self._history = None if self._goes_on else History(self._steps_per_epoch)
        self._epochs_done = record.epoch
        self._val_accuracy = record.val_accuracy
        self._best: tuple[int, float] | None = None
        self._test = _tested(record)
        self._weights: dict[str, Tensor] | None = None
        self._epoch_weights: dict[str, Tensor] | None = None
        kept = record.step > 0 or record.status == "imported"
        self._weights_version = 1 if kept and store is not None else 0
        self._published_at = self._saved_at = time.monotonic()
        self._clock = Clock(record.elapsed_s)
        self._ended_at = record.ended_at
        self._pace = Pace()
        # The steps after which the weights at hand and those in the newest checkpoint were taken.
        self._weights_step = self._epoch_step = 0
        self._saved_step: int | None = None
        self._unsaved_told = False
        self._trouble = ""
        # Whoever waits for figures from the disk waits for this, and nobody else does.
        self._reading = threading.Lock()

    @property
    def status(self) -> Status:
        """The present status."""
        rival = self.rival
        if self._status == "running" and rival is not None and rival._status == "paused":
            return "paused"
        return self._status

    @property
    def name(self) -> str:
        """What people call it."""
        return self._record.name

    @property
    def number(self) -> int:
        """Counts the runs of one store."""
        return self._record.number

    @property
    def owner(self) -> str:
        """Whose it is; empty for nobody's."""
        return self._record.owner

    @property
    def progress(self) -> float:
        """Share of the way to its end, 0 to 1."""
        return 1.0 if self._status == "finished" else self._step / self._num_steps

    @property
    def waits(self) -> bool:
        """Whether it wants the device, to be trained or, if it was brought in, to be tested."""
        return self.in_line and not self._held

    @property
    def in_line(self) -> bool:
        """Whether it wants the device, or will once it is resumed."""
        return self._status == "queued" or (
            self._status == "imported" and self._test is None and not self._stop_wanted
        )

    @property
    def held(self) -> bool:
        """Whether it gave the device up in a pause, and waits for somebody to resume it."""
        return self._status == "queued" and self._held

    @property
    def has_weights(self) -> bool:
        """Whether `weights` would return any; cheap."""
        return self._weights_version > 0

    @property
    def is_ending(self) -> bool:
        """Whether it has been told to end and has not yet; then it goes before a paused rival."""
        return self._stop_wanted and self._status in ACTIVE

    @property
    def trouble(self) -> str:
        """What of it could not be read from the disk when somebody last tried, in a sentence."""
        return self._trouble

    def join_rival(self, other: "Run") -> None:
        """Make this and another run, neither begun yet, the two of a duel."""
        self.rival, other.rival = other, self

    def pause(self) -> None:
        """Hold still after the present few steps; the run keeps its place on the device."""
        for run in (self, self.rival):
            if run is not None:
                with run._changed:
                    run._pause_wanted = not run._stop_wanted and run._status in ACTIVE
                    run._changed.notify_all()

    def resume(self) -> None:
        """Go on after a pause."""
        for run in (self, self.rival):
            if run is not None:
                with run._changed:
                    run._pause_wanted = run._held = False
                    run._changed.notify_all()

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
            if self._status not in ACTIVE:
                raise UserError(
                    N_("This run does not train now, so its learning rate cannot be changed.")
                )
            self._lr_wanted = lr

    def stop(self) -> None:
        """End after the present few steps and keep what was learned; leave the queue if waiting."""
        self._end_early("stopped", N_("Taken out of the queue before it began."))

    def interrupt(self) -> None:
        """End as by `stop`, but untested and to go on another time, as the process ends."""
        self._interrupt_wanted = True
        self._end_early("interrupted", ENDED_BEFORE)

    def requeue(self) -> bool:
        """Wait for another turn, to go on from where it was; return whether it can.

        Raises:
            StoreError: that cannot be saved; the run is as it was.
        """
        with self._changed:
            if self._store is None or not self._record_now().resumable:
                return False
            wanted = replace(
                self._record_now(),
                status="queued",
                message="",
                ended_at=None,
                test_correct=None,
                test_total=None,
                test_loss=None,
            )
        self._store.put(wanted)
        with self._changed:
            self._status, self._message = "queued", ""
            self._stop_wanted = self._pause_wanted = self._interrupt_wanted = False
            self._held = self._leaves = False
            self._test = self._ended_at = self._lr_wanted = None
            self._changed.notify_all()
        return True

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run has ended; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._status in ENDED, timeout_s)

    def weights(self) -> dict[str, Tensor] | None:
        """Return the newest published weights on the CPU; whoever reads them must not write.

        None where there are none, or where they cannot be read now; `trouble` then says so.
        """
        weights, version = self._weights, self._weights_version
        if weights is None and version and self._folder is not None:
            return self._read_back(lambda: _weights_on_disk(self, version))
        return weights

    def curves(self, max_points: int = 400) -> Curves:
        """Return the figures so far, for charts; none where `trouble` says so."""
        return self._all_figures().curves(max_points)

    def folds(self) -> FoldResults | None:
        """Return what a cross-validation has found so far, or None where the run is none."""
        if not self.spec.folds:
            return None
        return fold_results(self.spec, self._all_figures().epochs)

    def logits(self) -> Tensor | None:
        """Return what the final weights say of the test images, float32 (N, classes), or None."""
        test = self._test
        if test is None or test.logits is not None or self._folder is None:
            return test.logits if test else None
        return self._read_back(self._folder.load_logits)

    def record(self) -> RunRecord:
        """Return all that is kept of the run as it is now, but for its curves and weights."""
        with self._changed:
            return self._record_now()

    def reworded(self, record: RunRecord) -> None:
        """Take over what a person has changed: name, tags, note and star."""
        with self._changed:
            self._record = replace(
                self._record,
                name=record.name,
                tags=record.tags,
                note=record.note,
                starred=record.starred,
            )

    def snapshot(self) -> RunSnapshot:
        """Return the run as it is now."""
        with self._changed:
            latest = self._latest
            num_steps = self._num_steps
            step = self._step
            elapsed_s = self._clock.elapsed_s
            remaining_s = elapsed_s / step * (num_steps - step) if step else None
            recent = latest.accuracies[-20:] if latest else ()
            return RunSnapshot(
                id=self.id,
                name=self._record.name,
                spec=self.spec,
                status=self.status,
                message=joined([self._message, self._trouble]),
                device=self._device,
                precision=self._precision,
                step=step,
                num_steps=num_steps,
                epoch=-(-step // self._steps_per_epoch),
                num_epochs=self._course.num_epochs,
                elapsed_s=elapsed_s,
                remaining_s=None if self._status in ENDED else remaining_s,
                images_per_s=self._rate(),
                lr=latest.lr if latest else self.spec.lr,
                lr_changes=self._lr_changes,
                stretches=self._stretches,
                lr_wanted=self._lr_wanted,
                train_accuracy=sum(recent) / len(recent) if recent else None,
                train_loss=latest.losses[-1] if latest else None,
                val_accuracy=self._val_accuracy,
                test=self._test,
                weights_version=self._weights_version,
                resumable=self._store is not None and self._record_now().resumable,
                held=self.held,
            )

    def nudge(self) -> None:
        """Look again whether a guest waits, should the run be paused."""
        with self._changed:
            self._changed.notify_all()

    def execute(self, guest: Guest | None = None, limit_s: float | None = None) -> None:
        """Train to the end in the calling thread; see `work`."""
        for _ in self.work(guest, limit_s):
            pass

    def work(
        self,
        guest: Guest | None = None,
        limit_s: float | None = None,
        patience: Patience | None = None,
    ) -> Iterator[None]:
        """Train, yielding after every few steps; every failure becomes a status and a sentence.

        Args:
            guest: whoever may have the device between two reports; the run's clock stands still.
            limit_s: seconds of work after which the run is stopped.
            patience: of those who wait, with a pause; None where nobody could.
        """
        if self._status == "imported":
            yield from self._examine()
            return
        with self._changed:
            leaves, self._leaves = self._leaves, False
            if self._status != "queued" or leaves:
                return
            self._status = "running"
            self._clock.go()
        status: Status = "failed"
        words = ""
        is_ours = True
        try:
            with self._claimed():
                status, words = yield from self._train(guest, limit_s, patience)
        except Diverged as error:
            status, words = "diverged", error.message
            with self._changed:
                if self._epoch_weights is not None:
                    self._weights, self._weights_step = self._epoch_weights, self._epoch_step
                    self._weights_version += 1
        except Claimed as error:
            # What is on the disk is told by whoever works on it.
            status, words, is_ours = "interrupted", error.message, False
        except Unreadable as error:
            # Nothing is wrong with it: it waits for whoever resumes it when that can be read.
            status, words = "interrupted", error.message
        except Exception as error:  # a thread never dies in silence
            words = in_words(error, self.spec)
        finally:
            self._end(status, words, is_ours)
        release_freed_memory()

    def _train(
        self, guest: Guest | None, limit_s: float | None, patience: Patience | None
    ) -> Generator[None, None, tuple[Status, str]]:
        trainer = learner(self.spec, load(self.spec.data), team=present_team())
        with self._changed:
            self._device = resolve(self.spec.device)
        self._go_on_from_disk(trainer)
        with self._changed:
            self._precision = trainer.precision
        self._note()
        self._publish(trainer)
        # Where one that diverges in its first epoch goes back.
        self._epoch_weights, self._epoch_step = self._weights, self._weights_step
        for event in trainer.fit():
            self._take(event, trainer)
            if guest is not None and isinstance(event, Steps):
                self._give_way(guest)
            too_long = limit_s is not None and self._clock.elapsed_s > limit_s
            turn: Turn = "end"
            if not too_long:
                turn = yield from self._may_go_on(guest, trainer, patience)
            if turn != "go":
                self._publish(trainer)
                self._save(trainer)
                if self._interrupt_wanted:
                    return "interrupted", ""
                if turn == "leave":
                    self._left_with = trainer.state() if self._folder is None else None
                    return "queued", ""
                for last in trainer.test():
                    self._take(last, trainer)
                return "stopped", _too_long(limit_s) if too_long else ""
            self._change_lr(trainer)
            with self._clock_held():
                yield
        self._publish(trainer)
        return "finished", trainer.ended_early

    def _change_lr(self, trainer: Learner) -> None:
        """Pass on what somebody wants the learning rate to be."""
        with self._changed:
            wanted, self._lr_wanted = self._lr_wanted, None
        if wanted is None:
            return
        trainer.set_lr(wanted)
        with self._changed:
            self._lr_changes = trainer.lr_changes
        self._save(trainer)  # else a kill before the next save would undo it

    def _examine(self) -> Iterator[None]:
        """Measure weights that were brought in on the test images."""
        words = ""
        try:
            weights = self.weights()
            if weights is None:
                lost = N_("The weights that were brought in can no longer be read.")
                raise UserError(self._trouble or lost)
            trainer = Trainer(self.spec, load(self.spec.data))
            trainer.model.load_state_dict(weights)
            for event in trainer.test():
                if self._stop_wanted:
                    return
                self._take(event, trainer)
                yield
        except Exception as error:  # a thread never dies in silence
            words = in_words(error, self.spec)
        with self._changed:
            # Without a figure it would be examined again and again.
            self._stop_wanted = True
            self._message = words
            self._changed.notify_all()
        self._note_at_last()
        release_freed_memory()

    def _go_on_from_disk(self, trainer: Learner) -> None:
        """Bring a trainer to where this run was, if it has been under way before."""
        if self._left_with is not None:
            left_with, self._left_with = self._left_with, None
            trainer.restore(left_with)
        if self._folder is None:
            return
        # Whatever its record says: what is there must not be begun anew, or written over.
        state = self._folder.load_state()
        step = state.step if state else 0
        if state is not None:
            try:
                trainer.restore(state)
            except (KeyError, ValueError, TypeError, RuntimeError) as error:
                _log.warning("A checkpoint does not fit its run", exc_info=error)
                raise UserError(
                    N_(
                        "What was kept of this run does not fit its settings any more, so it "
                        "cannot go on. Train it again from the start."
                    )
                ) from error
        # An epoch whose validation is still to come will be told anew.
        history = self._folder.load_history(
            self._steps_per_epoch, up_to_step=step, up_to_epoch=state.epoch if state else 0
        )
        epochs = history.epochs
        with self._changed:
            self._history = history
            self._lr_changes = trainer.lr_changes
            self._step, self._epochs_done = step, len(epochs)
            self._saved_step = step if state is not None else None
            self._val_accuracy = epochs[-1].val_accuracy if epochs else None
            self._best = max(
                ((e.epoch, e.val_accuracy) for e in epochs), key=lambda e: e[1], default=None
            )

    def _take(self, event: Event, trainer: Learner) -> None:
        if isinstance(event, Steps | Epoch):
            self._all_figures().add(event)
        with self._changed:
            if isinstance(event, Steps):
                self._latest, self._step = event, event.step
                self._stretches = trainer.stretches
                self._goes_on = True
                self._pace.note(event.train_s, event.images)
            elif isinstance(event, Epoch):
                self._epochs_done, self._val_accuracy = event.epoch, event.val_accuracy
                if self._best is None or event.val_accuracy > self._best[1]:
                    self._best = event.epoch, event.val_accuracy
        now = time.monotonic()
        if isinstance(event, Tested):
            self._take_test(event)
        elif isinstance(event, Epoch):
            self._publish(trainer)
            self._epoch_weights, self._epoch_step = self._weights, self._weights_step
            self._save(trainer)
        elif isinstance(event, Steps):
            if now - self._published_at > PUBLISH_S:
                self._publish(trainer)
            if now - self._saved_at > SAVE_S:
                self._save(trainer)

    def _take_test(self, test: Tested) -> None:
        if self._folder is not None and test.logits is not None:
            self._folder.save_logits(test.logits)
            test = replace(test, logits=None)
        with self._changed:
            self._test = test

    def _publish(self, trainer: Learner) -> None:
        """Copy the weights out, unless they are no longer numbers."""
        self._published_at = time.monotonic()
        if trainer.weights_are_finite():
            weights = trainer.weights()
            with self._changed:
                self._weights, self._weights_step = weights, self._step
                self._weights_version += 1

    def _save(self, trainer: Learner) -> None:
        """Keep the whole state on disk, unless its weights are no longer numbers."""
        if self._folder is None or not trainer.weights_are_finite():
            return
        self._folder.save(trainer.state(), self._all_figures())
        self._saved_at, self._saved_step = time.monotonic(), self._step
        self._note()

    def _note(self) -> None:
        """Keep what is known of the run on disk."""
        if self._store is not None:
            self._store.put(self.record())

    def _give_way(self, guest: Guest) -> None:
        """Let a guest work for a moment, with the clock held."""
        if not guest.waits:
            return
        with self._clock_held():
            guest.serve(GUEST_S)

    def _may_go_on(
        self, guest: Guest | None, trainer: Learner, patience: Patience | None
    ) -> Generator[None, None, Turn]:
        """Wait while paused, serving the guest; tell what is to be done then.

        It yields, and is paused still, where the other one of a duel has been told to end.
        """
        with self._changed:
            if self._takes_leave():
                return "leave"
            if not self._pause_wanted:
                return "end" if self._stop_wanted else "go"
            self._clock.hold()
            self._status = "paused"
            self._changed.notify_all()
        self._save(trainer)
        since = patience.clock() if patience else 0.0
        while self._paused_for(guest):
            if self._rival_ends:
                yield
            elif patience is not None and patience.is_over(since):
                self._give_place_up()
            elif guest is not None and guest.waits:
                guest.serve(GUEST_S)
        with self._changed:
            self._status = "running"
            self._clock.go()
            self._changed.notify_all()
            if self._takes_leave():
                return "leave"
            return "end" if self._stop_wanted else "go"

    def _paused_for(self, guest: Guest | None) -> bool:
        """Wait for a guest, the end of the pause or of the rival, or a moment; tell if it is on."""

        def over() -> bool:
            return not self._pause_wanted or self._leaves

        def asked() -> bool:
            return self._rival_ends or (guest is not None and guest.waits)

        with self._changed:
            self._changed.wait_for(lambda: over() or asked(), timeout=LOOK_S)
            return not over()

    def _give_place_up(self) -> None:
        """Let go of the device, both of a duel, to wait in line for whoever resumes it."""
        for run in (self, self.rival):
            if run is not None:
                with run._changed:
                    if run._pause_wanted or run._status == "queued":
                        run._pause_wanted = False
                        run._held = run._leaves = True

    def _takes_leave(self) -> bool:
        """Within the lock: tell, once, whether it has to let go of the device."""
        leaves, self._leaves = self._leaves, False
        return leaves and not self._stop_wanted

    @property
    def _rival_ends(self) -> bool:
        return self.rival is not None and self.rival.is_ending

    def _end_early(self, status: Status, words: str) -> None:
        with self._changed:
            waiting = self._status == "queued"
            self._stop_wanted = True
            self._pause_wanted = self._held = False
            if waiting:
                # One that went on waiting after an earlier part keeps that.
                self._status, self._message = status, "" if self._step else words
                self._ended_at = time.time()
            self._changed.notify_all()
        if self.rival is not None:
            self.rival.nudge()  # paused, it holds the thread that is needed to end this one
        if waiting:
            self._note_at_last()

    def _end(self, status: Status, words: str, is_ours: bool) -> None:
        with self._changed:
            self._clock.hold()
        weights = self._weights_on_disk_now(status) if is_ours else None
        with self._changed:
            self._status, self._message = status, words
            self._ended_at = None if status == "queued" else time.time()
            self._epoch_weights = None
            if weights is not None:
                self._weights = None
            self._changed.notify_all()
        if is_ours:
            self._note_at_last()

    def let_go(self) -> None:
        """Drop the weights of a run that has ended, where the disk would not take them before."""
        if self._status not in ENDED:
            return
        weights = self._weights_on_disk_now(self._status)
        with self._changed:
            if weights is not None and weights is self._weights:
                self._weights = None

    def _weights_on_disk_now(self, status: Status) -> dict[str, Tensor] | None:
        """See to it that the weights at hand can be read again whenever somebody wants them.

        Returns:
            They, if that is so.
        """
        with self._changed:
            weights, step = self._weights, self._step
            saved = self._saved_step == self._weights_step
        if weights is None or self._folder is None:
            return None
        if not saved:
            try:
                self._folder.save_weights(weights, _which(status, step))
            except StoreError as error:
                if not self._unsaved_told:  # it is tried every few seconds
                    self._unsaved_told = True
                    _log.warning("The weights of a run stay in memory. %s", error)
                return None
            self._unsaved_told = False
        return weights

    def _note_at_last(self) -> None:
        """Keep how it ended; a disk that fails even now must not hide that it ended."""
        try:
            self._note()
        except StoreError as error:
            with self._changed:
                self._message = joined([self._message, error.message])

    def _claimed(self) -> AbstractContextManager[None]:
        return self._store.claim(self.id, CLAIM_S) if self._store is not None else nullcontext()

    @contextmanager
    def _clock_held(self) -> Iterator[None]:
        with self._changed:
            self._clock.hold()
        yield
        with self._changed:
            self._clock.go()

    def _all_figures(self) -> History:
        history = self._history
        if history is not None:
            return history
        assert self._folder is not None
        folder = self._folder
        with self._reading:
            read = self._read_back(lambda: folder.load_history(self._steps_per_epoch))
        with self._changed:
            if self._history is None:
                if read is None:
                    return History(self._steps_per_epoch)
                self._history = read
            return self._history

    def _read_back(self, read: Callable[[], T | None]) -> T | None:
        """Return what is on the disk, or None where it cannot be read now; pages are told why."""
        try:
            found = read()
        except Unreadable as error:
            self._trouble = error.message
            return None
        self._trouble = ""
        return found

    @property
    def _num_steps(self) -> int:
        return self._course.num_steps

    def _record_now(self) -> RunRecord:
        return replace(
            self._record,
            status=self._status,
            message=self._message,
            ended_at=self._ended_at,
            elapsed_s=self._clock.elapsed_s,
            device=self._device,
            precision=self._precision,
            step=self._step,
            num_steps=self._num_steps,
            lr_changes=self._lr_changes,
            stretches=self._stretches,
            epoch=self._epochs_done,
            val_accuracy=self._val_accuracy,
            best_epoch=self._best[0] if self._best else self._record.best_epoch,
            test_correct=self._test.correct if self._test else None,
            test_total=self._test.total if self._test else None,
            test_loss=self._test.loss if self._test else None,
        )

    def _rate(self) -> float | None:
        """Images a second over the last few seconds of training, as far as they are known."""
        pace = self._pace.images_per_s
        if pace is not None:
            return pace
        # Of a run of an earlier day only the whole is known.
        done, elapsed_s = self._step * self.spec.batch_size, self._clock.elapsed_s
        return done / elapsed_s if done and elapsed_s and not self.waits else None


@lru_cache(maxsize=6)
def _weights_on_disk(run: Run, version: int) -> dict[str, Tensor] | None:
    """Read the weights of an ended run; `version` tells them from those of its earlier parts."""
    assert run._folder is not None
    if (kept := run._folder.load_saved_weights(_which(run._status, run._step))) is not None:
        return kept
    if run.spec.keep_best and run.status == "finished":
        state = run._folder.load_state()
        if state is not None and (best := part_of(state.tensors, "best.")):
            return best
    return run._folder.load_weights()


def _which(status: Status, step: int) -> str:
    """Return what tells the weights of a run that ended so from all others of its."""
    return f"{status} after step {step}"


def _tested(record: RunRecord) -> Tested | None:
    if record.test_correct is None or record.test_total is None or record.test_loss is None:
        return None
    return Tested(correct=record.test_correct, total=record.test_total, loss=record.test_loss)


def _too_long(limit_s: float | None) -> str:
    return message(
        "A run may take {minutes:,.0f} minutes on this server, and this one has. What it learned "
        "is kept; resume it to go on.",
        minutes=(limit_s or 0) / 60,
    )
