"""What a person has uploaded, or why the server did not take it.

What comes through `core.serving.uploads` lies on the disk; Streamlit knows of it, in a record
without bytes that goes when the file is removed or its page is closed, and the file with it.
"""

from typing import Protocol

from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from core.serving.held_file import HeldFile
from core.serving.uploads import sent, why_refused
from core.words.errors import UserError


class Upload(Protocol):
    """A file that the browser sent."""

    file_id: str
    name: str
    type: str

    def getvalue(self) -> bytes:
        """Its bytes, if they lie in memory."""
        ...


class Record(UploadedFileRec):
    """Streamlit's record of a file whose bytes lie on the disk."""

    held: HeldFile


def keep_on_disk(manager: MemoryUploadedFileManager) -> None:
    """Let Streamlit's records hold the files that are being uploaded."""
    add_file = manager.add_file

    def add(session_id: str, file: UploadedFileRec) -> None:
        held = sent.get()
        if held is not None:
            file = Record(*file)
            file.held = held
        add_file(session_id, file)

    manager.add_file = add  # type: ignore[method-assign]


def opened(file: Upload) -> HeldFile:
    """Return an uploaded file as it lies on the disk.

    Raises:
        UserError: the server had no room for it when it came.
    """
    refused = why_refused(file.type)
    if refused:
        raise UserError(refused)
    context = get_script_run_ctx()
    if context is not None:
        for record in context.uploaded_file_mgr.get_files(context.session_id, [file.file_id]):
            if isinstance(record, Record):
                return record.held
    return HeldFile.of(file.getvalue())
