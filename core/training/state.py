"""A training at one instant: all it needs to go on later as if it had never stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

# What JSON can say.
Plain = int | float | bool | str | None | list["Plain"] | dict[str, "Plain"]

_OPTIMIZER = "optimizer."


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """What a trainer hands out and takes back.

    Attributes:
        step: training steps done.
        epoch: epochs finished, validation included.
        tensors: copies on the CPU, by name: `model.*` are the weights, `optimizer.*` what the
            optimiser keeps, `random.*` the generators, `epoch.*` an epoch that is not over.
        numbers: everything else, as JSON can say it.
    """

    step: int
    epoch: int
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Plain]

    def weights(self) -> dict[str, Tensor]:
        """Return the network's state dict."""
        return part_of(self.tensors, "model.")


@dataclass(frozen=True, eq=False)
class EpochUnderWay:
    """An epoch that is not over.

    Attributes:
        order: int64 (images,), in which the images are gone through.
        losses: float32 (steps,), each step's mean loss, as far as they are done.
        rights: float32 (steps,), each step's share of right answers, likewise.
    """

    order: Tensor
    losses: Tensor
    rights: Tensor

    @classmethod
    def new(cls, size: int, num_steps: int, shuffle: torch.Generator, device: torch.device) -> Self:
        """Begin one, in an order drawn from a generator."""
        order = torch.randperm(size, generator=shuffle).to(device)
        nothing = torch.zeros(2, num_steps, device=device)
        return cls(order, nothing[0], nothing[1])

    @classmethod
    def restored(cls, tensors: dict[str, Tensor], device: torch.device) -> Self | None:
        """Go on with what `tensors` returned; None where no epoch was under way."""
        if not tensors:
            return None
        return cls(*(tensors[name].to(device) for name in ("order", "losses", "rights")))

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a later trainer needs to end it."""
        return {"order": self.order, "losses": self.losses, "rights": self.rights}


def part_of(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, by their names without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def copied(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return copies on the CPU, their names behind a prefix."""
    return {
        prefix + name: value.detach().to("cpu", copy=True).contiguous()
        for name, value in tensors.items()
    }


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Copy what an optimiser keeps, as `optimizer.INDEX.NAME`, INDEX counting the parameters."""
    return {
        name: tensor
        for index, kept in optimizer.state_dict()["state"].items()
        for name, tensor in copied(
            {key: value for key, value in kept.items() if isinstance(value, Tensor)},
            f"{_OPTIMIZER}{index}.",
        ).items()
    }


def optimizer_numbers(optimizer: torch.optim.Optimizer) -> list[Plain]:
    """Return each parameter group's settings, the present learning rate among them."""
    return [
        {key: list(value) if isinstance(value, tuple) else value for key, value in group.items()}
        for group in optimizer.state_dict()["param_groups"]
    ]


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], groups: Plain
) -> None:
    """Give an optimiser of the same parameters back what was copied from another one."""
    kept: dict[int, dict[str, Tensor]] = {}
    for name, value in part_of(tensors, _OPTIMIZER).items():
        index, _, key = name.partition(".")
        kept.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": kept, "param_groups": groups})
    # A fused kernel goes through a parameter and its states in the order of their memory, whatever
    # their strides say; a file knows only one order.
    for parameter, states in optimizer.state.items():
        for key, value in states.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                states[key] = torch.empty_like(parameter).copy_(value)


def schedule_numbers(schedule: LRScheduler) -> Plain:
    """Return where a schedule is."""
    return dict(schedule.state_dict())
