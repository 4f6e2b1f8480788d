"""A run's whole configuration as plain, frozen, validated data.

The URL, JSON files, the model builder and the pages' widgets are all driven by the fields declared
here. Add a field and every one of them knows it.
"""

from core.spec.layers import ACTIVATIONS, BlockSpec, DenseSpec
from core.spec.network import MAX_BLOCKS, MAX_DENSE, MIN_BLOCKS, RECURRENT
from core.spec.run import (
    DEVICES,
    GROUPS,
    RunSpec,
    SpecError,
    default_of,
    in_use,
    parts,
    place,
    setting_at,
    settings,
    walk,
)

__all__ = [
    "ACTIVATIONS",
    "DEVICES",
    "GROUPS",
    "MAX_BLOCKS",
    "MAX_DENSE",
    "MIN_BLOCKS",
    "RECURRENT",
    "BlockSpec",
    "DenseSpec",
    "RunSpec",
    "SpecError",
    "default_of",
    "in_use",
    "parts",
    "place",
    "setting_at",
    "settings",
    "walk",
]
