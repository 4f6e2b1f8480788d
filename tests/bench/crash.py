"""Whether anything that was saved is lost when the process that trains is killed.

`python -m tests.bench.crash`: a process trains a small network and saves every epoch. It is killed
(kill -9) at random instants, from its very start on, and once at each write, fsync and rename of a
save. After every kill the store is opened and all that was ever acknowledged is looked for; the
next process goes on with the run. `--kills N` kills at fewer instants.
"""

import argparse
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from core.data.loading import DATASETS, load
from core.machine.device import take_one_core
from core.runs.record import RunRecord
from core.runs.store import Store, disk
from core.training.batches import steps_per_epoch
from core.training.trainer import Trainer
from tests.bench import _trainee
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.bench._server import ROOT

# Kills come between the start of a process and the time that another took for so many saves.
SAVES = 5
FRESH_STARTS = 5
WHOLE_RUN_S = 120.0

_IMPORTS = "import core.runs.store"
_FRESH = """
import sys
from pathlib import Path
from core.runs.store import Store
store = Store(Path(sys.argv[1]))
store.interrupt_orphans()
newest = store.newest(1)[0]
assert store.folder(newest.id).load_state() is not None or not newest.step
print(len(store.rows()))
"""


@dataclass
class Found:
    """What was seen after the kills.

    Attributes:
        saved: epochs and steps of each run that were acknowledged last, by id.
        epochs: acknowledged in all.
        lost: of them, not found again.
        unreadable: openings that failed, or that had to mend or leave out anything.
        reopen_s: each opening with all that is needed to go on.
        half_written: kills that left something half written.
        going_on: kills after which the run went on from a saved state.
    """

    saved: dict[str, tuple[int, int]] = field(default_factory=dict)
    epochs: int = 0
    lost: int = 0
    unreadable: int = 0
    reopen_s: list[float] = field(default_factory=list)
    half_written: int = 0
    going_on: int = 0

    def acknowledge(self, run_id: str, epoch: int, step: int) -> None:
        """Note what a process said."""
        before = self.saved.get(run_id, (0, 0))
        self.epochs += max(0, epoch - before[0])
        self.saved[run_id] = max(before, (epoch, step))

    def look(self, root: Path) -> None:
        """Open the store as the next process will, and look for all that was acknowledged."""
        self.half_written += any(root.glob(f"runs/*/*{disk.TEMPORARY}"))
        began = time.perf_counter()
        try:
            store = Store(root)
            store.interrupt_orphans()
            rows = {row.id: row for row in store.rows()}
            whole = self.saved.keys() <= rows.keys() and not store.notices
            for run_id in list(self.saved)[-1:]:
                self._look_at(store, run_id)
            self.reopen_s.append(time.perf_counter() - began)
            if not whole:
                progress(f"runs are missing, or had to be mended: {store.notices}")
            self.unreadable += not whole
            store.close()
        except Exception as error:
            progress(f"the store could not be opened: {error!r}")
            self.unreadable += 1

    def _look_at(self, store: Store, run_id: str) -> None:
        """Compare what is on the disk of a run with what was acknowledged."""
        epoch, step = self.saved[run_id]
        record = store.get(run_id)
        if record is None:
            raise LookupError(f"{run_id} cannot be read")
        folder = store.folder(run_id)
        state = folder.load_state()
        known = folder.load_history(_steps_per_epoch(record), state.step if state else 0)
        epochs = min(record.epoch, state.epoch if state else 0, len(known.epochs))
        if epochs < epoch or (state.step if state else 0) < step or known.num_steps < step:
            progress(f"{run_id}: {epoch} epochs acknowledged, {epochs} found")
            self.lost += max(1, epoch - epochs)
        self.going_on += state is not None and record.resumable


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="at random instants")
    kills = parser.parse_args().kills
    with (
        data_folder_of_its_own(),
        tempfile.TemporaryDirectory(prefix="netsketch-crash-") as folder,
    ):
        take_one_core()
        load(_trainee.SPEC.data)  # makes the cache
        _random_kills(Path(folder) / "random", kills)
        _kills_at_each_point(Path(folder) / "points")


