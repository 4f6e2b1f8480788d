"""What this process knows of a run: its record, its figures and weights, its clock."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from core.runs import messages as msg
from core.runs.clock import Clock, Pace
from core.runs.history import History
from core.runs.messages import Job, Report, best_of, told
from core.runs.record import ENDED, RunRecord, Status
from core.runs.snapshot import RunSnapshot
from core.training.events import Steps, Tested
from core.training.length import length_of
from core.training.state import State
from core.words.message import joined


class RunFacts:
    """What is known of a run. Callers from several threads need a lock of their own.

    Args:
        record: of the run, as it was before the reports to come.
        is_kept: whether a disk keeps the run.
        weights_version: of the weights known before; the next ones get a higher one.

    Attributes:
        course: the length of the run.
        record: as of the last report.
        history: the figures of all steps and epochs; None where the disk has to be read for them.
        test: the figures on the test images, or None.
        weights: those published last; None where there are none, or where the disk has them.
        weights_version: grows with every copy of the weights; 0 where there are none.
        left_with: the state of a training that gave the device up, where no disk keeps it.
    """

    def __init__(self, record: RunRecord, *, is_kept: bool, weights_version: int = 0) -> None:
        self.course = length_of(record.spec)
        self.record = replace(record, num_steps=self.course.num_steps)
        self.test = _tested(record)
        if self.test is None:
            self.record = _untested(self.record)
        self.history = History(self.course.steps_per_epoch) if not record.step else None
        has_weights = is_kept and (record.step > 0 or record.status == "imported")
        self.weights: Mapping[str, Tensor] | None = None
        self.weights_version = weights_version + 1 if has_weights else 0
        self.left_with: State | None = None
        self._is_kept = is_kept
        self._latest: Steps | None = None
        self._clock = Clock(record.elapsed_s)
        self._pace = Pace()
        # The steps after which the weights at hand and the newest checkpoint were taken.
        self._weights_step = 0
        self._saved_step: int | None = None

    @property
    def progress(self) -> float:
        """Share of the run's steps that are done, 0 to 1."""
        return 1.0 if self.record.status == "finished" else self.record.step / self.record.num_steps

    @property
    def weights_are_saved(self) -> bool:
        """Whether the newest checkpoint has the weights published last."""
        return self._saved_step == self._weights_step

    def record_now(self) -> RunRecord:
        """Return the run's record as it is at this instant."""
        return replace(self.record, elapsed_s=self._clock.elapsed_s)

    def job(self, limit_s: float | None) -> Job:
        """Return the job for a worker, which stops the run after `limit_s` seconds of work."""
        in_memory = self.history is not None and not self._is_kept
        return Job(
            record=self.record_now(),
            limit_s=limit_s,
            state=self.left_with,
            best=best_of(self.history.epochs) if self.history and in_memory else None,
        )

    def figures_after(self, report: Report) -> History | None:
        """Return the figures after a report, for `take`; of a long run, that may take a while."""
        match report:
            case msg.Begun(past=msg.Past() as past):
                return History.restored(self.course.steps_per_epoch, past.figures, past.epochs)
            case msg.Trained(steps=event) | msg.Validated(epoch=event):
                history = self.history or History(self.course.steps_per_epoch)
                history.add(event)
                return history
        return self.history

    def take(self, report: Report, history: History | None) -> None:
        """Take in a report of the run's worker, with what `figures_after` returned."""
        self.record = told(self.record, report)
        if history is not None:
            self.history = history
        match report:
            case msg.Begun(past=msg.Past() as past):
                self._saved_step = len(past.figures) if past.saved else None
            case msg.Trained(steps=steps):
                self._latest = steps
                self._pace.note(steps.train_s, steps.images)
            case Tested():
                self.test = report
            case msg.Published():
                self.weights, self._weights_step = report.weights, report.step
                self.weights_version += 1
            case msg.Saved():
                self._saved_step = report.step
            case msg.Clocked():
                self._clock = Clock(report.elapsed_s)
                if report.goes:
                    self._clock.go()
            case msg.Ended():
                self._clock = Clock(report.elapsed_s)
                self.left_with = report.state
                if report.weights_kept:
                    self.weights = None

    def wait_in_line(self) -> None:
        """Note that the run waits for another turn."""
        self.record = waiting(self.record)
        self.test = None

    def replaced(self, record: RunRecord) -> "RunFacts":
        """Return what is known of the run now that another process has gone on with it."""
        return RunFacts(record, is_kept=self._is_kept, weights_version=self.weights_version)

    def be(self, status: Status, message: str | None = None, ended_at: float | None = None) -> None:
        """Note the status of a run that no worker has."""
        words = self.record.message if message is None else message
        self.record = replace(self.record, status=status, message=words, ended_at=ended_at)

    def reworded(self, record: RunRecord) -> None:
        """Take over what people say of the run."""
        self.record = replace(
            self.record,
            name=record.name,
            tags=record.tags,
            note=record.note,
            starred=record.starred,
        )

    def snapshot(
        self, status: Status, lr_wanted: float | None, held: bool, trouble: str
    ) -> RunSnapshot:
        """Return the run as it is at this instant.

        Args:
            status: as pages see it.
            lr_wanted: see `RunSnapshot`.
            held: likewise.
            trouble: what of the run could not be read, in a sentence.
        """
        record, latest = self.record, self._latest
        elapsed_s = self._clock.elapsed_s
        left_s = elapsed_s / record.step * (record.num_steps - record.step) if record.step else None
        recent = latest.accuracies[-20:] if latest else ()
        return RunSnapshot(
            id=record.id,
            name=record.name,
            spec=record.spec,
            status=status,
            message=joined([record.message, trouble]),
            device=record.device,
            precision=record.precision,
            step=record.step,
            num_steps=record.num_steps,
            epoch=-(-record.step // self.course.steps_per_epoch),
            num_epochs=self.course.num_epochs,
            elapsed_s=elapsed_s,
            remaining_s=None if record.status in ENDED else left_s,
            images_per_s=self._rate(elapsed_s),
            lr=latest.lr if latest else record.spec.lr,
            lr_changes=record.lr_changes,
            stretches=record.stretches,
            lr_wanted=lr_wanted,
            train_accuracy=sum(recent) / len(recent) if recent else None,
            train_loss=latest.losses[-1] if latest else None,
            val_accuracy=record.val_accuracy,
            test=self.test,
            weights_version=self.weights_version,
            resumable=self._is_kept and record.resumable,
            held=held,
        )

    def _rate(self, elapsed_s: float) -> float | None:
        """Images a second over the last few seconds of training, as far as they are known."""
        pace = self._pace.images_per_s
        if pace is not None:
            return pace
        # Of a run of an earlier day only the whole is known.
        done = self.record.step * self.record.spec.batch_size
        waits = self.record.status == "queued"
        return done / elapsed_s if done and elapsed_s and not waits else None


def waiting(record: RunRecord) -> RunRecord:
    """Return the record of a run that waits for another turn."""
    return _untested(replace(record, status="queued", message="", ended_at=None))


def _untested(record: RunRecord) -> RunRecord:
    return replace(record, test_correct=None, test_total=None, test_loss=None)


def _tested(record: RunRecord) -> Tested | None:
    if record.test_correct is None or record.test_total is None or record.test_loss is None:
        return None
    return Tested(correct=record.test_correct, total=record.test_total, loss=record.test_loss)
