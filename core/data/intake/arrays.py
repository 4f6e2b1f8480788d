"""The arrays of an .npz or .npy file, read as a stranger's: nothing of it is ever executed.

The first bytes of an array tell its shape and kind. They are read first, so that only the arrays
that are wanted are unpacked, and the memory of each is known before it is taken.
"""

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.data.intake.common import IntakeError, shown_name
from core.serving.held_file import HeldFile
from core.words.message import N_, Quoted, message

Array = NDArray[np.generic]
Shape = tuple[int, ...]

NPY: Final = b"\x93NUMPY"
# NumPy writes 128 bytes; of a table with named columns, some thousand.
_HEADER_BYTES: Final = 70_000
_PIECE: Final = 2**20
_MAX_MEMBERS: Final = 1_000
# The bytes with which the directory of a zip archive begins each member.
_MEMBER: Final = b"PK\x01\x02"
_SYSTEM: Final = ("__MACOSX/", ".")


@dataclass(frozen=True, eq=False)
class Stored:
    """One array that is not read yet.

    Attributes:
        name: as the file calls the array, fit for a sentence; empty for the array of an .npy file.
        key: as NumPy calls it.
        read: unpacks it.
    """

    name: str
    key: str
    shape: Shape
    kind: np.dtype[np.generic]
    read: Callable[[], Array]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of its columns, where it is a table."""
        return tuple(self.kind.names or ())

    @property
    def has_objects(self) -> bool:
        """Whether it holds Python objects, which can only be had by executing what is stored."""
        return self.kind.hasobject

    @property
    def size(self) -> int:
        """Bytes of its values."""
        return prod(self.shape) * self.kind.itemsize

    @property
    def length(self) -> int:
        """Length of its first axis."""
        return self.shape[0] if self.shape else 1


def is_arrays(data: bytes | HeldFile) -> bool:
    """Tell whether a file is an .npy file or a zip of nothing but such, whatever it is called."""
    held = HeldFile.of(data)
    if held.read(0, len(NPY)) == NPY:
        return True
    if held.count(_MEMBER) > _MAX_MEMBERS:
        return False
    try:
        names = [entry.filename for entry in zipfile.ZipFile(held.opened()).infolist()]
    except Exception:
        # A damaged directory raises nearly anything.
        return False
    own = [name for name in names if not name.endswith("/") and not name.startswith(_SYSTEM)]
    return bool(own) and all(name.endswith(".npy") for name in own)


def stored_arrays(held: HeldFile, what: str, limit: int, damaged: IntakeError) -> list[Stored]:
    """Look at the beginnings of all arrays of a file.

    Args:
        held: the file.
        what: its name in a sentence.
        limit: bytes to which one array may unpack.
        damaged: what to raise where it is no such file.

    Raises:
        IntakeError: it is damaged, or an array is larger.
    """
    if held.read(0, len(NPY)) == NPY:
        start = io.BytesIO(held.read(0, _HEADER_BYTES))
        return [_stored("", "", start, held.size, held.read, damaged)]
    # Counted before the library makes an object of each.
    if held.count(_MEMBER) > _MAX_MEMBERS:
        raise damaged
    try:
        archive = zipfile.ZipFile(held.opened())
        entries = [
            entry
            for entry in archive.infolist()
            if entry.filename.endswith(".npy") and not entry.filename.startswith(_SYSTEM)
        ]
    except Exception:
        # A damaged directory raises nearly anything.
        raise damaged from None
    if len({entry.filename for entry in entries}) < len(entries):
        raise damaged
    return [_member(archive, entry, what, limit, damaged) for entry in entries]


def _member(
    archive: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    what: str,
    limit: int,
    damaged: IntakeError,
) -> Stored:
    key = entry.filename.removesuffix(".npy")
    name = Quoted(shown_name(key)[1:-1])
    if entry.file_size > limit:
        raise IntakeError(
            message(
                "{file}: “{name}” would unpack to {size:,.0f} MB, more than {most} MB: take fewer "
                "images.",
                file=what,
                name=name,
                size=entry.file_size / 2**20,
                most=limit // 2**20,
            )
        )

    def whole() -> bytearray:
        # Read in pieces into one buffer: the library's own way copies all that was read, again and
        # again, as it grows.
        content = bytearray(entry.file_size)
        view, done = memoryview(content), 0
        try:
            with archive.open(entry) as stream:
                while piece := stream.read(min(_PIECE, len(content) - done)):
                    view[done : done + len(piece)] = piece
                    done += len(piece)
                rest = stream.read(1)
        except Exception:
            # The unpackers raise errors of their own for damaged bytes.
            raise damaged from None
        if done != len(content) or rest:
            raise damaged
        return content

    try:
        with archive.open(entry) as stream:
            start = io.BytesIO(stream.read(_HEADER_BYTES))
    except Exception:
        raise damaged from None
    return _stored(name, key, start, entry.file_size, whole, damaged)


def _stored(
    name: str,
    key: str,
    start: io.BytesIO,
    length: int,
    whole: Callable[[], bytes | bytearray],
    damaged: IntakeError,
) -> Stored:
    read_header: dict[
        tuple[int, int], Callable[[io.BytesIO], tuple[Shape, bool, np.dtype[np.generic]]]
    ] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        shape, columns_first, kind = read_header[np.lib.format.read_magic(start)](start)
    except Exception:
        raise damaged from None
    offset = start.tell()
    plain = not kind.hasobject and kind.itemsize > 0
    if min(shape, default=1) < 0 or (plain and prod(shape) * kind.itemsize != length - offset):
        raise damaged

    def read() -> Array:
        assert plain
        values = np.frombuffer(whole(), kind, offset=offset)
        return values.reshape(shape, order="F" if columns_first else "C")

    return Stored(name, key, shape, kind, read)


def shape_words(shape: Shape) -> str:
    """Write a shape as NumPy does."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def listed(arrays: list[Stored]) -> str:
    """Name arrays and their shapes; of many, the first."""
    some = [f"“{one.name}” {shape_words(one.shape)}" for one in arrays[:6]]
    return Quoted(", ".join(some) + (" …" if len(arrays) > 6 else "")) if some else N_("none")
