"""Pictures of 16 bits and of few levels in a data set: one range for all of them."""

import io

import numpy as np
import pytest
from PIL import Image

from core.data.intake.common import Intake
from core.data.intake.zip_file import read_zip
from tests.core.data.intake.pictures import zipped
from tests.core.data.intake.test_common import result


def picture(left: int, high: int, level: int, dtype: str) -> bytes:
    pixels = np.zeros((28, 28), dtype)
    pixels[3 : 3 + high, left : left + 4] = level
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def archive(levels: list[int], dtypes: list[str], how: str = "as_is") -> Intake:
    files = {
        f"{name}/{i}.png": picture(shift + i, 10 + 2 * i, level, dtype)
        for name, shift in (("left", 1), ("right", 16))
        for i, (level, dtype) in enumerate(zip(levels, dtypes, strict=True))
    }
    return result(read_zip(zipped(files), "mine.zip", how))


def brightest(intake: Intake) -> list[int]:
    of_class = intake.own.images[intake.own.labels == 0]
    return sorted(of_class.max(axis=(1, 2)).tolist())


def test_pictures_of_small_values_are_spread_and_told():
    found = archive([900] * 4, ["u2"] * 4)
    assert brightest(found) == [255] * 4
    assert any("0 is taken for black and 900 for white" in note for note in found.notes)


def test_a_dark_picture_among_bright_ones_stays_dark():
    assert brightest(archive([900, 900, 450, 90], ["u2"] * 4)) == [26, 128, 255, 255]


@pytest.mark.parametrize("level", [1, 8, 16])
def test_a_picture_of_few_levels_is_dark_beside_usual_ones(level):
    assert brightest(archive([200, 200, 200, level], ["u1"] * 4)) == [level, 200, 200, 200]


def test_masks_of_0_and_1_are_black_and_white():
    found = archive([1] * 4, ["u1"] * 4)
    assert brightest(found) == [255] * 4
    assert any("1 for white" in note for note in found.notes)


def test_usual_pictures_are_left_alone_and_nothing_is_told():
    found = archive([200, 90, 255, 120], ["u1"] * 4)
    assert brightest(found) == [90, 120, 200, 255]
    assert not any("white" in note for note in found.notes)


def test_where_images_are_centred_each_is_as_strong_as_any():
    assert min(brightest(archive([900, 900, 450, 90], ["u2"] * 4, "centred"))) > 230
