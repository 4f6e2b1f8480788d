"""An .npz file of two arrays: images and their labels."""

import io
import zipfile
from collections.abc import Callable
from functools import partial
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from core.datasets.intake import (
    MAX_IMAGES,
    MAX_UNPACKED_BYTES,
    Found,
    IntakeError,
    LeftOut,
    Preparation,
    Progress,
    as_bytes,
    class_name_of,
    require_modest,
    shown_name,
    take_in,
)
from core.message import N_, Quoted, message
from core.picture import MIN_PICTURE_SIDE, PictureError, digit_from_grey, image_from_grey

_MAX_SIDE: Final = 512
_REMEDY: Final = N_("write it with np.savez(file, images=images, labels=labels).")
Array = NDArray[np.generic]


def read_npz_file(data: bytes, filename: str, preparation: Preparation) -> Progress:
    """Take images and labels from an .npz file, yielding the share that is done.

    Images are (N, H, W), (N, 1, H, W) or (N, H, W, 1 or 3), light on dark, from 0 to 255 or 0 to
    1; labels are N whole numbers or words.

    Raises:
        IntakeError: nothing can be used.
    """
    require_modest(filename, data)
    what = shown_name(filename)
    arrays = _arrays(data, what)
    images, labels = _told_apart(arrays, what)
    planes = _planes(*images, what)
    names = _names(*labels, what)
    if len(planes) != len(names):
        raise IntakeError(
            message(
                "{file} holds {images:,} images in “{first}” but {labels:,} labels in “{second}”: "
                "each image needs one.",
                file=what,
                images=len(planes),
                first=images[0],
                labels=len(names),
                second=labels[0],
            )
        )
    left_out: list[LeftOut] = []
    prepare = _centred if preparation == "centred" else _as_is
    found = []
    for i, (plane, name) in enumerate(zip(planes, names, strict=True)):
        image = message("image {number}", number=i)
        if name:
            found.append(Found(image, name, partial(prepare, plane)))
        else:
            left_out.append(LeftOut(image, N_("Its label is empty.")))
    return (yield from take_in(filename, found, left_out, preparation))


def _centred(plane: NDArray[np.uint8]) -> Tensor:
    digit = digit_from_grey(plane.astype(np.float32))
    if digit is None:
        raise PictureError(N_("It shows nothing that stands out from its background."))
    return digit


def _as_is(plane: NDArray[np.uint8]) -> Tensor:
    return image_from_grey(plane.astype(np.float32))


def _arrays(data: bytes, what: str) -> dict[str, Array]:
    """Read both arrays, after their own beginnings have told how much memory that takes."""
    damaged = IntakeError(
        message("{file} is not an .npz file or is damaged: {remedy}", file=what, remedy=_REMEDY)
    )
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [entry for entry in archive.infolist() if not entry.is_dir()]
    except Exception:
        # A damaged directory raises nearly anything.
        raise damaged from None
    if len(members) != 2 or any(not entry.filename.endswith(".npy") for entry in members):
        listed = ", ".join(f"“{shown_name(entry.filename)[1:-1]}”" for entry in members[:4])
        raise IntakeError(
            message(
                "{file} must hold two arrays, images and labels, not {count} ({listed}): {remedy}",
                file=what,
                count=len(members),
                listed=listed or N_("none"),
                remedy=_REMEDY,
            )
        )
    arrays: dict[str, Array] = {}
    for entry in members:
        name = Quoted(shown_name(entry.filename.removesuffix(".npy"))[1:-1])
        if entry.file_size > MAX_UNPACKED_BYTES:
            raise IntakeError(
                message(
                    "{file}: “{name}” would unpack to {size:,.0f} MB, more than {most} MB: take "
                    "fewer images.",
                    file=what,
                    name=name,
                    size=entry.file_size / 2**20,
                    most=MAX_UNPACKED_BYTES // 2**20,
                )
            )
        try:
            with archive.open(entry) as stream:
                content = stream.read(entry.file_size)
        except Exception:
            # The unpackers raise errors of their own for damaged bytes.
            raise damaged from None
        arrays[name] = _array(content, name, what, damaged)
    if len(arrays) != 2:
        raise damaged
    return arrays


