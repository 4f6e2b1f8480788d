"""The pixels of a stranger's picture file.

Its size is read from its header before anything is decoded, only Pillow's PNG and JPEG readers ever
see it, and whatever they make of it is a `PictureError`.
"""

import io
import re
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from core.errors import UserError
from core.message import N_, Quoted, message
from core.photo.planes import Plane

MAX_PICTURE_BYTES: Final = 10_000_000
# A 48-megapixel phone photo passes.
MAX_PICTURE_PIXELS: Final = 50_000_000
MIN_PICTURE_SIDE: Final = 8

# A picture is made no longer than this before it is looked at: a pen's line on a photographed
# sheet is still 3 pixels wide, and everything after takes a fraction of a second.
_WORKING_SIDE: Final = 1_000

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


def shown_name(filename: str) -> str:
    """Make a file's name fit for a sentence."""
    printable = "".join(c if c.isprintable() else " " for c in filename[-200:]).strip()
    if not printable:
        return N_("This picture")
    return Quoted(f"'{printable}'" if len(printable) <= 60 else f"'…{printable[-59:]}'")


def decoded(data: bytes, name: str) -> Plane:
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
