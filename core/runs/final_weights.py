"""The weights of a run that has ended, in its newest checkpoint or in a file of their own."""

from collections.abc import Mapping

from torch import Tensor

from core.runs.record import RunRecord
from core.runs.store import RunFolder
from core.training.state import part_of


def save_final_weights(folder: RunFolder, record: RunRecord, weights: Mapping[str, Tensor]) -> None:
    """Save the weights of a run that has ended with others than those of its checkpoint.

    Raises:
        StoreError: they are not saved.
    """
    folder.save_weights(weights, _which(record))


def read_final_weights(folder: RunFolder, record: RunRecord) -> dict[str, Tensor] | None:
    """Return a run's weights as they were when it ended, or None where there are none.

    Raises:
        Unreadable: they cannot be read now.
    """
    if (kept := folder.load_saved_weights(_which(record))) is not None:
        return kept
    if record.spec.keep_best and record.status == "finished":
        state = folder.load_state()
        if state is not None and (best := part_of(state.tensors, "best.")):
            return best
    return folder.load_weights()


def _which(record: RunRecord) -> str:
    """Return a name for the weights with which a run ended; earlier parts of it have others."""
    return f"{record.status} after step {record.step}"
