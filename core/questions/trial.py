"""What a training step of a network takes on this machine, measured by a few of them on noise."""

import statistics
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Final

import torch

from core.data.catalogue import num_classes_of
from core.data.loading import Digits, Split
from core.machine.thread_team import QuietMeter
from core.network.layers import Network, lay_out
from core.spec import RunSpec
from core.training.check import require_runnable
from core.training.events import Pulse, Steps
from core.training.memory import evaluation_batch, step_memory
from core.training.trainer import Trainer
from core.words.errors import UserError
from core.words.message import N_

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

    def of_step(self, images: int) -> float:
        """Return the seconds of a training step of so many images."""
        return self.step_s + images * self.image_s


def trial(key: RunSpec) -> Generator[None, None, Cost]:
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
    calm = QuietMeter()
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
