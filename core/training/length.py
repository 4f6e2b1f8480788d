"""How long a run is: its folds, epochs and steps, and from how many images each epoch learns."""

from dataclasses import dataclass

from core.data.catalogue import info_of
from core.spec import RunSpec
from core.training.batches import steps_per_epoch


@dataclass(frozen=True, kw_only=True)
class RunLength:
    """The length of a run.

    Attributes:
        folds: networks that are trained one after the other; 1 without cross-validation.
        epochs: of each of them.
        train: images that an epoch learns from.
        validation: images that are looked at after each epoch, at most.
        steps_per_epoch: training steps of an epoch.
    """

    folds: int
    epochs: int
    train: int
    validation: int
    steps_per_epoch: int

    @property
    def num_epochs(self) -> int:
        """Epochs in all."""
        return self.folds * self.epochs

    @property
    def num_steps(self) -> int:
        """Training steps in all."""
        return self.num_epochs * self.steps_per_epoch

    @property
    def steps_per_fold(self) -> int:
        """Training steps of each network."""
        return self.epochs * self.steps_per_epoch


def length_of(spec: RunSpec) -> RunLength:
    """Return the length of a run of a spec, without loading its data."""
    info = info_of(spec.data)
    return length_over(spec, info.train, info.validation)


def length_over(spec: RunSpec, train: int, validation: int) -> RunLength:
    """Return the length of a run over so many training and validation images.

    With cross-validation these are put together, and each fold holds back its share. As folds may
    differ by one image, the larger parts to learn from are cut to the smallest: every fold has as
    many steps.
    """
    if spec.folds:
        validation, train = _shares(train + validation, spec.folds)
    return RunLength(
        folds=spec.folds or 1,
        epochs=spec.num_epochs,
        train=train,
        validation=validation,
        steps_per_epoch=steps_per_epoch(spec.batch_size, train),
    )


def _shares(total: int, folds: int) -> tuple[int, int]:
    """Return how many images the largest fold holds back, and how many are left beside it."""
    held = -(-total // folds)
    return held, total - held
