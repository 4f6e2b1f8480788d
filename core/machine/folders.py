"""Where data and caches lie."""

import os
from pathlib import Path
from typing import Final

import platformdirs

DATA_VARIABLE: Final = "NETSKETCH_DATA"


def data_folder() -> Path:
    """Return the folder for data and caches, whether or not it exists.

    The environment's NETSKETCH_DATA comes first, then the place that the system has for such data.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    return platformdirs.user_data_path("netsketch", appauthor=False)
