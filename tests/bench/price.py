"""Compare what NetSketch foretells of a run with what the run takes: seconds and memory.

Every pair is measured in a fresh process, as somebody would meet it who starts NetSketch, asks for
one price and trains. Where other programs took processor time meanwhile, the pair says nothing of
the estimate and is measured again; how often is told with the figures.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import psutil

from core.data.loading import load
from core.network.layers import lay_out
from core.runs.manager import runs
from core.spec import ACTIVATIONS, BlockSpec, DenseSpec, RunSpec, SpecError
from core.spec.codec import from_json, to_json
from core.training.check import check
from core.training.memory import step_memory
from tests.bench._report import progress, report
from tests.core.training.test_memory import measured as measured_memory

ROOT = Path(__file__).resolve().parents[2]
SEED = 3
SPEEDS = 20
MEMORIES = 40
# A run has at least so many epochs, and lasts about so many seconds.
NUM_EPOCHS = 2
LEAST_S = 3.0
# Forward multiply-adds of an image and batches of an epoch: an epoch takes some seconds on 2 cores.
MAX_MULTIPLY_ADDS = 25 * 10**6
MAX_STEP_MULTIPLY_ADDS = 60 * 10**9
MAX_MEMORY = 3 * 2**30
# Share of one core that other programs may take while a pair is measured, and how often to try.
MAX_OTHERS = 0.1
TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Seconds an epoch as foretold and as measured, and the share of a core that others took."""

    predicted_s: float
    measured_s: float
    others: float

    @property
    def error(self) -> float:
        """Relative error of what was foretold."""
        return abs(self.predicted_s / self.measured_s - 1)


def draw(chance: random.Random, *, batches: list[int], wide: int) -> RunSpec:
    """Draw a network and how it learns, over all that a person can set.

    Args:
        chance: where it is drawn from.
        batches: batch sizes to choose from.
        wide: at most so many channels.
    """

    def channels() -> int:
        return round(2 ** chance.uniform(2, wide.bit_length() - 1))

    blocks = tuple(
        BlockSpec(
            channels=channels(),
            kernel_size=chance.choice([1, 3, 3, 5, 7]),
            stride=chance.choice([1, 1, 1, 1, 2, 3]),
            padding=chance.choice(["same", "same", "valid"]),
            activation=chance.choice(list(ACTIVATIONS)),
            norm=chance.choice(["none", "none", "batch", "group", "layer"]),
            convolution=chance.choice(["standard", "standard", "depthwise_separable"]),
            pool=chance.choice(["none", "max", "max", "avg"]),
            pool_size=chance.choice([2, 2, 3]),
            dropout=chance.choice([0.0, 0.0, 0.2]),
        )
        for _ in range(chance.randint(1, 5))
    )
    dense = tuple(
        DenseSpec(
            units=round(2 ** chance.uniform(4, 10)),
            activation=chance.choice(list(ACTIVATIONS)),
            dropout=chance.choice([0.0, 0.0, 0.5]),
        )
        for _ in range(chance.choice([0, 0, 1, 1, 2]))
    )
    augmented = chance.random() < 0.4
    return RunSpec(
        blocks=blocks,
        dense=dense,
        loss=chance.choice(["cross_entropy", "cross_entropy", "mse"]),
        label_smoothing=chance.choice([0.0, 0.0, 0.1]),
        optimizer=chance.choice(["sgd", "adam", "adamw", "rmsprop"]),
        lr=1e-4,
        schedule=chance.choice(["constant", "cosine", "one_cycle"]),
        weight_decay=chance.choice([0.0, 0.01]),
        batch_size=chance.choice(batches),
        num_epochs=NUM_EPOCHS,
        shift=chance.choice([0, 2]) if augmented else 0,
        rotation=chance.choice([0, 10]) if augmented else 0,
        scale=chance.choice([0.0, 0.1]) if augmented else 0.0,
        elastic=chance.choice([0.0, 1.0]) if augmented else 0.0,
        device="cpu",
    )


def draw_all(count: int, *, batches: list[int], wide: int, work: int) -> Iterator[RunSpec]:
    """Draw specs that can run here and take no more than a bounded time.

    Args:
        count: how many.
        batches: see `draw`.
        wide: see `draw`.
        work: at most so many multiply-adds of an image, forward.
    """
    chance = random.Random(SEED)
    while count:
        spec = draw(chance, batches=batches, wide=wide)
        network = lay_out(spec)
        if (
            network.broken is None
            and network.multiply_adds <= work
            and network.multiply_adds * spec.batch_size <= MAX_STEP_MULTIPLY_ADDS
            and step_memory(spec, network).total <= MAX_MEMORY
            and check(spec).problem is None
        ):
            count -= 1
            yield spec


