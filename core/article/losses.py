"""The losses as functions of the probability that the right class is given."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch

from core.spec import RunSpec, setting_at
from core.spec.settings import Choice
from core.training.learning import loss_of

CLASSES: Final = 10
# Close together at both ends, where the losses turn.
CHANCES: Final = (0.001, 0.003, 0.005, 0.0075, *(i / 100 for i in range(1, 100)), 0.995, 0.999)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A loss at one probability of the right class, and how strongly training reacts to it.

    Attributes:
        loss: key of the loss, such as `mse`.
        chance: the probability of the right class.
        value: the loss.
        gradient: of the loss by the score of the right class; the more negative, the more a step
            raises that score.
    """

    loss: str
    chance: float
    value: float
    gradient: float


def losses() -> tuple[str, ...]:
    """Return the keys of all losses."""
    record = setting_at("loss")
    assert isinstance(record, Choice)
    return tuple(str(key) for key in record.options)


def score_of(chance: float) -> float:
    """Return s such that softmax gives this probability to a score of s among nine of -s."""
    return math.log((CLASSES - 1) * chance / (1 - chance)) / 2


@cache
def curve(loss: str) -> tuple[Point, ...]:
    """Return a loss at all of CHANCES."""
    return tuple(point(loss, chance) for chance in CHANCES)


def point(loss: str, chance: float) -> Point:
    """Return a loss where the right class is given a probability between 0 and 1.

    A loss reads ten scores, not one probability: here the right class has s and each other one -s,
    where s is what gives the probability.
    """
    score = score_of(chance)
    scores = torch.full((1, CLASSES), -score, dtype=torch.float64)
    scores[0, 0] = score
    scores.requires_grad_()
    value = loss_of(RunSpec(loss=loss), scores, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(value, scores)
    return Point(
        loss=loss, chance=chance, value=float(value.detach()), gradient=float(gradient[0, 0])
    )
