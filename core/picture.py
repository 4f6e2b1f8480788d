"""A digit out of a picture file: a scan, a screenshot, a phone's photo of a sheet of paper.

The file is a stranger's: its size is read from its header before anything is decoded, only
Pillow's PNG and JPEG readers ever see it, and whatever they make of it is a `PictureError`.
"""

import io
import re
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from core.drawing import BOX, digit_from_ink
from core.errors import UserError
from core.message import N_, Quoted, message

MAX_PICTURE_BYTES: Final = 10_000_000
# A 48-megapixel phone photo passes.
MAX_PICTURE_PIXELS: Final = 50_000_000
MIN_PICTURE_SIDE: Final = 8
_SIDE: Final = 28

# A picture is made no longer than this before it is looked at: a pen's line on a photographed
# sheet is still 3 pixels wide, and everything below takes a fraction of a second.
_WORKING_SIDE: Final = 1_000
# Paper must differ from ink by this much, of 255, in some colour.
_MIN_CONTRAST: Final = 24
# The paper's brightness is looked for in a copy this large.
_PAPER_SIDE: Final = 96

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

_OTHER_FORMATS: Final[tuple[tuple[bytes, str], ...]] = (
    (rb"GIF8[79]a", N_("a GIF picture")),
    (rb"RIFF....WEBP", N_("a WebP picture")),
    (rb"BM....\0\0\0\0", N_("a BMP picture")),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", N_("a TIFF picture")),
    (rb"....ftyp(?:avif|avis)", N_("an AVIF picture")),
    (rb"....ftyp(?:hei[cfmsx]|hev[cmsx]|mif1|msf1)", N_("a HEIC picture")),
    (rb"....ftyp", N_("a video")),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", N_("a JPEG 2000 picture")),
    (rb"\0\0\0\x0cJXL |\xff\x0a", N_("a JPEG XL picture")),
    (rb"\0\0\x01\0", N_("an icon (ICO)")),
    (rb"8BPS", N_("a Photoshop file")),
    (rb"%PDF", N_("a PDF document")),
    (rb"PK\x03\x04", N_("a ZIP archive or an office document")),
    (rb"\xef?\xbb?\xbf?\s*<(?:svg|\?xml)", N_("an SVG or XML file")),
)


class PictureError(UserError):
    """No digit can be had from a picture; the text says why and what to do."""


def digit_from_picture(data: bytes, filename: str = "") -> Tensor:
    """Prepare the digit that a PNG or JPEG file shows, dark on light or light on dark.

    What the border of the picture mostly looks like is taken for paper; what differs from it most
    strongly, to the dark or to the light side, is the ink.

    Args:
        data: the file.
        filename: what its owner calls it, for the text of an error only.

    Returns:
        uint8 (1, 1, 28, 28), light on dark.

    Raises:
        PictureError: it is no such file, too large, damaged, or shows no digit.
    """
    name = _shown(filename)
    colours = _decoded(data, name)
    ink = _ink(colours)
    digit = None if ink is None else digit_from_ink(ink)
    if digit is None:
        raise PictureError(
            message(
                "{name} shows no digit that stands out from its background: draw or photograph one "
                "digit, large and dark on plain light paper.",
                name=name,
            )
        )
    return digit


def image_from_picture(data: bytes, filename: str = "") -> Tensor:
    """Make the whole of a PNG or JPEG file grey and 28 x 28, and leave it otherwise as it is.

    What is not square gets bars of the colour that its border mostly has.

    Args:
        data: the file.
        filename: what its owner calls it, for the text of an error only.

    Returns:
        uint8 (1, 1, 28, 28).

    Raises:
        PictureError: it is no such file, too large or damaged.
    """
    return image_from_grey(_decoded(data, _shown(filename)).mean(axis=0))


