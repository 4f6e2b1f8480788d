"""The worker, which trains one run, keeps it on the disk and reports all that comes of it.

A worker takes no lock that pages take, and hears of people's wishes by a channel only. So it can
work in a thread, in another process, or on another machine that has the same folder.
"""

import logging
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Final

from core.data.loading import load
from core.machine.device import release_freed_memory, resolve
from core.machine.thread_team import present_team
from core.runs import messages as msg
from core.runs.channel import WorkersEnd
from core.runs.clock import Clock
from core.runs.final_weights import read_final_weights, save_final_weights
from core.runs.history import History
from core.runs.messages import TAKEN_OUT, Job, Report, Wish, best_of, told
from core.runs.record import Status
from core.runs.store import Store, StoreError, Unreadable
from core.runs.store.claim import CLAIM_S, Claimed
from core.training.events import Diverged, Epoch, Event, Steps, Tested
from core.training.failure import in_words
from core.training.learner import PUBLISH_S, Learner, learner
from core.training.length import length_of
from core.training.trainer import Trainer
from core.words.errors import UserError
from core.words.message import N_, joined, message

# Within a long epoch the state is kept this often.
SAVE_S: Final = 30.0

_log = logging.getLogger(__name__)


class Worker:
    """Trains a run. One thread calls its methods, while `work` is suspended.

    Args:
        job: what is to be done.
        end: the workers' end of the channel to the run.
        store: keeps runs on the disk; None where they live in memory only.

    Attributes:
        id: of the run.
        pauses: whether the run is to pause.
        is_paused: whether the run is paused, and saved.
    """

    def __init__(self, job: Job, end: WorkersEnd, store: Store | None) -> None:
        self.id = job.record.id
        self.pauses = self.is_paused = False
        self._record = job.record
        self._spec = job.record.spec
        self._limit_s = job.limit_s
        self._begins_with = job.state
        self._end = end
        self._store = store
        self._folder = store.folder(job.record.id) if store is not None else None
        self._course = length_of(self._spec)
        self._clock = Clock(job.record.elapsed_s)
        self._learner: Learner | None = None
        # The figures so far, where a disk keeps them.
        self._history: History | None = None
        self._best = job.best
        # The weights published last, and those of the last whole epoch.
        self._published: msg.Published | None = None
        self._of_epoch: msg.Published | None = None
        self._saved_step: int | None = None
        self._published_at = self._saved_at = time.monotonic()
        self._ends: Status | None = None
        self._leaves = False
        self._lr: float | None = None
        self._ended: msg.Ended | None = None

    @property
    def progress(self) -> float:
        """Share of the run's steps that are done, 0 to 1."""
        return self._record.step / self._course.num_steps

    @property
    def is_ending(self) -> bool:
        """Whether the run is to end."""
        return self._ends is not None

    def hear(self, wish: Wish) -> None:
        """Take up a wish, which comes true as `work` goes on."""
        match wish.what:
            case "pause":
                self.pauses = not self.is_ending
            case "stop":
                self._ends = self._ends or "stopped"
            case "interrupt":
                self._ends = "interrupted"
            case "leave":
                self._leaves = True
            case "rate":
                self._lr = wish.lr
        if wish.what in ("resume", "stop", "interrupt", "leave"):
            self.pauses = False
            if self.is_paused:
                self.is_paused = False
                self.go()

    def hold(self) -> None:
        """Stop the run's clock, as somebody else has the device."""
        self._set_clock(goes=False)

    def go(self) -> None:
        """Start the run's clock again."""
        self._set_clock(goes=True)

    def work(self) -> Iterator[bool]:
        """Train to the end. Every failure becomes a status and a sentence.

        Yields:
            After each event of the training, whether a guest may have the device now. In a pause,
            it yields whenever it is called.
        """
        if self._record.status == "imported":
            yield from self._examine()
            return
        status: Status = "failed"
        words = ""
        try:
            with self._claimed():
                try:
                    status, words = yield from self._train()
                except Diverged as error:
                    status, words = "diverged", error.message
                    if self._of_epoch is not None:
                        self._publish(self._of_epoch)
                except Unreadable as error:
                    # Nothing is wrong with it: it waits for whoever resumes it when that can be
                    # read.
                    status, words = "interrupted", error.message
                except Exception as error:  # no run ends in silence
                    words = in_words(error, self._spec)
                finally:
                    self._conclude(status, words)
        except Claimed as error:
            # What is on the disk is for the process that works on the run to say.
            self._ended = self._ended_now("interrupted", error.message)
        except Exception as error:  # it could not be claimed
            self._conclude("failed", in_words(error, self._spec))
        finally:
            assert self._ended is not None
            self._tell(self._ended)
        release_freed_memory()

    def _train(self) -> Generator[bool, None, tuple[Status, str]]:
        if self._ends is not None:
            # A run that has been trained in part is no run that never began.
            words = TAKEN_OUT if self._ends == "stopped" else ""
            return self._ends, "" if self._record.step else words
        if self._leaves:
            return "queued", ""
        trainer = learner(self._spec, load(self._spec.data), team=present_team())
        self._tell(msg.Placed(device=resolve(self._spec.device)))
        past = self._go_on_from_before(trainer)
        begun = msg.Begun(precision=trainer.precision, lr_changes=trainer.lr_changes, past=past)
        self._tell(begun)
        self._learner = trainer
        self._note()
        # Where one that diverges in its first epoch goes back.
        self._of_epoch = self._publish_now()
        yield from self._rest()
        for event in trainer.fit():
            self._take(event, trainer)
            yield isinstance(event, Steps)
            too_long = self._limit_s is not None and self._clock.elapsed_s > self._limit_s
            if not too_long:
                yield from self._rest()
            if not (too_long or self._ends or self._leaves):
                self._change_lr(trainer)
                continue
            self._publish_now()
            self._save()
            if self._ends == "interrupted":
                return "interrupted", ""
            if self._leaves and not (self._ends or too_long):
                return "queued", ""
            for last in trainer.test():
                self._take(last, trainer)
            return "stopped", _too_long(self._limit_s) if too_long else ""
        self._publish_now()
        return "finished", trainer.ended_early

    def _rest(self) -> Iterator[bool]:
        """Save the training and wait, as long as the run is to pause."""
        while self.pauses:
            if not self.is_paused:
                self.is_paused = True
                self.hold()
                self._save()
            yield False

    def _go_on_from_before(self, trainer: Learner) -> msg.Past | None:
        """Bring a trainer to where the run was, if the run has been under way before.

        Returns:
            What the disk holds of the run; None where no disk keeps it.
        """
        if self._begins_with is not None:
            trainer.restore(self._begins_with)
        if self._folder is None:
            return None
        # Even where the record speaks of no step: a checkpoint must not be written over.
        state = self._folder.load_state()
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
            self._saved_step = state.step
        # The epoch after the checkpoint's will be reported anew.
        self._history = self._folder.load_history(
            self._course.steps_per_epoch,
            up_to_step=state.step if state else 0,
            up_to_epoch=state.epoch if state else 0,
        )
        self._best = best_of(self._history.epochs)
        return msg.Past(
            figures=self._history.since(0),
            epochs=self._history.epochs,
            saved=state is not None,
        )

    def _take(self, event: Event, trainer: Learner) -> None:
        """Report an event of the training, and save and publish what is due."""
        if self._history is not None and isinstance(event, Steps | Epoch):
            self._history.add(event)
        match event:
            case Steps():
                self._tell(msg.Trained(steps=event, stretches=trainer.stretches))
                now = time.monotonic()
                if now - self._published_at > PUBLISH_S:
                    self._publish_now()
                if now - self._saved_at > SAVE_S:
                    self._save()
            case Epoch():
                if self._best is None or event.val_accuracy > self._best.val_accuracy:
                    self._best = event
                self._tell(msg.Validated(epoch=event, best_epoch=self._best.epoch))
                self._of_epoch = self._publish_now()
                self._save()
            case Tested():
                if self._folder is not None and event.logits is not None:
                    self._folder.save_logits(event.logits)
                    event = replace(event, logits=None)
                self._tell(event)

    def _examine(self) -> Iterator[bool]:
        """Measure weights that were brought in on the test images."""
        words = ""
        try:
            weights = read_final_weights(self._folder, self._record) if self._folder else None
            if weights is None:
                raise UserError(N_("The weights that were brought in can no longer be read."))
            trainer = Trainer(self._spec, load(self._spec.data))
            trainer.model.load_state_dict(weights)
            for event in trainer.test():
                if self.is_ending:
                    break
                if isinstance(event, Tested):
                    self._take(event, trainer)
                yield False
        except Exception as error:  # no run ends in silence
            words = in_words(error, self._spec)
        self._ended = self._ended_now("imported", words)
        if not self.is_ending:
            self._note_at_last()
        self._tell(self._ended)
        release_freed_memory()

    def _change_lr(self, trainer: Learner) -> None:
        """Change the learning rate, if that was wished."""
        wanted, self._lr = self._lr, None
        if wanted is None:
            return
        trainer.set_lr(wanted)
        self._tell(msg.RateTaken(lr_changes=trainer.lr_changes))
        self._save()  # else a kill before the next save would undo it

    def _publish_now(self) -> msg.Published | None:
        """Publish the weights, unless they are no longer numbers; return those published last."""
        self._published_at = time.monotonic()
        trainer = self._learner
        if trainer is not None and trainer.weights_are_finite():
            self._publish(msg.Published(weights=trainer.weights(), step=self._record.step))
        return self._published

    def _publish(self, weights: msg.Published) -> None:
        self._published = weights
        self._tell(weights)

    def _save(self) -> None:
        """Save a checkpoint and the record, unless the weights are no longer numbers."""
        trainer, history = self._learner, self._history
        if trainer is None or self._folder is None or not trainer.weights_are_finite():
            return
        assert history is not None
        self._folder.save(trainer.state(), history)
        self._saved_at, self._saved_step = time.monotonic(), self._record.step
        self._tell(msg.Saved(step=self._record.step))
        self._note()

    def _conclude(self, status: Status, words: str) -> None:
        """Save how the run ended. `Ended` is sent later, when the claim to the run is given up."""
        self._clock.hold()
        self._ended = self._ended_now(status, words, weights_kept=self._keep_weights(status))
        self._note_at_last()

    def _ended_now(self, status: Status, words: str, *, weights_kept: bool = False) -> msg.Ended:
        state = None
        if status == "queued" and self._folder is None:
            state = self._learner.state() if self._learner else self._begins_with
        return msg.Ended(
            status=status,
            message=words,
            ended_at=None if status in ("queued", "imported") else time.time(),
            elapsed_s=self._clock.elapsed_s,
            weights_kept=weights_kept,
            state=state,
        )

    def _keep_weights(self, status: Status) -> bool:
        """Save the weights published last, where the newest checkpoint has others.

        Returns:
            Whether the disk has them.
        """
        if self._published is None or self._folder is None:
            return False
        if self._saved_step != self._published.step:
            try:
                record = replace(self._record, status=status)
                save_final_weights(self._folder, record, self._published.weights)
            except StoreError:
                return False  # the run has a copy, and tries again later
        return True

    def _note(self) -> None:
        """Save the record."""
        if self._store is not None:
            self._store.put(replace(self._record, elapsed_s=self._clock.elapsed_s))

    def _note_at_last(self) -> None:
        """Save how the run ended. A disk that fails even now must not hide that it ended."""
        assert self._ended is not None
        self._record = told(self._record, self._ended)
        try:
            self._note()
        except StoreError as error:
            words = joined(dict.fromkeys([self._ended.message, error.message]))
            self._ended = replace(self._ended, message=words)

    def _set_clock(self, *, goes: bool) -> None:
        if self._record.status == "imported":
            return  # its time is that of a training elsewhere
        if goes:
            self._clock.go()
        else:
            self._clock.hold()
        status: Status = "paused" if self.is_paused else "running"
        self._tell(msg.Clocked(elapsed_s=self._clock.elapsed_s, goes=goes, status=status))

    def _tell(self, report: Report) -> None:
        self._record = told(self._record, report)
        self._end.tell(self.id, report)

    def _claimed(self) -> AbstractContextManager[None]:
        if self._store is None:
            return nullcontext()
        return self._store.claim(self.id, CLAIM_S)


def _too_long(limit_s: float | None) -> str:
    return message(
        "A run may take {minutes:,.0f} minutes on this server, and this one has. What it learned "
        "is kept; resume it to go on.",
        minutes=(limit_s or 0) / 60,
    )
