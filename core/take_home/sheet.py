"""Tables for a spreadsheet, which takes none of their texts for a formula."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

# What a spreadsheet takes for the beginning of a formula, or passes over before one.
_BEGINS: Final = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n")
# Where a comma stands before decimals, a spreadsheet parts cells at semicolons, or tabs, and minds
# neither our commas nor the quotes behind them: what follows is a cell of its own.
_SEPARATOR: Final = re.compile(r"(?<=[;\t\n])")


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
    if not isinstance(value, str):
        return value
    # A lone carriage return ends a line to some readers, and Python's writer does not quote it.
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    first, *others = _SEPARATOR.split(value.lstrip())
    pieces = [value[: len(value) - len(value.lstrip())] + first, *others]
    return "".join(f"'{piece}" if _begins_a_formula(piece) else piece for piece in pieces)


def _begins_a_formula(text: str) -> bool:
    if not text or (text[0].isascii() and text[0].isalnum()):
        return False
    # Full-width signs count as the plain ones, and spaces, seen or unseen, before them as none.
    seen = unicodedata.normalize("NFKC", text)
    seen = "".join(c for c in seen if unicodedata.category(c) not in ("Cf", "Zs"))
    return seen.startswith(_BEGINS) or text.startswith(_BEGINS)
