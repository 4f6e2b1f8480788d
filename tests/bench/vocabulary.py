"""Whether every kind of network keeps what it promises, and whether any settings break one.

Goals: each kind's default reaches, on the built-in digits and within 60 s of training on 2 cores,
convolutional 98.5 %, recurrent 96 %, dense 94 % of the 500 test images (mean of 3 seeds); and each
of 5,000 random specs of all kinds is either refused with its reason or built, with the shapes,
parameters and multiply-adds that PyTorch counts on the module, and trained one step. The learning
rate that a range test suggests is within a factor of 5 of a best one for 6 of 6 networks.
"""

import math
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from statistics import mean

import torch
from torch import nn

from core.data.loading import Digits, Split, load
from core.machine.device import keep_freed_memory, take_one_core
from core.network.layer import IMAGE_SHAPE
from core.network.layers import Network
from core.network.model import Stack, build
from core.network.operations.recurrent import read_rows
from core.runs.manager import Runs
from core.spec import MAX_BLOCKS, MAX_DENSE, BlockSpec, DenseSpec, RunSpec, settings
from core.spec.presets import DEFAULT, PRESETS
from core.spec.settings import Choice, Flag, Number, Setting
from core.training.check import check
from core.training.events import Diverged, Epoch, Steps
from core.training.range_test import range_test, suggest
from core.training.trainer import Trainer
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report

SEEDS = range(3)
NUM_SPECS = 5_000
# Wider layers are no other settings, and take minutes.
_MOST = 24
_DEFAULTS = {
    "convolutional": (DEFAULT, 98.5),
    "recurrent": (PRESETS["recurrent"].spec, 96.0),
    "dense": (PRESETS["dense"].spec, 94.0),
}

# Networks on which the rule of `core.training.range_test` was not chosen, all with a constant rate.
_RANGED = {
    "small convolutional, Adam": RunSpec(
        blocks=(BlockSpec(channels=8, kernel_size=5), BlockSpec(channels=16)),
        optimizer="adam",
    ),
    "LeNet-like, SGD": replace(
        PRESETS["lenet"].spec, optimizer="sgd", schedule="constant", batch_size=64
    ),
    "dense, RMSprop": RunSpec(
        family="dense",
        dense=(DenseSpec(units=128), DenseSpec(units=64)),
        optimizer="rmsprop",
        momentum=0.0,
    ),
    "GRU, Adam": RunSpec(
        family="recurrent", cell="gru", rnn_units=48, optimizer="adam", clip_norm=1.0
    ),
    "sigmoid, SGD": RunSpec(
        blocks=(BlockSpec(channels=8, kernel_size=5, activation="sigmoid", pool="avg"),),
        dense=(DenseSpec(units=32, activation="sigmoid"),),
        optimizer="sgd",
        batch_size=32,
    ),
    "four blocks with batch norm, AdamW": RunSpec(
        blocks=tuple(
            BlockSpec(channels=channels, norm="batch", pool="max" if i < 3 else "none")
            for i, channels in enumerate((8, 16, 16, 32))
        ),
        optimizer="adamw",
        weight_decay=0.01,
    ),
}
RATE_GRID = [10 ** (-4 + i / 2) for i in range(9)]
RATE_SEEDS = range(2)
RATE_EPOCHS = 3
# A network that no rate brings beyond this has no best rate.
_LEARNED = 0.5
_NEAR = 5.0


def kinds() -> None:
    """Train each kind's default once a seed, in the background thread of `core.runs.manager`."""
    for kind, (spec, goal) in _DEFAULTS.items():
        accuracies, seconds, device = [], [], ""
        runs = Runs()
        for seed in SEEDS:
            run = runs.start(replace(spec, seed=seed))
            run.wait()
            seen = run.snapshot()
            assert seen.test is not None, seen.message
            accuracies.append(100 * seen.test.correct / seen.test.total)
            seconds.append(seen.elapsed_s)
            device = seen.device.name if seen.device else ""
            progress(f"{kind}, seed {seed}: {accuracies[-1]:.1f} % in {seconds[-1]:.1f} s")
        runs.close()
        n, what = len(SEEDS), f"{kind} default, built-in digits"
        each = [round(accuracy, 1) for accuracy in accuracies]
        report(
            f"{what}: test images right, mean of the seeds",
            mean(accuracies), "%", n=n, at_least=goal, each=each, device=device,
        )  # fmt: skip
        report(
            f"{what}: seconds from the start to the test, slowest",
            max(seconds), "s", n=n, at_most=60.0, device=device,
        )  # fmt: skip


def any_value(record: Setting, chance: random.Random) -> object:
    """Draw one allowed value of a setting."""
    match record:
        case Flag():
            return chance.random() < 0.5
        case Choice():
            return chance.choice(list(record.options))
        case Number(whole=True):
            return chance.randint(int(record.low), int(min(record.high, _MOST)))
        case Number():
            # Half of them off, as few things are on at once in a run.
            off = record.low == 0.0 and chance.random() < 0.5
            return 0.0 if off else chance.uniform(record.low, record.high)
    raise TypeError(record)


def any_spec(chance: random.Random) -> RunSpec:
    """Draw a spec from the whole table of settings."""

    def drawn(cls: type) -> dict[str, object]:
        return {name: any_value(record, chance) for name, record in settings(cls).items()}

    # As few shrink the image or go around a block as leave some networks that work.
    rest = {"pool": "none", "stride": 1, "residual": False}
    blocks = [
        BlockSpec(**drawn(BlockSpec) | (rest if chance.random() < 0.6 else {}))  # type: ignore[arg-type]
        for _ in range(chance.randint(1, MAX_BLOCKS))
    ]
    dense = [DenseSpec(**drawn(DenseSpec)) for _ in range(chance.randint(0, MAX_DENSE))]
    values = drawn(RunSpec) | {"data": "embedded", "device": "cpu"}
    return RunSpec(blocks=tuple(blocks), dense=tuple(dense), **values)  # type: ignore[arg-type]


