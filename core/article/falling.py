"""What becomes of the loss with and without the step that the article's training loop lacks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import torch

from core.article.digits import DATA
from core.article.little import batches, drawn, learn
from core.article.printed import MENDED
from core.data.loading import load
from core.training.learning import loss_of

# Half of the article's batch, so that it takes a few seconds of one core.
BATCH_SIZE: Final = 32
NUM_STEPS: Final = 30


@dataclass(frozen=True, kw_only=True)
class Losses:
    """The loss of one batch before the step of this number, counted from 1."""

    step: int
    printed: float
    mended: float


def fall(num_steps: int = NUM_STEPS) -> Iterator[Losses]:
    """Train the mended network as it is printed and as it should be, on the same batches.

    Printed: the loss of each batch is computed, and nothing follows from it. Mended: gradients are
    cleared, computed and followed. It takes about a tenth of a second of one core a step.
    """
    spec = replace(MENDED, batch_size=BATCH_SIZE)
    train = load(DATA).train
    still = drawn(spec)
    steps = learn(spec, drawn(spec), train, num_steps)
    for step, (x, y) in enumerate(batches(spec, train, num_steps), start=1):
        with torch.inference_mode():
            printed = float(loss_of(spec, still(x), y))
        yield Losses(step=step, printed=printed, mended=next(steps))
