"""A zip archive with a folder of pictures for each class."""

import io
import stat
import zipfile
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from torch import Tensor

from core.data.intake.common import (
    MAX_IMAGES,
    Found,
    Intake,
    IntakeError,
    LeftOut,
    Preparation,
    Progress,
    class_name_of,
    require_modest,
    shown_name,
    take_in,
)
from core.data.intake.folders import Layout, layout_of
from core.data.intake.picture_levels import Levels
from core.data.intake.zip_archive import opened
from core.data.intake.zip_names import Reading, readings
from core.drawing.photo.file import MAX_PICTURE_PIXELS, pixels_claimed
from core.drawing.photo.kinds import is_picture, kind_of
from core.drawing.picture import (
    MAX_PICTURE_BYTES,
    PictureError,
    digit_from_picture,
)
from core.serving.held_file import HeldFile
from core.serving.memory_budget import memory_budget
from core.words.message import N_, Quoted, message

# A picture is 28 x 28 pixels in the end. This many are decoded in a minute, give or take.
MAX_ARCHIVE_PIXELS: Final = 2_000_000_000
# Letters of a name: no system has longer paths that people meet.
_MAX_NAME: Final = 1_000
_MAX_DEPTH: Final = 30
# What systems and programs put into archives without being asked, in small letters.
_SYSTEM: Final = frozenset(
    {
        *("__macosx", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "folder.ini"),
        *("$recycle.bin", "system volume information", "lost+found", "#recycle"),
        *("@eadir", "@__thumb", "picasa.ini", "zbthumbnail.info", "__pycache__"),
    }
)
_ENCRYPTED: Final = 0x1
# The first bytes of a file, which tell what it is.
_START: Final = 512
# A name that ends so is taken for that of a picture where its first bytes cannot be read.
_PICTURE_ENDINGS: Final = (
    *("png", "jpg", "jpeg", "jfif", "jpe", "webp", "gif", "bmp", "tif", "tiff"),
    *("heic", "heif", "avif", "jp2", "jxl", "svg"),
)
# The share of the whole time that looking at the headers takes.
_LOOKING: Final = 0.1
# Up to these pixels a picture takes as long as any other; above them it takes longer by as much.
_USUAL_PIXELS: Final = 250_000


@dataclass(frozen=True)
class _File:
    """A file in an archive, under a name that leads nowhere else."""

    entry: zipfile.ZipInfo
    path: tuple[str, ...]

    @property
    def shown(self) -> str:
        return _shown("/".join(self.path))


def read_zip(data: bytes | HeldFile, filename: str, preparation: Preparation) -> Progress:
    """Take pictures from the folders of a zip archive, yielding the share that is done.

    The folder that holds a picture is its class; `core.data.intake.folders` says what else folders
    may mean. What is no picture is left out and decides nothing.

    Raises:
        IntakeError: nothing can be used.
    """
    held = HeldFile.of(data)
    require_modest(filename, held)
    archive = opened(held, shown_name(filename))
    entries = archive.infolist()
    names = readings(entries)
    left_out: list[LeftOut] = []
    files = _files(entries, names[0].names, left_out)
    pictures, pixels = yield from _pictures(archive, files, left_out)
    _require_budget(pixels, shown_name(filename))
    layout = layout_of([file.path[:-1] for file in pictures])
    levels = Levels()
    found = []
    for file, place, count in zip(pictures, layout.places, pixels, strict=True):
        class_name = class_name_of(place.class_folder)
        if place.reason or not class_name:
            left_out.append(LeftOut(file.shown, place.reason or N_("Its folder has no name.")))
            continue
        read = digit_from_picture if preparation == "centred" else levels.image
        found.append(
            Found(
                file.shown,
                class_name,
                _Picture(archive, file.entry, read),
                place.part,
                1 + count / _USUAL_PIXELS,
            )
        )
    _require_folders(shown_name(filename), pictures, found, left_out)
    _leave_out_empty(entries, names[0].names, left_out)
    finish = levels.levelled if preparation == "as_is" else None
    intake = yield from take_in(
        filename, found, left_out, preparation, _LOOKING, layout.notes, finish
    )
    return replace(intake, readings=_class_readings(intake, names, pictures, layout, entries))


