"""How images are held out, the same ones on every computer."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int64]

# Any fixed number would do; changing it changes which digits are held out.
SPLIT_SEED: Final = 0


def stratified(labels: NDArray[np.integer], held_out: int) -> tuple[Order, Order]:
    """Split row numbers in two; the second has `held_out` of them, every digit in its share."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(labels))
    kept, held = train_test_split(
        rows, test_size=held_out, stratify=labels, random_state=SPLIT_SEED
    )
    return kept, held
