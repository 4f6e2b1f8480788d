from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.strokes import MAX_COMMANDS, ink_of_strokes
from tests.strokes import DIGITS, render

SIZE = 340


def as_fabric(strokes, width=20):
    """Describe strokes as Fabric's pencil does: quadratic curves between the middles of points."""
    described = []
    for stroke in strokes:
        places = [(x * SIZE, y * SIZE) for x, y in stroke]
        path = [["M", *places[0]]]
        for (x, y), (next_x, next_y) in pairwise(places):
            path.append(["Q", x, y, (x + next_x) / 2, (y + next_y) / 2])
        path.append(["L", *places[-1]])
        described.append({"type": "Path", "path": path, "strokeWidth": width, "stroke": "#ffffff"})
    return described


@pytest.mark.parametrize("digit", DIGITS)
def test_strokes_are_drawn_as_the_canvas_draws_them(digit):
    ink = ink_of_strokes(as_fabric(DIGITS[digit]), SIZE)
    seen = render(DIGITS[digit], SIZE, 20)[..., 0]
    assert ink.shape == (SIZE, SIZE)
    assert np.abs(ink.astype(int) - seen).mean() < 2


def test_a_dot_is_a_dot():
    ink = ink_of_strokes([{"path": [["M", 100, 50], ["L", 100, 50]], "strokeWidth": 20}], SIZE)
    assert ink[50, 100] == 255
    assert ink.astype(bool).sum() == pytest.approx(np.pi * 10**2, rel=0.2)


def test_no_strokes_are_no_ink():
    assert not ink_of_strokes([], SIZE).any()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["path", "strokeWidth", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)
COMMAND = st.tuples(st.sampled_from("MLQZ"), st.lists(st.floats() | st.integers(), max_size=4))
STROKE = st.fixed_dictionaries(
    {
        "path": st.lists(COMMAND.map(lambda c: [c[0], *c[1]]), max_size=6),
        "strokeWidth": st.floats() | st.integers(),
    }
)


@given(st.lists(JUNK | STROKE, max_size=5))
def test_whatever_a_stranger_sends_is_drawn_or_passed_over(strokes):
    assert ink_of_strokes(strokes, 60).shape == (60, 60)


def test_endless_paths_are_cut_off():
    endless = [["L", i % SIZE, i % SIZE] for i in range(50 * MAX_COMMANDS)]
    strokes = [{"path": endless, "strokeWidth": 1}, {"path": [["M", 9, 300]], "strokeWidth": 9}]
    ink = ink_of_strokes(strokes, SIZE)
    assert ink[200, 200]
    assert not ink[300, 9]
