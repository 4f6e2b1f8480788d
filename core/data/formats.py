"""Readers of the formats in which data sets travel: idx, and LIBSVM's lines of numbers.

What they are given may be damaged or made to harm: sizes are checked before memory is taken.
"""

import bz2
import gzip
import io
import zlib
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.words.message import N_, message

# By the format's code: NumPy's name for the type of a number, and its bytes.
_TYPES: Final = {0x08: ("u1", 1), 0x0C: (">i4", 4)}
_MAX_LINES: Final = 100_000


class FormatError(ValueError):
    """A file is not of its format; the text says why, as the end of a sentence."""

    @property
    def message(self) -> str:
        """The text, which can be translated."""
        text: str = self.args[0]
        return text


def unpacked(packed: bytes, limit: int) -> bytes:
    """Undo gzip or bz2, but for no more than `limit` bytes.

    Raises:
        FormatError: it is damaged, or larger.
    """
    stream = io.BytesIO(packed)
    try:
        with (
            bz2.BZ2File(stream) if packed.startswith(b"BZh") else gzip.GzipFile(fileobj=stream)
        ) as whole:
            content = whole.read(limit + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise FormatError(N_("cannot be unpacked")) from error
    if len(content) > limit:
        raise FormatError(N_("is larger than it should be once it is unpacked"))
    return content


def read_idx(content: bytes) -> NDArray[np.integer]:
    """Read numbers in MNIST's own format: type, number of dimensions, sizes, values.

    Raises:
        FormatError: it is damaged, or holds other numbers than uint8 or int32.
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise FormatError(N_("does not begin as an idx file does"))
    (kind, width), dimensions = _TYPES[content[2]], content[3]
    start = 4 + 4 * dimensions
    if not 1 <= dimensions <= 3 or len(content) < start:
        raise FormatError(N_("does not begin as an idx file does"))
    shape = tuple(int.from_bytes(content[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    if len(content) != start + prod(shape) * width:
        raise FormatError(N_("is not as long as its own beginning says"))
    values = np.frombuffer(content, np.dtype(kind), offset=start)
    if width == 1:
        return values.astype(np.uint8).reshape(shape)
    return values.astype(np.int32).reshape(shape)


def read_libsvm(content: bytes, values: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Read lines of a label and numbered values, such as `7 1:-1 2:0.5`; left out is 0.

    Args:
        content: the text.
        values: of a line, numbered from 1.

    Returns:
        float32 (lines, values) and int64 (lines,).

    Raises:
        FormatError: a line is not of that form.
    """
    lines = content.splitlines()
    if len(lines) > _MAX_LINES:
        raise FormatError(N_("has far more lines than it should have"))
    table = np.zeros((len(lines), values), np.float32)
    labels = np.zeros(len(lines), np.int64)
    for row, line in enumerate(lines):
        try:
            label, *pairs = line.split()
            labels[row] = int(label)
            numbered = [pair.split(b":") for pair in pairs]
            places = np.array([int(place) for place, _ in numbered], np.int64)
            if len(places) and not (places.min() >= 1 and places.max() <= values):
                raise ValueError("no such value")
            table[row, places - 1] = [float(value) for _, value in numbered]
        except (ValueError, OverflowError) as error:
            raise FormatError(
                message("has a line {number} that cannot be read", number=row + 1)
            ) from error
    if not np.isfinite(table).all():
        raise FormatError(N_("holds values that are no numbers"))
    return table, labels
