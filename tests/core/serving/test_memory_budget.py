"""One account of memory: nobody passes the limit, nobody waits for ever, nothing stays counted."""

import gc
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.serving.limits import Limits
from core.serving.memory_budget import MB, MemoryBudget, NoMemory, memory_budget


class Looked:
    """What somebody looks at."""


def never() -> bool:
    return False


def in_thread(action) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


jobs = st.lists(
    st.tuples(st.sampled_from(["work", "long", "reading", "keep"]), st.integers(0, 130)),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(jobs)
def test_no_mix_of_people_passes_the_limit_or_stays_for_ever(jobs):
    budget = MemoryBudget(120)
    highest, looked_at, refused = [0], [], []

    def note() -> None:
        highest[0] = max(highest[0], budget.taken)
        time.sleep(0.001)

    def do(kind: str, size: int) -> None:
        try:
            if kind == "keep":
                size = min(size, 8)
                looked_at.append(Looked())
                budget.keep(looked_at[-1], size)
            elif kind == "reading":
                with budget.reading(size, never) as began:
                    assert began
                    # What a file holds waits for what its pictures take, never the other way.
                    with budget.work(30):
                        note()
            else:
                with budget.work(size, is_long=kind == "long"):
                    note()
        except NoMemory:
            refused.append((kind, size))

    threads = [in_thread(lambda job=job: do(*job)) for job in jobs]
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    kept = sum(kind == "keep" for kind, _ in jobs) * 8
    assert highest[0] <= 120 + kept
    if not kept:
        assert all(kind != "reading" for kind, _ in refused)
        assert all(size > 120 - 40 for _, size in refused)
    looked_at.clear()
    gc.collect()
    assert budget.taken == 0


def test_what_is_looked_at_counts_as_long_as_it_is():
    budget = MemoryBudget(300)
    one, other = Looked(), Looked()
    budget.keep(one, 60)
    budget.keep(other, 30)
    with pytest.raises(NoMemory, match="people look at"), budget.reading(20, never):
        pass
    with pytest.raises(NoMemory, match="no memory to spare"), budget.work(211):
        pass
    with budget.work(210):
        assert budget.taken == 300
    del one
    gc.collect()
    assert budget.taken == 30
    with budget.reading(20, never) as began:
        assert began
        assert budget.taken == 50
    assert budget.highest() == 300
    assert budget.highest() == 30


def test_the_largest_file_has_its_turn_after_the_others():
    budget = MemoryBudget(300)
    looked_at = Looked()
    budget.keep(looked_at, 50)
    with budget.reading(5_000, never) as began:
        assert began
        assert budget.taken == 100


def test_short_works_share_a_part_and_a_larger_one_is_alone_beside_a_long_one():
    budget = MemoryBudget(100)
    inside, hold = [], threading.Event()

    def work(name: str, size: int, **how) -> None:
        with budget.work(size, **how):
            inside.append(name)
            hold.wait(20)

    threads = [in_thread(lambda: work("arrays", 40, is_long=True))]
    while inside != ["arrays"]:
        time.sleep(0.01)
    threads += [in_thread(lambda: work("first", 20)), in_thread(lambda: work("second", 20))]
    time.sleep(0.3)
    assert sorted(inside) == ["arrays", "first", "second"]
    threads.append(in_thread(lambda: work("large", 50)))
    time.sleep(0.3)
    assert "large" not in inside
    hold.set()
    for thread in threads:
        thread.join(20)
    assert inside[-1] == "large"


def test_whoever_waits_too_long_is_told_and_whoever_has_left_ends():
    budget = MemoryBudget(100)
    with budget.work(80):
        with pytest.raises(NoMemory), budget.work(60, patience_s=0.1):
            pass
        with budget.reading(30, lambda: True) as began:
            assert not began
    assert budget.taken == 0


def test_the_settings_say_how_large_it_is_and_leave_room_for_the_server_itself():
    assert memory_budget().most == Limits().max_memory_mb * MB
    assert memory_budget().most <= 250 * MB
