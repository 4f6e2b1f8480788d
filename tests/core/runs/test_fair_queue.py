from hypothesis import given
from hypothesis import strategies as st

from core.runs.fair_queue import FairQueue, QueueEntry


def line_of(*entries):
    line = FairQueue()
    for run_id, owner in entries:
        line.join(QueueEntry((run_id,), owner))
    return line


def ids(line, served=()):
    return [run_id for entry in line.order(served) for run_id in entry.run_ids]


def test_one_person_is_served_in_the_order_of_asking():
    assert ids(line_of(("a1", "a"), ("a2", "a"), ("a3", "a"))) == ["a1", "a2", "a3"]


def test_many_runs_of_one_person_do_not_hold_up_another():
    line = line_of(("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"))
    assert ids(line) == ["a1", "b1", "a2", "a3"]
    assert ids(line, served=["a"]) == ["b1", "a1", "a2", "a3"]


def test_whoever_leaves_is_gone_and_a_rival_waits_on():
    line = line_of(("a1", "a"))
    line.join(QueueEntry(("d1", "d2"), "a"))
    line.leave("a1")
    line.leave("d1")
    assert ids(line) == ["d2"]
    line.leave("d2")
    assert len(line) == 0


def test_ones_own_runs_change_places_among_themselves_only():
    line = line_of(("a1", "a"), ("b1", "b"), ("a2", "a"), ("b2", "b"))
    line.move("a2", -1)
    assert ids(line) == ["a2", "b1", "a1", "b2"]
    line.move("a2", -1)
    line.move("nobody", 1)
    assert ids(line) == ["a2", "b1", "a1", "b2"]
    line.move("a2", 5)
    assert ids(line) == ["a1", "b1", "a2", "b2"]


@given(st.lists(st.sampled_from("abcd"), max_size=20), st.lists(st.sampled_from("abcd")))
def test_nobodys_nth_turn_comes_before_anybodys_earlier_one(owners, served):
    line = line_of(*((str(i), owner) for i, owner in enumerate(owners)))
    order = line.order(served)
    assert sorted(int(e.run_ids[0]) for e in order) == list(range(len(owners)))
    turns = {owner: served.count(owner) for owner in "abcd"}
    seen = []
    for entry in order:
        seen.append(turns[entry.owner])
        turns[entry.owner] += 1
    assert seen == sorted(seen)