def pair_of(spec: RunSpec) -> tuple[Pair, int]:
    """Measure a spec in peace; return the most peaceful pair, and how often it was measured."""
    pairs: list[Pair] = []
    for _ in range(TRIES):
        _wait_for_peace()
        child = subprocess.run(
            [sys.executable, "-m", "tests.bench.price", "pair"],
            input=to_json(spec),
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        pairs.append(Pair(**json.loads(child.stdout)))
        if pairs[-1].others <= MAX_OTHERS:
            break
    return min(pairs, key=lambda pair: pair.others), len(pairs)


def _wait_for_peace() -> None:
    end = time.monotonic() + 10
    while psutil.cpu_percent(0.5) * (psutil.cpu_count() or 1) > 100 * MAX_OTHERS:
        if time.monotonic() > end:
            return


def measure_pair(spec: RunSpec) -> Pair:
    """Ask for the price of a spec, then train it, as the dashboard does both."""
    load(spec.data)
    line = runs()
    began, busy = time.monotonic(), _others_s()
    price = line.price("benchmark", spec)
    while line.price_pending("benchmark"):
        time.sleep(0.01)
    price = line.price("benchmark", spec)
    if price is None:
        raise SpecError("This spec has no price.")
    # Long enough for the first step's extra cost to be shared by many, as it is in a real run.
    spec = replace(spec, num_epochs=max(NUM_EPOCHS, min(200, ceil(LEAST_S / price.epoch_s))))
    price = line.price("benchmark", spec) or price
    run = line.start(spec)
    run.wait()
    assert run.status == "finished", run.snapshot().message
    others = (_others_s() - busy) / (time.monotonic() - began)
    # The run's own clock, final test included, as the foretold time of a whole run has it.
    return Pair(
        predicted_s=price.run_s / spec.num_epochs,
        measured_s=run.snapshot().elapsed_s / spec.num_epochs,
        others=max(0.0, others),
    )


def _others_s() -> float:
    """Processor seconds that all other programs have taken."""
    whole, own = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = whole.idle + getattr(whole, "iowait", 0.0)
    guests = getattr(whole, "guest", 0.0) + getattr(whole, "guest_nice", 0.0)
    return sum(whole) - idle - guests - own.user - own.system


def seconds() -> None:
    """Foretold against measured seconds an epoch."""
    batches = [16, 32, 64, 128, 250, 256, 500, 512, 1000, 2000]
    pairs, again = [], 0
    for spec in draw_all(SPEEDS, batches=batches, wide=128, work=MAX_MULTIPLY_ADDS):
        pair, tries = pair_of(spec)
        pairs.append(pair)
        again += tries - 1
        progress(
            f"{len(pairs):2} foretold {pair.predicted_s:6.3f} s, measured {pair.measured_s:6.3f} s"
            f" ({pair.predicted_s / pair.measured_s - 1:+4.0%}), others {pair.others:.2f} cores, "
            f"batch {spec.batch_size}, {lay_out(spec).multiply_adds:,} multiply-adds"
        )
    errors = [pair.error for pair in pairs]
    details = {
        "worst_error": round(max(errors), 3),
        "median_ratio": round(statistics.median(p.predicted_s / p.measured_s for p in pairs), 3),
        "measured_s": [round(pair.measured_s, 3) for pair in pairs],
        "measured_again": again,
        "others_cores_at_most": round(max(pair.others for pair in pairs), 3),
    }
    report(
        "seconds an epoch, foretold against measured: median error",
        100 * statistics.median(errors),
        "%",
        n=len(pairs),
        at_most=15,
        **details,
    )
    report(
        "specs whose seconds an epoch are foretold within 30 %",
        sum(error <= 0.3 for error in errors),
        f"of {len(pairs)}",
        n=len(pairs),
        at_least=0.9 * len(pairs),
        **details,
    )


def memory() -> None:
    """Measured peak memory of training against the estimate."""
    batches = [1, 4, 16, 64, 256, 512, 1024, 2000]
    shares = []
    for spec in draw_all(MEMORIES, batches=batches, wide=512, work=10**9):
        estimate = step_memory(spec, lay_out(spec)).total
        taken = measured_memory(spec)
        shares.append(taken / estimate)
        progress(
            f"{len(shares):2} estimate {estimate / 2**20:6,.0f} MiB, "
            f"measured {taken / 2**20:6,.0f} MiB ({shares[-1]:.2f}), batch {spec.batch_size}"
        )
    report(
        "specs whose peak memory is at most the estimate",
        sum(share <= 1 for share in shares),
        f"of {len(shares)}",
        n=len(shares),
        at_least=len(shares),
        highest_share=round(max(shares), 3),
        median_share=round(statistics.median(shares), 3),
        lowest_share=round(min(shares), 3),
    )


def main() -> None:
    """Measure all, or one pair for the process that asks for it."""
    if sys.argv[1:] == ["pair"]:
        pair = measure_pair(from_json(sys.stdin.read()))
        print(json.dumps(vars(pair)))
        return
    for part in sys.argv[1:] or ["seconds", "memory"]:
        {"seconds": seconds, "memory": memory}[part]()


if __name__ == "__main__":
    main()
