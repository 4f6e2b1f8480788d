"""The one form in which all data sets lie on the disk.

A data set is an .npz file of four arrays: uint8 images (N, 28, 28) and int64 labels (N,) from 0, to
learn from and to test.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.data.formats import FormatError
from core.data.info import DatasetInfo
from core.words.message import N_, message

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Parts = tuple[tuple[Images, Labels], tuple[Images, Labels]]
_SIDE: Final = 28


def npz_path(folder: Path, key: str) -> Path:
    """Return where a data set lies in the data folder."""
    return folder / "sets" / f"{key}.npz"


def write_npz(path: Path, train: tuple[Images, Labels], test: tuple[Images, Labels]) -> None:
    """Write a data set; its file is whole or not there, whatever interrupts the writing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            some, classes = samples(*train)
            np.savez(
                stream,
                sample_images=some,
                sample_labels=classes,
                train_images=train[0],
                train_labels=train[1],
                test_images=test[0],
                test_labels=test[1],
            )
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def samples(images: Images, labels: Labels) -> tuple[Images, Labels]:
    """Return the first image of each class that there is, which can be read without the rest."""
    classes, first = np.unique(labels, return_index=True)
    return images[first], classes


def read_samples(path: Path) -> tuple[Images, Labels]:
    """Read what `samples` chose: uint8 (classes, 28, 28) and int64 (classes,).

    Raises:
        FormatError: the file is damaged or not there.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            images, labels = stored["sample_images"], stored["sample_labels"]
    except Exception as error:
        # A damaged archive raises nearly anything.
        raise FormatError(N_("it cannot be read")) from error
    if images.dtype != np.uint8 or images.shape != (len(labels), _SIDE, _SIDE):
        raise FormatError(N_("its images are no images"))
    return images, labels.astype(np.int64)


def checked(info: DatasetInfo, images: Images, labels: Labels, count: int) -> tuple[Images, Labels]:
    """Return images and labels of a data set that are as many and as large as they should be.

    Raises:
        FormatError: they are not.
    """
    if images.shape != (count, _SIDE, _SIDE) or labels.shape != (count,):
        raise FormatError(
            message(
                "{title}: there are {images:,} images and {labels:,} labels instead of {count:,}",
                title=info.title,
                images=len(images),
                labels=len(labels),
                count=count,
            )
        )
    if labels.min() < 0 or labels.max() >= len(info.class_names):
        raise FormatError(message("{title}: some labels are of no class", title=info.title))
    return np.ascontiguousarray(images), labels.astype(np.int64)


def read_npz(path: Path, info: DatasetInfo) -> Parts:
    """Read a data set that `build` wrote.

    Raises:
        FormatError: it is damaged.
        OSError: it cannot be read.
    """
    try:
        # The archive holds a checksum of each array.
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        train = arrays["train_images"], arrays["train_labels"]
        test = arrays["test_images"], arrays["test_labels"]
    except OSError:
        raise
    except Exception as error:
        # A damaged archive raises nearly anything.
        raise FormatError(N_("it cannot be read")) from error
    if any(images.dtype != np.uint8 for images, _ in (train, test)):
        raise FormatError(N_("its images are no images"))
    size = info.train + info.validation
    return checked(info, *train, size), checked(info, *test, info.test)
