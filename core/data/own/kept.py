"""A person's own data sets on the disk.

Each lies in a folder of the data folder, under a name made here from its contents, never from
anything that a person wrote. The name tells the number of classes too, so that a network can still
be built when the images that it learned from are gone. Deleting a data set takes its images only:
the file that stays says what the classes are called, which a trained network needs for as long as
it is used.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, get_args

import numpy as np
from numpy.typing import NDArray

from core.data.info import DatasetInfo, Preparation
from core.data.npz import write_npz
from core.data.own.parts import TEST, Labels, Parts, copies_of, divide
from core.machine.folders import data_folder
from core.words.message import N_, Quoted, message

MAX_CLASSES: Final = 50
MAX_TITLE: Final = 40
MAX_NAME: Final = 40
_KEY: Final = re.compile(r"own:([0-9a-f]{12}-(?:[2-9]|[1-4][0-9]|50))")
MANIFEST: Final = "about.json"
_IMAGES: Final = "images.npz"
# Images of a class: one each to learn from, to validate and to test.
MIN_PER_CLASS: Final = 3
# The ink of an image is the grey that this many of its pixels reach, or pass.
_MARK: Final = 8
_MIN_CONTRAST: Final = 24
# Of so many images at once the pixels are held as larger numbers.
_PIECE: Final = 1_000


@dataclass(frozen=True, eq=False)
class OwnImages:
    """What was taken in, before it is kept.

    Attributes:
        title: what its owner calls it.
        class_names: in the order of the labels.
        images: uint8 (N, 28, 28).
        labels: int64 (N,), at least MIN_PER_CLASS of each class.
        parts: where the file put each image, int8 (N,) of TRAIN, VALIDATION and TEST of
            `core.data.own.parts`: a given test set (folders `test/…`, arrays `x_test`) is TEST,
            and stays the test set. All else, and all where this is None, is divided here.
        preparation: how the images were made of what came in.
    """

    title: str
    class_names: tuple[str, ...]
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    parts: Parts | None = None
    preparation: Preparation = "centred"

    @property
    def num_bytes(self) -> int:
        """Bytes that the data set takes on the disk, but for a few hundred."""
        return self.images.nbytes + self.labels.nbytes


def is_own(key: object) -> bool:
    """Tell whether a key has the form of a person's own data set, here or not."""
    return isinstance(key, str) and _KEY.fullmatch(key) is not None


def num_classes_of_own(key: str) -> int:
    """Return the number of classes, which the key tells."""
    return int(key.rpartition("-")[2])


def is_known(key: str) -> bool:
    """Tell whether this computer has ever held the images, and so knows their classes."""
    return (folder_of(key) / MANIFEST).is_file()


def images_path(key: str, root: Path | None = None) -> Path:
    """Return where the images lie if they are here, in the data folder or another one."""
    return folder_of(key, root) / _IMAGES


def info_of_own(key: str) -> DatasetInfo:
    """Return what is known of an own data set; of one never seen here, what its key tells."""
    manifest = folder_of(key) / MANIFEST
    try:
        changed = manifest.stat().st_mtime_ns
    except OSError:
        return _unknown(key)
    return _read(key, manifest, changed)


def size_of(key: str) -> int:
    """Return what an own data set takes on the disk, in bytes; 0 where it is not here."""
    try:
        return images_path(key).stat().st_size
    except OSError:
        return 0


def own_keys() -> tuple[str, ...]:
    """Return the keys of all own data sets whose images are here, newest first."""
    root = data_folder() / "own"
    found = []
    with contextlib.suppress(OSError):
        for folder in root.iterdir():
            key = f"own:{folder.name}"
            if is_own(key) and is_known(key) and images_path(key).is_file():
                found.append((images_path(key).stat().st_mtime, key))
    return tuple(key for _, key in sorted(found, reverse=True))


def key_of(own: OwnImages) -> str:
    """Return the key of images: the same images, divided alike, have the same key."""
    return f"own:{_digest(own)[:12]}-{len(own.class_names)}"


def keep(own: OwnImages, beside: Mapping[str, str] | None = None) -> str:
    """Put images into the data folder and return their key.

    Args:
        own: what was taken in.
        beside: texts that are kept in files beside the images from the first moment on, by the
            names of these files.

    Raises:
        OSError: the disk refuses.
    """
    key = key_of(own)
    final = folder_of(key)
    final.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="new.", dir=final.parent))
    try:
        _write(made, own)
        for name, text in (beside or {}).items():
            (made / name).write_text(text, encoding="utf-8")
        if is_known(key):
            for name in beside or {}:
                os.replace(made / name, final / name)
            if not images_path(key).is_file():
                # The manifest that is there may have come with somebody's weights.
                os.replace(made / MANIFEST, final / MANIFEST)
            # Runs may be reading the folder; the images are the same ones.
            os.replace(made / _IMAGES, images_path(key))
        else:
            shutil.rmtree(final, ignore_errors=True)
            os.replace(made, final)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return key


def delete(key: str) -> None:
    """Take the images from the disk; what their classes are called stays."""
    with contextlib.suppress(FileNotFoundError):
        images_path(key).unlink()


