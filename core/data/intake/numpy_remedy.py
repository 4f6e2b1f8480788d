"""The one line of Python that makes a file of arrays fit to be taken.

A person runs it on their own computer, beside their own file; here it is only written.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from core.data.intake.arrays import Stored
from core.data.intake.common import IntakeError
from core.words.message import Quoted, message

MENDED: Final = "mended.npz"


def with_line(problem: str, line: str, *, introduced: bool = False) -> IntakeError:
    """Say what is wrong, and the line of Python that mends it.

    Args:
        problem: what is wrong, in a sentence or two.
        line: of Python.
        introduced: the problem ends with what the line is for: `If …:`.
    """
    if introduced:
        return IntakeError(message("{problem} {line}", problem=problem, line=line))
    return IntakeError(
        message("{problem} This line of Python mends it: {line}", problem=problem, line=line)
    )


def line_for(filename: str, given: Sequence[tuple[str, str]], *, objects: bool = False) -> str:
    """Write the line.

    Args:
        filename: of the file.
        given: what the new file is to hold: its names, and how each is made of `d`, the old one.
        objects: Python objects are to be read, which is safe in one's own file only.
    """
    arrays = ", ".join(f"{one}={how}" for one, how in given)
    loaded = load_of(filename, objects=objects)
    return Quoted(f"import numpy as np; d = {loaded}; np.savez({MENDED!r}, {arrays})")


def load_of(filename: str, *, objects: bool = False) -> str:
    """Write how Python loads the file; see `line_for`."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    return f"np.load({name!r}{', allow_pickle=True' if objects else ''})"


def array_of(stored: Stored) -> str:
    """Write how the line has an array: `d` itself for that of an .npy file."""
    return f"d[{stored.key!r}]" if stored.key else "d"
