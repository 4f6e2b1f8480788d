"""What a store of 1,000 runs costs, against one of 10, and curves laid over each other.

`python -m tests.bench.store`: each run has 10,000 steps, 50 epochs, three checkpoints of the
default network, and logits. Both stores are opened and listed in turns.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from core.batches import steps_per_epoch
from core.data import DATASETS, load
from core.device import take_one_core
from core.history import History
from core.layers import lay_out
from core.presets import DEFAULT
from core.record import RunRecord
from core.store import Store
from core.trainer import Epoch, Trainer
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report

FEW, MANY = 10, 1_000
NUM_STEPS = 10_000
NUM_EPOCHS = 50
OVERLAID = 5
TURNS = 15

SPEC = replace(DEFAULT, num_epochs=NUM_EPOCHS)
PER_EPOCH = NUM_STEPS // NUM_EPOCHS


def main() -> None:
    """Print the figures."""
    take_one_core()
    with (
        data_folder_of_its_own(),
        tempfile.TemporaryDirectory(prefix="netsketch-store-") as folder,
    ):
        roots = {count: Path(folder) / f"{count}" for count in (FEW, MANY)}
        for count, root in roots.items():
            progress(f"making {count:,} runs")
            fill(root, count)
        _report_opening(roots)
        _report_overlay(roots[MANY])
        _report_rebuilding(roots[MANY])


def fill(root: Path, count: int) -> None:
    """Make a store of so many finished runs."""
    store = Store(root)
    template = store.add(_record(1))
    trainer = Trainer(SPEC, load(SPEC.data))
    history = _history()
    for epoch in (NUM_EPOCHS - 2, NUM_EPOCHS - 1, NUM_EPOCHS):
        state = replace(trainer.state(), epoch=epoch, step=epoch * PER_EPOCH)
        template.save(state, history)
    template.save_logits(torch.randn(500, 10))
    files = [path for path in template.path.iterdir() if path.name != "run.json"]
    for number in range(2, count + 1):
        made = store.add(_record(number))
        for path in files:
            shutil.copyfile(path, made.path / path.name)
        store.put(replace(_record(number), status="finished"))
    store.close()


def _record(number: int) -> RunRecord:
    return RunRecord(
        id=f"{number}-a1b2c3",
        number=number,
        name=f"{number} · Small and fast",
        spec=replace(SPEC, seed=number),
        status="finished",
        created_at=1.79e9 + number,
        elapsed_s=60.0 + number % 7,
        device="CPU, 2 cores",
        step=NUM_STEPS,
        num_steps=steps_per_epoch(SPEC.batch_size, DATASETS[SPEC.data].train) * NUM_EPOCHS,
        epoch=NUM_EPOCHS,
        val_accuracy=0.97 + number % 20 / 1000,
        best_epoch=NUM_EPOCHS,
        test_correct=480 + number % 20,
        test_total=500,
        test_loss=0.05,
        params=lay_out(SPEC).params,
        tags=("homework",) if number % 3 == 0 else (),
        note="A note of some length, as people write." if number % 5 == 0 else "",
        starred=number % 10 == 0,
    )


def _history() -> History:
    random = np.random.default_rng(0)
    figures = random.random((NUM_STEPS, 2), dtype=np.float32)
    epochs = [
        Epoch(
            epoch=epoch,
            step=epoch * PER_EPOCH,
            train_loss=1 / epoch,
            train_accuracy=0.9,
            val_loss=1 / epoch,
            val_accuracy=1 - 1 / (epoch + 1),
        )
        for epoch in range(1, NUM_EPOCHS + 1)
    ]
    return History.restored(PER_EPOCH, figures, epochs)


def _report_opening(roots: dict[int, Path]) -> None:
    opened: dict[int, list[float]] = {count: [] for count in roots}
    listed: dict[int, list[float]] = {count: [] for count in roots}
    for _ in range(TURNS):
        for count, root in roots.items():
            began = time.perf_counter()
            store = Store(root)
            assert len(store.rows()) == count
            opened[count].append(time.perf_counter() - began)
            listed[count].append(_seconds(store.rows))
            store.close()
    for words, seconds in (("opened and listed", opened), ("listed again", listed)):
        few, many = (statistics.median(seconds[count]) for count in (FEW, MANY))
        report(
            f"a store of {MANY:,} runs, {words}",
            many,
            "s",
            n=TURNS,
            slowest=round(max(seconds[MANY]), 4),
            with_10_runs=round(few, 4),
        )


def _report_overlay(root: Path) -> None:
    store = Store(root)
    ids = [row.id for row in store.rows()[: OVERLAID * TURNS]]
    took = []
    for turn in range(TURNS):
        chosen = ids[turn * OVERLAID : (turn + 1) * OVERLAID]
        took.append(
            _seconds(lambda ids=chosen: [_curves(store, run_id) for run_id in ids])  # type: ignore[misc]
        )
    store.close()
    report(
        f"{OVERLAID} runs of {NUM_STEPS:,} steps read from the disk and binned for a chart",
        max(took),
        "s",
        n=TURNS,
        at_most=1,
        median=round(statistics.median(took), 4),
    )


def _curves(store: Store, run_id: str) -> None:
    record = store.get(run_id)
    assert record is not None
    curves = store.folder(run_id).load_history(PER_EPOCH).curves()
    assert len(curves.epochs) == NUM_EPOCHS


def _report_rebuilding(root: Path) -> None:
    took = []
    for _ in range(3):
        (root / "runs.sqlite").write_bytes(b"no database")
        began = time.perf_counter()
        store = Store(root)
        assert len(store.rows()) == MANY
        took.append(time.perf_counter() - began)
        store.close()
    report(
        f"a store of {MANY:,} runs whose list is damaged, rebuilt from the folders",
        max(took),
        "s",
        n=len(took),
        at_most=5,
    )


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
