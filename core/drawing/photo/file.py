"""Pixels out of a picture file that a stranger sent.

What a file is, its first bytes decide, never its name. Its size and the memory that decoding takes
are read from its header before anything is decoded, large pictures are decoded one at a time, and
only Pillow's readers of six formats ever see it. Whatever they make of it is a `PictureError`.
"""

import contextlib
import io
import threading
from typing import IO, Final

import numpy as np
from PIL import Image, ImageOps

from core.drawing.photo.depth import Limits, is_deep, limits_of, within, words_of
from core.drawing.photo.kinds import PictureError as PictureError
from core.drawing.photo.kinds import is_raw_photo, is_readable, raw_photo, unreadable
from core.drawing.photo.planes import Plane
from core.words.message import N_, Quoted, message

MAX_PICTURE_BYTES: Final = 10 * 2**20
# A 48-megapixel phone photo passes.
MAX_PICTURE_PIXELS: Final = 50_000_000
MIN_PICTURE_SIDE: Final = 8
# What decoding one may take at once: 50 million pixels of three colours, as Pillow holds them.
_MAX_DECODED_BYTES: Final = 240_000_000
# A JPEG in many passes is decoded as a whole for each of them.
_MAX_PASSED_PIXELS: Final = 3_000_000_000
_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
# A picture is made no longer than this before it is looked at: a pen's line on a photographed
# sheet is still 3 pixels wide, and all that follows takes a fraction of a second.
_WORKING_SIDE: Final = 1_000
# A picture of this many pixels is decoded twice without anyone noticing.
_MOST_LOOKED_AT: Final = 2_000_000
# Above this many bytes a picture waits for the one that is being decoded.
_LARGE_BYTES: Final = 20_000_000
_one_at_a_time: Final = threading.Lock()
# What looking for the digit takes for each pixel of the planes: 45 - 77 were seen, in noise most.
_LOOKING_BYTES: Final = 80
# Rows are converted this many pixels at a time.
_STRIP_PIXELS: Final = 1_000_000
_BYTES_PER_PIXEL: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}


def shown_name(filename: str) -> str:
    """Make a file's name fit for a sentence."""
    printable = "".join(c if c.isprintable() else " " for c in filename[-200:]).strip()
    if not printable:
        return N_("This picture")
    return Quoted(f"'{printable}'" if len(printable) <= 60 else f"'…{printable[-59:]}'")


def decoded(data: bytes, name: str) -> Plane:
    """Decode a file into planes; see `decoded_with_limits`."""
    return decoded_with_limits(data, name)[0]


def decoded_with_limits(data: bytes, name: str) -> tuple[Plane, Limits | None]:
    """Decode a file into planes (C, H, W) of 0..255: red, green, blue, or grey alone.

    Of several frames or pages the first is read.

    Args:
        data: the file.
        name: of `shown_name`, for the text of an error only.

    Returns:
        The planes, and what became 0 and 255 of them where the file has it otherwise.

    Raises:
        PictureError: it is no picture that can be read, too large or damaged.
    """
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
    if not is_readable(data):
        raise unreadable(data, name)
    try:
        with _opened(io.BytesIO(data)) as image:
            _check_size(image.size, name)
            _check_work(image, data, name)
            # A JPEG is decoded at a half, a quarter or an eighth: a photo costs little memory.
            image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))
            bytes_taken = _bytes_per_pixel(image) * image.width * image.height
            with _one_at_a_time if bytes_taken > _LARGE_BYTES else contextlib.nullcontext():
                planes, limits = _planes(image)
        if not planes.any() and _has_deep_colours(data):
            raise PictureError(
                message(
                    "{name} has colours of 16 bits, all of them nearly black: save it in grey, or "
                    "brighter.",
                    name=name,
                )
            )
        return planes, limits
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


