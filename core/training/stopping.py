"""When a training ends before its last epoch, and which epoch's weights it ends with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from torch import Tensor, nn

from core.spec import RunSpec
from core.training.state import Plain
from core.words.message import message


@dataclass(frozen=True, kw_only=True, eq=False)
class Best:
    """The first epoch after which most validation images were right.

    Attributes:
        epoch: counted from 1; 0 before the first.
        accuracy: share of the validation images that were right, 0 to 1.
        weights: of that epoch, where the spec asks to keep them.
    """

    epoch: int = 0
    accuracy: float = 0.0
    weights: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def restored(cls, numbers: Plain, weights: Mapping[str, Tensor]) -> Self:
        """Make one of what a state keeps: epoch and accuracy, and the weights."""
        if not isinstance(numbers, list):
            return cls()
        epoch, accuracy = numbers
        return cls(epoch=int(epoch), accuracy=float(accuracy), weights=weights)  # type: ignore[arg-type]

    def after(self, spec: RunSpec, epoch: int, accuracy: float, model: nn.Module) -> "Best":
        """Return the best epoch once one more is over; the model has its weights."""
        if self.epoch and accuracy <= self.accuracy:
            return self
        weights = {}
        if spec.keep_best:
            weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
        return Best(epoch=epoch, accuracy=accuracy, weights=weights)

    def reason_to_stop(self, spec: RunSpec, epoch: int) -> str:
        """Say why no epoch should follow this one, or return nothing."""
        ended = self._end(spec, epoch)
        if not (ended and spec.keep_best):
            return ended
        return message(
            "{ended} Its weights are those of epoch {best}.", ended=ended, best=self.epoch
        )

    def _end(self, spec: RunSpec, epoch: int) -> str:
        if spec.target_accuracy and self.epoch and self.accuracy >= spec.target_accuracy:
            return message(
                "Ended after epoch {epoch}, as {accuracy} of the validation images were right; the "
                "goal was {target}.",
                epoch=epoch,
                accuracy=_percent(self.accuracy),
                target=_percent(spec.target_accuracy),
            )
        if spec.patience and epoch - self.epoch >= spec.patience:
            waited = message("{count} epochs", count=spec.patience)
            if spec.patience == 1:
                waited = message("{count} epoch", count=1)
            return message(
                "Ended after epoch {epoch}, as in {waited} no more validation images were right "
                "than the {accuracy} after epoch {best}.",
                epoch=epoch,
                waited=waited,
                accuracy=_percent(self.accuracy),
                best=self.epoch,
            )
        return ""


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
