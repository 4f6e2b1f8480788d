"""Images and labels brought from the layouts in which libraries hand them out to one.

A layout that can only mean one thing becomes a view, without copying. For the others there is an
expression in Python that mends the array, which `{}` stands for.
"""

from math import isqrt, prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from core.data.intake.arrays import Array, Shape
from core.drawing.picture import MIN_PICTURE_SIDE
from core.words.errors import UserError
from core.words.message import N_, message

MAX_SIDE: Final = 512
_CHANNELS: Final = (2, 3, 4)


class LayoutError(UserError):
    """An array is laid out in a way that must be told.

    Args:
        text: what is wrong, as a sentence.
        mend: an expression in Python that lays the array out anew, `{}` standing for the array;
            empty where there is none.
        introduces: the text ends with what the expression takes the array for, and a colon.
        label_first: each row is taken for a label with the pixels of its picture behind it.
    """

    def __init__(
        self, text: str, mend: str = "", *, introduces: bool = False, label_first: bool = False
    ) -> None:
        super().__init__(text)
        self.mend = mend
        self.introduces = introduces
        self.label_first = label_first


def laid_out(images: Array, count: int | None) -> Array:
    """See images as (N, H, W), or (N, C, H, W) with 2 to 4 channels.

    Args:
        images: of nearly any layout.
        count: N, where the labels tell it.

    Raises:
        LayoutError: it could be read in several ways, or in none.
    """
    # An axis of 1 tells nothing.
    view = images.reshape([side for side in images.shape if side != 1] or [1])
    same = "{}" if view.shape == images.shape else f"{{}}.reshape({_sides(view.shape)})"
    if count not in (None, len(view)):
        if view.shape[-1] != count:
            raise LayoutError(
                message(
                    "There are {images:,} images but {labels:,} labels; each image needs one.",
                    images=len(view),
                    labels=count,
                )
            )
        view, same = np.moveaxis(view, -1, 0), f"np.moveaxis({same}, -1, 0)"
    try:
        return _with_sides(view)
    except LayoutError as error:
        error.mend = error.mend.replace("{}", same)
        raise error from None


def _with_sides(view: Array) -> Array:
    rest = view.shape[1:]
    if len(rest) == 1:
        side = isqrt(rest[0])
        if side**2 != rest[0]:
            raise _unknown_rows(rest[0])
        view = view.reshape(len(view), side, side)
    elif len(rest) == 2 and min(rest) in _CHANNELS and isqrt(max(rest)) ** 2 == max(rest):
        side = isqrt(max(rest))
        channels_first = view if rest[0] == min(rest) else view.swapaxes(1, 2)
        view = channels_first.reshape(len(view), min(rest), side, side)
    elif len(rest) == 3 and rest[2] in _CHANNELS and rest[0] not in _CHANNELS:
        view = np.moveaxis(view, 3, 1)
    elif len(rest) != 2 and not (len(rest) == 3 and rest[0] in _CHANNELS):
        raise LayoutError(
            N_("Its axes are not images, height, width and colours. If the first picture counts:"),
            _first_picture(len(rest)),
            introduces=True,
        )
    _check_sides(view)
    return view


