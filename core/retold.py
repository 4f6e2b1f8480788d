"""What records and lists keep as English words, as sentences again that can be told."""

import re
from typing import Final

from core.message import N_, message

_FORMS: Final = tuple(
    (re.compile(pattern), template)
    for pattern, template in (
        # What `core.glance` says of a network.
        (r"dense, no hidden layer", N_("dense, no hidden layer")),
        (r"dense (?P<widths>.+)", N_("dense {widths}")),
        (r"conv (?P<widths>.+)", N_("conv {widths}")),
        (r"(?P<layers>.+) both ways(?P<dense>.*)", N_("{layers} both ways{dense}")),
        # What `core.device` calls a device.
        (r"CPU, 1 core", N_("CPU, 1 core")),
        (r"CPU, (?P<count>\d+) cores", N_("CPU, {count} cores")),
    )
)


def retold(words: str) -> str:
    """Return the sentence that words were; what is none of those here stays as it is."""
    for pattern, template in _FORMS:
        if (found := pattern.fullmatch(words)) is not None:
            return message(template, **found.groupdict())
    return words
