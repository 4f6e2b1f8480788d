"""A trained network measured on data sets that it has not learned from.

What a network knows of digits should not depend on whose digits they are. The images go through
the network's own preparation, that of the data that it was trained on, as a drawing does.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Final

import torch
from scipy.special import betaincinv  # type: ignore[import-untyped]
from torch import Tensor

from core.data.catalogue import DATASETS, class_names_of, info_of
from core.data.loading import Split, is_available, load
from core.data.preparation import on_its_ground
from core.machine.device import resolve
from core.network.layers import lay_out
from core.network.model import build
from core.questions.base import Questions
from core.spec import RunSpec
from core.training.batches import normalise
from core.training.memory import evaluation_batch
from core.words.errors import UserError
from core.words.message import N_, message

# How often the true share lies outside of the interval that is told.
_ALPHA: Final = 0.05

Weights = Mapping[str, Tensor]
ReadWeights = Callable[[], Weights]


@dataclass(frozen=True, kw_only=True)
class OnOtherData:
    """What a network makes of the test images of a data set.

    Attributes:
        data: key of the data set.
        correct: how many of `total` images were right.
        trouble: why it could not be measured; then there are no images.
    """

    data: str
    correct: int = 0
    total: int = 0
    trouble: str = ""

    @property
    def accuracy(self) -> float:
        """Share of the images that were right."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Where the share over very many such images lies, 19 times of 20 (Clopper, Pearson)."""
        right, wrong = self.correct, self.total - self.correct
        low = betaincinv(right, wrong + 1, _ALPHA / 2) if right else 0.0
        high = betaincinv(right + 1, wrong, 1 - _ALPHA / 2) if wrong else 1.0
        return float(low), float(high)


def others_of(data: str) -> tuple[str, ...]:
    """Return the keys of the data sets that have the same classes as this one, itself not."""
    classes = class_names_of(data)
    return tuple(
        info.key for info in DATASETS.values() if info.class_names == classes and info.key != data
    )


def measure(
    spec: RunSpec, weights: Weights, split: Split, data: str
) -> Generator[float, None, OnOtherData]:
    """Measure a network on images, yielding the share that is done; return the figures.

    Args:
        spec: of the network.
        weights: its state dict; left unchanged.
        split: the test images of the other data set.
        data: its key.

    Raises:
        UserError: the data set has other classes, or there is no such device here.
    """
    own, other = info_of(spec.data), info_of(data)
    if own.class_names != other.class_names:
        raise UserError(
            message(
                "“{other}” has other classes than “{own}”, so its images cannot tell how good this "
                "network is.",
                other=other.title,
                own=own.title,
            )
        )
    device = torch.device(resolve(spec.device).key)
    with torch.device("meta"):
        model = build(spec)
    model.load_state_dict({name: value.to(device) for name, value in weights.items()}, assign=True)
    model.eval()
    correct, total = 0, len(split)
    size = evaluation_batch(spec, lay_out(spec))
    for start in range(0, total, size):
        yield start / total
        pixels = on_its_ground(split.images[start : start + size], own).to(device)
        labels = split.labels[start : start + size].to(device)
        with torch.inference_mode():
            answers = model(normalise(pixels, own.mean, own.std)).argmax(1)
        correct += int((answers == labels).sum())
    return OnOtherData(data=data, correct=correct, total=total)


@dataclass(frozen=True)
class _Key:
    """The network of a run, on the test images of a data set."""

    run_id: str
    data: str
    spec: RunSpec = field(compare=False)
    weights: ReadWeights = field(compare=False)


class OtherData(Questions[_Key, float, OnOtherData]):
    """Networks of runs, each to be measured on all other data sets; see `Questions`.

    Args:
        wake, most_each: see `Questions`.
        read: returns the test images of a data set.
    """

    MOST_KNOWN = MOST_WAITING = 500
    BROKE_OFF = N_("It could not be measured.")

    def __init__(
        self,
        wake: Callable[[], None],
        read: Callable[[str], Split] | None = None,
        most_each: int | None = None,
    ) -> None:
        super().__init__(wake, most_each)
        self._read = read or (lambda key: load(key).test)

    def ask(
        self, run_id: str, spec: RunSpec, weights: ReadWeights, asker: str = "", address: str = ""
    ) -> None:
        """See to it that a network is measured on all other data sets that are here.

        What is known is not measured again, unless it could not be. It never waits.

        Args:
            run_id: of the run whose network it is.
            spec: of the network.
            weights: returns its state dict, or raises UserError; called as the measuring begins,
                for all that wait would hold theirs in memory.
            asker: the person who asks.
            address: where it is asked; empty for this very machine.
        """
        for data in others_of(spec.data):
            if is_available(data):
                key = _Key(run_id, data, spec, weights)
                self._ask(key, key, asker, address)

    def results(self, run_id: str) -> tuple[OnOtherData, ...]:
        """Return what is known of a run so far, in the order of the data sets."""
        with self._lock:
            known = {key.data: one for key, one in self._known.items() if key.run_id == run_id}
        return tuple(
            known[data].answer or OnOtherData(data=data, trouble=known[data].trouble)
            for data in DATASETS
            if data in known
        )

    def progress(self, run_id: str) -> float | None:
        """Return the share of a run's measuring that is done, or None where none is going on."""
        with self._lock:
            waiting = sum(one.key.run_id == run_id for one in self._wanted.values())
            done: float = sum(key.run_id == run_id for key in self._known)
            if self._now is not None and self._now.key.run_id == run_id and self._now.said:
                done += self._now.said[-1]
            total = waiting + sum(key.run_id == run_id for key in self._known)
        return done / total if waiting else None

    def _prepare(self, key: _Key) -> Callable[[], Generator[float, None, OnOtherData]]:
        split = self._read(key.data)

        def begin() -> Generator[float, None, OnOtherData]:
            return (yield from measure(key.spec, key.weights(), split, key.data))

        return begin
