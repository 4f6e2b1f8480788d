"""The share of all questions together beside a run, and fairness among them, by a fake clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.questions.fair_share import SHARE, Guests


class Clock:
    """Seconds that go by only where somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Kind:
    """Questions of a kind, each piece of which takes its time."""

    def __init__(self, clock: Clock, piece_s: float, waits: bool = True) -> None:
        self._clock = clock
        self._piece_s = piece_s
        self.waits = waits
        self.took_s = 0.0

    def advance(self) -> None:
        """Do a piece."""
        assert self.waits
        self._clock.now += self._piece_s
        self.took_s += self._piece_s


def train(guests: Guests, clock: Clock, for_s: float, report_s: float = 0.2) -> float:
    """Train until so many seconds are over, questions in between; return those of training."""
    trained, end = 0.0, clock.now + for_s
    while clock.now < end:
        clock.now += report_s
        trained += report_s
        if guests.waits:
            guests.serve(0.2)
    return trained


@given(
    st.lists(st.floats(0.001, 3.0), min_size=1, max_size=3),
    st.floats(0.01, 2.0),
)
def test_all_questions_together_take_no_more_than_their_share(pieces, report_s):
    clock = Clock()
    kinds = [Kind(clock, piece_s) for piece_s in pieces]
    guests = Guests(*kinds, trains=lambda: True, clock=clock)
    trained = train(guests, clock, 60.0, report_s)
    # One piece may have been begun too much.
    assert clock.now - trained <= SHARE * clock.now + max(pieces)


@pytest.mark.parametrize("piece_s", [0.005, 0.1, 0.9])
def test_what_they_may_take_they_get(piece_s):
    clock = Clock()
    guests = Guests(Kind(clock, piece_s), trains=lambda: True, clock=clock)
    trained = train(guests, clock, 300.0)
    assert (clock.now - trained) / clock.now == pytest.approx(SHARE, rel=0.1)


def test_what_was_not_used_is_not_saved_up():
    clock = Clock()
    kind = Kind(clock, 0.01, waits=False)
    guests = Guests(kind, trains=lambda: True, clock=clock)
    train(guests, clock, 300.0)
    kind.waits = True
    before = clock.now
    guests.serve(0.2)
    assert clock.now - before <= 0.2 + 0.011


def test_an_endless_editor_starves_neither_range_tests_nor_other_data():
    clock = Clock()
    prices, other_data, range_tests = Kind(clock, 0.15), Kind(clock, 0.02), Kind(clock, 0.05)
    guests = Guests(prices, other_data, range_tests, trains=lambda: True, clock=clock)
    train(guests, clock, 300.0)
    shares = [kind.took_s for kind in (prices, other_data, range_tests)]
    assert max(shares) - min(shares) < 0.5
    assert sum(shares) == pytest.approx(SHARE * clock.now, rel=0.05)


def test_whoever_comes_late_neither_waits_for_the_others_past_nor_makes_them_wait():
    clock = Clock()
    early, late = Kind(clock, 0.1), Kind(clock, 0.1, waits=False)
    guests = Guests(early, late, clock=clock)
    guests.serve(50.0)
    late.waits = True
    had = early.took_s
    guests.serve(10.0)
    assert late.took_s == pytest.approx(5.0, abs=0.3)
    assert early.took_s - had == pytest.approx(5.0, abs=0.3)


def test_where_nothing_trains_they_have_all_of_the_time():
    clock = Clock()
    trains = [True]
    kind = Kind(clock, 0.05)
    guests = Guests(kind, trains=lambda: trains[0], clock=clock)
    train(guests, clock, 20.0)
    trains[0] = False
    before = kind.took_s
    for _ in range(50):
        guests.serve(0.2)
    assert kind.took_s - before == pytest.approx(10.0, rel=0.05)


def test_where_nobody_asks_nothing_is_done():
    clock = Clock()
    guests = Guests(Kind(clock, 0.1, waits=False), clock=clock)
    assert not guests.waits
    guests.serve(1.0)
    guests.advance()
    assert clock.now == 0.0
