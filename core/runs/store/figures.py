"""The figures of a run's steps and epochs on the disk: files that are only ever added to.

```
steps.f32      loss and accuracy of each step, as pairs of little-endian float32
steps.sums     a line for each piece of that: first byte, end, CRC-32
epochs.jsonl   one line an epoch, its CRC-32 in it
```
Runs of earlier versions have no sums: theirs are taken as they are.
"""

import json
import math
import weakref
import zlib
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.runs.history import History
from core.runs.store import disk
from core.training.events import Epoch

STEPS: Final = "steps.f32"
SUMS: Final = "steps.sums"
EPOCHS: Final = "epochs.jsonl"
_PAIR: Final = np.dtype("<f4")
_PAIR_BYTES: Final = 8
# What a fault of the disk can spoil at once: the figures of some thousand steps.
_PIECE: Final = 4096 * _PAIR_BYTES
# How often a reader looks again, when what it was about to read was just replaced.
_LOOKS: Final = 3
_CRC: Final = "crc"


class Figures:
    """The figures of one run on the disk. One thread writes; any may read.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Whose figures the files hold, and how many of them, as far as that is known.
        self._of: weakref.ref[History] | None = None
        self._steps = self._epochs = 0
        self._bytes: dict[str, int] = {}
        # A failed write or fsync leaves the end of a file in doubt, whatever reading it says.
        self._in_doubt: set[str] = set()

    def save(self, history: History) -> None:
        """Bring the files up to a history. What they hold of it already is not touched again.

        Raises:
            OSError: some may be there and some not; the next time sees to that.
        """
        if self._known(history):
            self._add(history)
            return
        self._of = None
        steps, epochs = _plain(history.since(0)), history.epochs
        self._hold(STEPS, steps)
        self._hold(EPOCHS, _lines(epochs))
        self._hold(SUMS, _sums(steps, 0), wait=False)
        self._remember(history, len(steps) // _PAIR_BYTES, len(epochs))

    def load(
        self, steps_per_epoch: int, up_to_step: int | None, up_to_epoch: int | None
    ) -> History:
        """Return what is there, without what a kill or a fault left half written.

        Args:
            steps_per_epoch: steps in one epoch.
            up_to_step: leave out what came after it. Steps before it that the disk has lost are
                not numbers.
            up_to_epoch: leave out the epochs after it.

        Raises:
            OSError: they cannot be read now.
        """
        data, figures = self._figures()
        epochs = self.epochs()
        whole = len(figures)
        if up_to_step is not None:
            figures = figures[:up_to_step]
            lost = np.full((up_to_step - len(figures), 2), np.nan, dtype=np.float32)
            figures = np.concatenate([figures, lost])
            epochs = [epoch for epoch in epochs if epoch.step <= up_to_step]
        if up_to_epoch is not None:
            epochs = [epoch for epoch in epochs if epoch.epoch <= up_to_epoch]
        history = History.restored(steps_per_epoch, figures, epochs)
        if up_to_step is None:
            return history  # for a reader; what the writer knows stays
        self._of = None
        if len(figures) == whole and data == _plain(figures):
            lines, sums = _lines(epochs), _sums(data, 0)
            if self._read(EPOCHS) == lines and self._read(SUMS) == sums:
                self._remember(history, whole, len(epochs))
        return history

    def epochs(self) -> list[Epoch]:
        """Return the epochs whose lines are whole, in order.

        Raises:
            OSError: they cannot be read now.
        """
        found: list[Epoch] = []
        for line in self._read(EPOCHS).split(b"\n")[:-1]:
            epoch = _epoch(line)
            if epoch is not None and epoch.epoch > (found[-1].epoch if found else 0):
                found.append(epoch)
        return found

    def _known(self, history: History) -> bool:
        """Tell whether the files hold the beginning of this history, and nothing else."""
        if self._in_doubt or self._of is None or self._of() is not history:
            return False
        try:
            return all(
                (self._folder / name).stat().st_size == size for name, size in self._bytes.items()
            )
        except disk.ABSENT:
            return False

    def _remember(self, history: History, num_steps: int, num_epochs: int) -> None:
        self._steps, self._epochs = num_steps, num_epochs
        self._bytes = {
            name: (self._folder / name).stat().st_size
            for name in (STEPS, SUMS, EPOCHS)
            if (self._folder / name).exists()
        }
        self._of = weakref.ref(history)

    def _add(self, history: History) -> None:
        """Add what is new."""
        steps, epochs = _plain(history.since(self._steps)), history.epochs[self._epochs :]
        begin = self._steps * _PAIR_BYTES
        self._append(STEPS, steps)
        self._append(EPOCHS, _lines(epochs))
        self._append(SUMS, _sums(steps, begin), wait=False)
        self._steps += len(steps) // _PAIR_BYTES
        self._epochs += len(epochs)

    def _append(self, name: str, data: bytes, *, wait: bool = True) -> None:
        if not data:
            return
        try:
            disk.append(self._folder / name, data, wait=wait)
            if name not in self._bytes:
                disk.sync_folder(self._folder)
        except OSError:
            self._in_doubt.add(name)
            raise
        self._bytes[name] = self._bytes.get(name, 0) + len(data)

    def _hold(self, name: str, wanted: bytes, *, wait: bool = True) -> None:
        """Make a file hold just these bytes, by adding to it where that is enough."""
        found = self._read(name)
        if found == wanted and name not in self._in_doubt:
            return
        try:
            if name in self._in_doubt or not wanted.startswith(found):
                if name == STEPS:
                    # Sums of what is replaced would call the new figures spoilt.
                    disk.before("remove", self._folder / SUMS)
                    (self._folder / SUMS).unlink(missing_ok=True)
                    disk.sync_folder(self._folder)
                disk.write(self._folder / name, wanted)
            else:
                disk.append(self._folder / name, wanted[len(found) :], wait=wait)
        except OSError:
            self._in_doubt.add(name)
            raise
        self._in_doubt.discard(name)
        if not found:
            disk.sync_folder(self._folder)

    def _figures(self) -> tuple[bytes, NDArray[np.float32]]:
        """Return the bytes of the steps, and what they say; what is spoilt is not a number."""
        for _ in range(_LOOKS):
            data = self._read(STEPS)
            spoilt = [
                (begin, end)
                for begin, end, crc in _pieces(self._read(SUMS))
                if end <= len(data) and zlib.crc32(data[begin:end]) != crc
            ]
            # A writer may have replaced one between our two looks.
            if not spoilt or data == self._read(STEPS):
                break
        whole = len(data) // _PAIR_BYTES * _PAIR_BYTES
        figures = np.frombuffer(data[:whole], dtype=_PAIR).astype(np.float32).reshape(-1, 2)
        for begin, end in spoilt:
            figures[begin // _PAIR_BYTES : -(-end // _PAIR_BYTES)] = np.nan
        return data, figures

    def _read(self, name: str) -> bytes:
        try:
            return disk.read(self._folder / name)
        except disk.ABSENT:
            return b""


def _plain(figures: NDArray[np.float32]) -> bytes:
    return figures.astype(_PAIR).tobytes()


def _sums(steps: bytes, begin: int) -> bytes:
    """Return the lines of the sums of some steps' bytes, the first of which has this place."""
    lines = []
    for at in range(0, len(steps), _PIECE):
        piece = steps[at : at + _PIECE]
        lines.append(f"{begin + at} {begin + at + len(piece)} {zlib.crc32(piece):08x}\n")
    return "".join(lines).encode()