def image_from_grey(plane: Plane) -> Tensor:
    """Bring grey values (H, W) of 0..255 to uint8 (1, 1, 28, 28) without looking at them."""
    height, width = plane.shape
    if height != width:
        rim = np.concatenate([plane[0], plane[-1], plane[:, 0], plane[:, -1]])
        square = np.full((max(plane.shape),) * 2, np.median(rim), np.float32)
        top, left = (len(square) - height) // 2, (len(square) - width) // 2
        square[top : top + height, left : left + width] = plane
        plane = square
    image = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    if image.size != (_SIDE, _SIDE):
        # Shrinking takes means over areas; enlarging must not show steps.
        method = Image.Resampling.BOX if len(plane) > _SIDE else Image.Resampling.BILINEAR
        image = image.resize((_SIDE, _SIDE), method)
    values = np.asarray(image, dtype=np.float32).round().clip(0, 255).astype(np.uint8)
    return torch.from_numpy(values)[None, None]


def digit_from_grey(plane: Plane) -> Tensor | None:
    """Prepare what grey values (H, W) of 0..255 show as a digit; None where all looks alike."""
    ink = _ink(np.asarray(plane, dtype=np.float32)[None])
    return None if ink is None else digit_from_ink(ink)


def _shown(filename: str) -> str:
    """Make a file's name fit for a sentence."""
    printable = "".join(c if c.isprintable() else " " for c in filename[-200:]).strip()
    if not printable:
        return N_("This picture")
    return Quoted(f"'{printable}'" if len(printable) <= 60 else f"'…{printable[-59:]}'")


def _decoded(data: bytes, name: str) -> Plane:
    """Decode a file into planes (C, H, W) of 0..255: red, green, blue, or grey alone."""
    if not data:
        raise PictureError(message("{name} is empty: choose another file.", name=name))
    if len(data) > MAX_PICTURE_BYTES:
        raise PictureError(
            message(
                "{name} has {size:.1f} MB, more than {most:.0f} MB: make it smaller, or crop it to "
                "the digit.",
                name=name,
                size=len(data) / 1e6,
                most=MAX_PICTURE_BYTES / 1e6,
            )
        )
    if not data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        raise PictureError(
            message(
                "{name} is {found}: save it as PNG or JPEG and upload that.",
                name=name,
                found=_format_found(data),
            )
        )
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            _check_size(image.size, name)
            return _planes(image)
    except PictureError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        raise _too_many_pixels(name) from None
    except Exception:
        # Pillow raises a dozen kinds for a damaged file; each means the same to its owner.
        raise PictureError(
            message(
                "{name} is damaged or incomplete and cannot be read: save it again, or choose "
                "another file.",
                name=name,
            )
        ) from None


def _format_found(data: bytes) -> str:
    """Say in words what a file is that is neither PNG nor JPEG."""
    for pattern, words in _OTHER_FORMATS:
        if re.match(pattern, data[:64], re.DOTALL):
            return words
    start = data[:2_000]
    printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in start)
    if b"\0" not in start and printable >= 0.97 * len(start):
        return N_("a text file, not a picture")
    return N_("not a picture that can be read here")


def _too_many_pixels(name: str, size: tuple[int, int] | None = None) -> PictureError:
    most = MAX_PICTURE_PIXELS // 1_000_000
    if size is None:
        return PictureError(
            message(
                "{name} has too many pixels; at most {most} million are read: make it smaller, or "
                "crop it to the digit.",
                name=name,
                most=most,
            )
        )
    return PictureError(
        message(
            "{name} has too many pixels ({width} × {height}); at most {most} million are read: "
            "make it smaller, or crop it to the digit.",
            name=name,
            width=size[0],
            height=size[1],
            most=most,
        )
    )


def _check_size(size: tuple[int, int], name: str) -> None:
    """Refuse a picture by the size that its header claims."""
    width, height = size
    if width * height > MAX_PICTURE_PIXELS:
        raise _too_many_pixels(name, size)
    if min(width, height) < MIN_PICTURE_SIDE:
        raise PictureError(
            message(
                "{name} has only {width} × {height} pixels: choose a picture of at least "
                "{least} × {least}.",
                name=name,
                width=width,
                height=height,
                least=MIN_PICTURE_SIDE,
            )
        )


