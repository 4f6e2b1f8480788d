"""Of what may be the digit the best comes first, and a whole before its part."""

import numpy as np

from core.drawing.photo.judge import Reading, digits_of, ranked

FIELD = (200, 200)


def bars(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(FIELD, bool)
    for top, left, bottom, right in boxes:
        mask[top:bottom, left:right] = True
    return mask


def reading(mask: np.ndarray, score: float) -> Reading:
    return Reading(mask.astype(np.float32), mask, score)


STEM, FLAG = (40, 90, 160, 110), (40, 60, 60, 110)


def test_what_lacks_a_stroke_comes_after_what_has_it():
    whole, stem = bars(STEM, FLAG), bars(STEM)
    first = ranked([reading(stem, 0.95), reading(whole, 0.9)])[0]
    assert np.array_equal(first.mask, whole)


def test_a_much_better_part_stays_first():
    whole, stem = bars(STEM, FLAG), bars(STEM)
    first = ranked([reading(stem, 0.95), reading(whole, 0.5)])[0]
    assert np.array_equal(first.mask, stem)


def test_what_is_nearly_the_same_is_offered_once():
    stem, wider = bars(STEM), bars((40, 89, 160, 111))
    assert len(ranked([reading(stem, 0.9), reading(wider, 0.9)])) == 1


def test_corner_marks_near_a_digit_are_no_part_of_it():
    digit = bars(STEM, FLAG)
    marks = bars((26, 46, 29, 66), (26, 46, 46, 49), (173, 105, 176, 125), (153, 122, 176, 125))
    found = digits_of((digit | marks).astype(np.float32), digit | marks, 1.0)
    best = ranked(found)[0]
    assert np.array_equal(best.mask, digit)


def test_a_piece_as_thick_as_the_digit_is_part_of_it():
    digit = bars(STEM, FLAG, (70, 118, 90, 150))
    best = ranked(digits_of(digit.astype(np.float32), digit, 1.0))[0]
    assert np.array_equal(best.mask, digit)
