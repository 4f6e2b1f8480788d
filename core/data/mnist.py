"""MNIST's four files as they lie on the disk, and whether they are what they should be."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.words.message import N_, message


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


def is_complete(raw: Path, files: Sequence[RawFile]) -> bool:
    """Tell whether all files are there in full size; their bytes are not read."""
    return all(_size(raw / file.name) == file.size for file in files)


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
