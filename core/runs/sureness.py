"""How sure the network of a run is, measured once for each of its epochs."""

from functools import lru_cache

from core.judging.sureness import Sureness, measured, validation_of
from core.runs.view import Run
from core.words.errors import UserError


def sureness_of(run: Run) -> Sureness | None:
    """Measure a run's network as it was after its newest epoch; None before there is one.

    It is measured once for each epoch, and once for good when the run has ended.
    """
    now = run.snapshot()
    moment = 0 if now.ended else now.epoch
    try:
        return _measured(run, moment, now.weights_version if now.ended else 0)
    except _CannotNow:
        return None


class _CannotNow(Exception):
    """There is nothing to measure, or it cannot be read; another time there may be."""


@lru_cache(maxsize=64)
def _measured(run: Run, _moment: int, _version: int) -> Sureness:
    """Measure a network.

    Raises:
        _CannotNow: it has no weights, or its images are not here; nothing is remembered then.
    """
    weights = run.weights()
    if weights is None:
        raise _CannotNow
    fold = run.snapshot().fold
    try:
        held = validation_of(run.spec, max(0, fold - 1))
    except UserError as error:
        raise _CannotNow from error
    return measured(run.spec, weights, held)
