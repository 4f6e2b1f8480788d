"""What records before version 5 told in words: it becomes facts here, once, when they are read.

Version 5 keeps a `core.machine.device.Device`. Before, a record held its English name: `CPU, 2
cores`, `CPU, 1 core`, `Apple GPU`, or what CUDA calls a card. And a run that ended because
NetSketch did said so in a sentence, besides by its status.
"""

import re
from dataclasses import replace
from typing import Final

from core.machine.device import Device

# What the status `interrupted` says, and whether the run had begun.
_SAID_BY_STATUS: Final = frozenset(
    {
        "NetSketch ended while this run was going on.",
        "NetSketch ended before this run began.",
        "NetSketch was ended before this run began.",
    }
)
_CORES: Final = re.compile(r"\b(\d{1,4}) cores?\b")


def device_of_words(words: str, wanted: str) -> Device | None:
    """Return the device that an old record means; None where the run had not begun.

    Args:
        words: what it says of the device.
        wanted: what its spec asks for: `auto`, or torch's name of a kind.
    """
    if not words:
        return None
    key = wanted
    if wanted == "auto":
        apple = words.startswith("Apple")
        key = "cpu" if words.startswith("CPU") else "mps" if apple else "cuda"
    found = _CORES.search(words) if key == "cpu" else None
    device = Device(key, cores=int(found[1]) if found else 0)
    # Words that are none of those above are still told as they stand.
    return device if device.name == words else replace(device, model=words)


def message_of_words(message: object, status: object) -> object:
    """Return what an old record's message says beyond its status, as the record holds it."""
    said = status == "interrupted" and isinstance(message, str) and message in _SAID_BY_STATUS
    return "" if said else message