def assumed(data: bytes) -> str:
    """Say what is taken for black and white in a picture that can be read; empty where it says so.

    Nothing is said of a large picture of 8 bits: a camera's.
    """
    with contextlib.suppress(Exception), _opened(io.BytesIO(data)) as image:
        if is_deep(image) or image.width * image.height <= _MOST_LOOKED_AT:
            return words_of(decoded_with_limits(data, "")[1])
    return ""


def is_large(data: bytes) -> bool:
    """Tell whether decoding a picture may take so much memory that it is worth giving back."""
    pixels = pixels_claimed(io.BytesIO(data))
    return 4 * min(pixels, MAX_PICTURE_PIXELS) + len(data) > _LARGE_BYTES


def memory_of(data: bytes) -> int:
    """Return how many bytes looking at a picture takes at its peak, or 0 where it is none."""
    try:
        with _opened(io.BytesIO(data)) as image:
            image.draft(None, (_WORKING_SIDE, _WORKING_SIDE))
            pixels = min(image.width * image.height, MAX_PICTURE_PIXELS)
            decoded = min(int(_bytes_per_pixel(image) * pixels), _MAX_DECODED_BYTES)
    except Exception:
        # Whatever is wrong with it is told when it is read.
        return 0
    # What is decoded has gone before the digit is looked for.
    return len(data) + max(decoded, _LOOKING_BYTES * min(pixels, _WORKING_SIDE**2))


def pixels_claimed(stream: IO[bytes]) -> int:
    """Return how many pixels a picture's header claims, or 0 where none can be read."""
    try:
        with _opened(stream) as image:
            return image.width * image.height
    except Exception:
        # Whatever is wrong with it is told when it is read.
        return 0


def _opened(stream: IO[bytes]) -> Image.Image:
    """Let Pillow read a file's header, unless that alone would take much memory."""
    start = stream.read(30)
    stream.seek(0)
    if start[:4] == b"RIFF":
        # Its reader makes room for the whole canvas at once.
        width, height = _size_of_webp(start)
        if width * height > MAX_PICTURE_PIXELS:
            raise Image.DecompressionBombError
    return Image.open(stream, formats=_FORMATS)


def _size_of_webp(start: bytes) -> tuple[int, int]:
    """Read the size from the first 30 bytes (RFC 9649), or (0, 0) of an unknown kind."""
    if start[12:16] == b"VP8X":
        return (
            int.from_bytes(start[24:27], "little") + 1,
            int.from_bytes(start[27:30], "little") + 1,
        )
    if start[12:16] == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return (
        int.from_bytes(start[26:28], "little") & 0x3FFF,
        int.from_bytes(start[28:30], "little") & 0x3FFF,
    )


