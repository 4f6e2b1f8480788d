"""What a run would cost, told before it is started: from a few batches in the training thread.

Only that thread has a team of all cores, and a second team would halve the speed of both. So a
page leaves its question here and goes on, and the thread answers when it is idle or between two
steps of a run, a few batches at a time, dropping what nobody waits for any longer.
"""

import logging
import statistics
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Final, TypeVar

import torch

from core.check import require_runnable
from core.course import course_of
from core.data import Digits, Split
from core.datasets.table import DATASETS, info_of, num_classes_of
from core.device import Device, key_of, release_freed_memory, resolve
from core.errors import UserError
from core.events import Pulse, Steps
from core.layers import Network, lay_out
from core.memory import evaluation_batch, step_memory
from core.message import N_
from core.precision import precision_of
from core.run import PUBLISH_S
from core.settings import Number, Value
from core.sharing import Calm
from core.spec import RECURRENT, BlockSpec, DenseSpec, RunSpec, settings
from core.trainer import Trainer
from core.turns import Turns, surplus

MAX_KNOWN: Final = 500
MAX_ASKERS: Final = 200
# A network that could not be tried is tried again after this long. Where the machine was too busy
# to tell it is sooner, then after twice as long each time: a trial takes time from a run beside it.
RETRY_S: Final = 30.0
BUSY_RETRY_S: Final = 3.0

# Settings that change no step's time, and what they are while a network is tried. The rate is the
# lowest there is, as a trial that diverges would tell nothing.
_FREE: Final[dict[str, Value]] = {
    "lr": 1e-6,
    "schedule": "constant",
    "step_epochs": 1,
    "step_factor": 1.0,
    "warmup": 0.1,
    "num_epochs": 1,
    "folds": 0,
    "target_accuracy": 0.0,
    "patience": 0,
    "keep_best": False,
    "init": "default",
    "seed": 0,
}
# Settings that cost the same however strong they are, unless they are 0.
_STRENGTHS: Final = frozenset(
    {
        "label_smoothing",
        "momentum",
        "weight_decay",
        "clip_norm",
        "dropout",
        "rnn_dropout",
        "shift",
        "rotation",
        "scale",
        "elastic",
    }
)
# Steps are timed together until this is over: long enough for waiting for a GPU not to count.
_PIECE_S: Final = 0.02
# A trial takes at least this long, and until the fastest pieces agree. While another program or a
# page computes, as a browser does that opens one, the team's threads wait for each other, and a
# small step takes a hundred times as long: such pieces are left out. After the longer time of calm,
# or this long in all, it ends anyway.
_ENOUGH_S: Final = 0.15
_LONG_S: Final = 1.0
_PATIENCE_S: Final = 4.0
_AGREE: Final = 1.15
_AGREEING: Final = 3
# A step that takes more than this is tried with fewer images: it must not hold up a run.
_MAX_TRIED_MULTIPLY_ADDS: Final = 2 * 10**10
_MAX_TRIED_ACTIVATIONS: Final = 2**30
# Larger networks take seconds to make, and are told no price.
_MAX_TRIED_WEIGHTS: Final = 2 * 2**30
# Below it, memory is kept for the next trial.
_WORTH_RELEASING: Final = 256 * 2**20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a run takes on a device.

    Attributes:
        step_s: seconds a training step.
        epoch_s: seconds an epoch, its evaluation included.
        run_s: seconds in all, the final test included.
        images_per_s: training images a second.
        memory: bytes that a step takes, at most.
        steady: whether it was measured in peace; otherwise a quiet machine takes less.
    """

    device: Device
    step_s: float
    epoch_s: float
    run_s: float
    images_per_s: float
    memory: int
    steady: bool = True


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What was measured, in seconds; it holds for any number of images.

    Attributes:
        step_s: a training step, whatever its images.
        image_s: each of its images, beside that.
        evaluated_s: an image that is evaluated.
        publish_s: a copy of the weights.
        steady: whether repeated measurements agreed.
    """

    step_s: float
    image_s: float
    evaluated_s: float
    publish_s: float
    steady: bool = True


Trial = Generator[None, None, Cost]
Part = TypeVar("Part", RunSpec, BlockSpec, DenseSpec)


