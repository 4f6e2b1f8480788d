"""Whose turn it is, and who has to go where too many ask."""

from hypothesis import given
from hypothesis import strategies as st

from core.questions.turns import Turns, surplus


def test_whoever_has_had_least_is_next():
    turns: Turns[str] = Turns()
    had = {"ann": 0.0, "ben": 0.0}
    for _ in range(100):
        who = turns.next(had)
        took = 3.0 if who == "ann" else 1.0
        turns.used(who, took)
        had[who] += took
    assert abs(had["ann"] - had["ben"]) <= 3.0


def test_who_asks_again_and_again_goes_behind_who_waits():
    turns: Turns[str] = Turns()
    served = []
    for _ in range(4):
        who = turns.next(["editor", "other"])
        served.append(who)
        turns.used(who, 1.0)
    assert served == ["editor", "other", "editor", "other"]


def test_going_away_for_a_moment_gains_nothing():
    turns: Turns[str] = Turns()
    turns.next(["ann", "ben"])
    turns.used("ann", 10.0)
    assert turns.next(["ben"]) == "ben"
    assert turns.next(["ann", "ben"]) == "ben"


def test_nobody_is_next_where_nobody_waits():
    assert Turns().next([]) is None


def test_many_that_are_gone_are_forgotten():
    turns: Turns[int] = Turns()
    for i in range(5_000):
        turns.next([i])
        turns.used(i, 0.0)
    assert len(turns._used_s) <= 1_001


@given(
    st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=40),
    st.integers(1, 30),
    st.integers(1, 10),
)
def test_too_many_of_an_address_go_before_anybody_elses(addresses, most, most_each):
    waiting = list(range(len(addresses)))
    address_of = dict(enumerate(addresses))
    going = surplus(waiting, address_of, most, most_each)
    kept = [one for one in waiting if one not in going]
    assert len(set(going)) == len(going)
    assert len(kept) <= most
    for address in "abc":
        mine = [one for one in waiting if address_of[one] == address]
        stay = [one for one in mine if one in kept]
        assert len(stay) <= most_each
        assert stay == mine[len(mine) - len(stay) :]  # the newest stay
    if len(waiting) <= most and all(addresses.count(a) <= most_each for a in "abc"):
        assert going == []
