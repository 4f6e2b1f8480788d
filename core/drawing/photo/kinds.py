"""What a file is by its first bytes, and what its owner can do where it cannot be read."""

import re
from typing import Final

from PIL import Image

from core.words.errors import UserError
from core.words.message import N_, message

# The formats that are read; the others below are told by name.
_READABLE: Final = re.compile(
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II\*\0|MM\0\*",
    re.DOTALL,
)
_SAVE: Final = N_(
    "open it in a program for pictures, such as Paint, Preview or GIMP, save it as PNG or JPEG and "
    "upload that"
)
_HEIC: Final = N_(
    "open it in a program for photos, export it as PNG or JPEG and upload that; for an iPhone to "
    "take JPEG photos from now on, choose Most Compatible under Settings, Camera, Formats"
)
_RAW: Final = N_("let the camera’s own program export it as PNG or JPEG and upload that")
_SCREEN: Final = N_("show it on the screen, take a screenshot as PNG or JPEG and upload that")
_UNPACK: Final = N_("take the pictures out of it and upload one as PNG or JPEG")
_OTHER: Final = N_("choose a picture, as PNG or JPEG")

_KINDS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (rb"II\*\0....CR|....ftypcrx|FUJIFILMCCD-RAW|IIU\0|IIR[OS]", N_("a camera’s raw photo"), _RAW),
    (rb"....ftyp(?:avif|avis)", N_("an AVIF picture"), _SAVE),
    (rb"....ftyp(?:hei[cfmsx]|hev[cmsx]|mif1|msf1)", N_("a HEIC picture"), _HEIC),
    (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01[\xba\xb3]", N_("a video"), _SCREEN),
    (rb"II\+\0|MM\0\+", N_("a large TIFF picture (BigTIFF)"), _SAVE),
    (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", N_("a JPEG 2000 picture"), _SAVE),
    (rb"\0\0\0\x0cJXL |\xff\x0a", N_("a JPEG XL picture"), _SAVE),
    (rb"\0\0\x01\0|\0\0\x02\0", N_("an icon (ICO)"), _SAVE),
    (rb"8BPS", N_("a Photoshop file"), _SAVE),
    (rb"gimp xcf", N_("a GIMP file"), _SAVE),
    (rb"P[1-7][\s#]+[\dW#]", N_("a Netpbm picture"), _SAVE),
    (rb"%PDF", N_("a PDF document"), _SCREEN),
    (rb"%!PS|\xc5\xd0\xd3\xc6", N_("a PostScript file"), _SCREEN),
    (rb".{128}DICM", N_("a DICOM picture"), _SAVE),
    (rb"PK\x03\x04.{26}mimetypeapplication/x-krita", N_("a Krita file"), _SAVE),
    (rb"PK\x03\x04|PK\x05\x06", N_("a ZIP archive or an office document"), _UNPACK),
    (rb"Rar!|7z\xbc\xaf\x27\x1c|\x1f\x8b", N_("an archive"), _UNPACK),
    (rb"\xd0\xcf\x11\xe0", N_("an office document"), _UNPACK),
    (rb"\xef?\xbb?\xbf?\s*(?i:<!doctype html|<html)", N_("a web page"), _OTHER),
    (rb"\xef?\xbb?\xbf?\s*<(?:svg|\?xml|!--)", N_("an SVG or XML file"), _SCREEN),
    (rb"version https://git-lfs", N_("a placeholder of Git LFS, not the picture itself"), _OTHER),
)
# The tags of TIFF, and two of its extensions, by which a raw photo is known.
_NEW_SUBFILE_TYPE, _SUB_IFDS, _DNG_VERSION = 254, 330, 50706


class PictureError(UserError):
    """No digit can be had from a picture; the text says why and what to do."""


def is_readable(start: bytes) -> bool:
    """Tell whether a file begins as a picture of a format that is read."""
    return _READABLE.match(start[:64]) is not None and not _match(start)[2]


def is_picture(start: bytes) -> bool:
    """Tell whether a file begins as a picture or photo of any kind, readable here or not."""
    words, remedy, known = _match(start)
    return is_readable(start) or (known and remedy in (_SAVE, _HEIC, _RAW) and bool(words))


def kind_of(start: bytes) -> str:
    """Say in words what a file is, by its first bytes."""
    if is_readable(start):
        return N_("a picture")
    return _match(start)[0]


def unreadable(data: bytes, name: str) -> PictureError:
    """Say what a file is that cannot be read, and how a picture comes of it."""
    found, remedy, _ = _match(data)
    return PictureError(
        message("{name} is {found}: {remedy}.", name=name, found=found, remedy=remedy)
    )


def is_raw_photo(image: Image.Image) -> bool:
    """Tell whether a TIFF is a camera's raw photo, of which only a small preview could be read."""
    tags = getattr(image, "tag_v2", {})
    is_preview = bool(int(tags.get(_NEW_SUBFILE_TYPE, 0)) & 1)
    return _DNG_VERSION in tags or (is_preview and _SUB_IFDS in tags)


def raw_photo(name: str) -> PictureError:
    """Say what to do with a camera's raw photo."""
    found = N_("a camera’s raw photo")
    return PictureError(
        message("{name} is {found}: {remedy}.", name=name, found=found, remedy=_RAW)
    )


def _match(data: bytes) -> tuple[str, str, bool]:
    """Return what a file is in words, what to do, and whether that is a known kind."""
    for pattern, words, remedy in _KINDS:
        if re.match(pattern, data[:256], re.DOTALL):
            return words, remedy, True
    start = data[:2_000]
    printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in start)
    if b"\0" not in start and printable >= 0.97 * len(start):
        return N_("a text file, not a picture"), _OTHER, False
    return N_("not a picture that can be read here"), _SAVE, False
