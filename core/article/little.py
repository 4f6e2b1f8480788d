"""A network small enough to be looked through, fresh or after one epoch of training."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal

import torch
from torch import Tensor, nn

from core.article.digits import DATA
from core.data.loading import Split, load
from core.machine.device import take_one_core
from core.network.model import Stack, build, seed_of
from core.network.operations import OPERATIONS
from core.spec import BlockSpec, RunSpec
from core.training.batches import normalise, steps_per_epoch
from core.training.learning import loss_of, make_optimizer, make_schedule

Start = Literal["fresh", "trained"]
Weights = Mapping[str, Tensor]

SPEC: Final = RunSpec(
    blocks=(BlockSpec(channels=6, kernel_size=5), BlockSpec(channels=12)),
    lr=0.01,
    schedule="one_cycle",
    num_epochs=1,
)


@lru_cache
def weights_of(start: Start) -> Weights:
    """Return the little network's first weights, or those after one epoch; do not write to them.

    One epoch takes about half a second of one core, once a process.
    """
    if start == "fresh":
        return dict(drawn(SPEC).state_dict())
    train = load(DATA).train
    model = drawn(SPEC)
    num_steps = steps_per_epoch(SPEC.batch_size, len(train)) * SPEC.num_epochs
    for _ in learn(SPEC, model, train, num_steps):
        pass
    return {name: value.detach() for name, value in model.state_dict().items()}


def with_weights(weights: Weights) -> Stack:
    """Return the little network with these weights, which are copied."""
    with torch.device("meta"):
        model = build(SPEC)
    copied = {name: value.clone() for name, value in weights.items()}
    model.load_state_dict(copied, assign=True)
    return model.requires_grad_()


def drawn(spec: RunSpec) -> Stack:
    """Build a network of convolutions and linear layers with the first weights of a run.

    The weights are those of `core.network.model.initialise`, but drawn without PyTorch's global
    generators, which a run may be using at this moment.
    """
    with torch.device("meta"):
        model = build(spec)
    model.to_empty(device="cpu")
    for name, layer in model.named_children():
        if any(True for _ in layer.parameters()):
            draw(layer, torch.Generator().manual_seed(seed_of(name, spec.seed)))
    return model


@torch.no_grad()
def draw(layer: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of a convolution, linear or recurrent layer by PyTorch's own rule."""
    if OPERATIONS[type(layer)].gates:
        inputs = int(layer.hidden_size)  # type: ignore[arg-type]
    else:
        inputs = next(layer.parameters())[0].numel()  # of each value
    for value in layer.parameters():
        value.uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)


def learn(spec: RunSpec, model: nn.Module, images: Split, num_steps: int) -> Iterator[float]:
    """Train a model on one core, yielding the loss of each step's batch before the step.

    Args:
        spec: how to learn.
        model: on the CPU; changed.
        images: gone through in an order made of the spec's seed, again and again.
        num_steps: how many batches.
    """
    optimizer = make_optimizer(spec, model)
    schedule = make_schedule(spec, optimizer, num_steps)
    model.train()
    for x, y in batches(spec, images, num_steps):
        loss = loss_of(spec, model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        yield float(loss.detach())


def batches(spec: RunSpec, images: Split, num_steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield so many batches of a spec's size, normalised, in an order made of its seed."""
    take_one_core()
    data = load(DATA)
    shuffle = torch.Generator().manual_seed(spec.seed)
    per_epoch = steps_per_epoch(spec.batch_size, len(images))
    for step in range(num_steps):
        if step % per_epoch == 0:
            order = torch.randperm(len(images), generator=shuffle)
        at = step % per_epoch * spec.batch_size
        index = order[at : at + spec.batch_size]
        yield normalise(images.images[index], data.mean, data.std), images.labels[index]