def _sides(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def _unknown_rows(pixels: int) -> LayoutError:
    third = isqrt(pixels // 3)
    if 3 * third**2 == pixels and third >= MIN_PICTURE_SIDE:
        return LayoutError(
            message(
                "Rows of {count:,} numbers may be colours in two ways. If red, green and blue "
                "come one after the other:",
                count=pixels,
            ),
            f"{{}}.reshape(-1, 3, {third}, {third})",
            introduces=True,
        )
    one_less = isqrt(pixels - 1)
    if one_less**2 == pixels - 1 and one_less >= MIN_PICTURE_SIDE:
        return LayoutError(
            message(
                "Rows of {count:,} numbers are one more than a square picture has. If the first "
                "of each is its label:",
                count=pixels,
            ),
            f"{{}}[:, 1:].reshape(-1, {one_less}, {one_less})",
            introduces=True,
            label_first=True,
        )
    height = next(
        (
            side
            for side in range(isqrt(pixels), MIN_PICTURE_SIDE - 1, -1)
            if pixels % side == 0 and pixels // side <= MAX_SIDE
        ),
        0,
    )
    said = message("Rows of {count:,} numbers are no square pictures.", count=pixels)
    if not height:
        return LayoutError(said)
    width = pixels // height
    return LayoutError(
        message(
            "{said} If each is {height} high and {width} wide:",
            said=said,
            height=height,
            width=width,
        ),
        f"{{}}.reshape(-1, {height}, {width})",
        introduces=True,
    )


def _first_picture(axes: int) -> str:
    return "{}[:" + ", 0" * max(0, axes - 2) + "]"


def _check_sides(view: Array) -> None:
    height, width = view.shape[-2:]
    said = message(
        "They have {height} × {width} pixels; from {low} to {high} a side are read.",
        height=height,
        width=width,
        low=MIN_PICTURE_SIDE,
        high=MAX_SIDE,
    )
    colours = view.ndim == 4
    if min(height, width) < MIN_PICTURE_SIDE:
        times = -(-MIN_PICTURE_SIDE // min(height, width))
        if times * max(height, width) > MAX_SIDE:
            raise LayoutError(said)
        axis = 2 if colours else 1
        mend = f".repeat({times}, {axis}).repeat({times}, {axis + 1})"
        raise LayoutError(said, f"{{}}.reshape({_sides((-1, *view.shape[1:]))}){mend}")
    if max(height, width) > MAX_SIDE:
        step = -(-max(height, width) // MAX_SIDE)
        if min(height, width) // step < MIN_PICTURE_SIDE:
            raise LayoutError(said)
        between = ":, :, " if colours else ":, "
        raise LayoutError(
            said, f"{{}}.reshape({_sides((-1, *view.shape[1:]))})[{between}::{step}, ::{step}]"
        )


def grey_of(images: Array) -> NDArray[np.floating]:
    """Make some images (N, H, W) or (N, C, H, W) grey: (N, H, W), in their own range.

    Red, green and blue count alike; a channel of opacity shows the image over black, and is the
    image itself where there is nothing else.
    """
    values = images.astype(np.float64)
    if images.ndim == 3:
        return values
    if images.shape[1] == 3:
        grey: NDArray[np.floating] = values.mean(axis=1)
        return grey
    colours, opacity = values[:, :-1].mean(axis=1), values[:, -1]
    most = opacity.max(axis=(1, 2), keepdims=True)
    plain = colours.max(axis=(1, 2), keepdims=True) == colours.min(axis=(1, 2), keepdims=True)
    shown: NDArray[np.floating] = np.where(plain, opacity, colours * opacity / (most + (most == 0)))
    return shown


def numbers_of(labels: Array, count: int | None) -> Array:
    """Return labels as (N,), also where they came as one-hot rows.

    Raises:
        LayoutError: they say more than one class of an image, or none.
    """
    view = labels.reshape([side for side in labels.shape if side != 1] or [prod(labels.shape)])
    if view.ndim == 1:
        return view
    if view.ndim == 2 and count not in (None, len(view)) and view.shape[1] == count:
        view = view.T
    if view.ndim == 2 and view.dtype.kind in "buif":
        ones = (view == 1).sum(axis=1) == 1
        if bool(ones.all()) and bool(((view == 0) | (view == 1)).all()):
            classes: Array = view.argmax(axis=1)
            return classes
        values = view.astype(np.float64)
        finite = bool(np.isfinite(values).all())
        if finite and len(np.unique(values.argmax(axis=1))) > 1 and view.dtype.kind == "f":
            raise LayoutError(
                N_("Its rows are no single classes. If the largest of each row counts:"),
                "{}.argmax(axis=1)",
            )
    raise LayoutError(
        N_("Its rows hold several labels. If the first of each row counts:"),
        "{}" + ("[:" + ", 0" * (view.ndim - 1) + "]"),
    )
