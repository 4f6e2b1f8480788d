"""What a list of runs shows of each, without its settings."""

from dataclasses import dataclass
from typing import Final

from core.machine.device import Device
from core.runs.record import RESUMABLE, RunRecord, Status
from core.spec.summary import Outline, outline_of

# Rows that are kept from one process to the next are of this version. Raise it whenever `row_of`
# makes another row of the same record.
VERSION: Final = 2


@dataclass(frozen=True, kw_only=True)
class RunRow:
    """A run in a list; see `RunRecord` for what is not said here.

    Attributes:
        network: the kind and the widths of its layers.
        data: the key of its data set.
        test_accuracy: share of the test images that were right, 0 to 1, or None before the test.
        num_bytes: what its folder takes on the disk.
    """

    id: str
    number: int
    name: str
    tags: tuple[str, ...]
    note: str
    starred: bool
    status: Status
    network: Outline
    data: str
    step: int
    num_steps: int
    epoch: int
    val_accuracy: float | None
    test_accuracy: float | None
    params: int
    elapsed_s: float
    device: Device | None
    created_at: float
    num_bytes: int
    owner: str
    rival: str

    @property
    def resumable(self) -> bool:
        """Whether there are steps left that could still be done, or the test; as `RunRecord`."""
        left = self.step < self.num_steps or self.test_accuracy is None
        return self.status in RESUMABLE and left


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A row as the index keeps it.

    Attributes:
        deleted_at: when a person deleted the run, in seconds since 1970, or None.
        stamp: changes whenever the file changes that the row was made from.
    """

    row: RunRow
    deleted_at: float | None
    stamp: str


def row_of(record: RunRecord, num_bytes: int) -> RunRow:
    """Return the row of a run.

    Args:
        record: the run.
        num_bytes: what its folder takes on the disk.
    """
    return RunRow(
        id=record.id,
        number=record.number,
        name=record.name,
        tags=record.tags,
        note=record.note,
        starred=record.starred,
        status=record.status,
        network=outline_of(record.spec),
        data=record.spec.data,
        step=record.step,
        num_steps=record.num_steps,
        epoch=record.epoch,
        val_accuracy=record.val_accuracy,
        test_accuracy=record.test_accuracy,
        params=record.params,
        elapsed_s=record.elapsed_s,
        device=record.device,
        created_at=record.created_at,
        num_bytes=num_bytes,
        owner=record.owner,
        rival=record.rival,
    )
