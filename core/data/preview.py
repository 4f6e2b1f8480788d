"""A few images of a data set, to be looked at before it is used."""

from functools import lru_cache
from pathlib import Path

from core.data.loading import data_folder, load
from core.data.npz import Images, Labels, npz_path, read_samples, samples
from core.data.own.kept import images_path, is_own

# The whole of MNIST takes a second to load, and the built-in digits are a part of it.
_STANDS_FOR = {"embedded": "embedded", "mnist": "embedded"}


def preview(key: str) -> tuple[Images, Labels]:
    """Return one image of each class: uint8 (classes, 28, 28), and which class it is of.

    Raises:
        FormatError, UserError: the data set is not here or damaged.
    """
    if key in _STANDS_FOR:
        train = load(_STANDS_FOR[key]).train
        return samples(train.images[:, 0].numpy(), train.labels.numpy())
    path = images_path(key) if is_own(key) else npz_path(data_folder(), key)
    return _read(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=32)
def _read(path: Path, changed: int) -> tuple[Images, Labels]:
    return read_samples(path)
