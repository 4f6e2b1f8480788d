"""Weights from a safetensors file, checked against the network that they are for.

What the header says is compared with the network built on `meta`, which takes no memory, before
any tensor's bytes are used. The header is parsed here and not by the library, so that every
refusal is a sentence, and that a file which names a tensor twice is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.bring_in.header import BringInError, Entry, Header, read_header
from core.machine.device import devices
from core.network.layers import lay_out
from core.network.model import build
from core.spec import RunSpec
from core.spec.codec import from_json
from core.take_home.weights import CONFIGURATION, IMAGES, MAX_WEIGHT_BYTES
from core.words.errors import UserError
from core.words.message import N_, message, shown

# Bytes of a whole file: the weights, and a header of at most 1 MiB.
MAX_BYTES: Final = MAX_WEIGHT_BYTES + 2**20
_DTYPES: Final = {torch.float32: "F32", torch.int64: "I64"}
_NUMPY: Final[Mapping[str, np.dtype[np.float32] | np.dtype[np.int64]]] = {
    "F32": np.dtype(np.float32).newbyteorder("<"),
    "I64": np.dtype(np.int64).newbyteorder("<"),
}


@dataclass(frozen=True, eq=False)
class Brought:
    """A network, and weights that fit it: finite, contiguous, on the CPU.

    Attributes:
        images: what the file tells of a person's own images that it has learned from; unchecked.
    """

    spec: RunSpec
    weights: Mapping[str, Tensor]
    images: str = ""


def weights(data: bytes, spec: RunSpec | None = None) -> Brought:
    """Read what `core.take_home` wrote as weights.safetensors.

    Args:
        data: the file.
        spec: of the network, where the file does not say it or another is meant.

    Raises:
        UserError: the file is too large, cut off, altered, not a number somewhere, or of another
            network.
    """
    if len(data) > MAX_BYTES:
        raise BringInError(
            message(
                "Weights have at most {most} MB; this file has {size:,.0f} MB.",
                most=MAX_BYTES // 2**20,
                size=len(data) / 2**20,
            )
        )
    header = read_header(data)
    spec = spec or _configuration(header)
    expected = _expected(spec)
    _match_names(header, expected)
    for name, (dtype, shape) in expected.items():
        _match(name, header.entries[name], dtype, shape)
    _match_places(header, len(data))
    found = {name: _tensor(name, header.entries[name], data, header.size) for name in expected}
    here = {"auto"} | {device.key for device in devices()}
    here_too = spec if spec.device in here else replace(spec, device="auto")
    return Brought(here_too, found, header.metadata.get(IMAGES, ""))


def _configuration(header: Header) -> RunSpec:
    text = header.metadata.get(CONFIGURATION)
    if text is None:
        raise BringInError(
            N_(
                "The weights do not say which network they belong to. Bring in the configuration "
                "JSON of the run together with them."
            )
        )
    try:
        return from_json(text)
    except UserError as error:
        words = message(
            "The weights’ own configuration cannot be used. {problem}", problem=error.message
        )
        raise BringInError(words) from error


def _expected(spec: RunSpec) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return dtype and shape of each tensor of a network, by name."""
    network = lay_out(spec)
    if network.broken is not None:
        raise BringInError(
            message("The weights’ network cannot work. {problem}", problem=network.broken.message)
        )
    if 4 * network.params > MAX_WEIGHT_BYTES:
        raise BringInError(
            message(
                "The network has {params:,} parameters; weights of at most {most:,} can be brought "
                "in.",
                params=network.params,
                most=MAX_WEIGHT_BYTES // 4,
            )
        )
    with torch.device("meta"):
        state = build(spec).state_dict()
    return {name: (_DTYPES[value.dtype], tuple(value.shape)) for name, value in state.items()}


def _match_names(header: Header, expected: Mapping[str, object]) -> None:
    missing = [name for name in expected if name not in header.entries]
    if missing:
        some = message("The weights are of another network: “{name}” is missing.", name=missing[0])
        if len(missing) > 1:
            some = message(
                "The weights are of another network: “{name}” is missing, and {count} more.",
                name=missing[0],
                count=len(missing) - 1,
            )
        raise BringInError(some)
    unknown = next((name for name in header.entries if name not in expected), None)
    if unknown is not None:
        raise BringInError(
            message(
                "The weights are of another network: this one has no “{name}”.",
                name=shown(unknown),
            )
        )


def _match(name: str, entry: Entry, dtype: str, shape: tuple[int, ...]) -> None:
    if entry.dtype != dtype:
        raise BringInError(
            message(
                "The weights do not fit: “{name}” must be {dtype}, not {other}.",
                name=name,
                dtype=dtype,
                other=shown(entry.dtype),
            )
        )
    if entry.shape != shape:
        raise BringInError(
            message(
                "The weights are of another network: “{name}” must have the shape {shape}, not "
                "{other}.",
                name=name,
                shape=_shape(shape),
                other=shown(_shape(entry.shape)) if entry.shape else _shape(()),
            )
        )
    size = _NUMPY[dtype].itemsize * int(np.prod(shape, dtype=np.int64))
    if entry.end - entry.begin != size:
        raise BringInError(
            message(
                "The weights’ header is damaged at “{name}”: its {count:,} bytes should be "
                "{wanted:,}.",
                name=name,
                count=entry.end - entry.begin,
                wanted=size,
            )
        )


def _match_places(header: Header, num_bytes: int) -> None:
    """See that the tensors' bytes fill the rest of the file, one after the other."""
    at = 0
    for entry in sorted(header.entries.values(), key=lambda entry: entry.begin):
        if entry.begin != at:
            raise BringInError(
                N_("The weights’ header is damaged: tensors overlap or leave a gap.")
            )
        at = entry.end
    whole = header.size + at
    if whole > num_bytes:
        raise BringInError(
            message(
                "These weights are cut off: {here:,} of {whole:,} bytes are here.",
                here=num_bytes,
                whole=whole,
            )
        )
    if whole < num_bytes:
        raise BringInError(
            message(
                "The weights end after {whole:,} bytes, but the file has {size:,}: what follows "
                "belongs to no tensor.",
                whole=whole,
                size=num_bytes,
            )
        )


def _tensor(name: str, entry: Entry, data: bytes, after: int) -> Tensor:
    """Copy one tensor out of the file.

    Raises:
        BringInError: it holds what no network can hold.
    """
    dtype = _NUMPY[entry.dtype]
    count = (entry.end - entry.begin) // dtype.itemsize
    values = np.frombuffer(data, dtype, count, after + entry.begin)
    if not np.isfinite(values).all():
        raise BringInError(
            message(
                "The weights are spoilt: “{name}” holds what is not a finite number.", name=name
            )
        )
    if name.endswith(("running_var", "num_batches_tracked")) and float(values.min()) < 0:
        raise BringInError(
            message("The weights are spoilt: “{name}” cannot be below 0.", name=name)
        )
    native = values.astype(dtype.newbyteorder("="), copy=True)
    return torch.from_numpy(native.reshape(entry.shape))


def _shape(sides: tuple[int, ...]) -> str:
    return " × ".join(map(str, sides)) or N_("a single number")