def _files(
    entries: list[zipfile.ZipInfo], names: tuple[str, ...], left_out: list[LeftOut]
) -> list[_File]:
    """Return what may be a picture; what an archive holds twice counts as it would unpacked."""
    files: dict[tuple[str, ...], _File] = {}
    for entry, name in zip(entries, names, strict=True):
        parts = name.replace("\\", "/").split("/")
        if parts[-1] in ("", ".") or any(_is_system(part) for part in parts):
            continue
        path = tuple(part for part in parts if part != ".")
        reason = _unsafe(entry, path)
        if reason:
            left_out.append(LeftOut(_shown(name), reason))
            continue
        if path in files:
            again = N_("The archive holds this name more than once: the last one counts.")
            left_out.append(LeftOut(_shown(name), again))
        files[path] = _File(entry, path)
    return list(files.values())


def _shown(name: str) -> str:
    return Quoted(shown_name(name).strip("'"))


def _unsafe(entry: zipfile.ZipInfo, path: tuple[str, ...]) -> str:
    if path[0] == "" or ".." in path or ":" in path[0]:
        return N_("Its name leads out of the archive.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        return N_("It is a link, not a file.")
    if sum(map(len, path)) > _MAX_NAME:
        return message("Its name has more than {most:,} letters.", most=_MAX_NAME)
    if len(path) > _MAX_DEPTH:
        return message("It lies in more than {most} folders.", most=_MAX_DEPTH)
    return ""


def _is_system(part: str) -> bool:
    return (
        part.lower() in _SYSTEM
        or part.startswith(("~$", "._"))
        or (part.startswith(".") and part not in (".", ".."))
    )


def _pictures(
    archive: zipfile.ZipFile, files: list[_File], left_out: list[LeftOut]
) -> Generator[float, None, tuple[list[_File], list[int]]]:
    """Return the pictures, by content, and how many pixels each claims; leave the rest out."""
    pictures, pixels = [], []
    for i, file in enumerate(files):
        yield _LOOKING * i / len(files)
        try:
            with archive.open(file.entry) as stream:
                start = stream.read(_START)
        except Exception:
            # The file is locked or damaged: only its name can say whether it would be a picture.
            start = b""
        is_one = is_picture(start) or (
            not start and file.path[-1].lower().rpartition(".")[2] in _PICTURE_ENDINGS
        )
        if not is_one:
            left_out.append(LeftOut(file.shown, _no_picture(start)))
            continue
        pictures.append(file)
        pixels.append(_claimed(archive, file.entry))
        if len(pictures) > MAX_IMAGES:
            # The archive will be refused for its number of pictures, so no header matters any more.
            pixels[-1] = 0
    return pictures, pixels


def _claimed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> int:
    """Return how many pixels the header of a picture says that it has; 0 where it says none."""
    if entry.file_size > MAX_PICTURE_BYTES or not _is_plain(entry):
        return 0
    try:
        # From memory: each step back in the packed file would unpack it again from its start.
        with memory_budget().work(2 * entry.file_size), archive.open(entry) as stream:
            claimed = pixels_claimed(io.BytesIO(stream.read(entry.file_size)))
    except Exception:
        # What is wrong with the picture is told when it is read.
        return 0
    return claimed if claimed <= MAX_PICTURE_PIXELS else 0


def _no_picture(start: bytes) -> str:
    if not start:
        return N_("It is empty or cannot be read.")
    return message("It is {found}.", found=kind_of(start) or N_("not a picture"))


def _require_budget(pixels: list[int], what: str) -> None:
    if sum(pixels) > MAX_ARCHIVE_PIXELS:
        raise IntakeError(
            message(
                "{file} holds pictures of {pixels:,} million pixels in all, more than {most:,} "
                "million: make them smaller, for a network sees 28 × 28 of each, or take some out.",
                file=what,
                pixels=sum(pixels) // 1_000_000,
                most=MAX_ARCHIVE_PIXELS // 1_000_000,
            )
        )


def _require_folders(
    what: str, pictures: list[_File], found: list[Found], left_out: list[LeftOut]
) -> None:
    """Refuse pictures that all lie in one folder, before they are read, and say what to do.

    Raises:
        IntakeError: only their names, or a table, may tell their classes.
    """
    names = {one.class_name for one in found}
    folders = {file.path[: i + 1] for file in pictures for i in range(len(file.path) - 1)}
    others = any(tuple(one.name.split("/")[:-1]) not in {(), *folders} for one in left_out)
    if len(names) == 1 and len(found) == len(pictures) and not others:
        raise IntakeError(
            message(
                "{file} holds only one class of enough images, “{name}”. A network needs at least "
                "two classes: put the pictures of each into a folder of its own, called as the "
                "class is. What names of files or a table say of them is not read.",
                file=what,
                name=Quoted(names.pop()),
            )
        )


def _leave_out_empty(
    entries: list[zipfile.ZipInfo], names: tuple[str, ...], left_out: list[LeftOut]
) -> None:
    """Tell of folders that hold nothing."""
    paths = [name.replace("\\", "/") for name in names]
    # In this order, whatever is in a folder comes right after it.
    empty = {
        path
        for path, after in pairwise([*sorted(set(paths)), ""])
        if path.endswith("/") and not after.startswith(path)
    }
    for path in paths:
        if path in empty:
            parts = path[:-1].split("/")
            if not any(_is_system(part) for part in parts):
                left_out.append(LeftOut(_shown(path), N_("This folder is empty.")))


def _class_readings(
    intake: Intake,
    names: tuple[Reading, ...],
    pictures: list[_File],
    layout: Layout,
    entries: list[zipfile.ZipInfo],
) -> tuple[tuple[str, dict[str, str]], ...]:
    """Say what each class is called in each of the likely readings; none where all agree."""
    rows = {id(entry): row for row, entry in enumerate(entries)}
    found: list[tuple[str, dict[str, str]]] = []
    for reading in names:
        called: dict[str, str] = {}
        for file, place in zip(pictures, layout.places, strict=True):
            first = class_name_of(place.class_folder)
            if not first or first in called or place.reason:
                continue
            depth = file.path.index(place.class_folder) if place.class_folder in file.path else -1
            other = reading.names[rows[id(file.entry)]].replace("\\", "/").split("/")
            other = [part for part in other if part != "."]
            if 0 <= depth < len(other) - 1:
                called[first] = class_name_of(other[depth]) or first
        if called not in [one for _, one in found]:
            found.append((reading.title, called))
    return tuple(found) if len(found) > 1 else ()


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    # Others are unpacked whole before their size is known.
    return entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and not (
        entry.flag_bits & _ENCRYPTED
    )


class _Picture:
    """One picture, read and prepared when it is wanted."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        entry: zipfile.ZipInfo,
        read: Callable[[bytes], Tensor],
    ) -> None:
        self._archive, self._entry, self._read = archive, entry, read

    def __call__(self) -> Tensor:
        return self._read(self._content())

    def _content(self) -> bytes:
        if self._entry.flag_bits & _ENCRYPTED:
            raise PictureError(N_("It is locked with a password: pack it without one."))
        if not _is_plain(self._entry):
            raise PictureError(
                N_("It is packed in a way that cannot be read: pack it as an ordinary .zip.")
            )
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
        except Exception:
            # Damaged bytes raise errors of many kinds.
            raise PictureError(N_("It is damaged inside the archive: pack it again.")) from None
