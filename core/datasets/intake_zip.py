"""A zip archive with a folder of pictures for each class."""

import io
import stat
import zipfile
import zlib
from typing import Final

from torch import Tensor

from core.datasets.intake import (
    MAX_UNPACKED_BYTES,
    Found,
    IntakeError,
    LeftOut,
    Preparation,
    Progress,
    class_name_of,
    require_modest,
    shown_name,
    take_in,
)
from core.message import N_, message
from core.picture import (
    MAX_PICTURE_BYTES,
    PictureError,
    digit_from_picture,
    image_from_picture,
)

# What systems put into archives without being asked.
_SYSTEM: Final = {"__MACOSX", "Thumbs.db", "desktop.ini"}
_MAX_ENTRIES: Final = 50_000
_ENCRYPTED: Final = 0x1
_UTF8: Final = 0x800


def read_zip(data: bytes, filename: str, preparation: Preparation) -> Progress:
    """Take pictures from the folders of a zip archive, yielding the share that is done.

    The folder that holds a picture is its class; folders around all of them are ignored.

    Raises:
        IntakeError: nothing can be used.
    """
    require_modest(filename, data)
    what = shown_name(filename)
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except Exception:
        # A damaged directory raises nearly anything.
        raise IntakeError(
            message(
                "{file} is not a zip archive or is damaged: pack the folders again as .zip.",
                file=what,
            )
        ) from None
    if len(entries) > _MAX_ENTRIES:
        raise IntakeError(
            message(
                "{file} holds {count:,} files, more than {most:,}.",
                file=what,
                count=len(entries),
                most=_MAX_ENTRIES,
            )
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED_BYTES:
        raise IntakeError(
            message(
                "{file} would unpack to {size:,.0f} MB, more than {most} MB: make its pictures "
                "smaller, or take some out.",
                file=what,
                size=unpacked / 2**20,
                most=MAX_UNPACKED_BYTES // 2**20,
            )
        )
    left_out: list[LeftOut] = []
    placed = _placed(entries, left_out)
    found = [
        Found(name, class_name, _Picture(archive, entry, preparation))
        for entry, class_name, name in placed
    ]
    return (yield from take_in(filename, found, left_out, preparation))


class _Picture:
    """One picture, read and prepared when it is wanted."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        entry: zipfile.ZipInfo,
        preparation: Preparation,
    ) -> None:
        self._archive, self._entry = archive, entry
        self._read = digit_from_picture if preparation == "centred" else image_from_picture

    def __call__(self) -> Tensor:
        return self._read(self._content())

    def _content(self) -> bytes:
        if self._entry.flag_bits & _ENCRYPTED:
            raise PictureError(N_("It is locked with a password: pack it without one."))
        if self._entry.file_size > MAX_PICTURE_BYTES:
            raise PictureError(
                message(
                    "It has {size:.0f} MB, more than {most} MB: make it smaller.",
                    size=self._entry.file_size / 1e6,
                    most=MAX_PICTURE_BYTES // 10**6,
                )
            )
        try:
            with self._archive.open(self._entry) as stream:
                # No more than its own entry says, whatever the packed bytes would grow to.
                return stream.read(self._entry.file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError):
            raise PictureError(N_("It is damaged inside the archive: pack it again.")) from None
        except (NotImplementedError, RuntimeError):
            raise PictureError(
                N_("It is packed in a way that cannot be read: pack it as .zip.")
            ) from None
        except Exception:
            # The unpackers of rarer kinds raise errors of their own.
            raise PictureError(N_("It is damaged inside the archive: pack it again.")) from None


def _placed(
    entries: list[zipfile.ZipInfo], left_out: list[LeftOut]
) -> list[tuple[zipfile.ZipInfo, str, str]]:
    """Find each picture's class: entry, class and name; what has none is left out."""
    listed = []
    for entry in entries:
        name = name_of(entry)
        parts = name.replace("\\", "/").split("/")
        if parts[-1] == "" or _is_system(parts):
            continue
        if parts[0] == "" or ".." in parts or ":" in parts[0]:
            left_out.append(LeftOut(shown_name(name), N_("Its name leads out of the archive.")))
        elif stat.S_ISLNK(entry.external_attr >> 16):
            left_out.append(LeftOut(shown_name(name), N_("It is a link, not a file.")))
        else:
            listed.append((entry, [part for part in parts if part != "."]))
    around = _folders_around([parts for _, parts in listed])
    placed = []
    for entry, parts in listed:
        name = shown_name("/".join(parts))
        inner = parts[around:]
        class_name = class_name_of(inner[0]) if len(inner) == 2 else ""
        if class_name:
            placed.append((entry, class_name, "/".join(parts)))
        elif len(inner) == 1:
            left_out.append(LeftOut(name, N_("It lies in no folder, so its class is unknown.")))
        elif len(inner) == 2:
            left_out.append(LeftOut(name, N_("Its folder has no name.")))
        else:
            left_out.append(LeftOut(name, N_("It lies deeper than in its class’s folder.")))
    return placed


def _folders_around(paths: list[list[str]]) -> int:
    """Count the folders that hold all classes' folders."""
    around = 0
    while all(len(path) > around + 2 for path in paths) and (
        len({path[around] for path in paths}) == 1
    ):
        around += 1
    return around


def _is_system(parts: list[str]) -> bool:
    return any(
        part in _SYSTEM or (part.startswith(".") and part not in (".", "..")) for part in parts
    )


def name_of(entry: zipfile.ZipInfo) -> str:
    """Return the name of an entry, also of one packed on a system of another alphabet.

    Archives without the mark of UTF-8 hold it nevertheless, or what Windows writes in Chinese.
    """
    if entry.flag_bits & _UTF8:
        return entry.filename
    try:
        raw = entry.filename.encode("cp437")
    except UnicodeEncodeError:
        return entry.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return entry.filename
