"""A data set on a device, in normalised batches."""

import torch
from torch import Tensor

from core.data.loading import Digits, Split
from core.training.augmentation import Augmenter


class OnDevice:
    """A split as uint8 on a device, handed out in normalised float batches.

    With an augmenter, each batch is changed before it is normalised, while black is still 0.
    """

    def __init__(
        self,
        data: Digits,
        split: Split,
        device: torch.device,
        augmenter: Augmenter | None = None,
    ) -> None:
        self._split = split.to(device)
        self._augmenter = augmenter
        self._mean, self._std = data.mean, data.std

    def __len__(self) -> int:
        """Number of images."""
        return len(self._split)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return images float32 (B, 1, 28, 28), mean 0 and spread 1, and labels int64 (B,)."""
        pixels = self._split.images.index_select(0, index)
        if self._augmenter:
            pixels = self._augmenter(pixels)
        return normalise(pixels, self._mean, self._std), self._split.labels.index_select(0, index)


def normalise(pixels: Tensor, mean: float, std: float) -> Tensor:
    """Bring pixels (N, 1, H, W) to float32 of mean 0 and deviation 1.

    Args:
        pixels: 0 to 255, uint8, or float32 that is then overwritten.
        mean: of the training pixels on a scale of 0 to 1.
        std: their standard deviation on the same scale.
    """
    return pixels.to(torch.float32).mul_(1 / (255 * std)).sub_(mean / std)


def steps_per_epoch(batch_size: int, size: int) -> int:
    """Return the number of batches that `size` images make.

    A last batch of a single image is left out: batch norm cannot measure the spread of one.
    """
    full, rest = divmod(size, batch_size)
    return full + (rest > 1 or (rest == 1 and full == 0))