def _too_many_pixels(
    name: str, size: tuple[int, int] | None = None, most: int = MAX_PICTURE_PIXELS
) -> PictureError:
    millions = most // 1_000_000
    if size is None:
        return PictureError(
            message(
                "{name} has too many pixels; at most {most} million are read: make it smaller, or "
                "crop it to the digit.",
                name=name,
                most=millions,
            )
        )
    return PictureError(
        message(
            "{name} has too many pixels ({width} × {height}); at most {most} million are read: "
            "make it smaller, or crop it to the digit.",
            name=name,
            width=size[0],
            height=size[1],
            most=millions,
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


def _check_work(image: Image.Image, data: bytes, name: str) -> None:
    """Refuse a picture that would take more memory or time than its size tells."""
    if image.format == "TIFF" and is_raw_photo(image):
        raise raw_photo(name)
    pixels = image.width * image.height
    most = int(_MAX_DECODED_BYTES / _bytes_per_pixel(image))
    if image.info.get("progressive"):
        most = min(most, _MAX_PASSED_PIXELS // max(1, data.count(b"\xff\xda")))
    if pixels > most:
        raise _too_many_pixels(name, image.size, most)


def _bytes_per_pixel(image: Image.Image) -> float:
    """Return what decoding takes at its peak."""
    held = _BYTES_PER_PIXEL.get(image.mode, 4)
    if image.format == "WEBP":
        # The frame, the one before it, what the decoder works on, and Pillow's copy.
        return 4 * held
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        bits = tags.get(258, 8)
        samples = bits if isinstance(bits, tuple) else (bits,)
        strip = max(sum(samples), 8) / 8
        # A tile may be larger than its picture.
        tile = tags.get(322, 0) * tags.get(323, 0) / (image.width * image.height)
        return float(held + strip * max(1.0, tile))
    if image.format in ("JPEG", "MPO") and image.info.get("progressive"):
        # Two bytes for each coefficient, of as many as the colours are sampled with.
        layers = [(across, down) for _, across, down, _ in getattr(image, "layer", [])]
        finest = max((across for across, _ in layers), default=1) * max(
            (down for _, down in layers), default=1
        )
        return held + 2 * float(sum(across * down for across, down in layers)) / finest
    return held


def _has_deep_colours(data: bytes) -> bool:
    """Tell whether of a PNG's colours only the higher of two bytes is read."""
    return data.startswith(b"\x89PNG") and data[24:25] == b"\x10" and data[25:26] != b"\0"


def _planes(image: Image.Image) -> tuple[Plane, Limits | None]:
    """Decode the first frame, make it no larger than needed, turn it upright, split it."""
    image.load()
    has_alpha = image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info
    limits = limits_of(image)
    shown = image if limits is None else within(image, limits)
    plain = _reduced(shown, "RGBA" if has_alpha else "L" if shown.mode in ("1", "L") else "RGB")
    try:
        plain.info["exif"] = image.getexif().tobytes()
        plain = ImageOps.exif_transpose(plain)
    except Exception:
        # Damaged camera data do not make a picture unreadable.
        plain.info.pop("exif", None)
    values = np.asarray(plain, dtype=np.float32)
    if values.ndim == 2:
        return values[None], limits
    planes = np.ascontiguousarray(values.transpose(2, 0, 1))
    return (_over_contrast(planes) if len(planes) == 4 else planes), limits


def _reduced(image: Image.Image, mode: str) -> Image.Image:
    """Convert to a mode and shrink by whole steps, a few rows at a time: none is held twice."""
    factor = -(-max(image.size) // _WORKING_SIDE)
    # A strip keeps its 8 pixels of width: only the longer side is the reason to reduce.
    across, down = (min(factor, max(1, side // MIN_PICTURE_SIDE)) for side in image.size)
    if factor == 1:
        return image if image.mode == mode else image.convert(mode)
    made = Image.new(mode, (-(-image.width // across), -(-image.height // down)))
    rows = max(1, _STRIP_PIXELS // (image.width * down)) * down
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip = strip if strip.mode == mode else strip.convert(mode)
        made.paste(strip.reduce((across, down)), (0, top // down))
    return made


def _over_contrast(planes: Plane) -> Plane:
    """Lay a picture with transparency on a ground against which its strokes show.

    Strokes on a transparent ground go on white if dark and on black if light. Where most of the
    picture is opaque, its own colour fills the holes: they are cut corners, not paper.
    """
    colours, alpha = planes[:3], planes[3] / np.float32(255)
    if float(np.ptp(alpha)) == 0:
        # As opaque in one place as in another, so opacity shows nothing.
        return colours
    covered = float(alpha.mean())
    if covered > 0.6 and float(np.ptp(colours[:, alpha > 0.5])) > 0:
        opaque = alpha > 0.5
        ground = np.median(colours[:, opaque], axis=1)
    else:
        mean = float((colours.mean(axis=0) * alpha).sum() / max(float(alpha.sum()), 1e-6))
        ground = np.full(3, 255.0 if mean < 128 else 0.0)
    filled: Plane = colours * alpha + ground.astype(np.float32)[:, None, None] * (1 - alpha)
    return filled
