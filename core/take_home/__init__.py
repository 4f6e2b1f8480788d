"""What a person takes home of a run: programs, weights, curves, a report, and one zip of all."""

from core.take_home.contents import RunContents, Source, TakeHomeError, contents_of
from core.take_home.files import FILES, File, everything, folder_name, make, offered

__all__ = [
    "FILES",
    "File",
    "RunContents",
    "Source",
    "TakeHomeError",
    "contents_of",
    "everything",
    "folder_name",
    "make",
    "offered",
]
