"""A run's description as it is read: whole, damaged, or of a later version of NetSketch."""

import json
from typing import Final

from core.runs.record import NewerRecord, RunRecord, from_plain
from core.runs.store.disk import Unreadable
from core.words.message import message

# Beyond this, a float does not hold every whole number.
_MAX_NUMBER: Final = 2**53


def read(text: str | bytes, title: str) -> RunRecord:
    """Read a description; one of a later version is not damaged, and not to be replaced.

    Args:
        text: JSON.
        title: the run in a sentence.

    Raises:
        Unreadable: it is of a later version.
        ValueError, RecursionError, TypeError: it is damaged.
    """
    values = json.loads(text)
    try:
        record = from_plain(values)
    except NewerRecord as error:
        raise Unreadable(
            message(
                "{run} was last saved by a newer NetSketch than this one, which cannot read it: "
                "use that one, or update this one.",
                run=title,
            )
        ) from error
    if any(type(value) in (int, float) and abs(value) > _MAX_NUMBER for value in values.values()):
        raise ValueError("a number that no run comes to")
    return record
