"""A zip archive opened as a stranger's: within limits on its directory, before anything is read."""

import zipfile
from typing import Final

from core.data.intake.common import MAX_UNPACKED_BYTES, IntakeError
from core.drawing.photo.kinds import kind_of
from core.serving.held_file import HeldFile
from core.words.message import message

_MAX_ENTRIES: Final = 50_000
# The bytes with which the directory of a zip archive begins each entry. Packed data may hold them
# by chance, so that there are at most as many entries as these.
_ENTRY: Final = b"PK\x01\x02"
# Letters of all names together: no system has longer paths that people meet.
_MAX_LETTERS: Final = 5_000_000
# The first bytes of a file, which tell what it is.
_LONG_START: Final = 2_000


def num_entries(held: HeldFile) -> int:
    """Return how many files an archive seems to hold, at most."""
    return held.count(_ENTRY)


def opened(held: HeldFile, what: str) -> zipfile.ZipFile:
    """Open an archive whose directory is within all limits; `what` is its name in sentences.

    Raises:
        IntakeError: it is no zip archive, is damaged, or holds too much.
    """
    # Counted before the library makes an object of each, which takes a second for every 100,000.
    if (count := num_entries(held)) > _MAX_ENTRIES:
        raise IntakeError(
            message(
                "{file} holds {count:,} files, more than {most:,}.",
                file=what,
                count=count,
                most=_MAX_ENTRIES,
            )
        )
    try:
        archive = zipfile.ZipFile(held.opened())
        entries = archive.infolist()
    except Exception:
        # A damaged directory raises nearly anything.
        raise IntakeError(_no_zip(held.read(0, _LONG_START), what)) from None
    if (letters := sum(len(entry.orig_filename) for entry in entries)) > _MAX_LETTERS:
        raise IntakeError(
            message(
                "The names in {file} have {count:,} letters in all, more than {most:,}: pack it "
                "again with shorter names of folders.",
                file=what,
                count=letters,
                most=_MAX_LETTERS,
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
    return archive


def _no_zip(start: bytes, what: str) -> str:
    found = kind_of(start)
    if found and not start.startswith(b"PK"):
        return message(
            "{file} is not a zip archive but {found}: pack the classes’ folders as .zip.",
            file=what,
            found=found,
        )
    return message(
        "{file} is not a zip archive or is damaged: pack the folders again as .zip.", file=what
    )
