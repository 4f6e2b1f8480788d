"""Tables for a spreadsheet, in which no words are computed."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

# What a spreadsheet takes for the beginning of a formula, or passes over before one.
_BEGINS: Final = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n")


def sheet(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a table as comma-separated values.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, as OWASP's page
    on CSV injection has it; numbers stay numbers.

    Args:
        header: the names of the columns.
        rows: their values.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_guarded(name) for name in header])
    writer.writerows([_guarded(value) for value in row] for row in rows)
    return text.getvalue()


def _guarded(value: object) -> object:
    if not isinstance(value, str) or (value[:1].isascii() and value[:1].isalnum()):
        return value
    # A lone carriage return ends a line to some readers, and Python's writer does not quote it.
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    # Full-width signs count as the plain ones, and spaces, seen or unseen, before them as none.
    seen = unicodedata.normalize("NFKC", value)
    seen = "".join(c for c in seen if unicodedata.category(c) not in ("Cf", "Zs"))
    return f"'{value}" if seen.startswith(_BEGINS) or value.startswith(_BEGINS) else value
