"""One training run: it consumes a trainer, keeps its figures and obeys pause, resume and stop."""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor

from core.batches import steps_per_epoch
from core.check import size_in_words
from core.data import DATASETS, load
from core.device import release_freed_memory, resolve
from core.errors import UserError
from core.history import Curves, History
from core.layers import lay_out
from core.memory import step_memory
from core.record import ACTIVE, ENDED, Status
from core.spec import RunSpec
from core.trainer import Diverged, Epoch, Event, Steps, Tested, Trainer

# A copy of the weights is published this often, for whoever draws while the run goes on.
PUBLISH_S: Final = 1.0
_RATE_WINDOW_S: Final = 3.0
# A guest of a run that trains has it this long at most after each report.
GUEST_S: Final = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunSnapshot:
    """A run at one instant.

    Attributes:
        message: why it ended as it did, for a person; empty where nothing went wrong.
        step: steps done; `num_steps` in all.
        epoch: epoch in progress, from 1; 0 before the first step.
        elapsed_s: seconds of work so far, without pauses.
        remaining_s: expected seconds of work to come, or None before that can be told.
        images_per_s: training images a second over the last few seconds, or None.
        train_accuracy: share right in the newest batches, 0 to 1, or None.
        val_accuracy: share of validation images right after the newest epoch, or None.
        test: the final figures on the test images, or None.
        weights_version: grows with every published copy of the weights; 0 is none.
    """

    id: str
    name: str
    spec: RunSpec
    status: Status
    message: str
    device: str
    step: int
    num_steps: int
    epoch: int
    elapsed_s: float
    remaining_s: float | None
    images_per_s: float | None
    lr: float
    train_accuracy: float | None
    train_loss: float | None
    val_accuracy: float | None
    test: Tested | None
    weights_version: int

    @property
    def progress(self) -> float:
        """Share of the steps done, 0 to 1."""
        return self.step / self.num_steps

    @property
    def active(self) -> bool:
        """Whether it has the device now, paused or not."""
        return self.status in ACTIVE

    @property
    def ended(self) -> bool:
        """Whether it will never do another step."""
        return self.status in ENDED


class Guest(Protocol):
    """Short work on the run's device and thread, done between two reports or during a pause."""

    @property
    def waits(self) -> bool:
        """Whether there is anything to do; cheap, and takes no lock."""
        ...

    def serve(self, budget_s: float) -> None:
        """Work for about that long. It raises nothing and changes no randomness."""
        ...


