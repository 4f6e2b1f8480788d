"""Training as a test tells it, one event after the other."""

import queue
import time
from collections.abc import Callable, Iterator

from core.spec import RunSpec
from core.training.events import Epoch, Event, Pulse, Steps, Tested
from core.training.length import length_of

END = object()


class Script:
    """What every trainer of a test does, told line by line while it runs.

    A trainer waits for its next line as a real one is busy with its next step: it can be paused
    and stopped meanwhile.
    """

    def __init__(self) -> None:
        self.tested = Tested(correct=450, total=500, loss=0.3)
        self._lines: queue.SimpleQueue[object] = queue.SimpleQueue()

    def say(self, *lines: Event | BaseException | object) -> None:
        """Report events, raise an exception, or END."""
        for said in lines:
            self._lines.put(said)

    def finish(self, correct: int = 490, total: int = 500) -> None:
        """Test and end."""
        self.say(Tested(correct=correct, total=total, loss=0.1), END)

    def fit(self) -> Iterator[Event]:
        """Do what is said."""
        while True:
            try:
                said = self._lines.get(timeout=0.002)
            except queue.Empty:
                yield Pulse()
                continue
            if said is END:
                return
            if isinstance(said, BaseException):
                raise said
            yield said


def steps_to(step: int, since: int = 0, *, loss: float = 0.5, accuracy: float = 0.75) -> Steps:
    """Steps after `since` up to `step`, at a thousand steps of 64 images a second."""
    count = step - since
    return Steps(
        losses=(loss,) * count,
        accuracies=(accuracy,) * count,
        step=step,
        lr=0.004,
        images=step * 64,
        train_s=step / 1000,
    )


def epoch_of(spec: RunSpec, epoch: int, *, val_accuracy: float = 0.9) -> Epoch:
    """The end of an epoch."""
    return Epoch(
        epoch=epoch,
        step=epoch * length_of(spec).steps_per_epoch,
        train_loss=0.4,
        train_accuracy=0.8,
        val_loss=0.35,
        val_accuracy=val_accuracy,
    )


def eventually(true: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "It took too long."
        time.sleep(0.002)
