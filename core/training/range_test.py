"""A learning-rate range test: what the loss does while the learning rate grows at every step.

L. N. Smith, "Cyclical learning rates for training neural networks", WACV (2017), section 3.3
(arXiv:1506.01186). The rate grows by the same factor at each step, not by the same amount as in
that paper: which power of ten is right differs from network to network. The test trains a network
of its own, with the first weights that a run of the spec would have; no run is touched.
"""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from core.data.loading import Digits, Split
from core.network.layers import lay_out
from core.spec import RunSpec, setting_at
from core.training.events import Diverged, Steps
from core.training.memory import step_memory
from core.training.trainer import Trainer
from core.words.errors import UserError
from core.words.message import N_

NUM_STEPS: Final = 120
LOWEST: Final = 1e-5
HIGHEST: Final = 10.0
# The learning rate of each step.
RATES: Final = tuple(
    LOWEST * (HIGHEST / LOWEST) ** (step / (NUM_STEPS - 1)) for step in range(NUM_STEPS)
)
# The share of a step's moving average of the losses in that of the next step.
_MEMORY: Final = 0.8
# Once the smoothed loss is so many times its first value, it comes back no more.
_EXPLODED: Final = 1.5
# The first steps are too small to teach much: the loss after so many is that of the first weights.
_FIRST: Final = 10
MARGIN: Final = 8.0
# Networks that learn nothing at any rate lower their loss by up to 3 %, as their last layer finds
# out how often each class comes up; the slowest of those that learn, by 10 %.
_LEAST_FALL: Final = 0.05

# A step that takes more than this, more than a second on two cores, would hold up runs.
_MAX_MULTIPLY_ADDS: Final = 10**11
_MAX_WEIGHTS: Final = 2 * 2**30


def range_key(spec: RunSpec) -> RunSpec:
    """Return the spec that the test trains, one for all specs whose test is the same.

    The rate, how it would move and how long a run would be are no part of the test.
    """
    return replace(
        spec,
        lr=LOWEST,
        schedule="constant",
        step_epochs=1,
        step_factor=1.0,
        warmup=0.1,
        # An epoch has at least one step, so that these are enough.
        num_epochs=NUM_STEPS,
        folds=0,
        target_accuracy=0.0,
        patience=0,
        keep_best=False,
    )


def range_test(spec: RunSpec, data: Digits) -> Iterator[float]:
    """Train a network, yielding the loss of each step; `RATES` are the rates.

    It ends early once the loss explodes, or is no number any more.

    Args:
        spec: of the network.
        data: uint8 images.

    Raises:
        UserError: the spec cannot run here, or its steps would hold up runs.
    """
    key = range_key(spec)
    network = lay_out(key)
    work = 3 * network.multiply_adds * key.batch_size
    if work > _MAX_MULTIPLY_ADDS or step_memory(key, network).weights > _MAX_WEIGHTS:
        raise UserError(
            N_(
                "A step of this network takes too long to try out learning rates beside other "
                "people’s runs. Make the batch or the network smaller."
            )
        )
    losses: list[float] = []
    for loss in islice(_losses(key, data), NUM_STEPS):
        losses.append(loss)
        yield loss
        smoothed = smooth(losses)
        if smoothed[-1] > _EXPLODED * _first(smoothed):
            return


def _losses(key: RunSpec, data: Digits) -> Iterator[float]:
    """Train exactly as a run does, but for the rates."""
    one = Split(
        data.validation.images[:1], data.validation.labels[:1]
    )  # nobody looks at the validation
    trainer = Trainer(key, replace(data, validation=one), report_s=0.0)
    try:
        for event in trainer.fit():
            if isinstance(event, Steps):
                yield from event.losses
                trainer.set_lr(RATES[min(event.step, NUM_STEPS - 1)])
    except Diverged:
        return


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the moving average of losses, exponentially weighted and free of its start's bias."""
    average, smoothed = 0.0, []
    for count, loss in enumerate(losses, start=1):
        average = _MEMORY * average + (1 - _MEMORY) * loss
        smoothed.append(average / (1 - _MEMORY**count))
    return smoothed


def lowest_point(losses: Sequence[float]) -> int:
    """Return the step, counted from 0, at which the smoothed loss is lowest."""
    smoothed = smooth(losses)
    return min(range(len(smoothed)), key=smoothed.__getitem__)


def suggest(losses: Sequence[float]) -> float | None:
    """Return a rate to begin with, in two significant digits, or None where the loss never fell.

    It is an eighth of the rate at which the smoothed loss is lowest. There a step undoes as much as
    it gains, so the rate that learns steadily lies well below. The eighth, and the lowest point
    rather than the steepest one, were chosen on 27 networks that the benchmark does not know:
    convolutional, dense and recurrent, all optimisers and losses, batches of 32 to 256, each
    trained on the built-in digits for 3 epochs at 9 rates, half a magnitude apart. Over 3 seeds of
    the test, 75 of 81 suggestions were within a factor of 5 of a best rate (2 seeds; within
    binomial noise of the best validation accuracy), half of them within 1.4; a sixth did as well, a
    tenth nearly. The rate of the steepest fall was so in 64 of 81.

    The 6 that were not are those of two networks of sigmoids under Adam: the small first steps of
    the test spare them the large ones after which, at such a rate, they learn nothing more.

    Args:
        losses: of `range_test`.
    """
    if len(losses) < _FIRST:
        return None
    smoothed, lowest = smooth(losses), lowest_point(losses)
    first = _first(smoothed)
    # With small batches chance alone makes some of the smoothed losses low.
    least = max(_LEAST_FALL * first, statistics.stdev(losses[: 2 * _FIRST]))
    if lowest < _FIRST or first - smoothed[lowest] < least:
        return None
    return _allowed(RATES[lowest] / MARGIN)


def _first(smoothed: Sequence[float]) -> float:
    return smoothed[min(len(smoothed), _FIRST) - 1]


def _allowed(rate: float) -> float:
    """Round to two significant digits, within the limits of the setting."""
    return float(setting_at("lr").nearest(float(f"{rate:.1e}"), rate))
