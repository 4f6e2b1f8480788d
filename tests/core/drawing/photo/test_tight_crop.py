"""A digit that fills its picture is told from lines and shadows that do so, too."""

import numpy as np
import pytest

from core.drawing.photo.tight_crop import tight_crops
from tests.strokes import DIGITS, render


def cut(digit: int) -> np.ndarray:
    """Ink (H, W) of 0..1, from border to border."""
    ink = render(DIGITS[digit], 280, brush=24)[..., 0].astype(np.float32) / 255
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@pytest.mark.parametrize("digit", [0, 2, 3, 7])
@pytest.mark.parametrize("dark", [True, False], ids=["dark ink", "light ink"])
def test_a_digit_cut_out_along_its_edges_is_found(digit, dark):
    ink = cut(digit)
    page = 230 - 190 * ink if dark else 40 + 190 * ink
    found = {is_dark: mask for _, mask, _, is_dark in tight_crops(page.astype(np.float32))}
    assert np.array_equal(found[dark], ink > 0.5) or (found[dark] ^ (ink > 0.5)).mean() < 0.01


def test_its_ink_is_full_whatever_the_light():
    page = (150 - 60 * cut(3)).astype(np.float32)
    ink, mask, _, _ = next(tight_crops(page))
    assert ink[mask].mean() > 0.9
    assert ink[~mask].mean() < 0.1


def line_at_the_border(page: np.ndarray) -> None:
    page[:, 3:9] = 40


def two_pieces(page: np.ndarray) -> None:
    page[:, 60:80] = 40
    page[50:150, 120:140] = 40


def hardly_any_contrast(page: np.ndarray) -> None:
    page[:, 90:110] = 210


def slope(page: np.ndarray) -> None:
    page[:] = np.linspace(40, 230, 200)


@pytest.mark.parametrize("draw", [line_at_the_border, two_pieces, hardly_any_contrast, slope])
def test_what_is_no_lone_piece_of_dark_ink_in_the_middle_is_not(draw):
    page = np.full((200, 200), 230, np.float32)
    draw(page)
    assert not [is_dark for *_, is_dark in tight_crops(page) if is_dark]


def test_a_plain_sheet_has_none():
    assert not list(tight_crops(np.full((100, 100), 230, np.float32)))
