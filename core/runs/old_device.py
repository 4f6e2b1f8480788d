"""How records before version 5 told a device: in words, which become facts here, once, when read.

Version 5 keeps a `core.machine.device.Device`. Before, a record held its English name: `CPU, 2
cores`, `CPU, 1 core`, `Apple GPU`, or what CUDA calls a card.
"""

import re
from dataclasses import replace
from typing import Final

from core.machine.device import Device

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
