"""k-fold cross-validation: which images each fold holds back.

The images that are not for the test are divided in k parts that keep the shares of the classes.
Each part is held back once while a new network learns from the others: R. Kohavi, "A study of
cross-validation and bootstrap for accuracy estimation and model selection", IJCAI (1995). What
comes of it is told by `core.judging.fold_verdict`.
"""

import threading
from collections.abc import Sequence
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.data.loading import Digits, Split
from core.spec import RunSpec
from core.training.length import length_over
from core.words.errors import UserError
from core.words.message import message

Rows = NDArray[np.int64]

# Divisions of a data set that is in memory, by number of folds and seed: where copies are kept
# together, one of 20,000 images takes seconds. So many are remembered of each set.
_MOST_DIVISIONS: Final = 8
_divisions: Final[WeakKeyDictionary[Digits, dict[tuple[int, int], list[Rows]]]] = (
    WeakKeyDictionary()
)
_lock: Final = threading.Lock()


def folds_of(data: Digits, spec: RunSpec) -> list[Rows]:
    """Divide the images of a data set that are not for the test, as a spec says.

    It is worked out once for each data set in memory; nobody may write to it.

    Raises:
        UserError: a class has fewer images, or fewer different ones, than there are folds.
    """
    wanted = (spec.folds, spec.seed)
    with _lock:
        known = _divisions.setdefault(data, {}).get(wanted)
    if known is None:
        known = _divided(data, spec)
        with _lock:
            divisions = _divisions.setdefault(data, {})
            divisions[wanted] = known
            while len(divisions) > _MOST_DIVISIONS:
                del divisions[next(iter(divisions))]
    return list(known)


def _divided(data: Digits, spec: RunSpec) -> list[Rows]:
    labels = torch.cat([data.train.labels, data.validation.labels])
    if not data.copies_together:
        return fold_rows(labels, spec.folds, spec.seed)
    images = torch.cat([data.train.images, data.validation.images]).flatten(1).cpu().numpy()
    _, copies = np.unique(images, axis=0, return_inverse=True)
    return fold_rows(labels, spec.folds, spec.seed, copies.ravel())


def fold_rows(
    labels: Tensor, folds: int, seed: int, copies: NDArray[np.int64] | None = None
) -> list[Rows]:
    """Divide images into folds that keep the shares of the classes; sizes differ by 1 at most.

    Args:
        labels: int (N,).
        folds: how many.
        seed: of the order in which a class's images are dealt.
        copies: int (N,), the number of the picture that each image shows: all copies of one lie in
            the same fold, which then may be larger than others. All are different without it.

    Returns:
        The rows that each fold holds back, each row in one of them, in ascending order.

    Raises:
        UserError: a class has fewer images than there are folds.
    """
    # It takes half a second to import, and most processes divide nothing.
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    plain = labels.cpu().numpy()
    different = labels.cpu()
    if copies is not None:
        different = torch.from_numpy(np.unique(np.stack([copies, plain]), axis=1)[1])
    fewest = int(torch.bincount(different).clamp(min=0).min())
    if fewest < folds:
        raise UserError(
            message(
                "Cross-validation in {folds} folds needs {folds} images of each class, and one "
                "class has {fewest}. Take fewer folds, or more images.",
                folds=folds,
                fewest=fewest,
            )
        )
    kind = StratifiedKFold if copies is None else StratifiedGroupKFold
    dealer = kind(n_splits=folds, shuffle=True, random_state=seed)
    return [held.astype(np.int64) for _, held in dealer.split(plain, plain, copies)]


def fold_data(data: Digits, spec: RunSpec, rows: Sequence[Rows], fold: int) -> Digits:
    """Return the data of one fold: its images for validation, all others to learn from.

    Args:
        data: the whole.
        spec: with `folds`.
        rows: of `folds_of`, over the training and then the validation images of `data`.
        fold: counted from 0.
    """
    images = torch.cat([data.train.images, data.validation.images])
    labels = torch.cat([data.train.labels, data.validation.labels])
    size = length_over(spec, len(data.train), len(data.validation)).train
    # Where copies make a fold large, a few of the others are learned from twice in an epoch, so
    # that every fold has as many steps.
    learned = np.resize(np.setdiff1d(np.arange(len(labels)), rows[fold]), size)

    def part(chosen: Rows) -> Split:
        index = torch.from_numpy(chosen)
        return Split(images[index], labels[index])

    return Digits(
        key=data.key,
        title=data.title,
        train=part(learned),
        validation=part(rows[fold]),
        test=data.test,
        mean=data.mean,
        std=data.std,
        class_names=data.class_names,
    )
