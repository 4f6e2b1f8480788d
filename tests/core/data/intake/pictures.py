"""Pictures and archives as a person makes them."""

import io
import zipfile

import numpy as np
from PIL import Image, ImageDraw


def png(shape: str, size: int = 60, shift: int = 0, form: str = "PNG", wide: int = 7) -> bytes:
    """Draw a thick ring, bar or cross, dark on light."""
    image = Image.new("L", (size, size), 245)
    draw = ImageDraw.Draw(image)
    low, high = 12 + shift, size - 14 + shift
    if shape == "ring":
        draw.ellipse((low, low, high, high), outline=20, width=wide)
    elif shape == "bar":
        draw.line((low, high, high, low), fill=20, width=wide)
    else:
        draw.line((low, low, high, high), fill=20, width=wide)
        draw.line((low, high, high, low), fill=20, width=wide)
    file = io.BytesIO()
    image.save(file, form)
    return file.getvalue()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Pack files in order."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return file.getvalue()


def shapes(count: int = 4, around: str = "") -> dict[str, bytes]:
    """Pictures of rings and bars, a folder each, no two the same."""
    return {
        f"{around}{shape}/{i}.png": png(shape, shift=i % 3, wide=5 + i)
        for shape in ("ring", "bar")
        for i in range(count)
    }


def npz(**arrays: np.ndarray) -> bytes:
    """Pack arrays as NumPy does."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()
