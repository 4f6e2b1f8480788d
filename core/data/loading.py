"""The images: 5,000 digits that come with the installation, and others after a download.

A data set is a handful of uint8 tensors in memory; nothing is normalised here.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from core.data import embedded
from core.data.catalogue import DATASETS as DATASETS
from core.data.catalogue import DIGITS, info_of
from core.data.catalogue import DatasetInfo as DatasetInfo
from core.data.formats import FormatError
from core.data.held_out import Order, stratified
from core.data.mnist import MNIST_FILES, find_damage, is_complete, mnist_root, raw_folder
from core.data.npz import npz_path, read_npz
from core.data.own.kept import images_path, is_known, is_own
from core.data.torchvision_schemas import import_torchvision
from core.machine.folders import data_folder as data_folder
from core.words.errors import DataError as DataError
from core.words.message import N_, message, shown

_MEANWHILE: Final = N_("the built-in digits work meanwhile")


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a data set: images (N, 1, 28, 28) uint8, labels (N,) int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Number of digits."""
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Split":
        """Return this split with its tensors on `device`."""
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, eq=False)
class Digits:
    """A data set in memory. `mean` and `std` are those of pixels scaled to 0..1."""

    key: str
    title: str
    train: Split
    validation: Split
    test: Split
    mean: float = 0.1307
    std: float = 0.3081
    class_names: tuple[str, ...] = DIGITS
    # Some images are there more than once, and no copies may be parted.
    copies_together: bool = False


def is_available(key: str) -> bool:
    """Tell cheaply whether `load` is likely to succeed; False for an unknown key."""
    if key == "embedded":
        return embedded.is_here(data_folder())
    if key == "mnist":
        return is_complete(raw_folder(mnist_root(data_folder())), MNIST_FILES)
    if is_own(key):
        return images_path(key).is_file()
    return key in DATASETS and npz_path(data_folder(), key).is_file()


def title_of(key: str) -> str:
    """Return what people call a data set, and whether it was here and is gone.

    A key that stands for none, as an old record may hold, is returned as it is.
    """
    if key not in DATASETS and not is_own(key):
        return key
    title = info_of(key).title
    if is_own(key) and is_known(key) and not is_available(key):
        return message("{title} (its images were deleted)", title=title)
    return title


def short_title_of(key: str) -> str:
    """Return what people call a data set, in a word or two; see `title_of`."""
    if key not in DATASETS and not is_own(key):
        return key
    info = info_of(key)
    return info.short_title or info.title


# Beside the built-in digits no more than these stay in memory: the largest has 220 MB.
_MAX_LOADED: Final = 2
_loaded: Final[OrderedDict[tuple[str, Path], Digits]] = OrderedDict()
_locks: Final = {key: threading.Lock() for key in (*DATASETS, "own")}


def load(key: str) -> Digits:
    """Return a data set, reading it once a process; any thread may ask.

    Raises:
        DataError: the data are missing, damaged or unknown.
    """
    if key not in DATASETS and not is_own(key):
        choices = ", ".join(f"“{known}”" for known in DATASETS)
        raise DataError(
            message(
                "Data: there is no data set “{key}”. Choose one of {choices}.",
                key=shown(key),
                choices=choices,
            )
        )
    with _locks["own" if is_own(key) else key]:
        place = (key, data_folder())
        found = _loaded.get(place)
        if found is not None and is_available(key):
            return found
        found = _loaded[place] = _read(key, place[1])
        large = [other for other in list(_loaded) if other[0] != "embedded"]
        for other in large[:-_MAX_LOADED]:
            _loaded.pop(other, None)
        return found


def _read(key: str, folder: Path) -> Digits:
    if is_own(key):
        return _load_own(key)
    reader = _READERS.get(key)
    return reader(folder) if reader else _load_npz(folder, DATASETS[key])


def _load_mnist(folder: Path) -> Digits:
    root = mnist_root(folder)
    raw = raw_folder(root)
    try:
        damage = find_damage(raw, MNIST_FILES)
        if damage is not None:
            raise _damaged(raw / damage[0].name, damage[1])
        mnist = import_torchvision().datasets.MNIST
        known, test = mnist(root, train=True), mnist(root, train=False)
    except OSError as error:
        raise DataError(
            message(
                "Data: the files of full MNIST in {folder} cannot be read ({why}). Check the "
                "folder’s permissions; {meanwhile}.",
                folder=str(raw),
                why=error.strerror,
                meanwhile=_MEANWHILE,
            )
        ) from error
    return _held_out(DATASETS["mnist"], known.data, known.targets, test.data, test.targets)


