"""What a person reads where a run could not go on."""

import logging

import torch

from core.network.layers import lay_out
from core.spec import RunSpec
from core.training.check import size_in_words
from core.training.memory import step_memory
from core.words.errors import UserError
from core.words.message import N_, message

_log = logging.getLogger(__name__)


def in_words(error: Exception, spec: RunSpec) -> str:
    """Return the sentence for whatever ended a run; what nobody foresaw goes to the log."""
    if isinstance(error, UserError):
        return error.message
    if _is_out_of_memory(error):
        needed = step_memory(spec, lay_out(spec)).total
        return message(
            "Out of memory: a training step of this network takes about {size}. Halve the batch "
            "size (now {batch_size:,}) or use fewer channels, then train again.",
            size=size_in_words(needed),
            batch_size=spec.batch_size,
        )
    _log.error("A run failed", exc_info=error)
    return N_(
        "Training stopped because of a fault inside NetSketch; its details are in the server's "
        "log. What was learned so far is kept. Train again, or change a setting first."
    )


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in words or "allocate memory" in words
    )
