"""The training loop: a generator of figures that knows no threads, no pages and no disk.

Whoever consumes it decides the pace: to pause is to stop consuming, to cancel is to close.
"""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from core.augment import Augmenter, augments
from core.check import require_runnable
from core.data import Digits, Split
from core.device import cores, resolve
from core.errors import UserError
from core.learning import loss_of, make_optimizer, make_schedule
from core.memory import evaluation_batch
from core.model import build, in_fast_order
from core.spec import RunSpec

# How often figures leave the loop. On a GPU each report waits for the queued work, so it is rare.
REPORT_S: Final = 0.2


class Diverged(UserError):
    """The loss is no longer a number. `step` counts from 1."""

    def __init__(self, step: int, lr: float) -> None:
        super().__init__(
            f"The loss became infinite or not a number at step {step:,}. Lower the learning rate "
            f"(it was {lr:.3g} there; try a tenth of it) or switch batch norm on, then train again."
        )
        self.step = step


@dataclass(frozen=True, kw_only=True)
class Steps:
    """Some steps are done.

    Attributes:
        losses: mean loss of each step's batch, in order.
        accuracies: share of each step's batch that was right, 0 to 1.
        step: steps done in all.
        lr: learning rate of the last of them.
        images: training images gone through in all.
        train_s: seconds spent on training steps, without evaluation and pauses.
    """

    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    step: int
    lr: float
    images: int
    train_s: float


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An epoch is over. Losses are means over images, accuracies shares from 0 to 1."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float


@dataclass(frozen=True, kw_only=True)
class Tested:
    """How the weights do on images that were never used for a choice."""

    correct: int
    total: int
    loss: float


@dataclass(frozen=True)
class Pulse:
    """Nothing to report; a chance to pause or cancel."""


Event = Steps | Epoch | Tested | Pulse