class Prices:
    """Questions of pages and their answers.

    Any thread may ask; `advance`, `serve` and `drop` are for the training thread alone.

    Args:
        wake: called without a lock held when there is something new to do.
        most_each: so many may wait that were asked from one address; of more, the oldest go.
    """

    def __init__(self, wake: Callable[[], None], most_each: int = MAX_ASKERS) -> None:
        self._wake = wake
        self._most_each = most_each
        self._lock = threading.Lock()
        # Who waits for which key, the longest wait first.
        self._wanted: OrderedDict[str, RunSpec] = OrderedDict()
        self._address_of: dict[str, str] = {}
        self._turns: Turns[str] = Turns()
        self._served = ""
        # None is a trial that failed; each with the time at which it ended, and how many have.
        self._known: OrderedDict[RunSpec, tuple[Cost | None, float, int]] = OrderedDict()
        self._trial: Trial | None = None
        self._tried: RunSpec | None = None

    def ask(self, asker: str, spec: RunSpec, address: str = "") -> Price | None:
        """Return the price of a spec, or None and see to it that it is measured soon.

        It never waits. What the same asker wanted before is dropped, though half measured.

        Args:
            asker: whoever will ask again, such as a browser's session.
            spec: one that can run here; there is no price for another.
            address: where it is asked; empty for this very machine.
        """
        key = price_key(spec)
        with self._lock:
            cost, settled = self._remembered(key)
            fresh = not settled and self._wanted.get(asker) != key
            if settled:
                self._wanted.pop(asker, None)
            elif fresh:
                self._wanted[asker] = key
                self._wanted.move_to_end(asker)
                self._address_of[asker] = address
                for gone in surplus(
                    tuple(self._wanted), self._address_of, MAX_ASKERS, self._most_each
                ):
                    del self._wanted[gone]
                self._address_of = {one: self._address_of[one] for one in self._wanted}
        if fresh:
            self._wake()
        return price_of(spec, cost) if cost else None

    def pending(self, asker: str) -> bool:
        """Tell whether what this asker asked for last is still to be measured."""
        return asker in self._wanted

    def forget(self, asker: str) -> None:
        """Drop what an asker waits for."""
        with self._lock:
            self._wanted.pop(asker, None)
        self._wake()

    @property
    def waits(self) -> bool:
        """Whether `advance` has anything to do."""
        return bool(self._wanted) or self._trial is not None

    def serve(self, budget_s: float) -> None:
        """Measure for about that long, or less where nothing more is asked for."""
        end = time.monotonic() + budget_s
        while self.waits and time.monotonic() < end:
            self.advance()

    def advance(self) -> None:
        """Measure a few batches for whoever has had least time. It raises nothing."""
        with self._lock:
            stale = self._tried not in self._wanted.values()
        if stale:
            self.drop()
        if self._trial is None and not self._begin():
            return
        assert self._trial is not None
        began = time.monotonic()
        try:
            with _randomness_kept():
                next(self._trial)
        except StopIteration as done:
            self._end(done.value)
        except UserError:  # it cannot run here, as the page says already
            self._end(None)
        except Exception:  # a page shows no price then, and the thread goes on
            _log.exception("The price of a run could not be measured")
            self._end(None)
        with self._lock:
            self._turns.used(self._served, time.monotonic() - began)

    def drop(self) -> None:
        """Let go of a half-measured network; whoever waits for it goes on waiting."""
        if self._trial is None or self._tried is None:
            return
        tried = self._tried
        self._trial.close()
        self._trial = self._tried = None
        if step_memory(tried, lay_out(tried)).total > _WORTH_RELEASING:
            release_freed_memory()

    def _begin(self) -> bool:
        with self._lock:
            self._served = self._turns.next(self._wanted) or ""
            self._tried = self._wanted.get(self._served)
        if self._tried is not None:
            self._trial = trial(self._tried)
        return self._trial is not None

    def _end(self, cost: Cost | None) -> None:
        with self._lock:
            key = self._tried
            assert key is not None
            before, _, trials = self._known.pop(key, (None, 0.0, 0))
            if before and not (cost and cost.steady):
                # Neither was measured in peace: the faster one was disturbed less.
                seconds = partial(_step_s, batch=key.batch_size)
                cost = min(before, cost, key=seconds) if cost else before
            self._known[key] = cost, time.monotonic(), trials + 1
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
            for asker in [asker for asker, wanted in self._wanted.items() if wanted == key]:
                del self._wanted[asker]
        self.drop()

    def _remembered(self, key: RunSpec) -> tuple[Cost | None, bool]:
        """Return what is known of a cost, and whether that will do for now."""
        if key not in self._known:
            return None, False
        self._known.move_to_end(key)
        cost, since, trials = self._known[key]
        if cost is not None and cost.steady:
            return cost, True
        rest_s = RETRY_S if cost is None else min(RETRY_S, BUSY_RETRY_S * 2 ** min(trials - 1, 9))
        return cost, time.monotonic() - since < rest_s


