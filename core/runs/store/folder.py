"""One run's folder: its description, its figures and its checkpoints. It is the truth about a run.

```
run.json                         what `core.runs.record` knows
steps.f32, .sums; epochs.jsonl   the figures of steps and epochs; see `core.runs.store.figures`
state-SERIAL-eE-sS.safetensors   checkpoints after epoch E and step S, and .sha256 beside each
weights.safetensors              those of a run that ended otherwise than at a checkpoint
logits.safetensors               what the network said of each test image
claim.lock                       held by the process that works on the run
```
A checkpoint counts on the figures of its steps, so these are on the disk before it is.

What cannot be read now (`Unreadable`) is never taken for what is missing or damaged: nothing is
written in its place and nothing that was not read is removed.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from torch import Tensor

from core.runs.history import History
from core.runs.record import ENDED, RunRecord, to_plain
from core.runs.store import description, disk
from core.runs.store.checkpoint import SUM, Checkpoint, checkpoints
from core.runs.store.disk import StoreError, Unreadable
from core.runs.store.figures import EPOCHS, STEPS, SUMS, Figures
from core.runs.store.tensors import read_logits, read_weights, write_logits, write_weights
from core.training.events import Epoch
from core.training.state import State
from core.words.errors import UserError
from core.words.message import N_, message

RECORD: Final = "run.json"
WEIGHTS: Final = "weights.safetensors"
LOGITS: Final = "logits.safetensors"
# A description is some 2 kB; nobody wrote one of this size.
_MAX_RECORD_BYTES: Final = 1024 * 1024
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
        self._figures = Figures(path)
        # Checkpoints that need not be read again to know that they are whole.
        self._trusted: set[Checkpoint] = set()
        # The description as it was last written or read here.
        self._last_record = ""

    def save(self, state: State, history: History) -> None:
        """Save a training. When this returns, it outlives a kill and a power cut.

        Three checkpoints stay: this one, the one before, and the best at the end of an epoch.

        Raises:
            StoreError: it is not saved; earlier checkpoints still load.
        """
        epochs = history.epochs
        with self._saving():
            found = checkpoints(self.path)
            serial = max((one.serial for one in found), default=0) + 1
            newest = Checkpoint(serial, state.epoch, state.step, self.path)
            self._figures.save(history)
            newest.write(state, self._record_text())
            self._trusted.add(newest)
            # It is saved by now; what cannot be tidied up may lie there until the next time.
            with suppress(OSError):
                self._tidy(newest, found, epochs)

    def load_state(self) -> State | None:
        """Return the newest checkpoint that is whole, or None.

        Raises:
            Unreadable: the newest that may be whole cannot be read now. An earlier one in its
                place would undo what was learned since.
        """
        for _ in range(_LOOKS):
            with self._reading():
                found = checkpoints(self.path)
                for checkpoint in found:
                    if (state := checkpoint.state()) is not None:
                        self._trusted.add(checkpoint)
                        return state
                if found == checkpoints(self.path):
                    break
        return None

    def load_history(
        self, steps_per_epoch: int, up_to_step: int | None = None, up_to_epoch: int | None = None
    ) -> History:
        """Return the figures so far, without what a kill or a fault left half written.

        Args:
            steps_per_epoch: steps in one epoch.
            up_to_step: leave out what came after it, for a training that goes on from there.
                Steps before it that the disk has lost are not numbers.
            up_to_epoch: leave out the epochs after it, likewise.

        Raises:
            Unreadable: they cannot be read now.
        """
        with self._reading():
            return self._figures.load(steps_per_epoch, up_to_step, up_to_epoch)

    def load_weights(self, which: Literal["last", "best"] = "last") -> dict[str, Tensor] | None:
        """Return the network's state dict, or None where no checkpoint is whole.

        Args:
            which: the newest, or those after the epoch that did best on the validation images.

        Raises:
            Unreadable: they cannot be read now.
        """
        if which == "best":
            with self._reading():
                for checkpoint in _best_first(checkpoints(self.path), self._figures.epochs()):
                    if (state := checkpoint.state()) is not None:
                        return state.weights()
        state = self.load_state()
        return None if state is None else state.weights()

    def save_weights(self, weights: Mapping[str, Tensor], of: str) -> None:
        """Save a network's weights beside the checkpoints.

        Args:
            weights: its state dict.
            of: which of the run's weights these are.

        Raises:
            StoreError: they are not saved.
        """
        with self._saving():
            write_weights(self.path / WEIGHTS, weights, of)

    def load_saved_weights(self, of: str) -> dict[str, Tensor] | None:
        """Return what `save_weights` saved as these, or None where there is no such thing.

        Raises:
            Unreadable: they cannot be read now.
        """
        with self._reading():
            return read_weights(self.path / WEIGHTS, of)

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
        """Return what `save_logits` saved, or None where it is not whole.

        Raises:
            Unreadable: it cannot be read now.
        """
        with self._reading():
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
        self._last_record = json.dumps(to_plain(record))
        self._remove_half_written(RECORD)

    def read_record(self) -> RunRecord:
        """Return the run's description.

        Raises:
            Unreadable: it cannot be read now, or by a later version of NetSketch only.
            UserError: it is missing or damaged.
        """
        try:
            with self._reading(RECORD):
                data = disk.read(self.path / RECORD, _MAX_RECORD_BYTES + 1)
        except Unreadable as error:
            if isinstance(error.__cause__, disk.ABSENT):
                raise StoreError(N_("There is no such run any more.")) from error
            raise
        try:
            record = description.read(data, self._title)
        except Unreadable:
            raise
        except (ValueError, RecursionError, TypeError) as error:
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
            Unreadable: a checkpoint that may hold a newer one cannot be read now, or by a later
                version of NetSketch only.
            StoreError: it could not be written.
        """
        with self._reading():
            found = checkpoints(self.path)
        for checkpoint in found:
            with self._reading():
                text = checkpoint.record()
            try:
                kept = description.read(text or "", self._title)
            except Unreadable:
                raise
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
        """Return the record of a run that came no further than its newest whole checkpoint.

        Raises:
            Unreadable: how far that is cannot be told now.
        """
        with self._reading():
            if checkpoint is None:
                whole = (one for one in checkpoints(self.path) if one.is_whole())
                checkpoint = next(whole, None)
            if checkpoint is None:
                return replace(record, step=0, epoch=0, val_accuracy=None, best_epoch=None)
            all_epochs = self._figures.epochs()
        epochs = [epoch for epoch in all_epochs if epoch.step <= checkpoint.step]
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
        with suppress(OSError):
            found += [checkpoint.path for checkpoint in checkpoints(self.path)]
        times: list[float] = []
        for path in found:
            with suppress(OSError):
                times.append(path.stat().st_mtime)
        return max(times, default=None)

    def _record_text(self) -> str:
        """Return the description as it is on the disk, for a checkpoint to keep a copy of."""
        try:
            self._last_record = json.dumps(to_plain(self.read_record()))
        except Unreadable:
            pass  # as it was last known
        except UserError:
            return ""
        return self._last_record

    def _tidy(
        self, newest: Checkpoint, found: Sequence[Checkpoint], epochs: Sequence[Epoch]
    ) -> None:
        """Remove the checkpoints that need not stay, and what a kill left half written.

        Raises:
            OSError: the folder cannot be read now.
        """
        earlier = [one for one in found if one.step <= newest.step]
        kept = {newest, *_best_first([newest, *earlier], epochs)[:1]}
        # What came later than the newest is spoilt, or it would be the newest.
        kept |= {one for one in found if one.step > newest.step and self._may_be_whole(one)}
        # The one before must be one that loads, should the disk spoil the newest.
        for one in earlier:
            if self._may_be_whole(one):
                kept.add(one)
                if one in self._trusted:
                    break
        self._trusted &= kept
        for checkpoint in checkpoints(self.path):
            if checkpoint not in kept:
                checkpoint.remove()
        names = {checkpoint.sum_path.name for checkpoint in kept}
        for path in self._files():
            if path.suffix == SUM and path.name not in names:
                disk.remove(path)
        self._remove_half_written(STEPS, SUMS, EPOCHS, "state-")

    def _may_be_whole(self, checkpoint: Checkpoint) -> bool:
        """Tell whether a checkpoint is whole, as far as it can be read now."""
        if checkpoint in self._trusted:
            return True
        try:
            whole = checkpoint.is_whole()
        except OSError:
            return True
        if whole:
            self._trusted.add(checkpoint)
        return whole

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

    def _reading(self, file: str = "") -> AbstractContextManager[None]:
        return disk.reading(self._title, file)

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


def title_of(run_id: str) -> str:
    """Return what sentences call a run of which only the id is known."""
    number = run_id.partition("-")[0]
    return message("Run {number}", number=number) if number.isdigit() else N_("The run")


def _best_first(found: Sequence[Checkpoint], epochs: Sequence[Epoch]) -> list[Checkpoint]:
    """Return the checkpoints that stand at the end of an epoch, the one that did best first."""
    ends = {(epoch.epoch, epoch.step): epoch.val_accuracy for epoch in epochs}
    at_an_end = [one for one in found if (one.epoch, one.step) in ends]
    return sorted(at_an_end, key=lambda one: (-ends[one.epoch, one.step], one.epoch, one.serial))