def _load_npz(folder: Path, info: DatasetInfo) -> Digits:
    path = npz_path(folder, info.key)
    if not path.is_file():
        raise DataError(
            message(
                "Data: {title} is not on this computer. Download it; {meanwhile}.",
                title=info.title,
                meanwhile=_MEANWHILE,
            )
        )
    try:
        known, test = read_npz(path, info)
    except OSError as error:
        raise DataError(
            message(
                "Data: {path} cannot be read ({why}). Check the file’s permissions; {meanwhile}.",
                path=str(path),
                why=error.strerror or str(error),
                meanwhile=_MEANWHILE,
            )
        ) from error
    except FormatError as error:
        with contextlib.suppress(OSError):
            path.unlink()
        raise DataError(
            message(
                "Data: {name} is damaged: {why}. Download {title} again; {meanwhile}.",
                name=path.name,
                why=error.message,
                title=info.title,
                meanwhile=_MEANWHILE,
            )
        ) from error
    return _held_out(info, *(torch.from_numpy(array) for array in (*known, *test)))


def _load_own(key: str) -> Digits:
    info, path = info_of(key), images_path(key)
    again = message("Bring them in again to train; {meanwhile}.", meanwhile=_MEANWHILE)
    if not path.is_file():
        raise DataError(
            message(
                "Data: the images of “{title}” are no longer on this computer. {again}",
                title=info.title,
                again=again,
            )
        )
    try:
        (images, labels), test = read_npz(path, info)
    except OSError as error:
        raise DataError(
            message(
                "Data: {path} cannot be read ({why}).",
                path=str(path),
                why=error.strerror or str(error),
            )
        ) from error
    except FormatError as error:
        raise DataError(
            message(
                "Data: the images of “{title}” in {path} are damaged: {why}. {again}",
                title=info.title,
                path=str(path),
                why=error.message,
                again=again,
            )
        ) from error
    known = torch.from_numpy(images), torch.from_numpy(labels)
    # The images for validation were chosen when the data set was brought in, and lie last.
    train, validation = np.split(np.arange(len(labels)), [info.train])
    return _of(
        info,
        _split(*known, train),
        _split(*known, validation),
        _split(torch.from_numpy(test[0]), torch.from_numpy(test[1]), np.arange(info.test)),
    )


def _held_out(
    info: DatasetInfo, images: Tensor, labels: Tensor, test_images: Tensor, test_labels: Tensor
) -> Digits:
    """Hold some of the known images out for validation, every class in its share."""
    train, validation = stratified(labels.numpy(), info.validation)
    return _of(
        info,
        _split(images, labels, train),
        _split(images, labels, validation),
        Split(test_images.reshape(-1, 1, 28, 28), test_labels.long()),
    )


def _of(info: DatasetInfo, train: Split, validation: Split, test: Split) -> Digits:
    return Digits(
        info.key,
        info.title,
        train,
        validation,
        test,
        info.mean,
        info.std,
        info.class_names,
        info.copies_together,
    )


def _damaged(path: Path, what: str) -> DataError:
    if "missing" in what:
        return DataError(
            message(
                "Data: full MNIST is not on this computer: {name} {what}. Download full MNIST; "
                "{meanwhile}.",
                name=path.name,
                what=what,
                meanwhile=_MEANWHILE,
            )
        )
    try:
        path.unlink()
        outcome = N_("The damaged copy was removed.")
    except OSError:
        outcome = message("Please delete {path}.", path=str(path))
    return DataError(
        message(
            "Data: {name} {what}. {outcome} Download full MNIST again; {meanwhile}.",
            name=path.name,
            what=what,
            outcome=outcome,
            meanwhile=_MEANWHILE,
        )
    )


def _load_embedded(folder: Path) -> Digits:
    table, order = embedded.read(folder)
    images, labels = torch.from_numpy(table[:, :-1]), torch.from_numpy(table[:, -1])
    info = DATASETS["embedded"]
    parts = np.split(order, [info.train, info.train + info.validation])
    train, validation, test = (_split(images, labels, part) for part in parts)
    return _of(info, train, validation, test)


def _split(images: Tensor, labels: Tensor, rows: Order) -> Split:
    index = torch.from_numpy(rows)
    return Split(images[index].reshape(-1, 1, 28, 28), labels[index].long())


_READERS: Final[Mapping[str, Callable[[Path], Digits]]] = {
    "embedded": _load_embedded,
    "mnist": _load_mnist,
}
