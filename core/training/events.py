"""What a training tells of itself while it goes on, and the one way in which it fails by itself."""

from dataclasses import dataclass, field

from torch import Tensor

from core.words.errors import UserError
from core.words.message import message


class Diverged(UserError):
    """The loss is no longer a number. `step` counts from 1; `lr` was the learning rate there."""

    def __init__(self, step: int, lr: float) -> None:
        super().__init__(
            message(
                "The loss became infinite or not a number at step {step:,}. Lower the learning "
                "rate (it was {lr:.3g} there; try a tenth of it) or switch batch norm on, then "
                "train again.",
                step=step,
                lr=lr,
            )
        )
        self.step = step
        self.lr = lr


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Some steps are done.

    Attributes:
        losses: mean loss of each step's batch, in order.
        accuracies: share of each step's batch that was right, 0 to 1.
        step: steps done in all.
        lr: learning rate of the last of them.
        images: training images gone through in all.
        train_s: seconds spent on training steps, and on showing them to observers, without
            evaluation and pauses.
    """

    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    step: int
    lr: float
    images: int
    train_s: float


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An epoch is over. Losses are means over images, accuracies shares from 0 to 1."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True, kw_only=True)
class Tested:
    """How the weights do on images that were never used for a choice.

    Attributes:
        correct: how many of `total` images were right.
        loss: mean over the images.
        logits: float32 (total, classes) on the CPU, in the order of the test images, or None where
            they are no longer known.
    """

    correct: int
    total: int
    loss: float
    logits: Tensor | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Pulse:
    """Nothing to report; a chance to pause or cancel."""


Event = Steps | Epoch | Tested | Pulse
