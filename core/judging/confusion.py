"""Which classes a trained network takes for which."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def confusion(logits: Tensor, labels: Tensor) -> NDArray[np.int64]:
    """Count answers by what the image is (rows) and what the network says (columns).

    Args:
        logits: float (N, classes).
        labels: int (N,), from 0.

    Returns:
        int64 (classes, classes).
    """
    classes = logits.shape[1]
    cells = (labels * classes + logits.argmax(dim=1)).numpy()
    counts = np.bincount(cells, minlength=classes * classes)
    return counts.astype(np.int64).reshape(classes, classes)