def _pieces(sums: bytes) -> Iterable[tuple[int, int, int]]:
    """Read such lines; what is no such line says nothing."""
    for line in sums.split(b"\n")[:-1]:
        words = line.split(b" ")
        try:
            begin, end, crc = int(words[0]), int(words[1]), int(words[2], 16)
        except (ValueError, IndexError):
            continue
        if len(words) == 3 and 0 <= begin < end:
            yield begin, end, crc


def _lines(epochs: Iterable[Epoch]) -> bytes:
    lines = []
    for epoch in epochs:
        values = asdict(epoch)
        lines.append(json.dumps(values | {_CRC: _crc(values)}) + "\n")
    return "".join(lines).encode()


def _crc(values: dict[str, object]) -> int:
    return zlib.crc32(json.dumps(values).encode())


def _epoch(line: bytes) -> Epoch | None:
    """Read one line; None where it is damaged."""
    try:
        values = json.loads(line)
        if not isinstance(values, dict):
            return None
        if _CRC in values and values.pop(_CRC) != _crc(values):
            return None
        if values.keys() != {f.name for f in fields(Epoch)}:
            return None
        counts = (values["epoch"], values["step"])
        if not all(type(count) is int and count > 0 for count in counts):
            return None
        if not all(type(v) in (int, float) and math.isfinite(v) for v in values.values()):
            return None
        return Epoch(**values)
    except (ValueError, RecursionError, OverflowError):
        return None
