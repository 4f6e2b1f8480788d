"""A network in a few words, for lists and names."""

from core.spec import RunSpec


def glance(spec: RunSpec) -> str:
    """Return the widths of a network's layers, such as “conv 16–32–64 + 128”."""
    shape = "–".join(str(block.channels) for block in spec.blocks)
    dense = "".join(f" + {layer.units}" for layer in spec.dense)
    return f"conv {shape}{dense}"
