"""A trained network tested on data sets that it has not learned from.

What a network knows of digits should not depend on whose digits they are. The images go through
the network's own preparation, that of the data that it was trained on, as a drawing does.

The measuring is a guest of the training thread, as a price is: only that thread has a team of all
cores. The images are read before, in a thread of their own, so that no run waits for a disk.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from scipy.special import betaincinv  # type: ignore[import-untyped]
from torch import Tensor

from core.batches import normalise
from core.data import Split, is_available, load
from core.datasets.table import DATASETS, class_names_of, info_of
from core.device import resolve
from core.errors import UserError
from core.layers import lay_out
from core.memory import evaluation_batch
from core.message import N_, message
from core.model import build
from core.preparation import on_its_ground
from core.spec import RunSpec
from core.turns import Turns, surplus

MAX_KNOWN: Final = 500
# How often the true share lies outside of the interval that is told.
_ALPHA: Final = 0.05

_log = logging.getLogger(__name__)

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class CrossTested:
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


def cross_test(
    spec: RunSpec, weights: Weights, split: Split, data: str
) -> Generator[float, None, CrossTested]:
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
    return CrossTested(data=data, correct=correct, total=total)


Read = Callable[[str], Split]
ReadWeights = Callable[[], Weights]


def _measured(
    spec: RunSpec, weights: ReadWeights, split: Split, data: str
) -> Generator[float, None, CrossTested]:
    """Read the weights when the measuring begins, then measure; see `cross_test`."""
    return (yield from cross_test(spec, weights(), split, data))


class CrossTests:
    """Questions of pages and their answers; a guest of the training thread.

    Any thread may ask; `serve` and `advance` are for the training thread alone.

    Args:
        wake: called without a lock held when there is something new to do.
        read: returns the test images of a data set.
        most_each: so many may wait that were asked from one address; of more, the oldest go.
    """

    def __init__(
        self, wake: Callable[[], None], read: Read | None = None, most_each: int = MAX_KNOWN
    ) -> None:
        self._wake = wake
        self._most_each = most_each
        self._read = read or (lambda key: load(key).test)
        self._lock = threading.Lock()
        # Of a run and a data set: asked for and not read yet; read and not measured; measured.
        self._asked: OrderedDict[tuple[str, str], tuple[RunSpec, ReadWeights]] = OrderedDict()
        self._ready: OrderedDict[tuple[str, str], Generator[float, None, CrossTested]] = (
            OrderedDict()
        )
        self._known: OrderedDict[tuple[str, str], CrossTested] = OrderedDict()
        # Of each that waits, whoever asked for it first, and from where.
        self._asker_of: dict[tuple[str, str], str] = {}
        self._address_of: dict[tuple[str, str], str] = {}
        self._turns: Turns[str] = Turns()
        self._begun: tuple[str, str] | None = None
        self._share = 0.0
        self._reader: threading.Thread | None = None

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
        fresh = False
        with self._lock:
            for data in (data for data in others_of(spec.data) if is_available(data)):
                key = (run_id, data)
                known = self._known.get(key)
                if known is not None and known.trouble:
                    del self._known[key]
                if key not in self._known and key not in self._ready and key not in self._asked:
                    self._asked[key] = spec, weights
                    self._asker_of[key], self._address_of[key] = asker, address
                    fresh = True
            self._forget_surplus()
            if fresh and self._reader is None:
                self._reader = threading.Thread(
                    target=self._read_all, name="cross-test-reader", daemon=True
                )
                self._reader.start()

    def results(self, run_id: str) -> tuple[CrossTested, ...]:
        """Return what is known of a run so far, in the order of the data sets."""
        with self._lock:
            known = {data: one for (run, data), one in self._known.items() if run == run_id}
        return tuple(known[data] for data in DATASETS if data in known)

    def progress(self, run_id: str) -> float | None:
        """Return the share of a run's measuring that is done, or None where none is going on."""
        with self._lock:
            waiting = sum(run == run_id for run, _ in (*self._asked, *self._ready))
            done = sum(run == run_id for run, _ in self._known)
            begun = self._begun is not None and self._begun[0] == run_id
        return (done + self._share * begun) / (done + waiting) if waiting else None

    @property
    def waits(self) -> bool:
        """Whether `advance` has anything to do."""
        return bool(self._ready)

    def serve(self, budget_s: float) -> None:
        """Measure for about that long, or less where nothing more is asked for."""
        end = time.monotonic() + budget_s
        while self.waits and time.monotonic() < end:
            self.advance()

    def advance(self) -> None:
        """Measure one batch for whoever has had least time. It raises nothing."""
        with self._lock:
            if self._begun not in self._ready:
                self._begun = self._next()
            key = self._begun
            steps = self._ready[key] if key is not None else None
            asker = self._asker_of.get(key, "") if key is not None else ""
        if key is None or steps is None:
            return
        began = time.monotonic()
        try:
            self._share = next(steps)
        except StopIteration as done:
            self._settle(key, done.value)
        except UserError as error:
            self._settle(key, CrossTested(data=key[1], trouble=error.message))
        except Exception:  # the page says so, and the thread goes on
            _log.exception("A network could not be tested on other data")
            self._settle(key, CrossTested(data=key[1], trouble=N_("It could not be measured.")))
        with self._lock:
            self._turns.used(asker, time.monotonic() - began)

    def _next(self) -> tuple[str, str] | None:
        """Within the lock: return which is to be measured next, begun when the last one is done."""
        asker = self._turns.next(self._asker_of.get(key, "") for key in self._ready)
        return next((key for key in self._ready if self._asker_of.get(key, "") == asker), None)

    def _forget_surplus(self) -> None:
        """Within the lock: of too many that wait from one address, let the oldest go."""
        waiting = (*self._ready, *self._asked)
        for gone in surplus(waiting, self._address_of, MAX_KNOWN, self._most_each):
            if gone != self._begun:
                self._ready.pop(gone, None)
                self._asked.pop(gone, None)
        left = {*self._ready, *self._asked}
        self._asker_of = {key: self._asker_of.get(key, "") for key in left}
        self._address_of = {key: self._address_of.get(key, "") for key in left}

    def _settle(self, key: tuple[str, str], outcome: CrossTested) -> None:
        with self._lock:
            self._ready.pop(key, None)
            self._asked.pop(key, None)
            self._share = 0.0
            self._known[key] = outcome
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)

    def _read_all(self) -> None:
        """Read the images of all that is asked for, then end."""
        while True:
            with self._lock:
                key, wanted = next(iter(self._asked.items()), (("", ""), None))
                if wanted is None:
                    self._reader = None
                    return
            spec, weights = wanted
            try:
                split = self._read(key[1])
            except UserError as error:
                self._settle(key, CrossTested(data=key[1], trouble=error.message))
                continue
            except Exception:
                _log.exception("A data set could not be read")
                self._settle(
                    key, CrossTested(data=key[1], trouble=N_("Its images cannot be read."))
                )
                continue
            with self._lock:
                if self._asked.pop(key, None) is None:
                    continue  # nobody asks for it any more
                self._ready[key] = _measured(spec, weights, split, key[1])
            self._wake()