def _random_kills(root: Path, kills: int) -> None:
    found = Found()
    instants = random.Random(0)
    _time_of_saves(root.with_name("first"))  # starts the process that the others are copies of
    latest_s = _time_of_saves(root.with_name("trial"))
    progress(f"a process takes {latest_s:.1f} s for {SAVES} saves")
    fresh_s = []
    for i in range(kills):
        with _process(root, None) as (process, said):
            time.sleep(instants.uniform(0, latest_s))
            process.kill()
            process.join()
            for words in _all(said):
                found.acknowledge(*words)
        if i % max(1, kills // FRESH_STARTS) == 0:
            fresh_s.append(_fresh_start_s(_FRESH, str(root)))
        found.look(root)
        if (i + 1) % 20 == 0:
            progress(f"{i + 1} kills, {found.epochs} epochs acknowledged, {found.lost} lost")
    report(
        "acknowledged epochs lost in kills at random instants",
        found.lost if found.epochs else None,
        "epochs",
        n=found.epochs,
        at_most=0,
        kills=kills,
        half_written=found.half_written,
        went_on=found.going_on,
    )
    report("stores unreadable after them", found.unreadable, "stores", n=kills, at_most=0)
    report(
        "ready again in the same process: store open, run found, its state and figures read",
        max(found.reopen_s),
        "s",
        n=len(found.reopen_s),
        at_most=5,
        median=round(statistics.median(found.reopen_s), 3),
    )
    report(
        "ready again in a new process, from its very start",
        max(fresh_s),
        "s",
        n=len(fresh_s),
        at_most=5,
        median=round(statistics.median(fresh_s), 2),
        imports_alone_s=round(_fresh_start_s(_IMPORTS), 2),
    )
    differ, finished = _compare(root)
    report(
        "runs that end otherwise than without the kills, to the last bit",
        differ if finished else None,
        "runs",
        n=finished,
        at_most=0,
    )


def _kills_at_each_point(root: Path) -> None:
    with _process(root / "0", 0) as (process, said):
        process.join(WHOLE_RUN_S)
        points = next(step for run_id, _, step in _all(said) if not run_id)
    found = Found()
    for point in range(1, points + 1):
        here = root / str(point)
        found.saved.clear()
        with _process(here, point) as (process, said):
            process.join(WHOLE_RUN_S)
            for words in _all(said):
                found.acknowledge(*words)
        found.look(here)
    report(
        "acknowledged epochs lost in a kill at each write, fsync and rename of a save",
        found.lost if found.epochs else None,
        "epochs",
        n=found.epochs,
        at_most=0,
        kills=points,
        half_written=found.half_written,
        went_on=found.going_on,
    )
    report("stores unreadable after those", found.unreadable, "stores", n=points, at_most=0)


class _process:
    """A process that trains, as a context: it is dead at its end."""

    def __init__(self, root: Path, die_at: int | None) -> None:
        ways = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
        # A copy of a process that has PyTorch and the digits already is there at once.
        context.set_forkserver_preload(["tests.bench._trainee"])
        self._said, say = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_trainee.train, args=(str(root), say, die_at), daemon=True
        )
        self._process.start()
        say.close()

    def __enter__(self) -> tuple[multiprocessing.process.BaseProcess, Connection]:
        return self._process, self._said

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._said.close()


def _all(said: Connection) -> Iterator[_trainee.Acknowledged]:
    """Yield what a process said before it died."""
    try:
        while said.poll():
            yield said.recv()
    except (EOFError, OSError):
        return


def _time_of_saves(root: Path) -> float:
    """Return the seconds from the start of a process to its save number SAVES."""
    began = time.perf_counter()
    with _process(root, None) as (_, said):
        for _ in range(SAVES):
            said.recv()
    return time.perf_counter() - began


def _fresh_start_s(code: str, *words: str) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", code, *words]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _compare(root: Path) -> tuple[int, int]:
    """Train every finished run again without a kill; return how many differ, and of how many."""
    store = Store(root)
    differ = finished = 0
    for row in store.rows():
        record = store.get(row.id)
        if record is None or record.status != "finished":
            continue
        trainer = Trainer(record.spec, load(record.spec.data))
        for _ in trainer.fit():
            pass
        kept = store.folder(row.id).load_weights() or {}
        whole = trainer.weights()
        finished += 1
        differ += kept.keys() != whole.keys() or not all(
            torch.equal(kept[name], whole[name]) for name in whole
        )
    store.close()
    return differ, finished


def _steps_per_epoch(record: RunRecord) -> int:
    return steps_per_epoch(record.spec.batch_size, DATASETS[record.spec.data].train)


if __name__ == "__main__":
    main()
