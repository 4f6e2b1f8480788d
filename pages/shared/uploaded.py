"""What a person has uploaded, or why the server did not take it."""

from typing import Protocol

from core.serving.uploads import why_refused
from core.words.errors import UserError


class Upload(Protocol):
    """A file that the browser sent."""

    name: str
    type: str

    def getvalue(self) -> bytes:
        """Its bytes."""
        ...


def contents(file: Upload) -> bytes:
    """Return the bytes of an uploaded file.

    Raises:
        UserError: the server had no room for it when it came.
    """
    refused = why_refused(file.type)
    if refused:
        raise UserError(refused)
    return file.getvalue()
