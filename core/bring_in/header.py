"""The header of a safetensors file, read within limits before anything else of it.

The format: eight bytes that say how long the header is, the header as JSON (for each tensor its
dtype, its shape, and where its bytes lie in what follows; under `__metadata__` some text), then
all tensors' bytes without a gap. https://github.com/huggingface/safetensors describes it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.words.errors import UserError
from core.words.message import N_, message, shown

MAX_HEADER_BYTES: Final = 128 * 1024
MAX_TENSORS: Final = 400
MAX_DIMENSIONS: Final = 8
_LENGTH_BYTES: Final = 8
_METADATA: Final = "__metadata__"
_NOT_JSON: Final = N_("The weights’ header is damaged: it is not JSON.")
# No file that is read here has more bytes.
_LARGEST: Final = 2**40


class BringInError(UserError):
    """A file cannot be brought in; the text says why."""


@dataclass(frozen=True)
class Entry:
    """What a header says of one tensor: `begin` and `end` count from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """A header whose every entry is well formed; whether it is true of the file is not checked yet.

    Attributes:
        entries: by the tensor's name.
        metadata: text by name.
        size: bytes before the first tensor's.
    """

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]
    size: int


def read_header(data: bytes) -> Header:
    """Read the header of a file.

    Raises:
        BringInError: it is cut off, too long, or says what no header may say.
    """
    if len(data) < _LENGTH_BYTES:
        raise BringInError(N_("These weights are cut off: the file ends before its header begins."))
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise BringInError(
            message(
                "This is not a safetensors file of NetSketch: it claims a header of {length} "
                "bytes, and {most:,} is the most that one needs.",
                length=shown(length),
                most=MAX_HEADER_BYTES,
            )
        )
    size = _LENGTH_BYTES + length
    if len(data) < size:
        raise BringInError(N_("These weights are cut off: the file ends within its header."))
    header = _json(data[_LENGTH_BYTES:size])
    if not isinstance(header, dict):
        raise BringInError(N_("The weights’ header is damaged: it is not a JSON object."))
    metadata = _metadata(header.pop(_METADATA, {}))
    if len(header) > MAX_TENSORS:
        raise BringInError(
            message(
                "The weights’ header lists {count:,} tensors; a network here has at most {most}.",
                count=len(header),
                most=MAX_TENSORS,
            )
        )
    return Header({name: _entry(name, entry) for name, entry in header.items()}, metadata, size)


def _json(data: bytes) -> object:
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except (UnicodeDecodeError, RecursionError) as error:
        raise BringInError(_NOT_JSON) from error
    except ValueError as error:
        if isinstance(error, BringInError):
            raise
        raise BringInError(_NOT_JSON) from error


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    once: dict[str, object] = {}
    for key, value in pairs:
        if key in once:
            raise BringInError(message("The weights’ header has “{name}” twice.", name=shown(key)))
        once[key] = value
    return once


def _no_constant(word: str) -> None:
    raise BringInError(
        message("The weights’ header is damaged: {word} stands where a number belongs.", word=word)
    )


def _metadata(found: object) -> dict[str, str]:
    if not isinstance(found, dict) or any(not isinstance(text, str) for text in found.values()):
        raise BringInError(
            message("The weights’ header is damaged: “{name}” must hold text only.", name=_METADATA)
        )
    return {str(name): str(text) for name, text in found.items()}


def _entry(name: str, found: object) -> Entry:
    if not isinstance(found, dict) or found.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(name, N_("it needs dtype, shape and data_offsets, and nothing else."))
    dtype, shape, offsets = found["dtype"], found["shape"], found["data_offsets"]
    if not isinstance(dtype, str):
        raise _damaged(name, N_("its dtype must be a word."))
    if not _are_sizes(shape) or len(shape) > MAX_DIMENSIONS:
        raise _damaged(
            name,
            message("its shape must be a list of at most {most} sizes.", most=MAX_DIMENSIONS),
        )
    if not _are_sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _damaged(name, N_("its data_offsets must be where its bytes begin and end."))
    return Entry(dtype, tuple(shape), offsets[0], offsets[1])


def _damaged(name: str, problem: str) -> BringInError:
    return BringInError(
        message(
            "The weights’ header is damaged at “{name}”: {problem}",
            name=shown(name),
            problem=problem,
        )
    )


def _are_sizes(found: object) -> bool:
    return isinstance(found, list) and all(
        isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _LARGEST
        for number in found
    )
