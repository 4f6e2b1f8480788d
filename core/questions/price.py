"""What a run would cost, told before it is started: from a few batches in the training thread."""

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Final, TypeVar

from core.data.catalogue import DATASETS, info_of, num_classes_of
from core.machine.device import Device, key_of, resolve
from core.network.layers import lay_out
from core.questions.base import Questions, takes_much_memory
from core.questions.trial import Cost, trial
from core.spec import RECURRENT, BlockSpec, DenseSpec, RunSpec, settings
from core.spec.settings import Number, Value
from core.training.learner import PUBLISH_S
from core.training.length import length_of
from core.training.memory import step_memory
from core.training.precision import precision_of

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

Part = TypeVar("Part", RunSpec, BlockSpec, DenseSpec)


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


class Prices(Questions[RunSpec, None, Cost]):
    """What runs would cost; see `Questions`."""

    MOST_KNOWN = 500
    READS = False

    def ask(self, asker: str, spec: RunSpec, address: str = "") -> Price | None:
        """Return the price of a spec, or None and see to it that it is measured soon.

        It never waits. What the same asker wanted before is dropped, though half measured.

        Args:
            asker: who will ask again, such as the id of a browser's session.
            spec: one that can run here; there is no price for another.
            address: where it is asked; empty for this very machine.
        """
        known = self._ask(asker, price_key(spec), asker, address)
        return price_of(spec, known.answer) if known and known.answer else None

    def _prepare(self, key: RunSpec) -> Callable[[], Generator[None, None, Cost]]:
        return partial(trial, key)

    def _will_do(self, key: RunSpec) -> bool:
        known = self._known.get(key)
        if known is None:
            return False
        if known.answer is not None and known.answer.steady:
            return True
        rest_s = RETRY_S
        if known.answer is not None:
            rest_s = min(RETRY_S, BUSY_RETRY_S * 2 ** min(known.attempts - 1, 9))
        return time.monotonic() - known.at < rest_s

    def _better(self, key: RunSpec, before: Cost | None, now: Cost | None) -> Cost | None:
        if before is None or now is None or now.steady:
            return now or before
        # Neither was measured in peace: the faster one was disturbed less.
        return min(before, now, key=lambda cost: cost.of_step(key.batch_size))

    def _is_large(self, key: RunSpec) -> bool:
        return takes_much_memory(key)


@lru_cache(maxsize=2 * Prices.MOST_WAITING)
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


@lru_cache(maxsize=2 * Prices.MOST_WAITING)
def price_of(spec: RunSpec, cost: Cost) -> Price:
    """Work out what a run takes from what its steps take."""
    info, batch = info_of(spec.data), spec.batch_size
    course = length_of(spec)
    num_steps = course.steps_per_epoch
    images = min(num_steps * batch, course.train)
    epoch_s = num_steps * cost.step_s + images * cost.image_s
    epoch_s += course.validation * cost.evaluated_s
    # The weights are published after every epoch, and at times in between.
    epoch_s += cost.publish_s * (1 + epoch_s / PUBLISH_S)
    step_s = cost.of_step(batch)
    return Price(
        device=resolve(spec.device),
        step_s=step_s,
        epoch_s=epoch_s,
        run_s=epoch_s * course.num_epochs + info.test * cost.evaluated_s,
        images_per_s=batch / step_s,
        memory=step_memory(spec, lay_out(spec)).total,
        steady=cost.steady,
    )


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
