"""Single tensors and weights of a run, each file with a sum of what it holds in its header."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import safetensors.torch
from torch import Tensor

from core.runs.store import disk
from core.runs.store.checkpoint import NOT_WHOLE, loaded, metadata

_SUM: Final = "sha256"


def write_logits(path: Path, logits: Tensor) -> None:
    """Write logits.

    Raises:
        OSError: nothing has changed.
    """
    plain = logits.detach().to("cpu").contiguous()
    disk.write(path, safetensors.torch.save({"logits": plain}, {_SUM: _sum(plain)}))
    disk.sync_folder(path.parent)


def read_logits(path: Path) -> Tensor | None:
    """Return what `write_logits` wrote, or None where it is not whole.

    Raises:
        OSError: it cannot be read now.
    """
    try:
        data = disk.read(path)
        logits = loaded(data)["logits"]
        return logits if metadata(data)[_SUM] == _sum(logits) else None
    except NOT_WHOLE:
        return None


def write_weights(path: Path, weights: Mapping[str, Tensor], of: str) -> None:
    """Write a network's weights.

    Args:
        path: of the file.
        weights: its state dict.
        of: which of a run's weights these are; only who asks for the same will get them.

    Raises:
        OSError: nothing has changed.
    """
    plain = {name: value.detach().to("cpu").contiguous() for name, value in weights.items()}
    disk.write(path, safetensors.torch.save(plain, {_SUM: _sum_of_all(plain), "of": of}))
    disk.sync_folder(path.parent)


def read_weights(path: Path, of: str) -> dict[str, Tensor] | None:
    """Return what `write_weights` wrote, or None where it is not whole or of something else.

    Raises:
        OSError: it cannot be read now.
    """
    try:
        data = disk.read(path)
        notes = metadata(data)
        weights = loaded(data)
        same = notes["of"] == of and notes[_SUM] == _sum_of_all(weights)
        return weights if same else None
    except NOT_WHOLE:
        return None


def _sum_of_all(tensors: Mapping[str, Tensor]) -> str:
    told = "".join(f"{name} {_sum(tensors[name])}\n" for name in sorted(tensors))
    return hashlib.sha256(told.encode()).hexdigest()


def _sum(tensor: Tensor) -> str:
    return hashlib.sha256(f"{tuple(tensor.shape)}".encode() + tensor.numpy().tobytes()).hexdigest()
