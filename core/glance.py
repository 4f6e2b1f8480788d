"""A network in a few words, for lists and names."""

from core.spec import RunSpec


def glance(spec: RunSpec) -> str:
    """Return the widths of a network's layers, such as “conv 16–32–64 + 128”."""
    dense = [str(layer.units) for layer in spec.dense]
    match spec.family:
        case "dense":
            return f"dense {'–'.join(dense)}" if dense else "dense, no hidden layer"
        case "recurrent":
            layers = f"{spec.rnn_layers} × " if spec.rnn_layers > 1 else ""
            ways = " both ways" if spec.bidirectional else ""
            first = f"{layers}{spec.cell.upper()} {spec.rnn_units}{ways}"
        case _:
            first = f"conv {'–'.join(str(block.channels) for block in spec.blocks)}"
    return " + ".join([first, *dense])
