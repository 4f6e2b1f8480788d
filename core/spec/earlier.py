"""Settings as earlier versions wrote them into addresses and JSON, and what they are now.

They are read for ever and written no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from core.spec.layers import BlockSpec
from core.spec.settings import Flag, Setting, Value
from core.words.message import N_


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A setting that is no more.

    Attributes:
        record: the values that it could have.
        name: of the setting that took its place.
        values: of that setting, by those of this one that they stand for.
    """

    record: Setting
    name: str
    values: Mapping[Value, Value]


# By the class that had it and its name there.
EARLIER: Final[Mapping[type, Mapping[str, Earlier]]] = {
    BlockSpec: {
        "batch_norm": Earlier(
            record=Flag(label=N_("Batch norm"), help=""),
            name="norm",
            values={False: "none", True: "batch"},
        )
    }
}