@lru_cache(maxsize=2 * MAX_ASKERS)
def price_key(spec: RunSpec) -> RunSpec:
    """Return the spec that stands for all that cost the same a step."""
    plain = _plain(spec)
    conv, unused = plain.family == "conv", RunSpec()
    recurrent = {} if plain.family == "recurrent" else {k: getattr(unused, k) for k in RECURRENT}
    precision = "float32"
    if plain.precision != "float32":
        network = lay_out(plain)
        precision = plain.precision if network.broken else precision_of(plain, network)
    return replace(
        plain,
        **recurrent,
        precision=precision,
        head=plain.head if conv else unused.head,
        blocks=tuple(_plain(block) for block in plain.blocks) if conv else unused.blocks,
        dense=tuple(_plain(layer) for layer in plain.dense),
        data=_stand_in(spec),
        device=key_of(spec.device),
    )


@lru_cache(maxsize=2 * MAX_ASKERS)
def price_of(spec: RunSpec, cost: Cost) -> Price:
    """Work out what a run takes from what its steps take."""
    info, batch = info_of(spec.data), spec.batch_size
    course = course_of(spec)
    num_steps = course.steps_per_epoch
    images = min(num_steps * batch, course.train)
    epoch_s = num_steps * cost.step_s + images * cost.image_s
    epoch_s += course.validation * cost.evaluated_s
    # The weights are published after every epoch, and at times in between.
    epoch_s += cost.publish_s * (1 + epoch_s / PUBLISH_S)
    step_s = _step_s(cost, batch)
    return Price(
        device=resolve(spec.device),
        step_s=step_s,
        epoch_s=epoch_s,
        run_s=epoch_s * course.num_epochs + info.test * cost.evaluated_s,
        images_per_s=batch / step_s,
        memory=step_memory(spec, lay_out(spec)).total,
        steady=cost.steady,
    )


def _step_s(cost: Cost, batch: int) -> float:
    return cost.step_s + batch * cost.image_s


