"""Whether a spec can run here, told before anything is allocated, with the nearest ways out."""

from dataclasses import dataclass, replace
from typing import Final

from core.machine.device import devices, free_memory, key_of
from core.network.layer import Layer
from core.network.layers import Broken, Mismatch, Network, lay_out
from core.spec import MIN_BLOCKS, BlockSpec, RunSpec, SpecError, place
from core.training.length import length_of
from core.training.memory import step_memory
from core.words.message import N_, message

# With these a block hands on an image as large as the one that it was given.
_KEEPS_SIZE: Final = {"stride": 1, "padding": "same", "pool": "none"}
# A training step of more than these would look like a dead page on any machine, for Stop cannot
# interrupt a step.
MAX_STEP_MULTIPLY_ADDS: Final = 2 * 10**12


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A nearby spec that works, and the words of the button that leads to it."""

    label: str
    spec: RunSpec


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a spec cannot run: the setting that breaks it, a sentence, and ways out."""

    path: str
    message: str
    fixes: tuple[Fix, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The layers of a spec, and the first thing that keeps it from running, if any."""

    network: Network
    problem: Problem | None


def check(spec: RunSpec, *, train_size: int | None = None) -> Verdict:
    """Lay out a spec and look for what keeps it from running on this machine.

    Args:
        spec: a valid spec.
        train_size: number of training images, where it is not that of the spec's data set.
    """
    network = lay_out(spec)
    if train_size is None:
        train_size = length_of(spec).train
    problem = (
        _without_lone_values(_image_used_up(spec, network.broken))
        if isinstance(network.broken, Broken)
        else _without_lone_values(_shape_changed(spec, network.broken))
        if network.broken
        else _batch_too_large(spec, train_size)
        or _norm_of_one_value(spec, network)
        or _no_such_device(spec)
        or _step_too_large(spec, network)
    )
    return Verdict(network=network, problem=problem)


def require_runnable(spec: RunSpec, *, train_size: int | None = None) -> Network:
    """Return the layers of a spec that can run.

    Raises:
        SpecError: it cannot; the message names the place.
    """
    verdict = check(spec, train_size=train_size)
    if verdict.problem:
        raise SpecError(verdict.problem.message, verdict.problem.path)
    return verdict.network


def _image_used_up(spec: RunSpec, broken: Broken) -> Problem:
    index = int(broken.path.split(".")[1])
    block, number = spec.blocks[index], index + 1
    candidates = []
    if broken.path.endswith(".pool"):
        label = message("No pooling in block {number}", number=number)
        candidates.append((label, _with(spec, index, pool="none")))
        if block.pool_size == 3:
            label = message("Pool 2 × 2 in block {number}", number=number)
            candidates.insert(0, (label, _with(spec, index, pool_size=2)))
    else:
        label = message("Same padding in block {number}", number=number)
        candidates.append((label, _with(spec, index, padding="same")))
        smaller = max(k for k in (1, 3, 5, 7) if k <= broken.side)
        label = message("Kernel {size} × {size} in block {number}", size=smaller, number=number)
        candidates.append((label, _with(spec, index, kernel_size=smaller)))
    fixes = [
        Fix(label=label, spec=fixed) for label, fixed in candidates if lay_out(fixed).broken is None
    ]
    if not fixes:  # a later block breaks too
        fixes.append(_gentle(spec))
    if index >= MIN_BLOCKS:
        last = number == len(spec.blocks)
        words = N_("Remove this block") if last else N_("Remove it and the rest")
        fixes.append(Fix(label=words, spec=replace(spec, blocks=spec.blocks[:index])))
    return Problem(path=broken.path, message=broken.message, fixes=tuple(fixes))


def _shape_changed(spec: RunSpec, mismatch: Mismatch) -> Problem:
    index = int(mismatch.path.split(".")[1])
    keeping = _with(spec, index, channels=mismatch.given[0], **_KEEPS_SIZE)
    without = _with(spec, index, residual=False)
    candidates = [
        (message("No residual connection in block {number}", number=index + 1), without),
        (message("Keep the shape in block {number}", number=index + 1), keeping),
    ]
    fixes = [
        Fix(label=label, spec=fixed) for label, fixed in candidates if lay_out(fixed).broken is None
    ]
    if not fixes:  # a later block breaks too
        fixes.append(_gentle(without))
    return Problem(path=mismatch.path, message=mismatch.message, fixes=tuple(fixes))


def _gentle(spec: RunSpec) -> Fix:
    """Offer the same blocks without the poolings, paddings and shortcuts that do not fit."""
    fixed, label = spec, N_("Keep the image’s size from here on")
    while (broken := lay_out(fixed).broken) is not None:
        index = int(broken.path.split(".")[1])
        if isinstance(broken, Mismatch):
            fixed, label = _with(fixed, index, residual=False), N_("Change all that does not fit")
        elif broken.path.endswith(".pool"):
            fixed = _with(fixed, index, pool="none")
        else:
            fixed = _with(fixed, index, padding="same")
    return Fix(label=label, spec=fixed)


def _with(spec: RunSpec, index: int, **changes: object) -> RunSpec:
    changed: BlockSpec = replace(spec.blocks[index], **changes)  # type: ignore[arg-type]
    return replace(spec, blocks=(*spec.blocks[:index], changed, *spec.blocks[index + 1 :]))


def _batch_too_large(spec: RunSpec, train_size: int) -> Problem | None:
    if spec.batch_size <= train_size:
        return None
    fitting = 1 << (train_size.bit_length() - 1)
    return Problem(
        path="batch_size",
        message=message(
            "Settings: a batch of {batch:,} images is larger than the whole training set of "
            "{size:,}.",
            batch=spec.batch_size,
            size=train_size,
        ),
        fixes=(Fix(label=_batch_of(fitting), spec=replace(spec, batch_size=fitting)),),
    )


def _norm_of_one_value(spec: RunSpec, network: Network) -> Problem | None:
    alone = [layer for layer in network.layers if _values_that_share(layer, spec.batch_size) == 1]
    if not alone:
        return None
    indices = [int(layer.part.split(".")[1]) for layer in alone]
    without = spec
    for index in indices:
        without = _with(without, index, norm="none")
    label = message("No norm in block {number}", number=indices[0] + 1)
    if len(indices) > 1:
        numbers = str(indices[0] + 1)
        for index in indices[1:]:
            numbers = message("{some} and {another}", some=numbers, another=index + 1)
        label = message("No norm in blocks {numbers}", numbers=numbers)
    fixes = [Fix(label=label, spec=without)]  # the last one always helps
    where = place(alone[0].part)
    if alone[0].operation.whole_batch:
        sentence = message(
            "{place}: batch norm has one value per channel here (an image of 1 × 1 and a batch of "
            "1), and one value has no spread to divide by.",
            place=where,
        )
    else:
        sentence = message(
            "{place}: the norm has a single value here (one channel, an image of 1 × 1), and one "
            "value has no spread to divide by.",
            place=where,
        )
    if all(layer.operation.whole_batch for layer in alone):
        fixes.insert(0, Fix(label=_batch_of(2), spec=replace(spec, batch_size=2)))
    return Problem(path=f"{alone[0].part}.norm", message=sentence, fixes=tuple(fixes))


def _without_lone_values(problem: Problem) -> Problem:
    """Leave out the fixes that leave a norm a single value; where all do, mend that too."""
    fixes = problem.fixes
    next_ones = [_norm_of_one_value(fix.spec, lay_out(fix.spec)) for fix in fixes]
    good = tuple(fix for fix, after in zip(fixes, next_ones, strict=True) if after is None)
    if not good and next_ones[0] is not None:
        without = next_ones[0].fixes[-1].spec
        good = (Fix(label=N_("Change all that does not fit"), spec=without),)
    return replace(problem, fixes=good)


def _values_that_share(layer: Layer, batch_size: int) -> int:
    """Return how many values a layer brings to mean 0 and variance 1 together; 0 where none."""
    operation = layer.operation
    return operation.spread_of(layer) * (batch_size if operation.whole_batch else 1)


def _no_such_device(spec: RunSpec) -> Problem | None:
    if spec.device == "auto" or spec.device in {device.key for device in devices()}:
        return None
    return Problem(
        path="device",
        message=message("Settings: this machine has no device “{device}”.", device=spec.device),
        fixes=(Fix(label=N_("Use the best device here"), spec=replace(spec, device="auto")),),
    )


def _step_too_large(spec: RunSpec, network: Network) -> Problem | None:
    key = key_of(spec.device)
    free = free_memory(key)
    needed = step_memory(spec, network).total
    cost = 3 * network.multiply_adds * spec.batch_size
    if needed <= free and cost <= MAX_STEP_MULTIPLY_ADDS:
        return None
    path = _most_expensive_setting(network, by_memory=needed > free, batch=spec.batch_size)
    whose = N_("Settings: the output layer") if path == "batch_size" else place(path)
    if needed > free:
        why = message(
            "a training step would take about {needed}, but {free} are free.",
            needed=size_in_words(needed),
            free=size_in_words(free),
        )
    else:
        why = message(
            "a single training step would take {trillions:,.0f} trillion multiply-adds.",
            trillions=cost / 1e12,
        )
    problem = Problem(
        path=path,
        message=message(
            "{part} is the largest part of a network too large for this machine: {why}",
            part=whose,
            why=why,
        ),
        fixes=_smaller(spec, free),
    )
    return _without_lone_values(problem) if problem.fixes else problem


def _most_expensive_setting(network: Network, *, by_memory: bool, batch: int) -> str:
    """Return the path of the width that costs most, or of the batch where there is none."""

    def price(part: str) -> int:
        layers = network.of_part(part)
        if not by_memory:
            return sum(layer.multiply_adds for layer in layers)
        return sum(5 * layer.params + batch * _values(layer.shape) for layer in layers)

    parts = [layer.part for layer in network.layers if layer.part != "output"]
    worst = max(dict.fromkeys(parts), key=price, default="")
    if worst == "recurrent":
        return "rnn_units"
    width = "channels" if worst.startswith("blocks") else "units"
    return f"{worst}.{width}" if worst else "batch_size"


def _values(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


def _smaller(spec: RunSpec, free: int) -> tuple[Fix, ...]:
    """A smaller batch where that is enough, else the same network with fewer channels too."""
    for divisor in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        narrow = replace(
            spec,
            blocks=tuple(replace(b, channels=max(1, b.channels // divisor)) for b in spec.blocks),
            dense=tuple(replace(d, units=max(1, d.units // divisor)) for d in spec.dense),
            rnn_units=max(1, spec.rnn_units // divisor),
        )
        network = lay_out(narrow)
        batch = narrow.batch_size
        while batch >= min(16, spec.batch_size):
            fits = step_memory(narrow, network, batch).total <= free
            if fits and 3 * network.multiply_adds * batch <= MAX_STEP_MULTIPLY_ADDS:
                label = _smaller_words(spec, divisor, batch)
                return (Fix(label=label, spec=replace(narrow, batch_size=batch)),)
            batch //= 2
    return ()


def _smaller_words(spec: RunSpec, divisor: int, batch: int) -> str:
    """Say what is smaller: the width so many times, or the batch, or both."""
    if divisor == 1:
        return _batch_of(batch)
    if spec.family == "conv":
        fewer = message("{divisor} times fewer channels", divisor=divisor)
    else:
        fewer = message("{divisor} times fewer units", divisor=divisor)
    if batch == spec.batch_size:
        return fewer
    return message("{fewer} and batch size {batch:,}", fewer=fewer, batch=batch)


def _batch_of(size: int) -> str:
    return message("Batch size {size:,}", size=size)


def size_in_words(num_bytes: int) -> str:
    """Write a number of bytes as people read it."""
    if num_bytes >= 2**30:
        return f"{num_bytes / 2**30:,.1f} GB"
    return f"{num_bytes / 2**20:,.0f} MB"
