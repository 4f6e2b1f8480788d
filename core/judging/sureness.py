"""What a network's probabilities mean, measured on its validation images.

A network says 99 % where it was trained to say that, and 88 % for the very same digit where it was
trained with smoothed labels. Temperature scaling tells what either is worth: all logits are
divided by the one number under which the validation images are likeliest (C. Guo, G. Pleiss,
Y. Sun, K. Weinberger, "On calibration of modern neural networks", ICML 2017). One number can be
had from few images, and no answer changes by it. That it stays finite where every image is named
rightly is J. Platt's: a right answer among n counts as (n + 1) / (n + 2) of one ("Probabilistic
outputs for support vector machines", 1999).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from scipy.special import log_softmax  # type: ignore[import-untyped]
from torch import Tensor

from core.data.loading import Split, load
from core.judging.prediction import logits_of
from core.spec import RunSpec
from core.training.folds import fold_data, folds_of

# Fewer validation images than these do not tell what a probability means.
LEAST_IMAGES: Final = 50
# More than these tell no more, and take longer.
_MOST_IMAGES: Final = 1_000
_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, kw_only=True)
class Sureness:
    """What the probabilities of a network mean.

    Attributes:
        images: validation images that it was measured on.
        temperature: what its logits are to be divided by, or None where the images are too few.
    """

    images: int
    temperature: float | None

    def of(self, chances: Tensor) -> float:
        """Return how likely the answer is right, 0 to 1, from probabilities (classes,).

        No number of images shows that an answer is never wrong: it stays below (n + 1) / (n + 2).
        """
        if self.temperature is None:
            return float(chances.max())
        logits = chances.double().clamp_min(1e-30).log()
        sure = float(torch.softmax(logits / self.temperature, dim=0).max())
        return min(sure, (self.images + 1) / (self.images + 2))


def sureness_from(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Sureness:
    """Measure by what a network says of images that it did not learn from.

    Args:
        logits: (N, classes).
        labels: (N,), the true classes.
    """
    count, classes = logits.shape
    if count < LEAST_IMAGES or not np.isfinite(logits).all():
        return Sureness(images=count, temperature=None)
    wanted = np.full((count, classes), 1 / (count + 2) / max(1, classes - 1))
    wanted[np.arange(count), labels] = (count + 1) / (count + 2)

    def surprise(log_temperature: float) -> float:
        said = log_softmax(logits / math.exp(log_temperature), axis=1)
        return float(-(wanted * said).sum() / count)

    best = minimize_scalar(
        surprise, bounds=(math.log(_COLDEST), math.log(_HOTTEST)), method="bounded"
    )
    return Sureness(images=count, temperature=math.exp(float(best.x)))


def measured(spec: RunSpec, weights: Mapping[str, Tensor], held: Split) -> Sureness:
    """Measure a network on images that it did not learn from; of many, on some of all."""
    step = -(-len(held) // _MOST_IMAGES)
    images, labels = held.images[::step], held.labels[::step]
    logits = logits_of(spec, weights, images)
    return sureness_from(logits.double().numpy(), labels.numpy())


def validation_of(spec: RunSpec, fold: int) -> Split:
    """Return the images that a network was held against: of one fold, those that it holds back.

    Args:
        spec: of the run.
        fold: counted from 0; of no meaning without cross-validation.

    Raises:
        UserError: the images cannot be had.
    """
    data = load(spec.data)
    if not spec.folds:
        return data.validation
    return fold_data(data, spec, folds_of(data, spec), fold).validation
