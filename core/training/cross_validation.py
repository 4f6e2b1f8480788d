"""Cross-validation as one training: a network for each fold, one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from torch import Tensor, nn

from core.data.loading import Digits
from core.machine.thread_team import ThreadTeam
from core.spec import RunSpec
from core.training.events import Diverged, Epoch, Event, Steps
from core.training.folds import fold_data, folds_of
from core.training.length import length_over
from core.training.observers import LostObserver, Observer
from core.training.precision import Precision
from core.training.state import State
from core.training.thread_counts import Stretch, joined, of_plain, to_plain
from core.training.trainer import Trainer
from core.words.errors import UserError
from core.words.message import N_

# Settings that the folds do without. A network that ended, or was chosen, by the very images that
# judge it would look better than it is, so every fold trains all its epochs.
UNUSED: Final[Mapping[str, float | bool]] = {
    "target_accuracy": 0.0,
    "patience": 0,
    "keep_best": False,
}


SAME_FOR_ALL: Final = N_(
    "The folds of a cross-validation are all trained alike, so its learning rate stays as it is."
)


class CrossValidation:
    """Trains all folds of a spec, one after the other, by the same methods as a `Trainer`.

    Steps and epochs are counted over all folds. The weights are those of the network in training,
    and at the end of the last one, which the test images judge.

    Args:
        spec: with `folds`.
        data: uint8 images; its training and validation images are divided anew.
        report_s, team, observers: see `Trainer`; observers look at the network in training.

    Raises:
        UserError: the spec cannot run here, or a class has too few images.
    """

    ended_early = ""
    lr_changes: tuple[tuple[int, float], ...] = ()

    def __init__(
        self,
        spec: RunSpec,
        data: Digits,
        *,
        report_s: float | None = None,
        team: ThreadTeam | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self.spec = spec
        self._team = team
        self._data = data
        self._report_s = report_s
        self._observers = tuple(observers)
        self._course = length_over(spec, len(data.train), len(data.validation))
        self._rows = folds_of(data, spec)
        self._fold = 0
        self._earlier_s = 0.0
        self._earlier_stretches: tuple[Stretch, ...] = ()
        self._earlier_lost: tuple[LostObserver, ...] = ()
        self._trainer = self._begin()

    @property
    def precision(self) -> Precision:
        """What the steps of all folds multiply; see `Trainer.precision`."""
        return self._trainer.precision

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """With how many threads all folds were computed; see `Trainer.stretches`."""
        before = self._steps_before
        now = [(before + step, threads) for step, threads in self._trainer.stretches]
        return joined(self._earlier_stretches, now)

    @property
    def model(self) -> nn.Module:
        """The network in training."""
        return self._trainer.model

    @property
    def train_s(self) -> float:
        """Seconds spent on training steps, of all folds."""
        return self._earlier_s + self._trainer.train_s

    def fit(self) -> Iterator[Event]:
        """Train for all folds to come, then test the last network; see `Trainer.fit`.

        Raises:
            Diverged: a loss is infinite or not a number.
        """
        yield from self._fit_fold()
        while self._fold + 1 < self._course.folds:
            self._earlier_s = self.train_s
            self._earlier_stretches = self.stretches
            self._earlier_lost = self.lost_observers
            self._fold += 1
            self._trainer = self._begin(self.precision)
            yield from self._fit_fold()
        yield from self.test()

    def test(self) -> Iterator[Event]:
        """Measure the present network on the test images; see `Trainer.test`."""
        return self._trainer.test()

    def state(self) -> State:
        """Copy all that a later one of the same spec needs. Call it between two events only."""
        state = self._trainer.state()
        return State(
            step=self._steps_before + state.step,
            epoch=self._epochs_before + state.epoch,
            tensors=state.tensors,
            numbers={
                **state.numbers,
                "stretches": to_plain(self.stretches),
                "fold": self._fold,
                "earlier_s": self._earlier_s,
            },
        )

    def restore(self, state: State) -> None:
        """Go on from what `state` returned; see `Trainer.restore`.

        Raises:
            KeyError, ValueError, TypeError, RuntimeError: the state is of another network.
        """
        fold = int(state.numbers["fold"])  # type: ignore[arg-type]
        if not 0 <= fold < self._course.folds:
            raise ValueError(f"there is no fold {fold}")
        self._fold = fold
        self._earlier_s = float(state.numbers["earlier_s"])  # type: ignore[arg-type]
        self._earlier_stretches = of_plain(state.numbers.get("stretches", []))
        # The trainer of the present fold notes its own threads, beginning with the last number.
        last = to_plain([(0, threads) for _, threads in self._earlier_stretches[-1:]])
        self._trainer = self._begin()
        self._trainer.restore(
            State(
                step=state.step - self._steps_before,
                epoch=state.epoch - self._epochs_before,
                tensors=state.tensors,
                numbers={**state.numbers, "stretches": last},
            )
        )

    @property
    def lost_observers(self) -> tuple[LostObserver, ...]:
        """Who failed while looking, in any fold; see `Trainer.lost_observers`."""
        return self._earlier_lost + self._trainer.lost_observers

    def watch(self, observers: Sequence[Observer]) -> None:
        """From the next step on, let these look at the layers; see `Trainer.watch`.

        The steps that they are told are counted over all folds.

        Raises:
            ValueError: one of them asks for what there is not.
        """
        self._trainer.watch(observers, self._steps_before)
        self._observers, self._earlier_lost = tuple(observers), ()

    def set_lr(self, lr: float) -> None:
        """Refuse: folds are compared, so all are trained alike.

        Raises:
            UserError: always.
        """
        raise UserError(SAME_FOR_ALL)

    def weights(self) -> dict[str, Tensor]:
        """Copy the present network's weights to the CPU. Call it between two events only."""
        return self._trainer.weights()

    def weights_are_finite(self) -> bool:
        """Tell whether every weight is a finite number. Call it between two events only."""
        return self._trainer.weights_are_finite()

    @property
    def _steps_before(self) -> int:
        return self._fold * self._course.steps_per_fold

    @property
    def _epochs_before(self) -> int:
        return self._fold * self._course.epochs

    def _begin(self, precision: Precision | None = None) -> Trainer:
        data = fold_data(self._data, self.spec, self._rows, self._fold)
        spec = spec_of_fold(self.spec)
        trainer = Trainer(spec, data, report_s=self._report_s, precision=precision, team=self._team)
        lost = [one.observer for one in self._earlier_lost]
        left = [one for one in self._observers if not any(one is gone for gone in lost)]
        trainer.watch(left, self._steps_before)
        return trainer

    def _fit_fold(self) -> Iterator[Event]:
        """Train the present network to its last epoch, telling steps and epochs of all folds."""
        trainer = self._trainer
        if trainer.epochs_done == self._course.epochs:
            return
        images_before = self._epochs_before * self._course.train
        try:
            for event in trainer.fit():
                if isinstance(event, Steps):
                    event = replace(
                        event,
                        step=self._steps_before + event.step,
                        images=images_before + event.images,
                        train_s=self._earlier_s + event.train_s,
                    )
                elif isinstance(event, Epoch):
                    event = replace(
                        event,
                        epoch=self._epochs_before + event.epoch,
                        step=self._steps_before + event.step,
                    )
                yield event
                if trainer.epochs_done == self._course.epochs:
                    return
        except Diverged as error:
            raise Diverged(self._steps_before + error.step, error.lr) from error


def spec_of_fold(spec: RunSpec) -> RunSpec:
    """Return the spec by which each fold's network is trained."""
    return replace(spec, folds=0, **UNUSED)  # type: ignore[arg-type]
