"""Checkpoints: a training's state as one safetensors file with its SHA-256 beside it."""

import errno
import hashlib
import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from core.runs.store import disk
from core.training.state import Plain, State

SUM: Final = ".sha256"
_FORMAT: Final = "netsketch state 1"
_NAME: Final = re.compile(r"state-(\d{6,})-e(\d+)-s(\d+)\.safetensors")
# The header's length, as safetensors begins.
_LENGTH: Final = struct.Struct("<Q")

# What a file says that is not, or no longer, ours. Whatever keeps it from being read is none of it.
NOT_WHOLE: Final = (
    *disk.ABSENT,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    struct.error,
    SafetensorError,
)


@dataclass(frozen=True, order=True)
class Checkpoint:
    """A file in a run's folder that claims to be a checkpoint.

    Attributes:
        serial: grows with every checkpoint of the run.
        epoch: epochs finished.
        step: steps done.
    """

    serial: int
    epoch: int
    step: int
    folder: Path

    @property
    def path(self) -> Path:
        """The tensors and everything else."""
        name = f"state-{self.serial:06d}-e{self.epoch}-s{self.step}.safetensors"
        return self.folder / name

    @property
    def sum_path(self) -> Path:
        """The file with the SHA-256 of a checkpoint, as `sha256sum -c` reads it."""
        return self.path.with_name(self.path.name + SUM)

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """Read a file's name."""
        found = _NAME.fullmatch(path.name)
        if found is None:
            return None
        serial, epoch, step = (int(digits) for digits in found.groups())
        made = cls(serial, epoch, step, path.parent)
        return made if made.path.name == path.name else None

    def write(self, state: State, record: str) -> None:
        """Write it, the sum first: without one, the file does not count.

        Args:
            state: what to keep.
            record: the run's own description, in case the one in the folder is lost.

        Raises:
            OSError: it does not count; earlier ones are untouched.
        """
        data = safetensors.torch.save(
            dict(state.tensors),
            {
                "format": _FORMAT,
                "step": str(state.step),
                "epoch": str(state.epoch),
                "numbers": json.dumps(dict(state.numbers)),
                "record": record,
            },
        )
        line = f"{hashlib.sha256(data).hexdigest()}  {self.path.name}\n"
        disk.write(self.sum_path, line.encode())
        disk.write(self.path, data)
        disk.sync_folder(self.folder)

    def remove(self) -> None:
        """Remove both files."""
        disk.remove(self.path)
        disk.remove(self.sum_path)

    def state(self) -> State | None:
        """Return what was kept, or None where a single byte of it has changed.

        Raises:
            OSError: it cannot be read now; it may be whole.
        """
        try:
            data = self._whole()
            notes = metadata(data)
            if notes["format"] != _FORMAT:
                return None
            numbers: Mapping[str, Plain] = json.loads(notes["numbers"])
            tensors = loaded(data)
            return State(
                step=int(notes["step"]),
                epoch=int(notes["epoch"]),
                tensors=tensors,
                numbers=dict(numbers),
            )
        except NOT_WHOLE:
            return None

    def record(self) -> str | None:
        """Return the run's description as it was then, or None where it is not whole.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            return metadata(self._whole())["record"]
        except NOT_WHOLE:
            return None

    def is_whole(self) -> bool:
        """Tell whether it is as it was written.

        Raises:
            OSError: that cannot be told now.
        """
        return self.record() is not None

    def _whole(self) -> bytes:
        """Return the file's bytes.

        Raises:
            ValueError: they are not those that were written.
            OSError: they cannot be read now; one of `disk.ABSENT` where a file is missing.
        """
        wanted = disk.read(self.sum_path, 64).decode("ascii")
        data = disk.read(self.path)
        if hashlib.sha256(data).hexdigest() != wanted:
            raise ValueError("the file has changed")
        return data


def checkpoints(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints in a folder, newest first, whole or not; none where it is gone.

    Raises:
        OSError: the folder cannot be read now.
    """
    try:
        found = [Checkpoint.of(folder / name) for name in disk.names_in(folder)]
    except disk.ABSENT:
        return []
    return sorted((one for one in found if one is not None), reverse=True)


def loaded(data: bytes) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file.

    Raises:
        ValueError, KeyError, SafetensorError: it is none.
        OSError: there is no memory for them now.
    """
    try:
        return safetensors.torch.load(data)
    except RuntimeError as error:
        if "memory" not in str(error):
            raise ValueError(str(error)) from error
        raise OSError(errno.ENOMEM, str(error)) from error


def metadata(data: bytes) -> dict[str, str]:
    """Return the words in a safetensors file's header.

    Raises:
        ValueError, KeyError, TypeError, struct.error: there are none.
    """
    (length,) = _LENGTH.unpack_from(data)
    notes = json.loads(data[_LENGTH.size : _LENGTH.size + length])["__metadata__"]
    return {str(key): str(value) for key, value in notes.items()}
