"""What a person takes home of a run: programs, weights, curves, a report, and one zip of all."""

from core.take_home.contents import Parcel, Source, TakeHomeError, parcel_of
from core.take_home.files import FILES, File, everything, folder_name, make, offered

__all__ = [
    "FILES",
    "File",
    "Parcel",
    "Source",
    "TakeHomeError",
    "everything",
    "folder_name",
    "make",
    "offered",
    "parcel_of",
]
