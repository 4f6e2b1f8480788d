"""Where data and caches lie."""

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """Return the folder for data and caches, whether or not it exists.

    The environment's NETSKETCH_DATA comes first, then the place that the system has for such data.
    """
    chosen = os.environ.get("NETSKETCH_DATA")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    return platformdirs.user_data_path("netsketch", appauthor=False)
