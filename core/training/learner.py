"""What trains a spec: a trainer of one network, or one that trains a network for each fold."""

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from torch import Tensor, nn

from core.data.loading import Digits
from core.machine.thread_team import ThreadTeam
from core.spec import RunSpec
from core.training.cross_validation import CrossValidation
from core.training.events import Event
from core.training.observers import LostObserver, Observer
from core.training.precision import Precision
from core.training.state import State
from core.training.thread_counts import Stretch
from core.training.trainer import Trainer

# A copy of the weights is published this often, for people who draw while the run goes on.
PUBLISH_S: Final = 1.0


class Learner(Protocol):
    """What a run needs of what trains it; see `Trainer`."""

    @property
    def model(self) -> nn.Module: ...  # noqa: D102
    @property
    def precision(self) -> Precision: ...  # noqa: D102
    @property
    def ended_early(self) -> str: ...  # noqa: D102
    @property
    def lr_changes(self) -> tuple[tuple[int, float], ...]: ...  # noqa: D102
    @property
    def stretches(self) -> tuple[Stretch, ...]: ...  # noqa: D102
    @property
    def lost_observers(self) -> tuple[LostObserver, ...]: ...  # noqa: D102
    def watch(self, observers: Sequence[Observer]) -> None: ...  # noqa: D102
    def set_lr(self, lr: float) -> None: ...  # noqa: D102
    def fit(self) -> Iterator[Event]: ...  # noqa: D102
    def test(self) -> Iterator[Event]: ...  # noqa: D102
    def state(self) -> State: ...  # noqa: D102
    def restore(self, state: State) -> None: ...  # noqa: D102
    def weights(self) -> dict[str, Tensor]: ...  # noqa: D102
    def weights_are_finite(self) -> bool: ...  # noqa: D102


def learner(
    spec: RunSpec, data: Digits, team: ThreadTeam | None = None, observers: Sequence[Observer] = ()
) -> Learner:
    """Return what trains a spec.

    Args:
        spec: what is to be trained.
        data: the images to learn from, to validate and to test.
        team: whose number of threads it takes; see `Trainer`.
        observers: they are shown the layers; see `Trainer.watch`.

    Raises:
        UserError: the spec cannot run here; the message says why.
        ValueError: see `Trainer.watch`.
    """
    kind = CrossValidation if spec.folds else Trainer
    return kind(spec, data, team=team, observers=observers)
