"""How often panels look, and whose page is drawn anew when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.machine.pace import LONGEST_S, LOOKS, MISSED, RESTS, RESTS_FOR_EACH, SHARE, Audience, Pace


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def audience(clock):
    return Audience(clock)


@pytest.fixture
def pace(audience, clock):
    return Pace("me", audience, clock)


def crowd(audience, count, page_s):
    """So many others, each looking at a page that takes so many seconds."""
    for i in range(count):
        audience.see(f"other {i}", page_s, rest_s=1.0)


def test_a_panel_looks_as_often_as_it_wants_while_looks_are_quick(pace):
    for _ in range(LOOKS):
        pace.looked("curves", 0.005)
    assert pace.rest_s("curves", 0.5) == 0.5


def test_a_panel_rests_for_many_times_what_its_looks_take(pace):
    for _ in range(LOOKS):
        pace.looked("curves", 0.05)
    assert pace.rest_s("curves", 0.5) == pytest.approx(RESTS * 0.05)


def test_a_panel_rests_for_longer_the_more_people_look(pace, audience):
    crowd(audience, 29, 0.1)
    for _ in range(LOOKS):
        pace.looked("curves", 0.01)
    rest_s = pace.rest_s("curves", 0.5)
    assert rest_s == pytest.approx((RESTS + 29 * RESTS_FOR_EACH) * 0.01)
    # All thirty together look for a sixth of the time.
    assert 30 * 0.01 / rest_s < 0.17


def test_no_panel_stands_still_for_longer_than_seconds(pace):
    for _ in range(LOOKS):
        pace.looked("curves", 30.0)
    assert pace.rest_s("curves", 0.5) == LONGEST_S


def test_a_panel_soon_looks_often_again_when_the_server_is_quiet(pace):
    for _ in range(LOOKS):
        pace.looked("curves", 1.0)
    assert pace.rest_s("curves", 0.5) == LONGEST_S
    pace.looked("curves", 0.005)
    assert pace.rest_s("curves", 0.5) == 0.5


@pytest.mark.parametrize("slow", [1, LOOKS - 1])
def test_a_few_slow_looks_change_nothing(pace, slow):
    for took_s in (0.005, *[2.0] * slow):
        pace.looked("curves", took_s)
    assert pace.rest_s("curves", 0.5) == 0.5


def test_the_first_looks_of_all_change_nothing(pace):
    for _ in range(LOOKS - 1):
        pace.looked("curves", 2.0)
        assert pace.rest_s("curves", 0.5) == 0.5


def test_rests_grow_step_by_step(pace):
    rests = []
    for _ in range(8):
        pace.looked("curves", 2.0)
        rests.append(pace.rest_s("curves", 0.5))
    assert rests == [0.5, 0.5, 1, 2, 4, 8, 8, 8]


def test_panels_are_told_apart(pace):
    pace.looked("curves", 1.0)
    assert pace.rest_s("strip", 1.0) == 1.0


def test_a_new_page_begins_as_slowly_as_the_others_look(pace, audience, clock):
    other = Pace("other", audience, clock)
    for _ in range(LOOKS):
        pace.looked("curves", 0.1)
    assert other.rest_s("curves", 0.5) > 1.0


def test_each_rests_by_its_own_looks(pace, audience, clock):
    other = Pace("other", audience, clock)
    for _ in range(LOOKS):
        other.looked("curves", 0.005)
        pace.looked("curves", 0.1)
    assert other.rest_s("curves", 0.5) == 0.5
    assert pace.rest_s("curves", 0.5) > 0.5


@given(
    took=st.lists(st.floats(0, 100), max_size=20),
    shortest_s=st.floats(0.1, LONGEST_S),
)
def test_a_rest_is_never_shorter_than_wanted_nor_too_long(took, shortest_s):
    pace = Pace("me", Audience())
    for took_s in took:
        pace.looked("curves", took_s)
    assert shortest_s <= pace.rest_s("curves", shortest_s) <= LONGEST_S


def test_who_looks_alone_waits_for_nobody(pace):
    pace.drawn(0.1)
    assert pace.turn_in_s() == 0


def test_a_class_takes_turns(audience, clock):
    sessions = [Pace(f"pupil {i}", audience, clock) for i in range(30)]
    for one in sessions:
        one.drawn(0.1)
        one.rest_s("strip", 1.0)
    turns = sorted(one.turn_in_s() for one in sessions)
    all_s = 29 * 0.1 / SHARE
    assert turns[0] >= 0
    # Nobody waits for long, and no half of them comes within a small part of the time.
    assert turns[-1] <= 2 * all_s
    assert turns[15] - turns[0] > all_s / 5


def test_a_turn_comes(pace, audience, clock):
    crowd(audience, 30, 0.1)
    wait_s = pace.turn_in_s()
    clock.now_s += wait_s / 2
    assert pace.turn_in_s() == pytest.approx(wait_s / 2)
    clock.now_s += wait_s / 2 + 0.001
    assert pace.turn_in_s() == 0


def test_after_a_turn_the_others_come_first(pace, audience, clock):
    crowd(audience, 30, 0.1)
    pace.drawn(0.1)
    assert pace.turn_in_s() >= 30 * 0.1 / SHARE


def test_ones_own_click_waits_for_nobody(pace, audience):
    crowd(audience, 30, 0.1)
    pace.hurry()
    assert pace.turn_in_s() == 0
    pace.drawn(0.1)
    assert pace.turn_in_s() > 0


def test_who_looks_no_more_is_not_waited_for(pace, audience, clock):
    crowd(audience, 30, 0.1)
    clock.now_s += MISSED + 0.001
    assert pace.turn_in_s() == 0
