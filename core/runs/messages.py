"""Messages between a run and the worker that trains it: plain data that can cross a process.

A worker gets a `Job` and sends reports. The run sends wishes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.machine.device import Device
from core.runs.record import RunRecord, Status
from core.training.events import Epoch, Steps, Tested
from core.training.state import State
from core.training.thread_counts import Stretch
from core.words.message import N_

# What is said of a run that waited as somebody stopped it.
TAKEN_OUT: Final = N_("Taken out of the queue before it began.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """What a worker is to do.

    Attributes:
        record: of the run, as it is when the worker begins.
        limit_s: seconds of work in all after which the run is stopped; None for no limit.
        state: of the training so far, where no disk keeps it.
        best: the epoch with the highest validation accuracy so far, where no disk keeps it.
    """

    record: RunRecord
    limit_s: float | None = None
    state: State | None = None
    best: Epoch | None = None


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Report the device that the run computes on."""

    device: Device


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """The figures of a run up to the checkpoint that the training goes on from.

    Attributes:
        figures: float32 (steps, 2), loss and accuracy of each step.
        epochs: the finished epochs, in order.
        saved: whether there is a checkpoint; without one the training begins anew.
    """

    figures: NDArray[np.float32]
    epochs: tuple[Epoch, ...]
    saved: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Begun:
    """Report that training is about to begin, or to go on.

    Attributes:
        precision, lr_changes: see `RunRecord`.
        past: what the disk holds; None where no disk keeps the run, so that earlier reports hold.
    """

    precision: str
    lr_changes: tuple[tuple[int, float], ...]
    past: Past | None


@dataclass(frozen=True, kw_only=True)
class Trained:
    """Report some steps, and with how many threads all steps so far were computed."""

    steps: Steps
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, kw_only=True)
class Validated:
    """Report a finished epoch, and the number of the best epoch so far."""

    epoch: Epoch
    best_epoch: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Published:
    """Hand out a copy of the weights after `step` steps, on the CPU. Readers must not write."""

    weights: Mapping[str, Tensor]
    step: int


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Report that a checkpoint after `step` steps is on the disk."""

    step: int


@dataclass(frozen=True, kw_only=True)
class RateTaken:
    """Report that the learning rate was changed; see `RunRecord.lr_changes`."""

    lr_changes: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Clocked:
    """Report the seconds of work so far, whether the clock goes on from there, and the status."""

    elapsed_s: float
    goes: bool
    status: Status


@dataclass(frozen=True, kw_only=True, eq=False)
class Ended:
    """Report the end of a job, as the last report of it.

    Attributes:
        status: of the run now; `queued` where it only gave the device up.
        message: why the run ended, for a person.
        ended_at: seconds since 1970; None where the run is to go on.
        elapsed_s: seconds of work in all.
        weights_kept: whether the weights that were published last can be read from the disk.
        state: of the training so far, where no disk keeps it.
    """

    status: Status
    message: str
    ended_at: float | None
    elapsed_s: float
    weights_kept: bool = False
    state: State | None = None


Report = (
    Placed | Begun | Trained | Validated | Tested | Published | Saved | RateTaken | Clocked | Ended
)


@dataclass(frozen=True)
class Wish:
    """What somebody wishes of a run.

    Attributes:
        what: that the run pauses after the present few steps (`pause`); that a pause ends
            (`resume`); that the run ends after the present few steps, saved and tested (`stop`), or
            saved but untested (`interrupt`); that it gives the device up, saved, to go on in
            another turn (`leave`); that it learns at another rate (`rate`); that a paused run looks
            whether a guest wants the device (`look`).
        lr: the rate.
    """

    what: Literal["pause", "resume", "stop", "interrupt", "leave", "rate", "look"]
    lr: float | None = None


def told(record: RunRecord, report: Report) -> RunRecord:
    """Return a run's record after a report."""
    match report:
        case Placed():
            return replace(record, device=report.device)
        case Begun():
            record = replace(record, precision=report.precision, lr_changes=report.lr_changes)
            return record if report.past is None else _with_past(record, report.past)
        case Trained():
            return replace(record, step=report.steps.step, stretches=report.stretches)
        case Validated():
            return replace(
                record,
                epoch=report.epoch.epoch,
                val_accuracy=report.epoch.val_accuracy,
                best_epoch=report.best_epoch,
            )
        case Tested():
            return replace(
                record,
                test_correct=report.correct,
                test_total=report.total,
                test_loss=report.loss,
            )
        case RateTaken():
            return replace(record, lr_changes=report.lr_changes)
        case Clocked():
            return replace(record, elapsed_s=report.elapsed_s, status=report.status)
        case Ended():
            return replace(
                record,
                status=report.status,
                message=report.message,
                ended_at=report.ended_at,
                elapsed_s=report.elapsed_s,
            )
    return record


def best_of(epochs: tuple[Epoch, ...]) -> Epoch | None:
    """Return the first of the epochs that did best on the validation images."""
    return max(epochs, key=lambda epoch: epoch.val_accuracy, default=None)


def _with_past(record: RunRecord, past: Past) -> RunRecord:
    best = best_of(past.epochs)
    return replace(
        record,
        step=len(past.figures),
        epoch=len(past.epochs),
        val_accuracy=past.epochs[-1].val_accuracy if past.epochs else None,
        best_epoch=best.epoch if best else record.best_epoch,
    )