class Trainer:
    """A network, its optimiser and its data on one device.

    Args:
        spec: what to train.
        data: uint8 images; they are moved to the device whole.
        report_s: how often figures leave the loop, where it is not every REPORT_S.

    Raises:
        UserError: the spec cannot run here; the message says why.
    """

    def __init__(self, spec: RunSpec, data: Digits, *, report_s: float | None = None) -> None:
        size = len(data.train)
        network = require_runnable(spec, train_size=size)
        self.spec = spec
        self.device = torch.device(resolve(spec.device).key)
        self.num_steps = steps_per_epoch(spec.batch_size, size) * spec.num_epochs
        self.train_s = 0.0
        self._report_s = REPORT_S if report_s is None else report_s
        self._step_done, self._last_lr = 0, spec.lr
        torch.manual_seed(spec.seed)
        self.model = build(spec).to(self.device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._forward = in_fast_order(self.model)
        self._data = data
        self._eval_batch = evaluation_batch(spec, network)
        self._order = torch.Generator().manual_seed(spec.seed)
        self._augmenter = Augmenter(spec, self.device, spec.seed) if augments(spec) else None
        self._optimizer = make_optimizer(spec, self.model)
        self._schedule = make_schedule(spec, self._optimizer, self.num_steps)

    def fit(self) -> Iterator[Event]:
        """Train for all epochs, then test. Figures are read from the device only to be yielded.

        Raises:
            Diverged: a loss is infinite or not a number.
        """
        train = _OnDevice(self._data, self._data.train, self.device, self._augmenter)
        validation = _OnDevice(self._data, self._data.validation, self.device)
        step = 0
        for epoch in range(1, self.spec.num_epochs + 1):
            train_loss, train_accuracy = yield from self._epoch(train, step)
            step += steps_per_epoch(self.spec.batch_size, len(train))
            val = yield from self._evaluate(validation)
            yield Epoch(
                epoch=epoch,
                step=step,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val.loss,
                val_accuracy=val.correct / val.total,
            )
        yield from self.test()

    def test(self) -> Iterator[Event]:
        """Measure the present weights on the test images.

        Raises:
            Diverged: the loss is infinite or not a number.
        """
        yield (yield from self._evaluate(_OnDevice(self._data, self._data.test, self.device)))

    def weights(self) -> dict[str, Tensor]:
        """Copy the weights to the CPU. Call it between two events only."""
        return {
            name: value.detach().to("cpu", copy=True)
            for name, value in self.model.state_dict().items()
        }

    def weights_are_finite(self) -> bool:
        """Tell whether every weight is a finite number. Call it between two events only."""
        sums = [
            value.sum() for value in self.model.state_dict().values() if value.is_floating_point()
        ]
        return bool(torch.stack(sums).isfinite().all())

    def _epoch(self, data: "_OnDevice", before: int) -> Generator[Event, None, tuple[float, float]]:
        """Go through the data once in a new order, `before` steps being done; return the means."""
        size, batch = len(data), self.spec.batch_size
        num_steps = steps_per_epoch(batch, size)
        order = torch.randperm(size, generator=self._order).to(self.device)
        losses = torch.zeros(num_steps, device=self.device)
        rights = torch.zeros(num_steps, device=self.device)
        self.model.train()
        lrs: list[float] = []
        reported, resumed = 0, time.perf_counter()
        for i in range(num_steps):
            lrs.append(float(self._optimizer.param_groups[0]["lr"]))
            index = order[i * batch : (i + 1) * batch]
            losses[i], rights[i] = self._step(data, index)
            if i + 1 < num_steps and time.perf_counter() - resumed < self._report_s:
                continue
            fresh = losses[reported : i + 1].tolist()  # waits for the device
            right = rights[reported : i + 1].tolist()
            self.train_s += time.perf_counter() - resumed
            good = next((k for k, loss in enumerate(fresh) if not math.isfinite(loss)), len(fresh))
            reported += good
            self._step_done = before + reported
            if good:
                self._last_lr = lrs[reported - 1]
                yield Steps(
                    losses=tuple(fresh[:good]),
                    accuracies=tuple(right[:good]),
                    step=self._step_done,
                    lr=self._last_lr,
                    images=before // num_steps * size + min(reported * batch, size),
                    train_s=self.train_s,
                )
            if good < len(fresh):
                raise Diverged(self._step_done + 1, lrs[reported])
            resumed = time.perf_counter()
        sizes = torch.full((num_steps,), float(batch), device=self.device)
        sizes[-1] = len(index)
        means = torch.stack([losses, rights]) @ sizes / sizes.sum()
        return float(means[0]), float(means[1])

    def _step(self, data: "_OnDevice", index: Tensor) -> tuple[Tensor, Tensor]:
        x, y = data.batch(index)
        logits = self._forward(x)
        loss = loss_of(self.spec, logits, y)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        return loss.detach(), (logits.detach().argmax(1) == y).float().mean()

    def _evaluate(self, data: "_OnDevice") -> Generator[Event, None, Tested]:
        """Yield a pulse after each batch; return the figures."""
        self.model.eval()
        correct, loss = 0, 0.0
        for start in range(0, len(data), self._eval_batch):
            end = min(start + self._eval_batch, len(data))
            index = torch.arange(start, end, device=self.device)
            with torch.inference_mode():
                x, y = data.batch(index)
                logits = self._forward(x)
                correct += int((logits.argmax(1) == y).sum())
                loss += float(loss_of(self.spec, logits, y)) * len(y)
            yield Pulse()
        if not math.isfinite(loss):
            # The last step spoilt the weights, and no training step came after it to show that.
            raise Diverged(self._step_done, self._last_lr)
        return Tested(correct=correct, total=len(data), loss=loss / len(data))


class _OnDevice:
    """A split as uint8 on a device, handed out in normalised float batches.

    With an augmenter, each batch is changed before it is normalised, while black is still 0.
    """

    def __init__(
        self,
        data: Digits,
        split: Split,
        device: torch.device,
        augmenter: Augmenter | None = None,
    ) -> None:
        self._split = split.to(device)
        self._augmenter = augmenter
        self._mean, self._std = data.mean, data.std

    def __len__(self) -> int:
        return len(self._split)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return images float32 (B, 1, 28, 28), mean 0 and spread 1, and labels int64 (B,)."""
        pixels = self._split.images.index_select(0, index)
        if self._augmenter:
            pixels = self._augmenter(pixels)
        return normalise(pixels, self._mean, self._std), self._split.labels.index_select(0, index)


def normalise(pixels: Tensor, mean: float, std: float) -> Tensor:
    """Bring pixels (N, 1, H, W) to float32 of mean 0 and deviation 1.

    Args:
        pixels: 0 to 255, uint8, or float32 that is then overwritten.
        mean: of the training pixels on a scale of 0 to 1.
        std: their standard deviation on the same scale.
    """
    return pixels.to(torch.float32).mul_(1 / (255 * std)).sub_(mean / std)


def steps_per_epoch(batch_size: int, size: int) -> int:
    """Return the number of batches that `size` images make.

    A last batch of a single image is left out: batch norm cannot measure the spread of one.
    """
    full, rest = divmod(size, batch_size)
    return full + (rest > 1 or (rest == 1 and full == 0))


def how_it_runs(spec: RunSpec) -> str:
    """Say for a person how this machine computes a run.

    Raises:
        UserError: this machine has no such device.
    """
    device = resolve(spec.device)
    steps = "foreach" if spec.optimizer == "rmsprop" else "fused"
    words = [
        f"On {device.name}: all images lie on the device as bytes and are normalised there",
        "32-bit floats, channels last",
        f"one {steps} kernel for all the optimiser’s updates",
    ]
    if device.key == "cpu":
        words.append(f"{cores()} threads that nothing else computes with")
    return "; ".join(words) + "."
