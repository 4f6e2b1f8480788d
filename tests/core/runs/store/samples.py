"""What the tests of the store save: runs, states and figures, made from numbers."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.runs.history import History
from core.runs.record import RunRecord
from core.runs.store import disk
from core.spec.presets import PRESETS
from core.training.events import Epoch, Steps
from core.training.state import State

PER_EPOCH = 10
# What a person says of a run.
WORDS = {"name": "my best", "tags": ("homework", "数字"), "note": "two\nlines", "starred": True}
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS)


def record(number: int = 1, **changes: object) -> RunRecord:
    """A run that has not begun."""
    values: dict[str, object] = {
        "id": f"{number}-a1b2c3",
        "number": number,
        "name": f"{number} · Small and fast",
        "spec": PRESETS["small"].spec,
        "created_at": 1_790_000_000.25 + number,
        "num_steps": 10 * PER_EPOCH,
        "params": 24_000,
    }
    return RunRecord(**(values | changes))  # type: ignore[arg-type]


def state(step: int, size: int = 10) -> State:
    """The state of a training after so many steps; every one differs from every other."""
    generator = torch.Generator().manual_seed(step)
    return State(
        step=step,
        epoch=step // PER_EPOCH,
        tensors={
            "model.weight": torch.rand(size, 3, generator=generator),
            "model.seen": torch.tensor(step),
            "optimizer.0.exp_avg": torch.rand(size, 3, generator=generator),
            "random.cpu": generator.get_state(),
        },
        numbers={"train_s": step / 100, "optimizer": [{"lr": 0.1, "betas": [0.9, 0.999]}]},
    )


def accuracy(epoch: int) -> float:
    """How an epoch does on the validation images; the third does best."""
    return 0.9 - abs(epoch - 3) / 100


def history(num_steps: int, accuracy_of: Callable[[int], float] = accuracy) -> History:
    """The figures after so many steps; those of a shorter one are the beginning of a longer's."""
    made = History(PER_EPOCH)
    for step in range(1, num_steps + 1):
        made.add(
            Steps(
                losses=(1 / step,),
                accuracies=(step % 7 / 7,),
                step=step,
                lr=0.1,
                images=step * 64,
                train_s=step / 100,
            )
        )
        if step % PER_EPOCH == 0:
            made.add(
                Epoch(
                    epoch=step // PER_EPOCH,
                    step=step,
                    train_loss=1 / step,
                    train_accuracy=0.5,
                    val_loss=2 / step,
                    val_accuracy=accuracy_of(step // PER_EPOCH),
                )
            )
    return made


def same_state(one: State | None, other: State | None) -> bool:
    """Whether two states agree to the last bit."""
    if one is None or other is None:
        return one is other
    return (
        (one.step, one.epoch, one.numbers) == (other.step, other.epoch, other.numbers)
        and one.tensors.keys() == other.tensors.keys()
        and all(
            value.dtype == other.tensors[name].dtype and torch.equal(value, other.tensors[name])
            for name, value in one.tensors.items()
        )
    )


def same_history(one: History, other: History) -> bool:
    """Whether two histories hold the same figures, to the last bit."""
    figures = (one.since(0).tobytes(), one.epochs)
    return figures == (other.since(0).tobytes(), other.epochs)


class Killed(BaseException):
    """The process ends here; nothing of ours runs any more."""


class Faults:
    """Stands before every step that changes the disk, and counts them.

    Attributes:
        seen: what was about to be done, and to which file.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[disk.Step, Path]] = []
        self._at = -1
        self._fault: Callable[[], BaseException] = Killed

    def __call__(self, step: disk.Step, path: Path) -> None:
        self.seen.append((step, path))
        if 0 < self._at <= len(self.seen):
            if step == "write" and path.exists():
                # Some of the bytes arrive, as many as fit or as there was time for.
                with path.open("ab") as file:
                    file.write(b"{\x01\x02")
            raise self._fault()

    def kill_at(self, point: int) -> None:
        """Let the process die at a step that comes, counted from 1."""
        self.seen.clear()
        self._at, self._fault = point, Killed

    def fail_at(self, point: int, number: int) -> None:
        """Let the system report an error at a step that comes, and ever after."""
        self.seen.clear()
        self._at, self._fault = point, lambda: OSError(number, "as the test wants it")

    def stop(self) -> None:
        """Let everything pass from now on."""
        self._at = -1


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Faults at will."""
    made = Faults()
    monkeypatch.setattr(disk, "before", made)
    return made


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: no power is cut here."""
    monkeypatch.setattr(disk.os, "fsync", lambda handle: None)