def trial(key: RunSpec) -> Trial:
    """Measure a network on noise, yielding after a few batches each; return the cost.

    Raises:
        UserError: it cannot run here, or is too large to be tried.
    """
    network = require_runnable(key)
    if step_memory(key, network).weights > _MAX_TRIED_WEIGHTS:
        raise UserError(N_("This network is too large to be tried."))
    batch = _batch_to_try(key, network)
    trainer = _on_noise(replace(key, batch_size=batch))
    tried_s, steady = yield from _time_step(trainer)
    evaluated_s = yield from _time_evaluation(trainer)
    publish_s = min(_publish_s(trainer) for _ in range(2))
    image_s = tried_s / batch
    if batch < key.batch_size:
        # What a step takes beside its images matters less in the whole batch than in this one.
        del trainer
        fewer = max(2, batch // 4)
        fewer_s, _ = yield from _time_step(_on_noise(replace(key, batch_size=fewer)))
        slope = (tried_s - fewer_s) / max(1, batch - fewer)
        image_s = min(max(slope, 0.5 * image_s), image_s)
    return Cost(
        step_s=tried_s - batch * image_s,
        image_s=image_s,
        evaluated_s=evaluated_s,
        publish_s=publish_s,
        steady=steady,
    )


def _time_step(trainer: Trainer) -> Generator[None, None, tuple[float, bool]]:
    """Train until a step's seconds can be told; return them, and whether they are certain."""
    calm_times: list[float] = []
    disturbed: list[float] = []
    step, train_s, first_s, calm_s = 0, 0.0, None, 0.0
    calm = Calm()
    for event in trainer.fit():
        if not isinstance(event, Steps):
            continue
        piece_s, steps = event.train_s - train_s, event.step - step
        step, train_s = event.step, event.train_s
        if first_s is None:
            # It also makes kernels, takes memory and sets the optimiser up.
            first_s = train_s
        elif calm.lasted():
            calm_times.append(piece_s / steps)
            calm_s += piece_s
        else:
            disturbed.append(piece_s / steps)
        times = calm_times or disturbed
        best = [seconds for seconds in times if seconds <= _AGREE * min(times)]
        steady = bool(calm_times) and len(best) >= _AGREEING
        if steady and calm_s > _ENOUGH_S:
            return statistics.mean(best), True
        if calm_s > _LONG_S:
            # Of long steps there are few that could agree, and of the longest there is one.
            return statistics.mean(best), len(best) > 1 or len(calm_times) == 1
        if times and train_s > _PATIENCE_S:
            return statistics.mean(best), False
        yield
        calm.begin()
    raise AssertionError("The epochs were over before a step could be timed.")


def _time_evaluation(trainer: Trainer) -> Generator[None, None, float]:
    """Evaluate a few batches; return the seconds that an image took."""
    times: list[float] = []
    began = time.perf_counter()
    for event in trainer.test():
        if isinstance(event, Pulse):
            times.append(time.perf_counter() - began)
        if sum(times[1:]) > _ENOUGH_S:
            break
        yield
        began = time.perf_counter()
    # The first also makes kernels.
    return min(times[1:]) / _evaluated_at_once(trainer.spec)


def _publish_s(trainer: Trainer) -> float:
    began = time.perf_counter()
    trainer.weights_are_finite()
    trainer.weights()
    return time.perf_counter() - began


def _on_noise(spec: RunSpec) -> Trainer:
    """A trainer with more than enough to do, and some batches to evaluate."""
    batch, classes = spec.batch_size, num_classes_of(spec.data)
    data = Digits(
        "noise",
        "Noise",
        train=_noise(batch * max(2, 2_000 // batch), classes),
        validation=_noise(1, classes),
        test=_noise(5 * _evaluated_at_once(spec), classes),
    )
    # More epochs than any trial gets to.
    return Trainer(replace(spec, num_epochs=200), data, report_s=_PIECE_S)


def _noise(count: int, classes: int) -> Split:
    few = torch.randint(0, 256, (min(count, 500), 1, 28, 28), dtype=torch.uint8)
    which = torch.arange(count) % len(few)
    return Split(few[which], which % classes)


def _evaluated_at_once(spec: RunSpec) -> int:
    return evaluation_batch(spec, lay_out(spec))


def _batch_to_try(spec: RunSpec, network: Network) -> int:
    by_work = _MAX_TRIED_MULTIPLY_ADDS // (3 * network.multiply_adds)
    by_memory = _MAX_TRIED_ACTIVATIONS // step_memory(spec, network, 1).activations
    return min(spec.batch_size, max(2, min(by_work, by_memory)))


def _stand_in(spec: RunSpec) -> str:
    """Name the data set that stands for all with as many classes: they cost the same a step."""
    few = DATASETS["embedded"]
    # A larger set allows larger batches.
    alike = num_classes_of(spec.data) == len(few.class_names) and spec.batch_size <= few.train
    return few.key if alike else spec.data


def _plain(part: Part) -> Part:
    changes: dict[str, Value] = {}
    for name, record in settings(type(part)).items():
        value = getattr(part, name)
        if name in _FREE:
            changes[name] = _FREE[name]
        elif name in _STRENGTHS and value and isinstance(record, Number):
            changes[name] = type(value)(record.high)
    return replace(part, **changes)  # type: ignore[arg-type]


@contextmanager
def _randomness_kept() -> Iterator[None]:
    """Leave PyTorch's generators as they are: a run between whose steps this is depends on them."""
    cuda = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        with torch.random.fork_rng(cuda):
            yield
    finally:
        if mps is not None:
            torch.mps.set_rng_state(mps)
