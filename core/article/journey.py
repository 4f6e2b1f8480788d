"""One digit's way through the little network and back, and one step of gradient descent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.func import functional_call

from core.article.digits import DATA
from core.article.little import SPEC, Weights, with_weights
from core.data.loading import load
from core.machine.device import take_one_core
from core.training.batches import normalise
from core.training.learning import loss_of

# The layers after which the values are looked at.
BLOCK_ENDS: Final = ("pool1", "pool2")
# Learning rates to try: from a step that hardly changes anything to one that spoils everything.
RATES: Final = tuple(round(10 ** (exponent / 6), 4) for exponent in range(-18, 4))
NUM_OTHERS: Final = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """Values on their way forward, and how the loss would change with each of them.

    Attributes:
        name: of the layer that made them; `picture` for the pixels.
        values: float (channels, height, width).
        gradients: of the loss, of the same shape.
    """

    name: str
    values: Tensor
    gradients: Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Journey:
    """A digit's way through a network and back.

    Attributes:
        stages: the normalised picture and the maps after each block.
        chances: float (10,), the probabilities.
        score_gradients: float (10,), of the loss by the score of each class.
        loss: minus the log of the right class's probability.
        weight_gradients: of every parameter, by its name.
    """

    stages: tuple[Stage, ...]
    chances: Tensor
    score_gradients: Tensor
    loss: float
    weight_gradients: Weights

    @property
    def layer_gradients(self) -> dict[str, float]:
        """The length of each layer's gradient, its weights and biases together."""
        squares: dict[str, float] = {}
        for name, gradient in self.weight_gradients.items():
            layer = name.partition(".")[0]
            squares[layer] = squares.get(layer, 0.0) + float(gradient.square().sum())
        return {layer: square**0.5 for layer, square in squares.items()}

    @property
    def steepness(self) -> float:
        """The squared length of the whole gradient: what a step of rate 1 promises to gain."""
        return sum(length**2 for length in self.layer_gradients.values())


@dataclass(frozen=True, kw_only=True)
class Losses:
    """What one step of a learning rate leads to.

    Attributes:
        lr: the learning rate.
        own: the loss of the digit that the step was made for.
        others: the mean loss of NUM_OTHERS test images.
    """

    lr: float
    own: float
    others: float


def travel(weights: Weights, digit: Tensor, label: int) -> Journey:
    """Send a digit through the little network, and its loss back.

    Args:
        weights: of the little network.
        digit: uint8 (1, 1, 28, 28).
        label: which digit it is.
    """
    take_one_core()
    model = with_weights(weights)
    x = _prepared(digit).requires_grad_()
    seen = {"picture": x}
    for name, layer in model.named_children():
        x = layer(x)
        if name in BLOCK_ENDS:
            seen[name] = x
    logits = x
    loss = loss_of(SPEC, logits, torch.tensor([label]))
    params = dict(model.named_parameters())
    wanted = [*seen.values(), logits, *params.values()]
    found = torch.autograd.grad(loss, wanted)
    back = dict(zip([*seen, "scores", *params], found, strict=True))
    return Journey(
        stages=tuple(
            Stage(name=name, values=values.detach()[0], gradients=back[name][0])
            for name, values in seen.items()
        ),
        chances=logits.detach().softmax(1)[0],
        score_gradients=back["scores"][0],
        loss=float(loss.detach()),
        weight_gradients={name: back[name] for name in params},
    )


def stepped(weights: Weights, gradients: Weights, lr: float) -> Weights:
    """Return the weights after one step of plain gradient descent."""
    return {name: value - lr * gradients[name] for name, value in weights.items()}


def losses_after(
    weights: Weights, gradients: Weights, rates: Sequence[float], digit: Tensor, label: int
) -> list[Losses]:
    """Return the losses after one step of each of these learning rates.

    Args:
        weights: of the little network.
        gradients: of the digit's loss by them.
        rates: learning rates; 0 is no step.
        digit: uint8 (1, 1, 28, 28).
        label: which digit it is.
    """
    take_one_core()
    model = with_weights(weights)
    test = load(DATA).test
    x = _prepared(torch.cat([digit, test.images[:NUM_OTHERS]]))
    y = torch.cat([torch.tensor([label]), test.labels[:NUM_OTHERS]])
    found = []
    with torch.inference_mode():
        for lr in rates:
            logits = functional_call(model, dict(stepped(weights, gradients, lr)), x)
            own, others = (
                float(loss_of(SPEC, logits[part], y[part])) for part in (slice(1), slice(1, None))
            )
            found.append(Losses(lr=lr, own=own, others=others))
    return found


def _prepared(digit: Tensor) -> Tensor:
    data = load(DATA)
    return normalise(digit, data.mean, data.std)