def _planes(image: Image.Image) -> Plane:
    """Decode the first frame, make it no larger than needed, turn it upright, split it."""
    # A JPEG is decoded at a half, a quarter or an eighth: a photo costs little memory then.
    image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))
    image.load()
    has_alpha = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
    if image.mode.startswith("I"):
        # Of 16 bits the higher byte: `convert` would clip all above 255 to white.
        plain = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    else:
        wanted = "RGBA" if has_alpha else "L" if image.mode in ("1", "L") else "RGB"
        plain = image if image.mode == wanted else image.convert(wanted)
    factor = -(-max(plain.size) // _WORKING_SIDE)
    # A strip keeps its 8 pixels of width: only the longer side is the reason to reduce.
    if factor > 1:
        across, down = (min(factor, max(1, side // MIN_PICTURE_SIDE)) for side in plain.size)
        plain = plain.reduce((across, down))
    try:
        plain.info["exif"] = image.getexif().tobytes()
        plain = ImageOps.exif_transpose(plain)
    except Exception:
        # Damaged camera data do not make a picture unreadable.
        plain.info.pop("exif", None)
    values = np.asarray(plain, dtype=np.float32)
    if values.ndim == 2:
        return values[None]
    planes = np.ascontiguousarray(values.transpose(2, 0, 1))
    return _over_contrast(planes) if len(planes) == 4 else planes


def _over_contrast(planes: Plane) -> Plane:
    """Lay a picture with transparency on a ground against which its strokes show.

    Strokes on a transparent ground go on white if dark and on black if light. Where most of the
    picture is opaque, its own colour fills the holes: they are cut corners, not paper.
    """
    colours, alpha = planes[:3], planes[3] / np.float32(255)
    covered = float(alpha.mean())
    if covered > 0.6:
        opaque = alpha > 0.5
        ground = np.median(colours[:, opaque], axis=1)
    else:
        mean = float((colours.mean(axis=0) * alpha).sum() / max(float(alpha.sum()), 1e-6))
        ground = np.full(3, 255.0 if mean < 128 else 0.0)
    filled: Plane = colours * alpha + ground.astype(np.float32)[:, None, None] * (1 - alpha)
    return filled


def _ink(planes: Plane) -> Plane | None:
    """Tell ink from paper: (H, W) of 0 (paper) to 255 (ink), or None where all looks alike."""
    page = _dark_on_light(planes)
    depth = (_paper(page) - page).clip(0, 255)
    # Strokes of a pen are thin: the median of the darkest thousandth, at least of 5 pixels.
    darkest = np.sort(depth, axis=None)[-max(5, depth.size // 1000) :]
    peak = float(np.median(darkest))
    if peak < _MIN_CONTRAST:
        return None
    # Whatever three quarters of the page stay under is paper: grain, shade, a crease.
    grain = float(np.quantile(depth, 0.75))
    low = min(max(3 * grain, 0.01 * peak), 0.4 * peak)
    strokes = depth[depth > peak / 2]
    high = max(float(np.median(strokes)), low + 1)
    return _without_specks(((depth - low) / (high - low) * 255).clip(0, 255).astype(np.float32))


def _dark_on_light(planes: Plane) -> Plane:
    """Choose the plane (H, W) in which the ink shows best, inverted where it is the lighter.

    Of red, green, blue and grey: a red pen is invisible in the red plane and black in the others.
    Grey wins unless another is clearly better, for it has the least noise.
    """
    lit = [planes.mean(axis=0), *planes] if len(planes) > 1 else [planes[0]]
    candidates = [_evenly_lit(plane) for plane in lit]
    best, light, most = candidates[0], False, 0.0
    for plane, handicap in zip(candidates, (1.0, 0.8, 0.8, 0.8), strict=False):
        off = plane - _surroundings(plane)
        # The furthest of each side, not the sum: a lamp's broad glow is weak, a stroke is strong.
        darker, lighter = (float(q) for q in np.abs(np.quantile(off, (0.002, 0.998))))
        if handicap * max(darker, lighter) > most:
            best, light, most = plane, lighter > darker, handicap * max(darker, lighter)
    return 255 - best if light else best


def _evenly_lit(plane: Plane) -> Plane:
    """Take away a lamp's slope and glow: the quadratic surface that most of the picture lies on.

    Least absolute deviations, for strokes and shadows are a minority that is far off; a clean
    scan, most of it one colour, comes out as it went in.
    """
    small = _small(plane, _PAPER_SIDE)
    height, width = small.shape
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y])
    values = small.ravel().astype(np.float64)
    level = np.zeros(len(terms))
    level[0] = np.median(values)
    for _ in range(20):
        weighted = terms / np.maximum(np.abs(values - level @ terms), 0.5)
        level = np.linalg.lstsq(weighted @ terms.T, weighted @ values, rcond=None)[0]
    slope = (level[1:] @ terms[1:]).reshape(small.shape)
    if np.abs(slope).max() < 1:
        return plane
    return plane - _as_large_as(plane, slope.astype(np.float32))


def _surroundings(plane: Plane) -> Plane:
    """Say how bright each pixel's wide surroundings are: their median (H, W).

    Beyond the picture the brightness of its border goes on, so that where strokes fill a tight
    crop the border decides what is paper.
    """
    small = _small(plane, _PAPER_SIDE // 2)
    rim = np.concatenate([small[0], small[-1], small[1:-1, 0], small[1:-1, -1]])
    reach = max(3, max(small.shape) // 2) | 1
    middle = ndimage.median_filter(
        small, size=(reach, reach), mode="constant", cval=float(np.median(rim))
    )
    return _as_large_as(plane, middle)


def _small(plane: Plane, longer: int) -> Plane:
    """Shrink a plane by the mean over areas until its longer side is about `longer`."""
    step = max(1.0, max(plane.shape) / longer)
    height, width = (max(1, round(side / step)) for side in plane.shape)
    small = Image.fromarray(plane).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def _as_large_as(plane: Plane, small: Plane) -> Plane:
    """Enlarge smoothly."""
    height, width = plane.shape
    image = Image.fromarray(np.asarray(small, dtype=np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)


def _paper(page: Plane) -> Plane:
    """Estimate what light paper would look like without its dark strokes.

    A grey closing fills what is dark and narrower than two fifths of the page, so a shadow or the
    falling-off of a lamp stays and the strokes go.
    """
    small = _small(page, _PAPER_SIDE)
    reach = max(3, round(0.4 * max(small.shape))) | 1
    closed = ndimage.grey_closing(small, size=(reach, reach), mode="nearest")
    return _as_large_as(
        page, ndimage.gaussian_filter(closed, sigma=max(small.shape) / 40, mode="nearest")
    )


def _without_specks(ink: Plane) -> Plane:
    """Keep the digit: drop dust, and the edge of a table where something else remains."""
    labels, count = _parts(ink > 100)
    if count == 0:
        return ink
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    at_rim = np.bincount(rim, minlength=count + 1)[1:]
    # Where a digit stands free in the middle, what comes in from the border is no part of it. A
    # digit that fills a tight crop may touch the border, but in short pieces.
    inner = (at_rim == 0) & (areas >= 0.0005 * ink.size)
    places = np.nonzero(np.concatenate([[False], inner])[labels])
    is_free = inner.any() and all(
        np.ptp(place) < 0.6 * side for place, side in zip(places, ink.shape, strict=True)
    )
    own = at_rim <= (0 if is_free else 0.2 * len(rim))
    if not (own & (areas >= 0.0005 * ink.size)).any():
        own[:] = True
    kept = own & (areas >= 0.03 * areas[own].max())
    digit: Mask = np.concatenate([[False], kept])[labels]
    # Soft edges belong to their stroke, as far as one pixel of 28x28 reaches.
    extent = max(int(np.ptp(places)) + 1 for places in np.nonzero(digit))
    reach = 2 + extent // BOX
    near: Mask = ndimage.distance_transform_edt(~digit) <= reach
    return (ink * near).astype(np.float32)


def _parts(mask: Mask) -> tuple[NDArray[np.int32], int]:
    """Number the connected parts of a mask from 1, corners touching."""
    labels: NDArray[np.int32]
    labels, count = ndimage.label(mask, structure=np.ones((3, 3), bool))
    return labels, int(count)
