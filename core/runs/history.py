"""Every step's and epoch's figures of one run, appended by one thread and read by many."""

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.runs.downsampling import Thinned, means_of
from core.training.events import Epoch, Steps


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What a chart draws of a run.

    Attributes:
        step: last step of each point, counted from 1.
        loss: mean training loss of the steps that a point stands for.
        accuracy: mean training accuracy of the same steps, 0 to 1.
        epochs: the finished epochs, in order.
        steps_per_epoch: steps in one epoch.
    """

    step: NDArray[np.int64]
    loss: NDArray[np.float32]
    accuracy: NDArray[np.float32]
    epochs: tuple[Epoch, ...]
    steps_per_epoch: int


class History:
    """The figures of one run so far."""

    def __init__(self, steps_per_epoch: int) -> None:
        self._lock = threading.Lock()
        self._losses = array("f")
        self._accuracies = array("f")
        # The same in fewer points, so that a chart costs the same however long the run is.
        self._thin = (Thinned(), Thinned())
        self._epochs: tuple[Epoch, ...] = ()
        self._steps_per_epoch = steps_per_epoch

    def add(self, event: Steps | Epoch) -> None:
        """Append what a trainer reported."""
        with self._lock:
            if isinstance(event, Epoch):
                self._epochs += (event,)
            else:
                self._losses.extend(event.losses)
                self._accuracies.extend(event.accuracies)
                for thin, values in zip(self._thin, (event.losses, event.accuracies), strict=True):
                    thin.extend(np.asarray(values, dtype=np.float32))

    @classmethod
    def restored(
        cls, steps_per_epoch: int, figures: NDArray[np.float32], epochs: Sequence[Epoch]
    ) -> Self:
        """Make a history of what `since` and `epochs` gave.

        Args:
            steps_per_epoch: steps in one epoch.
            figures: float32 (steps, 2), loss and accuracy of each.
            epochs: the finished epochs, in order.
        """
        history = cls(steps_per_epoch)
        columns = np.ascontiguousarray(figures.T)
        for kept, thin, column in zip(
            (history._losses, history._accuracies), history._thin, columns, strict=True
        ):
            kept.frombytes(column.tobytes())
            thin.extend(column)
        history._epochs = tuple(epochs)
        return history

    @property
    def num_steps(self) -> int:
        """Steps so far."""
        return len(self._accuracies)

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """The finished epochs, in order."""
        return self._epochs

    def since(self, step: int) -> NDArray[np.float32]:
        """Return loss and accuracy, (steps, 2), of all the steps after the first `step`."""
        with self._lock:
            parts = [self._losses[step:].tobytes(), self._accuracies[step:].tobytes()]
        return np.stack([np.frombuffer(part, dtype=np.float32) for part in parts], axis=1)

    def curves(self, max_points: int = 400) -> Curves:
        """Return the run so far; with more steps than points, neighbours are averaged.

        The bin width is a power of two, so that a point once drawn in full keeps its place while
        the run goes on. Up to FEW points, the cost does not grow with the run.
        """
        with self._lock:
            count, epochs = len(self._losses), self._epochs
            width = 1
            while count > width * max_points:
                width *= 2
            if width >= self._thin[0].width:
                columns = [thin.means(width) for thin in self._thin]
            else:
                whole = (self._losses.tobytes(), self._accuracies.tobytes())
                columns = []
        if not columns:
            columns = [means_of(np.frombuffer(part, dtype=np.float32), width) for part in whole]
        for column in columns:
            column.flags.writeable = False
        return Curves(
            step=np.minimum(np.arange(1, -(-count // width) + 1) * width, count),
            loss=columns[0],
            accuracy=columns[1],
            epochs=epochs,
            steps_per_epoch=self._steps_per_epoch,
        )
