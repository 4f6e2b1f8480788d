"""What a store of 1,000 runs costs, against one of 10, and curves laid over each other.

`python -m tests.bench.store`: each run has 10,000 steps, 50 epochs, three checkpoints of the
default network, and logits. Both stores are opened and listed in turns, and so is the Runs page of
two servers, one for each, in a headless Chromium and by a client that draws nothing.
"""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import numpy as np
import torch
from playwright.sync_api import Browser, sync_playwright

from core.data.loading import DATASETS, load
from core.machine.device import Device, take_one_core
from core.network.layers import lay_out
from core.runs.history import History
from core.runs.record import RunRecord
from core.runs.store import Store
from core.spec.presets import DEFAULT
from core.training.batches import steps_per_epoch
from core.training.events import Epoch
from core.training.trainer import Trainer
from tests.bench._client import Client
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.bench._server import NETSKETCH, serve
from tests.browser import CHROMIUM_ARGS, find_chromium

FEW, MANY = 10, 1_000
NUM_STEPS = 10_000
NUM_EPOCHS = 50
OVERLAID = 5
TURNS = 15
WARM_UP = 2
PATIENCE_MS = 60_000

# Notes when a word is first drawn on a canvas, in milliseconds since the page was asked for.
_WATCH: Final = """
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  if (text === WANTED && !window.drawn) window.drawn = performance.now();
  return fill.call(this, text, ...rest);
};
"""

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
        _report_page(roots)
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
        id=_id(number),
        number=number,
        name=_name(number),
        spec=replace(SPEC, seed=number),
        status="finished",
        created_at=1.79e9 + number,
        elapsed_s=60.0 + number % 7,
        device=Device("cpu", cores=2),
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


def _id(number: int) -> str:
    return f"{number}-a1b2c3"


def _name(number: int) -> str:
    return f"{number} · Small and fast"


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


def _report_page(roots: dict[int, Path]) -> None:
    with _served(roots[FEW]) as few, _served(roots[MANY]) as many, _chromium() as browser:
        addresses = {FEW: few, MANY: many}
        progress("opening the Runs page in a browser")
        drawn = _in_turns(lambda count: _drawn_s(browser, addresses[count], count))
        progress("opening it without one")
        answered = _in_turns(lambda count: _seconds(lambda: _ask(addresses[count])))
        chosen = ",".join(_id(number) for number in range(1, OVERLAID + 1))
        progress("laying curves over each other")
        overlaid = _in_turns(lambda count: _seconds(lambda: _ask(addresses[count], chosen)))
    for words, seconds in (
        ("until its newest run is drawn, in a browser", drawn),
        ("until its server has sent all", answered),
    ):
        medians = {count: statistics.median(seconds[count]) for count in addresses}
        report(
            f"the Runs page with {MANY:,} runs against {FEW}, {words}",
            medians[MANY] / medians[FEW],
            "times",
            n=TURNS,
            at_most=2,
            seconds=round(medians[MANY], 3),
            with_10_runs=round(medians[FEW], 3),
        )
    report(
        f"the Runs page with {OVERLAID} of {MANY:,} runs chosen, until its server has sent all",
        max(overlaid[MANY]),
        "s",
        n=TURNS,
        at_most=1,
        median=round(statistics.median(overlaid[MANY]), 3),
        page_without=round(statistics.median(answered[MANY]), 3),
    )


def _in_turns(measure: Callable[[int], float]) -> dict[int, list[float]]:
    """Measure with few runs and with many, again and again, after some turns to warm up."""
    taken = [{count: measure(count) for count in (FEW, MANY)} for _ in range(WARM_UP + TURNS)]
    return {count: [turn[count] for turn in taken[WARM_UP:]] for count in (FEW, MANY)}


def _drawn_s(browser: Browser, address: str, count: int) -> float:
    """Return the seconds from asking for the Runs page to its newest run on the screen."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(_WATCH.replace("WANTED", repr(_name(count))))
    page.goto(f"{address}/runs")
    page.wait_for_function("window.drawn")
    drawn_ms = float(page.evaluate("window.drawn"))
    page.close()
    return drawn_ms / 1000


def _ask(address: str, chosen: str = "") -> None:
    """Ask for the Runs page and wait for the end of its script."""
    query = urlencode({"compare": chosen}) if chosen else ""
    with Client(address, "runs", query) as client:
        client.settle()


@contextmanager
def _served(root: Path) -> Iterator[str]:
    before = os.environ["NETSKETCH_DATA"]
    os.environ["NETSKETCH_DATA"] = str(root)
    try:
        with serve(NETSKETCH) as address:
            os.environ["NETSKETCH_DATA"] = before
            yield address
    finally:
        os.environ["NETSKETCH_DATA"] = before


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


def _report_rebuilding(root: Path) -> None:
    took = []
    for _ in range(3):
        (root / "runs.list").write_bytes(b"no list")
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