def _array(content: bytes, name: str, what: str, damaged: IntakeError) -> Array:
    stream = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(stream)
        read: Callable[[io.BytesIO], tuple[tuple[int, ...], bool, np.dtype[np.generic]]] = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, kind = read(stream)
    except Exception:
        raise damaged from None
    if kind.hasobject or kind.fields or kind.subdtype:
        raise IntakeError(
            message(
                "{file}: “{name}” holds Python objects, which may do harm, and is not read: "
                "{remedy}",
                file=what,
                name=name,
                remedy=_REMEDY,
            )
        )
    if min(shape, default=1) < 0 or prod(shape) * kind.itemsize != len(content) - stream.tell():
        raise damaged
    stream.seek(0)
    try:
        array: Array = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception:
        raise damaged from None
    return array


def _told_apart(arrays: dict[str, Array], what: str) -> tuple[tuple[str, Array], tuple[str, Array]]:
    """Say which array is the images: the one of more dimensions."""
    first, second = arrays.items()
    images, labels = (first, second) if first[1].ndim > second[1].ndim else (second, first)
    if images[1].ndim not in (3, 4) or labels[1].ndim != 1:
        some, other = (f"“{name}” {_shape(array)}" for name, array in arrays.items())
        raise IntakeError(
            message(
                "{file} holds {some} and {other}; images must be (N, height, width) and labels "
                "(N): {remedy}",
                file=what,
                some=some,
                other=other,
                remedy=_REMEDY,
            )
        )
    return images, labels


def _planes(name: str, images: Array, what: str) -> NDArray[np.uint8]:
    if images.dtype.kind not in "buif":
        raise IntakeError(
            message(
                "{file}: “{name}” holds no numbers but {kind}: {remedy}",
                file=what,
                name=name,
                kind=str(images.dtype),
                remedy=_REMEDY,
            )
        )
    if images.size == 0:
        raise IntakeError(
            message(
                "{file}: “{name}” is empty, {shape}: choose another file.",
                file=what,
                name=name,
                shape=_shape(images),
            )
        )
    if len(images) > MAX_IMAGES:
        raise IntakeError(
            message(
                "{file} holds {count:,} images, more than {most:,}: take some out.",
                file=what,
                count=len(images),
                most=MAX_IMAGES,
            )
        )
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    elif images.ndim == 4 and images.shape[3] in (1, 3):
        if images.dtype.kind in "bui":
            images = images.astype(np.float32).mean(axis=3).round().astype(np.int64)
        else:
            images = images.mean(axis=3)
    height, width = images.shape[-2:]
    if images.ndim != 3 or not (
        min(height, width) >= MIN_PICTURE_SIDE and max(height, width) <= _MAX_SIDE
    ):
        raise IntakeError(
            message(
                "{file}: “{name}” is {shape}; images must be (N, height, width), from {low} to "
                "{high} pixels a side.",
                file=what,
                name=name,
                shape=_shape(images),
                low=MIN_PICTURE_SIDE,
                high=_MAX_SIDE,
            )
        )
    found = as_bytes(images)
    if found is None:
        raise IntakeError(
            message(
                "{file}: “{name}” holds values that are no grey levels: they must be numbers from "
                "0 to 255, or from 0 to 1.",
                file=what,
                name=name,
            )
        )
    return found


def _names(name: str, labels: Array, what: str) -> list[str]:
    kind = labels.dtype.kind
    if kind in "biu" or (
        kind == "f" and bool(np.isfinite(labels).all() and (labels % 1 == 0).all())
    ):
        return [class_name_of(str(int(label))) for label in labels.tolist()]
    if kind == "U":
        return [class_name_of(label) for label in labels.tolist()]
    if kind == "S":
        return [class_name_of(label.decode("utf-8", "replace")) for label in labels.tolist()]
    raise IntakeError(
        message(
            "{file}: “{name}” must hold whole numbers or words, one for each image.",
            file=what,
            name=name,
        )
    )


def _shape(array: Array) -> str:
    return f"({', '.join(map(str, array.shape))})"
