"""One run's folder: its description, its figures and its checkpoints. It is the truth about a run.

```
run.json                         what `core.record` knows
steps.f32                        loss and accuracy of each step, as pairs of little-endian float32
epochs.jsonl                     one line an epoch
state-SERIAL-eE-sS.safetensors   checkpoints after epoch E and step S, and .sha256 beside each
logits.safetensors               what the network said of each test image
claim.lock                       held by the process that works on the run
```
A checkpoint counts on the figures of its steps, so these are on the disk before it is.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.errors import UserError
from core.history import History
from core.message import N_, message
from core.record import ENDED, RunRecord, from_plain, to_plain
from core.state import State
from core.store import disk
from core.store.checkpoint import SUM, Checkpoint, checkpoints, read_logits, write_logits
from core.store.disk import StoreError
from core.trainer import Epoch

RECORD: Final = "run.json"
STEPS: Final = "steps.f32"
EPOCHS: Final = "epochs.jsonl"
LOGITS: Final = "logits.safetensors"
CLAIM: Final = "claim.lock"
# A description is some 2 kB; nobody wrote one of this size.
_MAX_RECORD_BYTES: Final = 1024 * 1024
# Beyond this, neither a float nor SQLite holds every whole number.
_MAX_NUMBER: Final = 2**53
_PAIR: Final = np.dtype("<f4")
_PAIR_BYTES: Final = 8
# How often a reader looks again, when what it was about to read was just replaced.
_LOOKS: Final = 3


class RunFolder:
    """One run on the disk. One thread writes; any may read.

    Args:
        path: the folder.
        title: the run in the sentences that people read.
        on_saved: called whenever the folder's size has changed.
    """

    def __init__(
        self, path: Path, title: str = N_("The run"), on_saved: Callable[[], None] | None = None
    ) -> None:
        self.path = path
        self._title = title
        self._on_saved = on_saved or (lambda: None)
        # A failed write or fsync leaves the end of a file in doubt, whatever reading it says.
        self._in_doubt: set[str] = set()
        # Checkpoints that need not be read again to know that they are whole.
        self._trusted: set[Checkpoint] = set()

    def save(self, state: State, history: History) -> None:
        """Save a training. When this returns, it outlives a kill and a power cut.

        Three checkpoints stay: this one, the one before, and the best at the end of an epoch.

        Raises:
            StoreError: it is not saved; earlier checkpoints still load.
        """
        earlier = [one for one in checkpoints(self.path) if one.step <= state.step]
        newest = Checkpoint(
            max((one.serial for one in checkpoints(self.path)), default=0) + 1,
            state.epoch,
            state.step,
            self.path,
        )
        epochs = history.epochs
        with self._saving():
            self._extend(STEPS, history.since(0).astype(_PAIR).tobytes())
            self._extend(EPOCHS, "".join(_line(epoch) for epoch in epochs).encode())
            newest.write(state, self._record_text())
            self._tidy(newest, earlier, epochs)

    def load_state(self) -> State | None:
        """Return the newest checkpoint that is whole, or None."""
        for _ in range(_LOOKS):
            found = checkpoints(self.path)
            for checkpoint in found:
                if (state := checkpoint.state()) is not None:
                    self._trusted.add(checkpoint)
                    return state
            if found == checkpoints(self.path):
                break
        return None

    def load_history(self, steps_per_epoch: int, up_to_step: int | None = None) -> History:
        """Return the figures so far, without what a kill or a fault left half written.

        Args:
            steps_per_epoch: steps in one epoch.
            up_to_step: leave out what came after it, for a training that goes on from there.
                Steps before it that the disk has lost are not numbers.
        """
        figures = self._figures()
        epochs = self._epochs()
        if up_to_step is not None:
            figures = figures[:up_to_step]
            lost = np.full((up_to_step - len(figures), 2), np.nan, dtype=np.float32)
            figures = np.concatenate([figures, lost])
            epochs = [epoch for epoch in epochs if epoch.step <= up_to_step]
        return History.restored(steps_per_epoch, figures, epochs)

    def load_weights(self, which: Literal["last", "best"] = "last") -> dict[str, Tensor] | None:
        """Return the network's state dict, or None where no checkpoint is whole.

        Args:
            which: the newest, or those after the epoch that did best on the validation images.
        """
        if which == "best":
            for checkpoint in _best_first(checkpoints(self.path), self._epochs()):
                if (state := checkpoint.state()) is not None:
                    return state.weights()
        state = self.load_state()
        return None if state is None else state.weights()

    def save_logits(self, logits: Tensor) -> None:
        """Save what the network said of the test images.

        Args:
            logits: float32 (images, 10).

        Raises:
            StoreError: they are not saved.
        """
        with self._saving():
            write_logits(self.path / LOGITS, logits)

    def load_logits(self) -> Tensor | None:
        """Return what `save_logits` saved, or None where it is not whole."""
        return read_logits(self.path / LOGITS)

    def write_record(self, record: RunRecord) -> None:
        """Save the run's description.

        Raises:
            StoreError: the earlier one is still there.
        """
        text = json.dumps(to_plain(record), indent=1)
        with disk.saving(self._title):
            disk.write(self.path / RECORD, text.encode())
            disk.sync_folder(self.path)
        self._remove_half_written(RECORD)

    def read_record(self) -> RunRecord:
        """Return the run's description.

        Raises:
            UserError: it is missing or damaged.
        """
        try:
            with (self.path / RECORD).open("rb") as file:
                data = file.read(_MAX_RECORD_BYTES + 1)
            record = _record(data)
        except FileNotFoundError as error:
            raise StoreError(N_("There is no such run any more.")) from error
        except (OSError, ValueError, RecursionError, TypeError) as error:
            raise StoreError(
                message(
                    "{run} cannot be read: its description ({file}) is damaged.",
                    run=self._title,
                    file=RECORD,
                )
            ) from error
        # A folder that somebody copied is a run of its own.
        return replace(record, id=self.path.name)

    def mend_record(self) -> RunRecord | None:
        """Make a lost description anew from the newest whole checkpoint.

        Returns:
            It, written to the disk; or None where no checkpoint holds one.

        Raises:
            StoreError: it could not be written.
        """
        for checkpoint in checkpoints(self.path):
            try:
                kept = _record(checkpoint.record() or "")
            except (ValueError, RecursionError, TypeError):
                continue
            record = self.as_far_as(replace(kept, id=self.path.name), checkpoint)
            if kept.status not in ENDED:
                # Even one that was finished since can go on, to its test.
                record = replace(record, status="interrupted")
            self.write_record(record)
            return record
        return None

    def as_far_as(self, record: RunRecord, checkpoint: Checkpoint | None = None) -> RunRecord:
        """Return the record of a run that came no further than its newest whole checkpoint."""
        if checkpoint is None:
            whole = (one for one in checkpoints(self.path) if one.is_whole())
            checkpoint = next(whole, None)
        if checkpoint is None:
            return replace(record, step=0, epoch=0, val_accuracy=None, best_epoch=None)
        epochs = [epoch for epoch in self._epochs() if epoch.step <= checkpoint.step]
        best = max(epochs, key=lambda epoch: epoch.val_accuracy, default=None)
        return replace(
            record,
            step=checkpoint.step,
            epoch=checkpoint.epoch,
            val_accuracy=epochs[-1].val_accuracy if epochs else None,
            best_epoch=best.epoch if best else None,
        )

    def last_sign_of_life(self) -> float | None:
        """Return when a file of the run was last written, in seconds since 1970."""
        names = (RECORD, STEPS, EPOCHS)
        found = [self.path / name for name in names]
        found += [checkpoint.path for checkpoint in checkpoints(self.path)]
        times: list[float] = []
        for path in found:
            with suppress(OSError):
                times.append(path.stat().st_mtime)
        return max(times, default=None)

    def _extend(self, name: str, wanted: bytes) -> None:
        """Make a file hold just these bytes, by appending where that is enough."""
        path = self.path / name
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            found = b""
        if found == wanted and name not in self._in_doubt:
            return
        try:
            if name in self._in_doubt or not wanted.startswith(found):
                disk.write(path, wanted)
            else:
                disk.append(path, wanted[len(found) :])
        except OSError:
            self._in_doubt.add(name)
            raise
        self._in_doubt.discard(name)
        if not found:
            disk.sync_folder(self.path)

    def _record_text(self) -> str:
        """Return the description as it is on the disk, for a checkpoint to keep a copy of."""
        try:
            return json.dumps(to_plain(self.read_record()))
        except UserError:
            return ""

    def _figures(self) -> NDArray[np.float32]:
        try:
            data = (self.path / STEPS).read_bytes()
        except OSError:
            data = b""
        whole = len(data) // _PAIR_BYTES * _PAIR_BYTES
        return np.frombuffer(data[:whole], dtype=_PAIR).astype(np.float32).reshape(-1, 2)

    def _epochs(self) -> list[Epoch]:
        """Return the epochs whose lines are whole, in order."""
        try:
            lines = (self.path / EPOCHS).read_bytes().split(b"\n")[:-1]
        except OSError:
            return []
        epochs: list[Epoch] = []
        for line in lines:
            epoch = _epoch(line)
            if epoch is not None and epoch.epoch > (epochs[-1].epoch if epochs else 0):
                epochs.append(epoch)
        return epochs

    def _tidy(
        self, newest: Checkpoint, earlier: Sequence[Checkpoint], epochs: Sequence[Epoch]
    ) -> None:
        """Remove the checkpoints that need not stay, and what a kill left half written."""
        kept = {newest, *_best_first([newest, *earlier], epochs)[:1]}
        # The one before must be one that loads, should the disk spoil the newest.
        kept |= set(next(([one] for one in earlier if one in self._trusted or one.is_whole()), []))
        self._trusted = kept & (self._trusted | {newest})
        for checkpoint in checkpoints(self.path):
            if checkpoint not in kept:
                checkpoint.remove()
        names = {checkpoint.sum_path.name for checkpoint in kept}
        for path in self._files():
            if path.suffix == SUM and path.name not in names:
                disk.remove(path)
        self._remove_half_written(STEPS, EPOCHS, "state-")

    def _remove_half_written(self, *beginnings: str) -> None:
        """Remove what a kill left of files that only the caller writes."""
        for path in self._files():
            if path.suffix == disk.TEMPORARY and path.name.startswith(beginnings):
                disk.remove(path)

    def _files(self) -> list[Path]:
        try:
            return list(self.path.iterdir())
        except OSError:
            return []

    @contextmanager
    def _saving(self) -> Iterator[None]:
        """Say what could not be saved; the folder's size has changed either way."""
        try:
            with disk.saving(self._title):
                yield
        except StoreError:
            self._on_saved()
            raise
        self._on_saved()