def counts_agree(network: Network, model: Stack) -> bool:
    """Tell whether the layer list says of every layer what PyTorch's own module does and has."""
    seen: dict[str, tuple[torch.Tensor, object]] = {}
    for name, module in model.named_children():
        module.register_forward_hook(
            lambda _, given, made, name=name: seen.__setitem__(name, (given[0], made))
        )
    model.eval()
    with torch.inference_mode():
        model(torch.zeros(2, *IMAGE_SHAPE))
        for layer in network.layers:
            module, (given, made) = model.get_submodule(layer.name), seen[layer.name]
            matrices = sum(value.numel() for value in module.parameters() if value.dim() > 1)
            if isinstance(module, nn.RNNBase):
                made, cost = read_rows(module, given.unsqueeze(1)), 28 * matrices
            else:
                assert isinstance(made, torch.Tensor)
                places = made.shape[2] * made.shape[3] if isinstance(module, nn.Conv2d) else 1
                cost = matrices * places
            if (
                layer.shape != tuple(made.shape[1:])
                or layer.params != sum(value.numel() for value in module.parameters())
                or layer.multiply_adds != cost
            ):
                return False
    return True


def specs() -> None:
    """Meet random specs: each is refused with its reason, or built, counted and trained."""
    chance, met, wrong = random.Random(0), Counter[str](), 0
    few = Split(torch.randint(0, 256, (48, 1, 28, 28), dtype=torch.uint8), torch.arange(48) % 10)
    digits = Digits("noise", "Noise", few, few, few)
    for i in range(NUM_SPECS):
        spec = any_spec(chance)
        problem = check(spec, train_size=48).problem
        if problem is not None:
            met["refused with the reason"] += 1
            wrong += not problem.message
            continue
        try:
            event = next(Trainer(spec, digits, report_s=0.0).fit())
            assert isinstance(event, Steps)
            assert event.step == 1
            met[f"{spec.family}, trained"] += 1
        except Diverged as told:  # a rate of up to 100 may do that, and a person is told
            met[f"{spec.family}, diverged"] += 1
            wrong += not str(told)
        if not counts_agree(check(spec, train_size=48).network, build(spec)):
            wrong += 1
            progress(f"PyTorch counts otherwise: {spec}")
        if i % 250 == 249:
            progress(f"{i + 1} specs: {dict(met)}, {wrong} wrong")
    report(
        "random specs that are neither refused nor trained and counted as PyTorch does",
        wrong, "specs", n=NUM_SPECS, at_most=0, met=dict(met),
    )  # fmt: skip


def validated(spec: RunSpec, digits: Digits) -> float:
    """Train a few epochs; return the share of the validation images that is then right."""
    accuracy = 0.0
    try:
        for event in Trainer(replace(spec, num_epochs=RATE_EPOCHS), digits).fit():
            if isinstance(event, Epoch):
                accuracy = event.val_accuracy
                if event.epoch == RATE_EPOCHS:  # the test images judge no choice
                    break
    except Diverged:
        return 0.0
    return accuracy


def best_rates(accuracies: list[float], n: int) -> list[float]:
    """Return the rates of the grid that cannot be told from the best by their accuracies.

    Those whose mean is less than the highest by at most 1.96 standard errors of the difference of
    two shares of `n` images. The seeds count as images of their own, which makes it stricter.
    """
    top = max(accuracies)
    if top < _LEARNED:
        return []
    return [
        rate
        for rate, share in zip(RATE_GRID, accuracies, strict=True)
        if top - share <= 1.96 * math.sqrt((top * (1 - top) + share * (1 - share)) / n)
    ]


def rates() -> None:
    """Compare the rate that a range test suggests with the best of a grid, network by network."""
    keep_freed_memory()
    take_one_core()  # networks as small as these gain nothing by a second
    digits, found, near, tested = load("embedded"), {}, 0, []
    began = time.monotonic()
    for name, spec in _RANGED.items():
        since = time.monotonic()
        suggested = suggest(list(range_test(spec, digits)))
        tested.append(time.monotonic() - since)
        accuracies = [
            mean(validated(replace(spec, lr=lr, seed=seed), digits) for seed in RATE_SEEDS)
            for lr in RATE_GRID
        ]
        best = best_rates(accuracies, len(digits.validation) * len(RATE_SEEDS))
        ratios = [suggested / rate for rate in best] if suggested else []
        ratio = min(ratios, key=lambda one: abs(math.log(one)), default=None)
        near += ratio is not None and 1 / _NEAR <= ratio <= _NEAR
        found[name] = {
            "suggested": suggested,
            "best": [float(f"{rate:.2g}") for rate in best],
            "accuracies": [round(share, 3) for share in accuracies],
            "ratio": None if ratio is None else round(ratio, 2),
        }
        progress(f"{name}: {found[name]}")
    report(
        "networks whose suggested learning rate is within a factor of 5 of a best one",
        near, f"of {len(_RANGED)}", n=len(_RANGED), at_least=len(_RANGED), networks=found,
        range_test_s=[round(seconds, 1) for seconds in tested],
        took_s=round(time.monotonic() - began),
    )  # fmt: skip


_PARTS = {"kinds": kinds, "specs": specs, "range": rates}


def main() -> None:
    """Print all figures, or those of the parts named: `kinds`, `specs`, `range`."""
    with data_folder_of_its_own():
        for part in sys.argv[1:] or _PARTS:
            _PARTS[part]()


if __name__ == "__main__":
    main()
