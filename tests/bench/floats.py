"""What bfloat16 gains over 32-bit floats on this machine's fastest device, and what it costs.

Each network of `throughput` at batches of 64 and 256 is trained both ways in turn, in short
windows, by `Trainer.fit`; a figure is a median over the windows. Then the default network is
trained both ways with three seeds and tested, on the built-in digits, and a training that is broken
off and goes on is compared with a whole one to the last bit. The gains have no goal: they tell what
"Fastest here" should choose on a device like this one.
"""

import platform
import statistics
from collections.abc import Iterator
from dataclasses import replace

import torch

from core.data.loading import load
from core.machine.device import cores, keep_freed_memory, resolve, take_all_cores
from core.network.layers import lay_out
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.presets import DEFAULT
from core.training.events import Steps, Tested
from core.training.trainer import Trainer
from tests.bench._loops import NETWORKS
from tests.bench._report import geometric_mean, progress, report

WINDOWS = 5
WINDOW_S = 0.5
SEEDS = (0, 1, 2)
LARGE = RunSpec(
    blocks=tuple(
        BlockSpec(channels=channels, norm="batch", pool=pool)
        for channels, pool in ((256, "none"), (512, "max"), (512, "none"), (512, "max"))
    ),
    dense=(DenseSpec(units=1024),),
)


def main() -> None:
    """Measure on the device that "auto" names."""
    keep_freed_memory()
    take_all_cores()
    device = resolve("auto")
    details = {
        "device": device.name,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    gains, lengths = {}, {}
    for name, spec, batch in _cases(device.key):
        case = f"{name}, {batch}"
        lengths[case] = round(lay_out(spec).multiply_adds * batch / 1e9, 2)
        gains[case] = _gain(replace(spec, batch_size=batch))
        progress(f"{case}, {lengths[case]} G multiply-adds a step: {gains[case]:.2f}")
    report(
        "bfloat16 against 32-bit floats, images a second",
        geometric_mean(gains.values()),
        "times as fast, geometric mean",
        n=WINDOWS,
        each={case: round(gain, 3) for case, gain in gains.items()},
        billion_multiply_adds_a_step=lengths,
        cores=cores(),
        **details,
    )
    for precision in ("float32", "bfloat16"):
        rights = [_right(replace(DEFAULT, precision=precision, seed=seed)) for seed in SEEDS]
        report(
            f"the default network in {precision}, right of the built-in test digits, mean",
            statistics.mean(rights),
            "%",
            n=len(SEEDS),
            each=[round(right, 1) for right in rights],
            **details,
        )
        differing = _differing(replace(DEFAULT, precision=precision, num_epochs=2))
        report(
            f"tensors that differ after a training in {precision} was broken off and went on",
            differing,
            "tensors",
            n=1,
            at_most=0,
            **details,
        )


def _cases(key: str) -> Iterator[tuple[str, RunSpec, int]]:
    """Yield a name, a network and a batch size each; on a GPU larger ones, too."""
    for name, spec in NETWORKS.items():
        yield from ((name, spec, batch) for batch in (64, 256))
    if key != "cpu":
        yield "wide", NETWORKS["wide"], 1024
        yield from (("large", LARGE, batch) for batch in (64, 256))


def _gain(spec: RunSpec) -> float:
    loops = {
        precision: _rates(replace(spec, precision=precision))
        for precision in ("float32", "bfloat16")
    }
    seen: dict[str, list[float]] = {precision: [] for precision in loops}
    for _ in range(WINDOWS):
        for precision, loop in loops.items():
            seen[precision].append(next(loop))
    return statistics.median(seen["bfloat16"]) / statistics.median(seen["float32"])


def _rates(spec: RunSpec) -> Iterator[float]:
    """Yield images a second of one window after the other, training steps alone."""
    spec = replace(spec, num_epochs=200, schedule="constant", data="embedded", device="auto")
    trainer = Trainer(spec, load(spec.data), report_s=WINDOW_S / 5)
    images, train_s = 0, 0.0
    for event in trainer.fit():
        if isinstance(event, Steps) and event.train_s - train_s > WINDOW_S:
            rate = (event.images - images) / (event.train_s - train_s)
            if images:  # the first window also makes kernels
                yield rate
            images, train_s = event.images, event.train_s
    raise AssertionError("the epochs were over before the last window")


def _right(spec: RunSpec) -> float:
    for event in Trainer(spec, load(spec.data)).fit():
        if isinstance(event, Tested):
            return 100 * event.correct / event.total
    raise AssertionError("a training ends with its test")


def _differing(spec: RunSpec) -> int:
    whole = Trainer(spec, load(spec.data), report_s=0.0)
    for _ in whole.fit():
        pass
    first = Trainer(spec, load(spec.data), report_s=0.0)
    for number, _ in enumerate(first.fit()):
        if number == 40:
            break
    second = Trainer(spec, load(spec.data), report_s=0.0)
    second.restore(first.state())
    for _ in second.fit():
        pass
    found = second.weights()
    return sum(not torch.equal(value, found[name]) for name, value in whole.weights().items())


if __name__ == "__main__":
    main()
