"""The table of operations: every kind of layer that a network can have, one entry each.

An entry holds all that is known of a kind (see `core.network.layer.Operation`), and the file that
it stands in says which settings of a spec ask for it. A new kind of layer is an entry there, the
setting that chooses it in `core.spec`, and a place in this list.
"""

from typing import Final

from torch import nn

from core.network.layer import Operation
from core.network.operations.activation import ACTIVATIONS
from core.network.operations.convolution import CONVOLUTION
from core.network.operations.dense import LINEAR
from core.network.operations.dropout import DROPOUT, DROPOUT_2D
from core.network.operations.head import FLATTEN, GLOBAL_AVERAGE
from core.network.operations.normalisation import BATCH_NORM, GROUP_NORM
from core.network.operations.pooling import POOLINGS
from core.network.operations.recurrent import CELLS

OPERATIONS: Final[dict[type[nn.Module], Operation]] = {
    operation.module: operation
    for operation in (
        CONVOLUTION,
        BATCH_NORM,
        GROUP_NORM,
        *ACTIVATIONS.values(),
        *POOLINGS.values(),
        DROPOUT,
        DROPOUT_2D,
        GLOBAL_AVERAGE,
        FLATTEN,
        *CELLS.values(),
        LINEAR,
    )
}
