"""What a spec's loss, optimiser and schedule are in PyTorch."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR, StepLR

from core.spec import RunSpec, setting_at
from core.words.errors import UserError
from core.words.message import message

# The rates that an optimiser's parameter groups hold, those that a schedule puts there included.
_RATES: Final = ("lr", "initial_lr", "max_lr", "min_lr")


def loss_of(spec: RunSpec, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of a batch.

    Args:
        spec: its `loss` is `cross_entropy`, against labels smoothed by its `label_smoothing`;
            `nll`, of the log-softmax; `bce`: binary cross entropy of each class's own yes or no,
            over all classes; `multi_margin`, with a margin of 1; or `mse`: the mean squared error
            between the softmax probabilities and the one-hot label, over all classes.
        logits: (N, classes).
        labels: int64 (N,).
    """
    match spec.loss:
        case "cross_entropy":
            return F.cross_entropy(logits, labels, label_smoothing=spec.label_smoothing)
        case "nll":
            return F.nll_loss(logits.log_softmax(1), labels)
        case "multi_margin":
            return F.multi_margin_loss(logits, labels)
        case "bce":
            wanted = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
            return F.binary_cross_entropy_with_logits(logits, wanted)
    return F.mse_loss(logits.softmax(1), F.one_hot(labels, logits.shape[1]).to(logits.dtype))


def make_optimizer(spec: RunSpec, model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a spec, fused into one kernel where PyTorch has it."""
    params = list(model.parameters())
    lr, decay = spec.lr, spec.weight_decay
    match spec.optimizer:
        case "sgd":
            return torch.optim.SGD(
                params,
                lr=lr,
                momentum=spec.momentum,
                nesterov=spec.nesterov and spec.momentum > 0,
                weight_decay=decay,
                fused=True,
            )
        case "adam":
            return torch.optim.Adam(params, lr=lr, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(params, lr=lr, weight_decay=decay, fused=True)
        case "adagrad":
            fused = is_fused(spec, params[0].device)
            return torch.optim.Adagrad(
                params, lr=lr, weight_decay=decay, fused=fused, foreach=not fused
            )
        case _:
            return torch.optim.RMSprop(
                params, lr=lr, momentum=spec.momentum, weight_decay=decay, foreach=True
            )


def is_fused(spec: RunSpec, device: torch.device) -> bool:
    """Tell whether PyTorch has one kernel for all the updates of a spec's optimiser."""
    if spec.optimizer == "adagrad":
        return device.type != "mps"
    return spec.optimizer != "rmsprop"


def clip(spec: RunSpec, params: Sequence[nn.Parameter]) -> None:
    """Shorten the gradients to the spec's longest norm; the device is not waited for."""
    if spec.clip_norm:
        nn.utils.clip_grad_norm_(params, spec.clip_norm, foreach=True)


def make_schedule(spec: RunSpec, optimizer: torch.optim.Optimizer, num_steps: int) -> LRScheduler:
    """Return the schedule of a spec; step it once after every optimiser step."""
    match spec.schedule:
        case "one_cycle" if num_steps > 1:
            return OneCycleLR(
                optimizer, max_lr=spec.lr, total_steps=num_steps + 1, cycle_momentum=False
            )
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=num_steps)
        case "step":
            return StepLR(optimizer, steps_to_drop(spec, num_steps), gamma=spec.step_factor)
        case "warmup":
            return LambdaLR(optimizer, lambda step: _warmed_up(spec, step, num_steps))
        case _:
            return LambdaLR(optimizer, lambda step: 1.0)


def require_lr(lr: float) -> None:
    """Check a learning rate that somebody wants from now on.

    Raises:
        UserError: it is not allowed; the message says what is.
    """
    complaint = setting_at("lr").complaint(lr)
    if complaint is not None:
        raise UserError(message("The learning rate {complaint}.", complaint=complaint))


def rescale(
    optimizer: torch.optim.Optimizer, schedule: LRScheduler, before: float, after: float
) -> None:
    """Go on as if the highest rate of a schedule under way had been another one.

    Args:
        optimizer: of `make_optimizer`.
        schedule: of `make_schedule`.
        before: the highest rate so far.
        after: the one from now on.
    """
    for group in optimizer.param_groups:
        for key in _RATES:
            if key in group:
                group[key] = group[key] / before * after
    schedule.base_lrs = [lr / before * after for lr in schedule.base_lrs]


def rate_at(
    spec: RunSpec, step: int, num_steps: int, changes: Sequence[tuple[int, float]] = ()
) -> float:
    """Return the learning rate of a step, counted from 0, without going through those before.

    The rate is that of `make_schedule`, but for rounding.

    Args:
        spec: of the run.
        step: counted from 0.
        num_steps: of the whole schedule.
        changes: after how many steps the highest rate was changed, and to what, in order.
    """
    lr = next((lr for changed, lr in reversed(changes) if changed <= step), None)
    if lr is not None:
        spec = replace(spec, lr=lr)
    match spec.schedule:
        case "one_cycle" if num_steps > 1:
            top = float(0.3 * (num_steps + 1) - 1)
            if step <= top:
                return _between(spec.lr / 25, spec.lr, step / top)
            return _between(spec.lr, spec.lr / 25e4, (step - top) / (num_steps - top))
        case "cosine":
            return _between(spec.lr, 0.0, step / num_steps)
        case "step":
            return spec.lr * float(spec.step_factor) ** (step // steps_to_drop(spec, num_steps))
        case "warmup":
            return spec.lr * _warmed_up(spec, step, num_steps)
    return spec.lr


def steps_to_drop(spec: RunSpec, num_steps: int) -> int:
    """Return after how many steps the schedule Step drops."""
    return max(1, spec.step_epochs * num_steps // spec.num_epochs)


def climbing_steps(spec: RunSpec, num_steps: int) -> int:
    """Return for how many steps the schedule Warm-up climbs."""
    return max(1, round(spec.warmup * num_steps))


def _warmed_up(spec: RunSpec, step: int, num_steps: int) -> float:
    climb = climbing_steps(spec, num_steps)
    if step < climb:
        return (step + 1) / climb
    return _between(1.0, 0.0, (step - climb) / max(1, num_steps - climb))


def _between(start: float, end: float, share: float) -> float:
    """Go from one rate to another along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
