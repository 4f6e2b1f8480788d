"""What a spec's loss, optimiser and schedule are in PyTorch."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from core.spec import RunSpec


def loss_of(spec: RunSpec, logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean loss of a batch.

    Args:
        spec: its `loss` is `cross_entropy`, against labels smoothed by its `label_smoothing`, or
            `mse`: the mean squared error between the softmax probabilities and the one-hot label,
            over all classes.
        logits: (N, classes).
        labels: int64 (N,).
    """
    if spec.loss == "cross_entropy":
        return F.cross_entropy(logits, labels, label_smoothing=spec.label_smoothing)
    return F.mse_loss(logits.softmax(1), F.one_hot(labels, logits.shape[1]).to(logits.dtype))


def make_optimizer(spec: RunSpec, model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a spec, fused into one kernel where PyTorch has it."""
    params = list(model.parameters())
    lr, decay = spec.lr, spec.weight_decay
    match spec.optimizer:
        case "sgd":
            return torch.optim.SGD(
                params, lr=lr, momentum=spec.momentum, weight_decay=decay, fused=True
            )
        case "adam":
            return torch.optim.Adam(params, lr=lr, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(params, lr=lr, weight_decay=decay, fused=True)
        case _:
            return torch.optim.RMSprop(
                params, lr=lr, momentum=spec.momentum, weight_decay=decay, foreach=True
            )


def make_schedule(spec: RunSpec, optimizer: torch.optim.Optimizer, num_steps: int) -> LRScheduler:
    """Return the schedule of a spec; step it once after every optimiser step."""
    match spec.schedule:
        case "one_cycle" if num_steps > 1:
            return OneCycleLR(
                optimizer, max_lr=spec.lr, total_steps=num_steps + 1, cycle_momentum=False
            )
        case "cosine":
            return CosineAnnealingLR(optimizer, T_max=num_steps)
        case _:
            return LambdaLR(optimizer, lambda step: 1.0)
