"""Strokes under a shine count as much as those beside it."""

import numpy as np
from scipy import ndimage

from core.drawing.photo.local_ink import evened


def test_a_stroke_that_a_shine_makes_faint_is_as_black_as_the_rest():
    ink = np.zeros((300, 400), np.float32)
    fading = np.interp(np.abs(np.arange(400) - 200), [0, 80], [0.3, 1.0])
    ink[140:160] = fading
    even = evened(ink)
    assert ink[142:158].min() < 0.35
    assert even[142:158].min() > 0.5
    assert even[:135].max() == even[165:].max() == 0


def test_grain_far_from_all_strokes_does_not_become_ink():
    grain = 0.08 * np.random.default_rng(0).random((300, 400)).astype(np.float32)
    grain = ndimage.gaussian_filter(grain, 1)
    assert evened(grain).max() < 0.4