def _best_first(found: Sequence[Checkpoint], epochs: Sequence[Epoch]) -> list[Checkpoint]:
    """Return the checkpoints that stand at the end of an epoch, the one that did best first."""
    ends = {(epoch.epoch, epoch.step): epoch.val_accuracy for epoch in epochs}
    at_an_end = [one for one in found if (one.epoch, one.step) in ends]
    return sorted(at_an_end, key=lambda one: (-ends[one.epoch, one.step], one.epoch, one.serial))


def _record(text: str | bytes) -> RunRecord:
    """Read a description.

    Raises:
        ValueError, RecursionError, TypeError: it is damaged.
    """
    values = json.loads(text)
    record = from_plain(values)
    if any(type(value) in (int, float) and abs(value) > _MAX_NUMBER for value in values.values()):
        raise ValueError("a number that no run comes to")
    return record


def _line(epoch: Epoch) -> str:
    return json.dumps(asdict(epoch)) + "\n"


def _epoch(line: bytes) -> Epoch | None:
    """Read one line; None where it is damaged."""
    try:
        values = json.loads(line)
        if not isinstance(values, dict) or values.keys() != {f.name for f in fields(Epoch)}:
            return None
        counts = (values["epoch"], values["step"])
        if not all(type(count) is int and count > 0 for count in counts):
            return None
        if not all(type(v) in (int, float) and math.isfinite(v) for v in values.values()):
            return None
        return Epoch(**values)
    except (ValueError, RecursionError, OverflowError):
        return None
