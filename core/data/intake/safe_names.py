"""Names that a stranger may have written, made fit for sentences, titles and classes."""

import re
import unicodedata
from pathlib import PurePosixPath

from core.data.own.kept import MAX_NAME, MAX_TITLE
from core.words.message import N_, Quoted


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people do: 2 before 10."""
    parts = (
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part.casefold())
        for part in re.split(r"([0-9]{1,18})", name)
        if part
    )
    return (*parts, (2, 0, name))


def class_name_of(text: str) -> str:
    """Make what a person wrote fit for the name of a class; empty where nothing is left."""
    return _clean(text)[:MAX_NAME].strip()


def title_of(filename: str) -> str:
    """Make a title of a file's name."""
    stem = PurePosixPath(filename.replace("\\", "/")).stem
    return _clean(stem)[:MAX_TITLE].strip() or N_("Own images")


def shown_name(filename: str) -> str:
    """Make a name that a stranger may have written fit for a sentence."""
    name = _clean(filename[-200:])
    if not name:
        return N_("This file")
    return Quoted(f"'{name}'" if len(name) <= 80 else f"'…{name[-79:]}'")


def _clean(text: str) -> str:
    plain = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if c.isprintable() else " " for c in plain).split())
