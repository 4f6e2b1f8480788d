"""What is drawn is what is read, and what no hand draws is refused."""

import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drawing.strokes import (
    MAX_POINTS,
    MAX_SIGNS,
    MAX_STROKES,
    MOST,
    UNITS,
    Drawing,
    StrokesError,
    ink_of_strokes,
    read_drawing,
)
from tests.app.canvas import written
from tests.strokes import DIGITS, render

SIZE = 340


def ink(strokes, width=200):
    return ink_of_strokes(read_drawing(written(strokes, width=width)).strokes, SIZE)


@pytest.mark.parametrize("digit", DIGITS)
def test_strokes_are_drawn_as_the_canvas_draws_them(digit):
    drawn = ink(DIGITS[digit])
    seen = render(DIGITS[digit], SIZE, 20)[..., 0]
    assert drawn.shape == (SIZE, SIZE)
    assert np.abs(drawn.astype(int) - seen).mean() < 2


def test_every_point_is_drawn():
    corners = [(0.25, 0.2), (0.7, 0.2), (0.4, 0.8)]
    drawn = ink([corners])
    for x, y in corners:
        assert drawn[round(y * SIZE), round(x * SIZE)] == 255
    # A line from end to end would pass here.
    assert not drawn[round(0.5 * SIZE), round(0.32 * SIZE)]


@pytest.mark.parametrize("width", [60, 200, 400])
def test_a_dot_is_a_dot(width):
    drawn = ink([[(0.3, 0.15)]], width)
    assert drawn[round(0.15 * SIZE), round(0.3 * SIZE)] == 255
    assert (drawn > 127).sum() == pytest.approx(np.pi * (width / 20) ** 2, rel=0.15)


def test_no_strokes_are_no_ink():
    assert read_drawing("3|") == Drawing(3, ())
    assert not ink([]).any()


def test_what_lies_beside_the_canvas_leaves_no_ink():
    assert not ink([[(-0.8, 0.1), (-0.8, 0.9)]]).any()
    assert ink([[(-0.5, 0.5), (1.5, 0.5)]])[SIZE // 2].all()


REFUSED = {
    "nothing": None,
    "a number": 3,
    "yes": True,
    "a list": ["1|200,1,1"],
    "bytes": b"1|200,1,1",
    "a picture": {"raw": {}, "data": "data:image/png;base64,iVBORw0KGgo="},
    "empty": "",
    "no number": "|200,1,1",
    "no end": "1|200,1,1;",
    "half a point": "1|200,1",
    "no point": "1|200",
    "not a number": "1|200,1,NaN",
    "a fraction": "1|200,1.5,1",
    "a power": "1|200,1e9,1",
    "infinite": "1|200,Infinity,1",
    "a large number": f"1|200,{'9' * 5000},1",
    "a large count": f"{'9' * 5000}|200,1,1",
    "a far point": f"1|200,{MOST + 1},1",
    "no width": "1|0,1,1",
    "a negative width": "1|-200,1,1",
    "a wide brush": "1|9999,1,1",
    "other digits": "1|200,\u0661,\u0661",
    "a line more": "1|200,1,1\n",
    "too many strokes": "1|" + ";".join(["200,1,1"] * (MAX_STROKES + 1)),
    "too many points": "1|200" + ",1,1" * (MAX_POINTS + 1),
    "too long": "1|200" + ",-3400,-3400" * (MAX_POINTS * 2),
}


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_what_no_canvas_sends_is_refused_in_a_sentence(sent):
    with pytest.raises(StrokesError, match="draw again"):
        read_drawing(sent)


def test_the_most_that_a_canvas_sends_is_taken():
    most = "1|400" + ",-3400,-3400" * (MAX_POINTS - MAX_STROKES + 1)
    most += ";400,-3400,-3400" * (MAX_STROKES - 1)
    assert len(most) <= MAX_SIGNS
    assert len(read_drawing(most).strokes) == MAX_STROKES


def test_refusing_costs_no_time():
    began = time.thread_time()
    for sent in (REFUSED["too long"], "1|" + "1" * 2_000_000, "1|" + ";" * 200_000, "," * 10**7):
        with pytest.raises(StrokesError):
            read_drawing(sent)
    assert time.thread_time() - began < 0.2


NUMBER = st.integers(-UNITS, MOST)
STROKE = st.tuples(
    st.integers(10, 400), st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=9)
).map(lambda made: (made[0], *(number for place in made[1] for number in place)))


@given(st.integers(0, 2**53), st.lists(STROKE, max_size=6))
def test_what_is_sent_is_what_is_read(seq, strokes):
    text = f"{seq % 10**15}|" + ";".join(",".join(map(str, stroke)) for stroke in strokes)
    read = read_drawing(text)
    assert read == Drawing(seq % 10**15, tuple(strokes))
    assert ink_of_strokes(read.strokes, 60).shape == (60, 60)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@given(JUNK | st.text("0123456789,;|-", max_size=60) | JUNK.map(json.dumps))
def test_whatever_a_stranger_sends_is_drawn_or_refused(sent):
    try:
        read = read_drawing(sent)
    except StrokesError:
        return
    assert ink_of_strokes(read.strokes, 60).shape == (60, 60)
