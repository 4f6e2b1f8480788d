"""Which of a person's images are learned from, which validate and which test.

A file may say that itself, in folders such as `train` and `test` or in arrays such as `x_test`: an
image that it gives for a part belongs to that part. All others are divided here, every class in its
share. Copies of one picture are never parted, for a network knows by heart what it learned from.
"""

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Parts = NDArray[np.int8]

# The parts, as `Parts` holds them. TRAIN also stands for all that a file puts into no part.
TRAIN: Final = 0
VALIDATION: Final = 1
TEST: Final = 2
PARTS: Final = (TRAIN, VALIDATION, TEST)
# The share of each class that validates, and the share that tests.
_HELD_OUT: Final = 0.15


def copies_of(images: Images) -> Labels:
    """Number the different images (N, H, W) in the order in which they come: int64 (N,).

    Images of the same number are the same in every pixel.
    """
    numbers: dict[bytes, int] = {}
    # By their digests, which take a tenth of the memory.
    digests = (hashlib.blake2b(one.tobytes(), digest_size=16).digest() for one in images)
    return np.array([numbers.setdefault(one, len(numbers)) for one in digests], np.int64)


def divide(
    labels: Labels, copies: Labels | None = None, given: Parts | None = None
) -> tuple[Labels, ...]:
    """Divide row numbers into training, validation and test, mixed, always in the same way.

    Args:
        labels: of N images.
        copies: the number of the picture that each shows, as `copies_of` returns them; all are
            different without it.
        given: where their owner put the images. Those of TRAIN also serve for a part that holds
            none of their class.

    Returns:
        int64 row numbers of each part. `lacking` says which classes are missing in one: none that
        has three different pictures, unless other classes have the same ones.
    """
    dealer = _Dealer(labels, np.arange(len(labels)) if copies is None else copies)
    if given is not None:
        for part in (TEST, VALIDATION):
            for picture in np.unique(dealer.copies[given == part]).tolist():
                if dealer.part_of[picture] == TRAIN:
                    dealer.put(picture, part)
    random = np.random.RandomState(0)
    order = []
    for label in np.unique(labels).tolist():
        rows = random.permutation(np.flatnonzero(labels == label))
        order.append(rows)
        free = rows if given is None else rows[dealer.part_of[dealer.copies[rows]] == TRAIN]
        held = max(1, round(_HELD_OUT * len(free)))
        for part in (TEST, VALIDATION):
            if given is None or dealer.count[part, label] == 0:
                dealer.fill(part, label, held, free[::-1])
    every = np.concatenate(order) if order else np.zeros(0, np.int64)
    parts = dealer.part_of[dealer.copies[every]]
    return tuple(random.permutation(every[parts == part]) for part in PARTS)


def lacking(labels: Labels, parts: tuple[Labels, ...]) -> tuple[int, ...]:
    """Return the labels of which some part, of `divide`, has no image."""
    every = set(np.unique(labels).tolist())
    return tuple(sorted(set().union(*(every - set(labels[rows].tolist()) for rows in parts))))


class _Dealer:
    """Puts whole pictures, with all of their copies, into parts."""

    def __init__(self, labels: Labels, copies: Labels) -> None:
        self.copies = copies
        num_pictures = int(copies.max(initial=-1)) + 1
        num_classes = int(labels.max(initial=-1)) + 1
        self.part_of = np.zeros(num_pictures, np.int8)
        # The images of a class in each part, and its pictures that lie in TRAIN.
        self.count = np.zeros((3, num_classes), np.int64)
        self.count[TRAIN] = np.bincount(labels, minlength=num_classes)
        self._left = np.zeros(num_classes, np.int64)
        self._shown: list[list[tuple[int, int]]] = [[] for _ in range(num_pictures)]
        pairs, images = np.unique(np.stack([copies, labels]), axis=1, return_counts=True)
        for (picture, label), count in zip(pairs.T.tolist(), images.tolist(), strict=True):
            self._shown[picture].append((label, count))
            self._left[label] += 1

    def put(self, picture: int, part: int) -> None:
        """Move a picture from TRAIN to another part."""
        self.part_of[picture] = part
        for label, count in self._shown[picture]:
            self.count[TRAIN, label] -= count
            self.count[part, label] += count
            self._left[label] -= 1

    def fill(self, part: int, label: int, held: int, rows: Labels) -> None:
        """Put pictures of a class into a part until it holds `held` images, or one at least."""
        wanted = list(dict.fromkeys(self.copies[rows].tolist()))

        def size(picture: int) -> int:
            return sum(count for one, count in self._shown[picture] if one == label)

        for picture in wanted:
            if self.count[part, label] >= held:
                return
            fits = self.count[part, label] + size(picture) <= held
            if fits and len(self._shown[picture]) == 1:
                self._try(picture, part)
        # Rather a picture of many copies, or one that other classes have too, than none.
        for picture in sorted(wanted, key=lambda one: (len(self._shown[one]), size(one))):
            if self.count[part, label] > 0:
                return
            self._try(picture, part)

    def _try(self, picture: int, part: int) -> None:
        """Move a picture from TRAIN to a part, unless a class needs it where it is."""
        if self.part_of[picture] != TRAIN:
            return
        for label, _ in self._shown[picture]:
            others = [one for one in (VALIDATION, TEST) if one != part]
            needed = 1 + sum(self.count[one, label] == 0 for one in others)
            if self._left[label] - 1 < needed:
                return
        self.put(picture, part)
