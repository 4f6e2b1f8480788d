"""A layer of a network that can be edited by itself."""

from dataclasses import dataclass
from typing import ClassVar

from core.spec.settings import Choice, Flag, Number, setting
from core.words.message import N_

ACTIVATIONS = {
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "leaky_relu": "LeakyReLU",
    "gelu": "GELU",
    "elu": "ELU",
    "silu": "SiLU",
    "none": N_("None"),
}
_ACTIVATION = Choice(
    label=N_("Activation"),
    help=N_(
        "The bend after each layer. Without one (None), any number of layers is no more than a "
        "single linear one. ReLU keeps gradients alive; Sigmoid and Tanh flatten out and slow deep "
        "networks. LeakyReLU, ELU, GELU and SiLU are ReLUs that do not go silent below 0."
    ),
    options=ACTIVATIONS,
)
_DROPOUT = Number(
    label=N_("Dropout"),
    help=N_(
        "Share of values set to zero at random while training, so that the network cannot lean "
        "on a few of them. 0 switches it off."
    ),
    low=0.0,
    high=0.9,
    whole=False,
)


@dataclass(frozen=True, kw_only=True)
class BlockSpec:
    """One convolution block: convolution, batch norm, activation, pooling, dropout."""

    title: ClassVar[str] = N_("Block")

    channels: int = setting(
        16,
        Number(
            label=N_("Channels"),
            help=N_(
                "How many different patterns this layer looks for. Each becomes one output image."
            ),
            low=1,
            high=512,
        ),
    )
    kernel_size: int = setting(
        3,
        Choice(
            label=N_("Kernel size"),
            help=N_("Side of the window that slides over the image, in pixels."),
            options={1: "1 × 1", 3: "3 × 3", 5: "5 × 5", 7: "7 × 7"},
        ),
    )
    stride: int = setting(
        1,
        Choice(
            label=N_("Stride"),
            help=N_("How many pixels the window moves at a time. 2 halves the image's side."),
            options={1: "1", 2: "2", 3: "3"},
        ),
    )
    padding: str = setting(
        "same",
        Choice(
            label=N_("Padding"),
            help=N_(
                "Same: a rim of zeros keeps the image's size (at stride 1). Valid: no rim, so the "
                "image loses kernel size minus 1 pixels."
            ),
            options={"same": N_("Same"), "valid": N_("Valid")},
        ),
    )
    activation: str = setting("relu", _ACTIVATION)
    batch_norm: bool = setting(
        False,
        Flag(
            label=N_("Batch norm"),
            help=N_(
                "Brings every channel to mean 0 and variance 1 over the batch. Training becomes "
                "faster and less touchy about the learning rate."
            ),
        ),
    )
    pool: str = setting(
        "max",
        Choice(
            label=N_("Pooling"),
            help=N_(
                "Shrinks the image by keeping one value of each small square: its largest or its "
                "average."
            ),
            options={"none": N_("None"), "max": N_("Max"), "avg": N_("Average")},
        ),
    )
    pool_size: int = setting(
        2,
        Choice(
            label=N_("Pool window"),
            help=N_("Side of the square that becomes one value."),
            options={2: "2 × 2", 3: "3 × 3"},
        ),
    )
    pool_stride: int = setting(
        0,
        Choice(
            label=N_("Pool stride"),
            help=N_(
                "How many pixels the pooling window moves at a time. Same: as many as it is wide, "
                "so that windows neither overlap nor leave out a pixel."
            ),
            options={0: N_("Same"), 1: "1", 2: "2", 3: "3"},
        ),
    )
    dropout: float = setting(0.0, _DROPOUT)
    residual: bool = setting(
        False,
        Flag(
            label=N_("Residual"),
            help=N_(
                "Adds what comes into the block to what it makes of it. The block then learns only "
                "what to change, and gradients pass a deep network by the short way. Both must "
                "have the same shape."
            ),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class DenseSpec:
    """One fully connected hidden layer: linear, activation, dropout."""

    title: ClassVar[str] = N_("Dense layer")

    units: int = setting(
        64,
        Number(
            label=N_("Units"),
            help=N_(
                "How many values this layer computes, each from all values of the layer before."
            ),
            low=1,
            high=4096,
        ),
    )
    activation: str = setting("relu", _ACTIVATION)
    dropout: float = setting(0.0, _DROPOUT)
