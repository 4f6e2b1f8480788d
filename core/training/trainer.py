"""The training loop: a generator of figures that knows no pages and no disk.

Its consumer decides the pace: to pause is to stop consuming, to cancel is to close.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Final

import torch
from torch import Tensor

from core.data.catalogue import info_of, num_classes_of
from core.data.loading import Digits
from core.machine.device import repeat_exactly, resolve
from core.machine.thread_team import ThreadTeam
from core.network.model import build, in_fast_order, initialise, memory_format_of
from core.spec import RunSpec
from core.training.augmentation import Augmenter, augments
from core.training.batches import OnDevice, steps_per_epoch
from core.training.check import require_runnable
from core.training.events import Diverged, Epoch, Event, Pulse, Steps, Tested
from core.training.learning import (
    clip,
    loss_of,
    make_optimizer,
    make_schedule,
    require_lr,
    rescale,
)
from core.training.memory import evaluation_batch
from core.training.observers import LostObserver, Observer, Observers
from core.training.precision import Precision, casting, precision_of
from core.training.randomness import Randomness
from core.training.state import (
    EpochUnderWay,
    State,
    copied,
    optimizer_numbers,
    optimizer_tensors,
    part_of,
    restore_optimizer,
    schedule_numbers,
)
from core.training.stopping import Best
from core.training.thread_counts import Stretch, Stretches, to_plain

# How often figures leave the loop. On a GPU each report waits for the queued work, so it is rare.
REPORT_S: Final = 0.2


class Trainer:
    """A network, its optimiser and its data on one device.

    Args:
        spec: what to train.
        data: uint8 images; they are moved to the device whole.
        report_s: how often figures leave the loop, where it is not every REPORT_S.
        precision: what its steps multiply, where this machine is not to choose.
        team: as how many threads its steps compute on a CPU; None leaves the calling thread's
            number as it is.
        observers: they are shown the layers; see `watch`.

    Raises:
        UserError: the spec cannot run here; the message says why.
        ValueError: see `watch`.
    """

    def __init__(
        self,
        spec: RunSpec,
        data: Digits,
        *,
        report_s: float | None = None,
        precision: Precision | None = None,
        team: ThreadTeam | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        size = len(data.train)
        network = require_runnable(spec, train_size=size)
        self.spec = spec
        self.device = torch.device(resolve(spec.device).key)
        repeat_exactly(self.device.type)
        self._compute_in(precision or precision_of(spec, network))
        self.num_steps = steps_per_epoch(spec.batch_size, size) * spec.num_epochs
        self._stretches = Stretches(team if self.device.type == "cpu" else None)
        self.train_s = 0.0
        self._report_s = REPORT_S if report_s is None else report_s
        self._last_lr = spec.lr
        self._lr_changes: tuple[tuple[int, float], ...] = ()
        self._random = Randomness(self.device, spec.seed)
        with self._random:
            self.model = build(spec)
            initialise(self.model, spec.seed, spec.init)
            torch.manual_seed(spec.seed)  # for dropout
        self.model.to(self.device)
        self.model.to(memory_format=memory_format_of(network))  # type: ignore[call-overload]
        self._forward = in_fast_order(self.model)
        self._data = data
        self._eval_batch = evaluation_batch(spec, network)
        self._shuffle = torch.Generator().manual_seed(spec.seed)
        paper = info_of(spec.data).paper
        self._augmenter = Augmenter(spec, self.device, spec.seed, paper) if augments(spec) else None
        self._optimizer = make_optimizer(spec, self.model)
        self._schedule = make_schedule(spec, self._optimizer, self.num_steps)
        self._params = list(self.model.parameters())
        self._epochs_done = self._step_done = 0
        self._best = Best()
        self._now: EpochUnderWay | None = None
        self.watch(observers)

    @property
    def precision(self) -> Precision:
        """What a training step multiplies; see `core.training.precision`."""
        return self._precision

    @property
    def epochs_done(self) -> int:
        """Epochs finished, validation included."""
        return self._epochs_done

    @property
    def ended_early(self) -> str:
        """Why the training is over before its last epoch, for a person; empty where it is not."""
        if self._epochs_done >= self.spec.num_epochs:
            return ""
        return self._best.reason_to_stop(self.spec, self._epochs_done)

    @property
    def lr_changes(self) -> tuple[tuple[int, float], ...]:
        """After how many steps the learning rate was changed, and to what, in order."""
        return self._lr_changes

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """With how many threads it computed, from which step on; empty where nobody chose."""
        return self._stretches.known

    @property
    def lost_observers(self) -> tuple[LostObserver, ...]:
        """Observers that raised an exception, at which step, and which; they are shown no more."""
        return self._observers.lost if self._observers else ()

    def watch(self, observers: Sequence[Observer], steps_before: int = 0) -> None:
        """From the next step on, show the layers to these observers, and to no others.

        Training comes to the same last bit with any of them and with none. One that raises is
        shown nothing more and is found in `lost_observers`; the training goes on. Call this between
        two events only.

        Args:
            observers: see `core.training.observers`.
            steps_before: is added to the numbers of this trainer's own steps.

        Raises:
            ValueError: an observer names a layer that the network has not, or its `every` is
                below 1.
        """
        model, spec = self.model, self.spec
        self._observers = Observers(observers, model, spec, steps_before) if observers else None

    def set_lr(self, lr: float) -> None:
        """From the next step on, train as if the spec's learning rate had been another one.

        A schedule keeps its course and its shape: where the spec's rate is its highest, so is the
        new one. Call it between two events only.

        Raises:
            UserError: the rate is not allowed.
        """
        require_lr(lr)
        before = self._lr_changes[-1][1] if self._lr_changes else self.spec.lr
        rescale(self._optimizer, self._schedule, before, lr)
        self._lr_changes += ((self._step_done, lr),)

    def fit(self) -> Iterator[Event]:
        """Train for all epochs to come, then test. Figures are read from the device to be yielded.

        It ends after an earlier epoch where the spec asks for that; `ended_early` then says why.
        Where the spec asks to keep the best epoch, the model has its weights from then on.

        PyTorch's global generators are the trainer's own only while it works: its consumer finds
        them as they were, and may draw from them.

        Raises:
            Diverged: a loss is infinite or not a number.
        """
        events = self._fit()
        while True:
            with self._random:
                event = next(events, None)
            if event is None:
                return
            yield event

    def test(self) -> Iterator[Event]:
        """Measure the present weights on the test images.

        Raises:
            Diverged: the loss is infinite or not a number.
        """
        test = OnDevice(self._data, self._data.test, self.device)
        # One piece: many small ones would lie between the activations of one batch and those of the
        # next, and malloc could not use that memory again.
        logits = torch.empty(len(test), num_classes_of(self.spec.data))
        found = yield from self._evaluate(test, logits)
        yield Tested(correct=found.correct, total=found.total, loss=found.loss, logits=logits)

    def state(self) -> State:
        """Copy all that a later trainer of the same spec needs. Call it between two events only."""
        tensors = copied(self.model.state_dict(), "model.")
        tensors |= optimizer_tensors(self._optimizer)
        tensors |= copied(self._random.states(), "random.")
        tensors["random.shuffle"] = self._shuffle.get_state()
        if self._augmenter:
            tensors["random.augment"] = self._augmenter.generator.get_state()
        if self._now is not None:
            tensors |= copied(self._now.tensors(), "epoch.")
        tensors |= copied(self._best.weights, "best.")
        return State(
            step=self._step_done,
            epoch=self._epochs_done,
            tensors=tensors,
            numbers={
                "precision": self._precision,
                "train_s": self.train_s,
                "stretches": to_plain(self.stretches),
                "lr": self._last_lr,
                "lr_changes": [list(change) for change in self._lr_changes],
                "best": [self._best.epoch, self._best.accuracy],
                "optimizer": optimizer_numbers(self._optimizer),
                "schedule": schedule_numbers(self._schedule),
            },
        )

    def restore(self, state: State) -> None:
        """Go on from what `state` returned, to the same last bit on the same kind of CPU.

        Call it before `fit`.

        Raises:
            KeyError, ValueError, TypeError, RuntimeError: the state is of another network.
        """
        numbers = dict(state.numbers)
        self.model.load_state_dict(state.weights())
        restore_optimizer(self._optimizer, state.tensors, numbers["optimizer"])
        self._schedule.load_state_dict(dict(numbers["schedule"]))  # type: ignore[arg-type]
        self._random.restore(part_of(state.tensors, "random."))
        self._shuffle.set_state(state.tensors["random.shuffle"])
        if self._augmenter:
            self._augmenter.generator.set_state(state.tensors["random.augment"])
        # Whatever this machine would choose; before there was a choice, it was this one.
        self._compute_in("bfloat16" if numbers.get("precision") == "bfloat16" else "float32")
        self._stretches.restore(numbers.get("stretches", []))
        self._epochs_done, self._step_done = state.epoch, state.step
        self._best = Best.restored(numbers.get("best"), part_of(state.tensors, "best."))
        self._now = EpochUnderWay.restored(part_of(state.tensors, "epoch."), self.device)
        self.train_s = float(numbers["train_s"])  # type: ignore[arg-type]
        self._last_lr = float(numbers["lr"])  # type: ignore[arg-type]
        changes: list[tuple[int, float]] = numbers.get("lr_changes", [])  # type: ignore[assignment]
        self._lr_changes = tuple((int(step), float(lr)) for step, lr in changes)

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

    def _compute_in(self, precision: Precision) -> None:
        self._precision: Precision = precision
        self._casting = casting(precision, self.device)

    def _fit(self) -> Iterator[Event]:
        train = OnDevice(self._data, self._data.train, self.device, self._augmenter)
        validation = OnDevice(self._data, self._data.validation, self.device)
        while self._epochs_done < self.spec.num_epochs and not self.ended_early:
            train_loss, train_accuracy = yield from self._epoch(train)
            val = yield from self._evaluate(validation)
            self._epochs_done += 1
            self._now = None
            self._best = self._best.after(
                self.spec, self._epochs_done, val.correct / val.total, self.model
            )
            yield Epoch(
                epoch=self._epochs_done,
                step=self._step_done,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val.loss,
                val_accuracy=val.correct / val.total,
            )
        if self._best.weights:
            self.model.load_state_dict(dict(self._best.weights))
        yield from self.test()

    def _epoch(self, data: OnDevice) -> Generator[Event, None, tuple[float, float]]:
        """Go through the rest of the epoch's new order; return the means of the whole epoch."""
        size, batch = len(data), self.spec.batch_size
        num_steps = steps_per_epoch(batch, size)
        before = self._epochs_done * num_steps
        if self._now is None:
            self._now = EpochUnderWay.new(size, num_steps, self._shuffle, self.device)
        order, losses, rights = self._now.order, self._now.losses, self._now.rights
        self.model.train()
        lrs: list[float] = []
        first = reported = self._step_done - before
        self._stretches.before_step(self._step_done)
        resumed = time.perf_counter()
        for i in range(first, num_steps):
            lrs.append(float(self._optimizer.param_groups[0]["lr"]))
            x, y = data.batch(order[i * batch : (i + 1) * batch])
            if self._observers is not None:
                self._observers.look(before + i + 1, x, y, self._casting)
            losses[i], rights[i] = self._step(x, y)
            if i + 1 < num_steps and time.perf_counter() - resumed < self._report_s:
                continue
            fresh = losses[reported : i + 1].tolist()  # waits for the device
            right = rights[reported : i + 1].tolist()
            self.train_s += time.perf_counter() - resumed
            good = next((k for k, loss in enumerate(fresh) if not math.isfinite(loss)), len(fresh))
            reported += good
            self._step_done = before + reported
            if good:
                self._last_lr = lrs[reported - 1 - first]
                yield Steps(
                    losses=tuple(fresh[:good]),
                    accuracies=tuple(right[:good]),
                    step=self._step_done,
                    lr=self._last_lr,
                    images=before // num_steps * size + min(reported * batch, size),
                    train_s=self.train_s,
                )
            if good < len(fresh):
                raise Diverged(self._step_done + 1, lrs[reported - first])
            if i + 1 < num_steps:
                self._stretches.before_step(self._step_done)
            resumed = time.perf_counter()
        sizes = torch.full((num_steps,), float(batch), device=self.device)
        sizes[-1] = min(size - (num_steps - 1) * batch, batch)
        means = torch.stack([losses, rights]) @ sizes / sizes.sum()
        return float(means[0]), float(means[1])

    def _step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        with self._casting:
            logits = self._forward(x)
        logits = logits.float()
        loss = loss_of(self.spec, logits, y)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        clip(self.spec, self._params)
        self._optimizer.step()
        self._schedule.step()
        return loss.detach(), (logits.detach().argmax(1) == y).float().mean()

    def _evaluate(
        self, data: OnDevice, keep: Tensor | None = None
    ) -> Generator[Event, None, Tested]:
        """Yield a pulse after each batch; return the figures, and write the logits to `keep`."""
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
            if keep is not None:
                keep[start:end] = logits
            yield Pulse()
        if not math.isfinite(loss):
            # The last step spoilt the weights, and no training step came after it to show that.
            raise Diverged(self._step_done, self._last_lr)
        return Tested(correct=correct, total=len(data), loss=loss / len(data))