def _digest(own: OwnImages) -> str:
    digest = hashlib.sha256(json.dumps(own.class_names).encode())
    digest.update(own.labels.astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(own.images).data)
    # Then all else that decides how the images are divided. Images of which nothing of that is true
    # keep the key, and the division, that earlier versions gave them.
    if _has_copies(own):
        digest.update(b"copies together")
    if own.parts is not None:
        digest.update(own.parts.tobytes())
    if own.preparation != "centred":
        # The pixels may be the same, but drawings are prepared otherwise for the networks.
        digest.update(own.preparation.encode())
    return digest.hexdigest()


def _has_copies(own: OwnImages) -> bool:
    return len(np.unique(copies_of(own.images))) < len(own.images)


def levels(images: NDArray[np.uint8]) -> tuple[int, int]:
    """Return the greys of the ground that images (N, H, W) have, and of what stands out from it.

    The ground is what most borders mostly look like; where nothing stands out, black and white.
    """
    rims = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], axis=1)
    # Of an even number the lower of the two in the middle, not a grey between them.
    paper = int(np.quantile(np.median(rims, axis=1), 0.5, method="lower"))
    some = range(0, len(images), _PIECE)
    marks = np.concatenate([_marks(images[i : i + _PIECE], paper) for i in some])
    ink = paper + int(np.quantile(marks, 0.5, method="lower"))
    return (paper, ink) if abs(ink - paper) >= _MIN_CONTRAST else (0, 255)


def _marks(images: NDArray[np.uint8], paper: int) -> NDArray[np.int16]:
    """Return how much darker or lighter than the ground each image's strokes are, int16 (N,)."""
    off = images.reshape(len(images), -1).astype(np.int16) - np.int16(paper)
    strongest = np.argpartition(np.abs(off), -_MARK, axis=1)[:, -_MARK]
    return off[np.arange(len(off)), strongest]


def _spread(images: NDArray[np.uint8], rows: Labels) -> tuple[float, float]:
    """Return the mean and the standard deviation of pixels of 0 to 1, from how often each comes."""
    counts = np.zeros(256, np.int64)
    for i in range(0, len(rows), _PIECE):
        counts += np.bincount(images[rows[i : i + _PIECE]].ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = float(np.average(values, weights=counts))
    return mean, math.sqrt(float(np.average((values - mean) ** 2, weights=counts)))


def _write(folder: Path, own: OwnImages) -> None:
    train, validation, test = divide(own.labels, copies_of(own.images), own.parts)
    known = np.concatenate([train, validation])
    mean, std = _spread(own.images, train)
    paper, ink = (0, 255) if own.preparation == "centred" else levels(own.images[train])
    about = {
        "title": own.title,
        "class_names": list(own.class_names),
        "train": len(train),
        "validation": len(validation),
        "test": len(test),
        "mean": round(mean, 6),
        # The spread is a divisor, and images of a single grey have none.
        "std": round(max(std, 0.01), 6),
        "preparation": own.preparation,
        "paper": paper,
        "ink": ink,
        "made_at": time.time(),
        "copies_together": _has_copies(own),
        "given_test": own.parts is not None and bool((own.parts == TEST).any()),
    }
    write_npz(
        folder / _IMAGES,
        (own.images[known], own.labels[known]),
        (own.images[test], own.labels[test]),
    )
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(about, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())


@lru_cache(maxsize=64)
def _read(key: str, manifest: Path, changed: int) -> DatasetInfo:
    try:
        about = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _unknown(key)
    return info_from(key, about) or _unknown(key)


def info_from(key: str, about: object) -> DatasetInfo | None:
    """Return what a manifest tells of a data set, or None where it makes no sense."""
    if not isinstance(about, dict):
        return None
    try:
        info = DatasetInfo(
            key=key,
            title=Quoted(about["title"]),
            description=N_("Your own images, tested on those that came for it.")
            if about.get("given_test")
            else N_("Your own images."),
            train=int(about["train"]),
            validation=int(about["validation"]),
            test=int(about["test"]),
            class_names=tuple(Quoted(name) for name in about["class_names"]),
            noun=N_("image"),
            mean=float(about["mean"]),
            std=float(about["std"]),
            credit="",
            copies_together=bool(about.get("copies_together")),
            # Data sets of versions that did not note it are centred.
            preparation=about.get("preparation", "centred"),
            paper=int(about.get("paper", 0)),
            ink=int(about.get("ink", 255)),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    whole = (
        len(info.class_names) == num_classes_of_own(key)
        and min(info.train, info.validation, info.test) > 0
    )
    levelled = {info.paper, info.ink} <= set(range(256)) and info.paper != info.ink
    known = info.preparation in get_args(Preparation)
    return info if whole and levelled and known and info.std > 0 else None


def _unknown(key: str) -> DatasetInfo:
    return DatasetInfo(
        key=key,
        title=message("Images that are not on this computer"),
        description=N_("Somebody’s own images, which this computer does not have."),
        train=1,
        validation=1,
        test=1,
        class_names=tuple(
            message("class {number}", number=i + 1) for i in range(num_classes_of_own(key))
        ),
        noun=N_("image"),
        mean=0.1307,
        std=0.3081,
        credit="",
    )


def folder_of(key: str, root: Path | None = None) -> Path:
    """Return the folder of a data set, in the data folder or another one."""
    found = _KEY.fullmatch(key)
    assert found is not None
    return (data_folder() if root is None else root) / "own" / found[1]
