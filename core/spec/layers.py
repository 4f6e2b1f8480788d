"""A layer of a network that can be edited by itself."""

from dataclasses import dataclass
from typing import ClassVar

from core.spec.order import DEFAULT_ORDER, ORDERS, OrderChoice
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
    """One convolution block: convolution, then norm, activation, pooling and dropout in an order.

    The order is a setting too; see `core.spec.order`.
    """

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
    convolution: str = setting(
        "standard",
        Choice(
            label=N_("Convolution"),
            help=N_(
                "Standard: every output image looks at all input images at once. Depthwise "
                "separable: first each input image has one window of its own (depthwise), then a "
                "1 × 1 convolution mixes the images (pointwise). That takes far fewer weights and "
                "multiply-adds, as in the networks of phones, but not always less time."
            ),
            options={"standard": N_("Standard"), "depthwise_separable": N_("Depthwise separable")},
        ),
    )
    activation: str = setting("relu", _ACTIVATION)
    norm: str = setting(
        "none",
        Choice(
            label=N_("Norm"),
            help=N_(
                "Brings values to mean 0 and variance 1, then scales and shifts every channel. "
                "Training becomes faster and less touchy about the learning rate. Batch norm: each "
                "channel over all images of the batch. Group norm: each image by itself, its "
                "channels in 8 groups, or in 4, 2 or 1 where they cannot be divided so with at "
                "least two in each. Layer norm: each image by itself, all its values together "
                "(in PyTorch a GroupNorm of one group). These two do not depend on the batch, so "
                "they work with small ones too."
            ),
            options={
                "none": N_("None"),
                "batch": N_("Batch norm"),
                "group": N_("Group norm"),
                "layer": N_("Layer norm"),
            },
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
    order: str = setting(
        DEFAULT_ORDER,
        OrderChoice(
            label=N_("Order"),
            help=N_(
                "In which order the rest of the block follows its convolution. A norm before the "
                "activation is how batch norm was published; after it, the next layer is given "
                "values of mean 0 and variance 1. Pooling before the activation leaves it fewer "
                "values to bend: the same result for max pooling and an activation that never "
                "falls, another one for average pooling. Dropout before a norm shifts what the "
                "norm measures between training and test."
            ),
            options=ORDERS,
        ),
    )
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

    @property
    def follows(self) -> frozenset[str]:
        """Which of `core.spec.order.PARTS` follow its convolution."""
        there = {
            "norm": self.norm != "none",
            "act": self.activation != "none",
            "pool": self.pool != "none",
            "drop": self.dropout > 0,
        }
        return frozenset(name for name, found in there.items() if found)


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
