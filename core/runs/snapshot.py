"""A run at one instant, as pages see it."""

from dataclasses import dataclass

from core.machine.device import Device
from core.runs.record import ACTIVE, ENDED, Status
from core.spec import RunSpec
from core.training.events import Tested
from core.training.thread_counts import Stretch


@dataclass(frozen=True, kw_only=True)
class RunSnapshot:
    """A run at one instant.

    Attributes:
        device: what it computes on; None before it began.
        precision: what its steps multiply, `float32` or `bfloat16`; empty before it began.
        message: why it ended as it did, for a person; empty where nothing went wrong.
        step: steps done; `num_steps` in all.
        epoch: epoch in progress, from 1; 0 before the first step. In a cross-validation it counts
            on over the folds, to `num_epochs` in all.
        elapsed_s: seconds of work so far, without pauses.
        remaining_s: expected seconds of work to come, or None before that can be told.
        images_per_s: training images a second over the last few seconds, or None.
        lr: learning rate of the newest step.
        lr_changes: after how many steps a person has changed it, and to what, in order.
        stretches: with how many threads its steps were computed, from which step on.
        lr_wanted: what a person has asked for and the next step is to take up, or None.
        train_accuracy: share right in the newest batches, 0 to 1, or None.
        val_accuracy: share of validation images right after the newest epoch, or None.
        test: the final figures on the test images, or None.
        weights_version: grows with every published copy of the weights; 0 is none.
        resumable: whether it ended early and could go on from where it was.
        held: whether it waits in line, saved, until somebody resumes it: it was paused for too long
            while others waited.
    """

    id: str
    name: str
    spec: RunSpec
    status: Status
    message: str
    device: Device | None
    precision: str
    step: int
    num_steps: int
    epoch: int
    num_epochs: int
    elapsed_s: float
    remaining_s: float | None
    images_per_s: float | None
    lr: float
    lr_changes: tuple[tuple[int, float], ...]
    stretches: tuple[Stretch, ...]
    lr_wanted: float | None
    train_accuracy: float | None
    train_loss: float | None
    val_accuracy: float | None
    test: Tested | None
    weights_version: int
    resumable: bool
    held: bool = False

    @property
    def progress(self) -> float:
        """Share of the way to its end, 0 to 1; it may be there before the last step."""
        return 1.0 if self.status == "finished" else self.step / self.num_steps

    @property
    def base_lr(self) -> float:
        """The learning rate that the spec or its last change says: the highest of a schedule."""
        return self.lr_changes[-1][1] if self.lr_changes else self.spec.lr

    @property
    def fold(self) -> int:
        """Fold in progress, from 1; 0 before the first step and without cross-validation."""
        return -(-self.epoch // self.spec.num_epochs) if self.spec.folds else 0

    @property
    def epoch_of_fold(self) -> int:
        """Epoch in progress within its fold, from 1; without folds, of the run."""
        return (self.epoch - 1) % self.spec.num_epochs + 1 if self.epoch else 0

    @property
    def active(self) -> bool:
        """Whether it has the device now, paused or not."""
        return self.status in ACTIVE

    @property
    def ended(self) -> bool:
        """Whether it will never do another step by itself."""
        return self.status in ENDED
