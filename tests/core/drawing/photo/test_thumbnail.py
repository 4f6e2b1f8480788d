import io

import numpy as np
import pytest
from PIL import Image

from core.drawing.photo.file import PictureError
from core.drawing.photo.thumbnail import thumbnail


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_whole_picture_is_shown_small(mode):
    wide = Image.new(mode, (600, 300), "white")
    wide.paste("black", (0, 0, 300, 300))
    small = thumbnail(png(wide), 100)
    assert small.shape[:2] == (50, 100)
    assert small[:, :45].max() == 0
    assert small[:, 55:].min() == 255


def test_colours_stay():
    small = thumbnail(png(Image.new("RGB", (60, 60), (200, 30, 90))), 100)
    assert (small == np.array([200, 30, 90])).all()


def test_what_is_no_picture_is_refused():
    with pytest.raises(PictureError):
        thumbnail(b"nothing of the kind", 100)
