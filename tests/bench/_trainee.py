"""A process that trains and saves until it is killed; it says so after every save."""

import os
import signal
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from core.data.loading import DATASETS, load
from core.machine.device import take_one_core
from core.runs.handover import execute
from core.runs.history import History
from core.runs.record import RunRecord
from core.runs.store import RunFolder, Store, disk
from core.runs.view import Run
from core.spec import BlockSpec, RunSpec
from core.training.batches import steps_per_epoch
from core.training.state import State

# Small enough for many epochs a second, with all that a state can hold.
SPEC: Final = RunSpec(
    blocks=(BlockSpec(channels=2, kernel_size=5, stride=3, norm="batch", dropout=0.1),),
    schedule="one_cycle",
    batch_size=512,
    num_epochs=20,
    shift=1,
    device="cpu",
)
# At whose steps on the disk a process may be told to die; by then there is one to replace.
SAVE: Final = 3

# What a process says: a run's id, and the epochs and steps that have just been saved.
Acknowledged = tuple[str, int, int]


def train(root: str, say: Connection, die_at: int | None) -> None:
    """Go on with the newest run, or begin another when it is over, without end.

    Args:
        root: of the store.
        say: takes an `Acknowledged` after every save.
        die_at: the step on the disk to die at, counted from 1 at the start of save number SAVE;
            0 tells how many there are up to the next save, and ends.
    """
    take_one_core()
    points = _Points(say, die_at)
    save = RunFolder.save

    def acknowledge(folder: RunFolder, state: State, history: History) -> None:
        points.next_save()
        save(folder, state, history)
        say.send((folder.path.name, state.epoch, state.step))

    RunFolder.save = acknowledge  # type: ignore[method-assign]
    store = Store(Path(root))
    store.interrupt_orphans()
    while True:
        execute(_newest(store))


def _newest(store: Store) -> Run:
    """Return the newest run, waiting to go on, or another that waits to begin."""
    newest = store.newest(1)
    if newest:
        run = Run(newest[0], store)
        if run.requeue():
            return run
    number = store.new_number()
    spec = replace(SPEC, seed=number)
    steps = steps_per_epoch(spec.batch_size, DATASETS[spec.data].train) * spec.num_epochs
    record = RunRecord(
        id=f"{number}-crash", number=number, name=f"{number}", spec=spec, num_steps=steps
    )
    store.add(record)
    return Run(record, store)


class _Points:
    """Counts the steps on the disk, and dies at one of them."""

    def __init__(self, say: Connection, die_at: int | None) -> None:
        self._say = say
        self._die_at = die_at
        self._saves = self._seen = 0
        if die_at is not None:
            disk.before = self._before

    def next_save(self) -> None:
        """Note that a save begins."""
        self._saves += 1
        if self._die_at == 0 and self._saves > SAVE:
            self._say.send(("", 0, self._seen))
            os._exit(0)

    def _before(self, step: disk.Step, path: Path) -> None:
        if self._saves >= SAVE:
            self._seen += 1
            if self._seen == self._die_at:
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


# Read once, by the process that all others are copies of.
take_one_core()
load(SPEC.data)
