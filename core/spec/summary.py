"""What tells networks apart in a list: the kind and the widths of their layers, and these in words.

Lists keep an `Outline` and word it where it is shown, for a spec takes 0.4 ms to read back from
JSON and an outline some microseconds.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from core.spec import RunSpec
from core.words.message import N_, message


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The layers of a network, no more of each than its width.

    Attributes:
        family: of the network; what the other families are made of is empty here.
        channels: of each convolution block.
        cell: of the recurrent layers.
        rnn_layers: how many recurrent layers follow each other.
        rnn_units: of each of them.
        bidirectional: they read the rows of an image from both ends.
        dense: units of each hidden dense layer.
    """

    family: str
    channels: tuple[int, ...] = ()
    cell: str = ""
    rnn_layers: int = 0
    rnn_units: int = 0
    bidirectional: bool = False
    dense: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """The layers in a few words, such as “conv 16–32–64 + 128”."""
        dense = [str(units) for units in self.dense]
        if self.family == "dense":
            if not dense:
                return N_("dense, no hidden layer")
            return message("dense {widths}", widths="–".join(dense))
        if self.family == "conv":
            first = "–".join(str(channels) for channels in self.channels)
            return message("conv {widths}", widths=" + ".join([first, *dense]))
        several = f"{self.rnn_layers} × " if self.rnn_layers > 1 else ""
        layers = f"{several}{self.cell.upper()} {self.rnn_units}"
        if not self.bidirectional:
            return " + ".join([layers, *dense])
        after = "".join(f" + {units}" for units in dense)
        return message("{layers} both ways{dense}", layers=layers, dense=after)


def outline_of(spec: RunSpec) -> Outline:
    """Return the outline of a spec's network."""
    dense = tuple(layer.units for layer in spec.dense)
    if spec.family == "conv":
        channels = tuple(block.channels for block in spec.blocks)
        return Outline(family="conv", channels=channels, dense=dense)
    if spec.family == "dense":
        return Outline(family="dense", dense=dense)
    return Outline(
        family="recurrent",
        cell=spec.cell,
        rnn_layers=spec.rnn_layers,
        rnn_units=spec.rnn_units,
        bidirectional=spec.bidirectional,
        dense=dense,
    )


_KINDS: Final[Mapping[str, type]] = {
    "family": str,
    "channels": list,
    "cell": str,
    "rnn_layers": int,
    "rnn_units": int,
    "bidirectional": bool,
    "dense": list,
}


def to_plain(outline: Outline) -> dict[str, object]:
    """Write an outline as what JSON can say."""
    return asdict(outline)


def from_plain(plain: object) -> Outline:
    """Read what `to_plain` wrote, as JSON brings it back.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(plain, dict) or {key: type(value) for key, value in plain.items()} != _KINDS:
        raise ValueError("not an outline")
    widths = {name: tuple(plain[name]) for name in ("channels", "dense")}
    if any(type(width) is not int for found in widths.values() for width in found):
        raise ValueError("widths are whole numbers")
    return Outline(**{**plain, **widths})
