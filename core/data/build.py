"""Makes downloaded files into the one form in which all data sets lie on the disk."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from core.data.catalogue import DATASETS, DatasetInfo
from core.data.formats import FormatError, read_idx, read_libsvm, unpacked
from core.data.npz import Images, Labels, Parts, checked, npz_path, write_npz
from core.words.message import N_, message

# No file of any data set unpacks to more bytes.
_MAX_BYTES: Final = 1_000_000_000
_SIDE: Final = 28
# USPS's digits touch the rim of 16 pixels; MNIST's lie in 20 of 28.
_USPS_SIDE, _USPS_ENLARGED = 16, 20


def build(source: str, packed: Path, folder: Path) -> None:
    """Make all data sets of a source from its packed files.

    Args:
        source: key of the source.
        packed: the folder that holds its files.
        folder: the data folder.

    Raises:
        FormatError: a file is not what it should be; the message begins with its name.
        OSError: the disk refuses.
    """
    for info in DATASETS.values():
        if info.source == source:
            train, test = _READERS[source](info, packed)
            size = info.train + info.validation
            write_npz(npz_path(folder, info.key), checked(info, *train, size), test_of(info, test))


def test_of(info: DatasetInfo, test: tuple[Images, Labels]) -> tuple[Images, Labels]:
    """Check the test images of a data set and return them."""
    return checked(info, *test, info.test)


def _idx(packed: Path, name: str) -> NDArray[np.integer]:
    return _named(name, lambda: read_idx(unpacked((packed / name).read_bytes(), _MAX_BYTES)))


def _named(name: str, read: Callable[[], NDArray[np.integer]]) -> NDArray[np.integer]:
    try:
        return read()
    except FormatError as error:
        raise FormatError(message("{name} {what}", name=name, what=error.message)) from error


def _read_like_mnist(info: DatasetInfo, packed: Path) -> Parts:
    def part(prefix: str) -> tuple[Images, Labels]:
        images = _idx(packed, f"{prefix}-images-idx3-ubyte.gz")
        return images.astype(np.uint8), _idx(packed, f"{prefix}-labels-idx1-ubyte.gz").astype(
            np.int64
        )

    return part("train"), part("t10k")


def _read_qmnist(info: DatasetInfo, packed: Path) -> Parts:
    def part(prefix: str) -> tuple[Images, Labels]:
        images = _idx(packed, f"qmnist-{prefix}-images-idx3-ubyte.gz")
        labels = _idx(packed, f"qmnist-{prefix}-labels-idx2-int.gz")
        if labels.ndim != 2 or labels.shape[1] < 1:
            raise FormatError(
                message("{name} has no columns", name=f"qmnist-{prefix}-labels-idx2-int.gz")
            )
        # The other columns tell who wrote the digit, and where it lies in NIST's forms.
        return images.astype(np.uint8), labels[:, 0].astype(np.int64)

    return part("train"), part("test")


def _read_emnist(info: DatasetInfo, packed: Path) -> Parts:
    name = info.key.removeprefix("emnist_")
    # The letters are numbered from 1.
    first = 1 if name == "letters" else 0

    def member(archive: zipfile.ZipFile, inner: str) -> NDArray[np.integer]:
        def read() -> NDArray[np.integer]:
            entry = archive.getinfo(f"gzip/{inner}")
            if entry.file_size > _MAX_BYTES:
                raise FormatError(N_("is larger than it should be"))
            return read_idx(unpacked(archive.read(entry), _MAX_BYTES))

        return _named(inner, read)

    def part(archive: zipfile.ZipFile, which: str) -> tuple[Images, Labels]:
        stem = f"emnist-{name}-{which}"
        images = member(archive, f"{stem}-images-idx3-ubyte.gz")
        labels = member(archive, f"{stem}-labels-idx1-ubyte.gz")
        if images.ndim != 3:
            raise FormatError(
                message("{name} holds no images", name=f"{stem}-images-idx3-ubyte.gz")
            )
        # EMNIST stores images column by column: untransposed, every letter would lie on its side.
        return images.astype(np.uint8).transpose(0, 2, 1), labels.astype(np.int64) - first

    try:
        with zipfile.ZipFile(packed / "gzip.zip") as archive:
            return part(archive, "train"), part(archive, "test")
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError) as error:
        raise FormatError(N_("gzip.zip is not the archive that it should be")) from error


def _read_usps(info: DatasetInfo, packed: Path) -> Parts:
    def part(name: str) -> tuple[Images, Labels]:
        content = unpacked((packed / name).read_bytes(), _MAX_BYTES)
        try:
            values, labels = read_libsvm(content, _USPS_SIDE**2)
        except FormatError as error:
            raise FormatError(message("{name} {what}", name=name, what=error.message)) from error
        return enlarged(values), labels - 1

    return part("usps.bz2"), part("usps.t.bz2")


def enlarged(values: NDArray[np.float32]) -> Images:
    """Make USPS's values (N, 256) from -1 to 1 into images (N, 28, 28), as large as MNIST's."""
    small = torch.from_numpy(values).reshape(-1, 1, _USPS_SIDE, _USPS_SIDE).clamp(-1, 1)
    side = (_USPS_ENLARGED, _USPS_ENLARGED)
    large = F.interpolate((small + 1) * 127.5, side, mode="bilinear", align_corners=False)
    rim = (_SIDE - _USPS_ENLARGED) // 2
    padded = F.pad(large, (rim, rim, rim, rim))
    images: Images = padded.round().clamp(0, 255).to(torch.uint8)[:, 0].numpy()
    return images


_READERS: Final[Mapping[str, Callable[[DatasetInfo, Path], Parts]]] = {
    "fashion": _read_like_mnist,
    "kmnist": _read_like_mnist,
    "qmnist": _read_qmnist,
    "emnist": _read_emnist,
    "usps": _read_usps,
}
