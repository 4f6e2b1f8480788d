"""Observers of a training: they are given layers' outputs and gradients at every n-th step.

An observed step is computed twice. First for the observers: forward through the plain module of
`core.network.model.build`, in the order and with the names of `core.network.layers`, then backward
to the layers' outputs, while nothing is learned. After that PyTorch's generators and what batch
norm has counted are put back, and the step itself is taken as without observers, by
`core.network.model.in_fast_order`. So an observer can change no bit of a training, and it is given
the plain module's values, not those of the fast order, which hides some layers.

These values are equal to the last bit to those of `build(spec)` with the weights before the step,
in train mode, on the same batch, when they are computed as a training step is: on the same device
with as many threads, in the memory format of `core.network.model.memory_format_of`, under
`core.training.precision.casting`, and with the generators as they were, so with the same masks of
dropout. Under bfloat16, outputs and gradients are of the type that PyTorch's autocast gives each
layer. One mask cannot be repeated: cuDNN draws that between stacked recurrent layers from a
generator of its own, which cannot be put back. There an observed pass is computed without cuDNN,
with other masks.

An observed step costs a forward pass and most of a backward pass more, and the memory of the
outputs asked for and of their gradients, until the step itself begins.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from core.network.model import Stack
from core.spec import RunSpec
from core.training.learning import loss_of
from core.training.randomness import generators_kept

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What an observer is given of one step, before the step changes the weights.

    All tensors are detached and on the trainer's device, and observers may keep them. The observers
    of one step are given the same tensors, and the outputs of some layers, such as `flatten`, share
    memory with those of the layer before.

    Attributes:
        step: counted from 1.
        images: float32 (N, 1, 28, 28), the batch as the network is given it.
        labels: int64 (N,).
        outputs: of each layer asked for, by its name, in the network's order: what the module
            itself returns, so of a block's last layer what it makes before the block's input is
            added; of recurrent layers what goes on from them, (N, values).
        gradients: of the batch's mean loss by each of them, of the same names, shapes and types.
    """

    step: int
    images: Tensor
    labels: Tensor
    outputs: Mapping[str, Tensor]
    gradients: Mapping[str, Tensor]


class Observer(Protocol):
    """An observer of layers. `every` and `layers` are read once, as it is given to a trainer."""

    @property
    def every(self) -> int:
        """It is shown each step whose number, counted from 1, this divides; 1 or more."""
        ...

    @property
    def layers(self) -> Collection[str] | None:
        """Names of the layers to be shown, as `core.network.layers` gives them; None for all."""
        ...

    def observe(self, seen: Observation) -> None:
        """Take in a step, in the training thread, which waits until this returns."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class LostObserver:
    """An observer that failed, at which step, and how."""

    observer: Observer
    step: int
    error: Exception


@dataclass(frozen=True, eq=False)
class _Watching:
    observer: Observer
    every: int
    wanted: frozenset[str]


class Observers:
    """All observers of one network.

    Args:
        observers: they are shown a step in this order.
        model: as `core.network.model.build` returns it, in train mode when it is looked at.
        spec: of it.
        steps_before: is added to the numbers of the network's own steps.

    Raises:
        ValueError: an observer names a layer that the network has not, or its `every` is below 1.
    """

    def __init__(
        self, observers: Sequence[Observer], model: Stack, spec: RunSpec, steps_before: int = 0
    ) -> None:
        self._names = [name for name, _ in model.named_children()]
        self._watching = [_watching(observer, self._names) for observer in observers]
        self._model = model
        self._spec = spec
        self._steps_before = steps_before
        self._lost: tuple[LostObserver, ...] = ()

    @property
    def lost(self) -> tuple[LostObserver, ...]:
        """Observers that raised an exception and are shown nothing more, in order."""
        return self._lost

    def look(
        self, step: int, x: Tensor, y: Tensor, casting: AbstractContextManager[object]
    ) -> None:
        """Show a step that is about to be taken to the observers whose turn it is.

        Args:
            step: counted from 1.
            x: float32 (N, 1, 28, 28), the batch as the network is given it.
            y: int64 (N,), its labels.
            casting: the context in which the layers compute.
        """
        step += self._steps_before
        due = [one for one in self._watching if step % one.every == 0]
        if not due:
            return
        with generators_kept(), _buffers_kept(self._model):
            try:
                wanted = frozenset[str]().union(*(one.wanted for one in due))
                seen = self._seen(step, x, y, casting, wanted)
            except Exception as error:
                # Such as memory that is too small for it: the step itself takes less.
                for one in due:
                    self._lose(one, step, error)
                return
            for one in due:
                try:
                    one.observer.observe(_part_of(seen, one.wanted))
                except Exception as error:
                    self._lose(one, step, error)

    def _seen(
        self,
        step: int,
        x: Tensor,
        y: Tensor,
        casting: AbstractContextManager[object],
        wanted: frozenset[str],
    ) -> Observation:
        # Where nothing is learned before a layer, as before `flatten` of a dense network, only this
        # gives it a gradient.
        images = x.clone().requires_grad_()
        made: list[Tensor] = []
        with casting, _without_masks_of_cudnn(self._spec):
            logits = self._model(images, made)
        loss = loss_of(self._spec, logits.float(), y)
        outputs = {
            name: output for name, output in zip(self._names, made, strict=True) if name in wanted
        }
        made.clear()
        gradients = torch.autograd.grad(loss, list(outputs.values())) if outputs else ()
        return Observation(
            step=step,
            images=images.detach(),
            labels=y.clone(),
            outputs={name: output.detach() for name, output in outputs.items()},
            gradients=dict(zip(outputs, gradients, strict=True)),
        )

    def _lose(self, one: _Watching, step: int, error: Exception) -> None:
        _log.error("An observer failed at step %d; it looks no more", step, exc_info=error)
        self._watching.remove(one)
        # Its frames would keep all outputs and gradients in memory.
        bare = error.with_traceback(None)
        self._lost += (LostObserver(observer=one.observer, step=step, error=bare),)


def _watching(observer: Observer, names: Sequence[str]) -> _Watching:
    if observer.every < 1:
        raise ValueError(f"An observer looks at every step or at fewer, not at {observer.every}.")
    wanted = frozenset(names if observer.layers is None else observer.layers)
    if unknown := sorted(wanted.difference(names)):
        raise ValueError(
            f"The network has no layer {', '.join(unknown)}; it has {', '.join(names)}."
        )
    return _Watching(observer, observer.every, wanted)


def _part_of(seen: Observation, wanted: frozenset[str]) -> Observation:
    def kept(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in tensors.items() if name in wanted}

    return Observation(
        step=seen.step,
        images=seen.images,
        labels=seen.labels,
        outputs=kept(seen.outputs),
        gradients=kept(seen.gradients),
    )


@contextmanager
def _buffers_kept(model: nn.Module) -> Iterator[None]:
    """Leave what a forward pass in train mode counts, such as batch norm's means, as it is."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for buffer, value in kept:
            buffer.copy_(value)


@contextmanager
def _without_masks_of_cudnn(spec: RunSpec) -> Iterator[None]:
    enabled = torch.backends.cudnn.enabled
    if spec.family == "recurrent" and spec.rnn_dropout:
        torch.backends.cudnn.enabled = False
    try:
        yield
    finally:
        torch.backends.cudnn.enabled = enabled
