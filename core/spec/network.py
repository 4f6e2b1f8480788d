"""What a run learns from, and the network that learns."""

from dataclasses import dataclass

from core.data.catalogue import DATASETS
from core.spec.data_choice import DataChoice
from core.spec.layers import BlockSpec, DenseSpec
from core.spec.settings import Choice, Flag, Number, setting
from core.words.message import N_

MAX_BLOCKS = 6
MIN_BLOCKS = 1
MAX_DENSE = 3

# The settings of a recurrent network's own part.
RECURRENT = ("cell", "rnn_units", "rnn_layers", "rnn_dropout", "bidirectional")


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The part of a `RunSpec` that says what is built."""

    blocks: tuple[BlockSpec, ...] = (BlockSpec(),)
    dense: tuple[DenseSpec, ...] = ()
    family: str = setting(
        "conv",
        Choice(
            label=N_("Kind of network"),
            help=N_(
                "Convolutional: small windows slide over the image, so that a pattern is found "
                "wherever it is. Dense: every pixel has a weight of its own to every value. "
                "Recurrent: the image is read row by row, as if it were a sentence, with a memory "
                "of what was read."
            ),
            options={
                "conv": N_("Convolutional"),
                "dense": N_("Dense"),
                "recurrent": N_("Recurrent"),
            },
        ),
    )
    cell: str = setting(
        "gru",
        Choice(
            label=N_("Cell"),
            help=N_(
                "How the memory is brought up to date after a row. RNN: all of it is computed "
                "anew. LSTM and GRU have gates that learn what to keep, so that the first rows are "
                "still known at the last; GRU is the smaller of the two."
            ),
            options={"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"},
        ),
    )
    rnn_units: int = setting(
        64,
        Number(
            label=N_("Memory"),
            help=N_("How many values the memory holds."),
            low=1,
            high=1024,
            unit=N_("units"),
        ),
    )
    rnn_layers: int = setting(
        1,
        Number(
            label=N_("Recurrent layers"),
            help=N_("Each reads, row by row, what the one below it has made of the image."),
            low=1,
            high=4,
        ),
    )
    rnn_dropout: float = setting(
        0.0,
        Number(
            label=N_("Dropout in between"),
            help=N_(
                "Share of values set to zero at random between two recurrent layers while "
                "training. Used where there are at least two. 0 switches it off."
            ),
            low=0.0,
            high=0.9,
            whole=False,
        ),
    )
    bidirectional: bool = setting(
        False,
        Flag(
            label=N_("Both directions"),
            help=N_(
                "Reads the image from the top and, with weights of its own, from the bottom; the "
                "two memories stand side by side."
            ),
        ),
    )
    data: str = setting(
        "embedded",
        DataChoice(
            label=N_("Data"),
            help=N_(
                "The images to learn from. What is not on this computer yet is downloaded once."
            ),
            options={info.key: info.title for info in DATASETS.values()},
        ),
    )
    head: str = setting(
        "flatten",
        Choice(
            label=N_("Before the head"),
            help=N_(
                "What the layers after the last block are given. Flatten: every value at its "
                "place. Global average: one average a channel, far fewer values, wherever in the "
                "image a pattern was found."
            ),
            options={"flatten": N_("Flatten"), "global_average": N_("Global average")},
        ),
    )
    init: str = setting(
        "default",
        Choice(
            label=N_("First weights"),
            help=N_(
                "How the random weights that training begins with are spread. PyTorch’s own: "
                "evenly, narrower the more inputs a value has. Kaiming: such that values keep "
                "their size from one ReLU layer to the next. Xavier: the same for Tanh and Sigmoid."
            ),
            options={"default": N_("PyTorch’s own"), "kaiming": "Kaiming", "xavier": "Xavier"},
        ),
    )