class Run:
    """A run from the moment someone asks for it.

    Args:
        run_id: made by the server, safe in an address.
        name: for people.
        spec: what to train.
    """

    def __init__(self, run_id: str, name: str, spec: RunSpec) -> None:
        self.id = run_id
        self.name = name
        self.spec = spec
        self._changed = threading.Condition()
        self._status: Status = "queued"
        self._message = ""
        self._pause_wanted = False
        self._stop_wanted = False
        self._device = ""
        self._latest: Steps | None = None
        self._epoch: Epoch | None = None
        self._steps_per_epoch = steps_per_epoch(spec.batch_size, DATASETS[spec.data].train)
        self._history = History(self._steps_per_epoch)
        self._test: Tested | None = None
        self._weights: dict[str, Tensor] | None = None
        self._epoch_weights: dict[str, Tensor] | None = None
        self._weights_version = 0
        self._published_at = 0.0
        self._elapsed_s = 0.0
        self._resumed_at: float | None = None
        self._rates: deque[tuple[float, int]] = deque()

    @property
    def status(self) -> Status:
        """The present status."""
        return self._status

    def pause(self) -> None:
        """Hold still after the present few steps; the run keeps its place on the device."""
        with self._changed:
            self._pause_wanted = not self._stop_wanted and self._status in ACTIVE
            self._changed.notify_all()

    def resume(self) -> None:
        """Go on after a pause."""
        with self._changed:
            self._pause_wanted = False
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the present few steps and keep what was learned; leave the queue if waiting."""
        with self._changed:
            self._stop_wanted = True
            self._pause_wanted = False
            if self._status == "queued":
                self._status = "stopped"
                self._message = "Taken out of the queue before it began."
            self._changed.notify_all()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the run has ended; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._status in ENDED, timeout_s)

    def weights(self) -> dict[str, Tensor] | None:
        """Return the newest published weights on the CPU; whoever reads them must not write."""
        return self._weights

    def curves(self, max_points: int = 400) -> Curves:
        """Return the figures so far, for charts."""
        return self._history.curves(max_points)

    def snapshot(self) -> RunSnapshot:
        """Return the run as it is now."""
        with self._changed:
            latest, epoch = self._latest, self._epoch
            num_steps = self._steps_per_epoch * self.spec.num_epochs
            step = latest.step if latest else 0
            elapsed_s = self._elapsed_s
            if self._resumed_at is not None:
                elapsed_s += time.monotonic() - self._resumed_at
            remaining_s = elapsed_s / step * (num_steps - step) if step else None
            recent = latest.accuracies[-20:] if latest else ()
            return RunSnapshot(
                id=self.id,
                name=self.name,
                spec=self.spec,
                status=self._status,
                message=self._message,
                device=self._device,
                step=step,
                num_steps=num_steps,
                epoch=-(-step // self._steps_per_epoch),
                elapsed_s=elapsed_s,
                remaining_s=None if self._status in ENDED else remaining_s,
                images_per_s=self._rate(),
                lr=latest.lr if latest else self.spec.lr,
                train_accuracy=sum(recent) / len(recent) if recent else None,
                train_loss=latest.losses[-1] if latest else None,
                val_accuracy=epoch.val_accuracy if epoch else None,
                test=self._test,
                weights_version=self._weights_version,
            )

    def nudge(self) -> None:
        """Look again whether a guest waits, should the run be paused."""
        with self._changed:
            self._changed.notify_all()

    def execute(self, guest: Guest | None = None) -> None:
        """Train to the end in the calling thread; every failure becomes a status and a sentence.

        Args:
            guest: whoever may have the device between two reports; the run's clock stands still.
        """
        with self._changed:
            if self._status != "queued":
                return
            self._status = "running"
            self._resumed_at = time.monotonic()
        status: Status = "failed"
        message = ""
        try:
            status = self._train(guest)
        except Diverged as error:
            status, message = "diverged", str(error)
            with self._changed:
                if self._epoch_weights is not None:
                    self._weights = self._epoch_weights
                    self._weights_version += 1
        except UserError as error:
            message = str(error)
        except (MemoryError, RuntimeError) as error:
            message = self._out_of_memory() if _is_out_of_memory(error) else _unexpected(error)
        except Exception as error:  # a thread never dies in silence
            message = _unexpected(error)
        finally:
            self._end(status, message)
        release_freed_memory()

    def _train(self, guest: Guest | None) -> Status:
        trainer = Trainer(self.spec, load(self.spec.data))
        with self._changed:
            self._device = resolve(self.spec.device).name
        self._publish(trainer)
        self._epoch_weights = self._weights  # where one that diverges in its first epoch goes back
        for event in trainer.fit():
            self._take(event, trainer)
            if guest is not None and isinstance(event, Steps):
                self._give_way(guest)
            if not self._may_go_on(guest):
                self._publish(trainer)
                for last in trainer.test():
                    self._take(last, trainer)
                return "stopped"
        self._publish(trainer)
        return "finished"

    def _take(self, event: Event, trainer: Trainer) -> None:
        if isinstance(event, Steps | Epoch):
            self._history.add(event)
        with self._changed:
            if isinstance(event, Steps):
                self._latest = event
                self._rates.append((event.train_s, event.images))
                while event.train_s - self._rates[0][0] > _RATE_WINDOW_S:
                    self._rates.popleft()
            elif isinstance(event, Epoch):
                self._epoch = event
            elif isinstance(event, Tested):
                self._test = event
        if isinstance(event, Epoch):
            self._publish(trainer)
            self._epoch_weights = self._weights
        elif isinstance(event, Steps) and time.monotonic() - self._published_at > PUBLISH_S:
            self._publish(trainer)

    def _publish(self, trainer: Trainer) -> None:
        """Copy the weights out, unless they are no longer numbers."""
        self._published_at = time.monotonic()
        if trainer.weights_are_finite():
            weights = trainer.weights()
            with self._changed:
                self._weights = weights
                self._weights_version += 1

    def _give_way(self, guest: Guest) -> None:
        """Let a guest work for a moment, with the clock held."""
        if not guest.waits:
            return
        with self._changed:
            self._hold_clock()
        guest.serve(GUEST_S)
        with self._changed:
            self._resumed_at = time.monotonic()

    def _may_go_on(self, guest: Guest | None) -> bool:
        """Wait while paused, serving the guest; return False when the run is to stop."""
        with self._changed:
            if not self._pause_wanted:
                return not self._stop_wanted
            self._hold_clock()
            self._status = "paused"
            self._changed.notify_all()
        while self._paused_for(guest):
            assert guest is not None
            guest.serve(GUEST_S)
        with self._changed:
            self._status = "running"
            self._resumed_at = time.monotonic()
            self._changed.notify_all()
            return not self._stop_wanted

    def _paused_for(self, guest: Guest | None) -> bool:
        """Wait for the end of the pause, or for a guest; return whether it is a guest."""

        def waits() -> bool:
            return guest is not None and guest.waits

        with self._changed:
            self._changed.wait_for(lambda: not self._pause_wanted or waits())
            return self._pause_wanted

    def _hold_clock(self) -> None:
        if self._resumed_at is not None:
            self._elapsed_s += time.monotonic() - self._resumed_at
            self._resumed_at = None

    def _end(self, status: Status, message: str) -> None:
        with self._changed:
            self._hold_clock()
            self._status, self._message = status, message
            self._epoch_weights = None
            self._changed.notify_all()

    def _rate(self) -> float | None:
        """Images a second over the last few seconds of training."""
        if not self._rates:
            return None
        (first_s, first), (last_s, last) = self._rates[0], self._rates[-1]
        if last_s > first_s:
            return (last - first) / (last_s - first_s)
        return last / last_s if last_s else None

    def _out_of_memory(self) -> str:
        needed = step_memory(self.spec, lay_out(self.spec)).total
        return (
            f"Out of memory: a training step of this network takes about {size_in_words(needed)}. "
            f"Halve the batch size (now {self.spec.batch_size:,}) or use fewer channels, then "
            "train again."
        )


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return "out of memory" in words or "allocate memory" in words


def _unexpected(error: Exception) -> str:
    _log.error("A run failed", exc_info=error)
    return (
        "Training stopped because of a fault inside NetSketch; its details are in the server's "
        "log. What was learned so far is kept. Train again, or change a setting first."
    )
