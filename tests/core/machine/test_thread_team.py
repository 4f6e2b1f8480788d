import hashlib
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import count

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.machine import thread_team as sharing
from core.machine.device import cores
from core.machine.thread_team import (
    CROWDED,
    GIVE_UP,
    LONGEST_REST_S,
    LOOK_S,
    SHORTEST_REST_S,
    TAKE_BACK,
    QuietMeter,
    ThreadTeam,
    adapting_threads,
    others_s,
    present_team,
    watch_until,
)
from core.runs import training_thread as thread_module
from core.runs.manager import Runs
from core.spec import BlockSpec, RunSpec
from core.training.trainer import Trainer

linux = pytest.mark.parametrize("here", [True] if sys.platform == "linux" and cores() > 1 else [])
# What keeps one core busy until it is killed, or this process has ended.
BUSY = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: sum(range(10_000))"


class Watched:
    """A team that is told what others take at each look, a look every LOOK_S."""

    def __init__(self, most: int = 2) -> None:
        self.team = ThreadTeam(most)
        self.now_s = 100.0

    def look(self, used: float, seconds: float = LOOK_S) -> int:
        for _ in range(max(1, round(seconds / LOOK_S))):
            self.now_s += LOOK_S
            self.team.look(used, self.now_s)
        return self.team.size


def test_a_program_that_keeps_a_core_busy_costs_one_thread():
    watched = Watched()
    assert watched.look(0.05, 10) == 2
    assert watched.look(1.0) == 2  # a single burst changes nothing
    assert watched.look(1.0) == 1
    assert watched.look(1.0, 60) == 1


def test_a_program_that_shares_a_core_with_a_thread_is_seen_by_the_half_that_it_gets():
    assert Watched().look(0.5, 1) == 1
    assert Watched().look(0.4, 60) == 2


def test_bursts_with_rests_between_them_change_nothing():
    watched = Watched()
    for _ in range(100):
        assert watched.look(1.0) == 2
        assert watched.look(0.0) == 2


def test_a_core_that_is_left_free_is_taken_back_after_a_while():
    watched = Watched()
    watched.look(1.0, 1)
    assert watched.look(0.0, SHORTEST_REST_S - LOOK_S) == 1
    assert watched.look(0.0, 3 * LOOK_S) == 2


def test_what_comes_again_at_once_is_believed_longer_each_time():
    watched = Watched()
    waits = []
    for _ in range(8):
        watched.look(1.0, 1)
        assert watched.team.size == 1
        began = watched.now_s
        while watched.look(0.0) == 1:
            pass
        waits.append(watched.now_s - began)
    assert waits == sorted(waits)
    assert waits[0] < SHORTEST_REST_S + 1
    assert LONGEST_REST_S - 1 < waits[-1] < LONGEST_REST_S + 1
    # What stays away for longer counts as new.
    watched.look(0.0, 60)
    watched.look(1.0, 1)
    assert watched.look(0.0, SHORTEST_REST_S + 1) == 2


@given(st.integers(1, 64), st.floats(0, 80))
def test_there_is_a_thread_for_each_core_that_is_left_and_one_at_least(most, used):
    watched = Watched(most)
    size = watched.look(used, 1)
    assert 1 <= size <= most
    assert size == max(1, min(most, int(most - used + GIVE_UP)))
    # It comes back where all is left, and is not torn between two numbers by a load that stays.
    assert watched.look(used, 200) in (size, max(1, min(most, int(most - used + TAKE_BACK))))
    assert watched.look(0.0, 200) == most


def test_a_training_that_goes_on_begins_with_the_threads_it_had():
    watched = Watched(4)
    watched.team.begin_with(2, watched.now_s)
    assert watched.team.size == 2
    assert watched.look(0.0, SHORTEST_REST_S - LOOK_S) == 2
    watched.team.begin_with(16, watched.now_s)  # of another machine
    assert watched.team.size == 4


def test_the_watch_tells_what_was_taken_between_two_looks(monkeypatch):
    monkeypatch.setattr(sharing, "LOOK_S", 0.001)
    seconds, over, seen = count(), threading.Event(), []

    class Noted(ThreadTeam):
        def look(self, used: float, now_s: float) -> None:
            seen.append(used)
            if len(seen) == 3:
                over.set()

    monkeypatch.setattr(sharing.time, "monotonic", lambda: float(next(seconds)))
    watch_until(over, Noted(2), lambda: 0.5)
    assert seen == [0.5, 0.5, 0.5]


def test_the_watch_goes_on_after_a_look_that_failed(monkeypatch):
    monkeypatch.setattr(sharing, "LOOK_S", 0.001)
    over, asked, seen = threading.Event(), [], []

    def used_s() -> float:
        asked.append(1)
        if len(asked) in (1, 4):
            raise OSError("too many open files")
        return 0.5

    class Noted(ThreadTeam):
        def look(self, used: float, now_s: float) -> None:
            seen.append(used)
            if len(seen) == 3:
                over.set()

    seconds = count()
    monkeypatch.setattr(sharing.time, "monotonic", lambda: float(next(seconds)))
    watch_until(over, Noted(2), used_s)
    assert len(asked) == 6
    assert seen == [0.5, 0.5, 0.5]


@linux
def test_what_another_program_takes_is_seen_and_what_the_team_takes_is_not(here):
    used_s = others_s(threading.get_native_id())
    used_s()
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        deadline, others = time.monotonic() + 30, 0.0
        while others < 0.5 and time.monotonic() < deadline:
            time.sleep(0.1)
            others += used_s()
    finally:
        busy.kill()
        busy.wait()
    assert others >= 0.5

    def burn(seconds: float) -> float:
        began = time.thread_time()
        while time.thread_time() - began < seconds:
            hashlib.sha256(bytes(1_000_000))
        return seconds

    # A page's thread is another; the trainer is none.
    used_s()
    page = threading.Thread(target=lambda: (burn(0.5), over.wait()))
    over = threading.Event()
    page.start()
    deadline, others = time.monotonic() + 30, 0.0
    while others < 0.4 and time.monotonic() < deadline:
        time.sleep(0.05)
        others += used_s()
    over.set()
    page.join()
    assert others >= 0.4


@linux
def test_a_run_beside_a_busy_program_gives_a_thread_up_and_says_so(here, make_digits):
    team = None

    def train() -> None:
        nonlocal team
        with adapting_threads():
            team = present_team()
            assert team is not None
            team.look(1.5, time.monotonic())
            team.look(1.5, time.monotonic())
            trainer = Trainer(
                RunSpec(num_epochs=3, device="cpu"), make_digits(300), team=team, report_s=0.0
            )
            for event in trainer.fit():
                if event.__class__.__name__ == "Steps" and event.step == 3:
                    team.begin_with(cores(), time.monotonic())
            stretches.extend(trainer.stretches)
            threads.append(torch.get_num_threads())

    stretches: list[tuple[int, int]] = []
    threads: list[int] = []
    thread = threading.Thread(target=train)
    thread.start()
    thread.join(60)
    # Whatever this machine's other programs do afterwards, these two come first.
    assert stretches[:2] == [(0, max(1, int(cores() - 1.5 + GIVE_UP))), (3, cores())]
    assert threads == [stretches[-1][1]]
    assert present_team() is None


def test_no_thread_is_left_behind(monkeypatch, make_digits):
    monkeypatch.setattr(sharing, "LOOK_S", 0.001)
    before = threading.active_count()
    with adapting_threads():
        events = list(Trainer(RunSpec(num_epochs=2), make_digits(300), team=present_team()).fit())
    assert events[-1].total == 30
    assert threading.active_count() == before


def test_elsewhere_nothing_is_watched(monkeypatch):
    monkeypatch.setattr(sharing.sys, "platform", "win32")
    before = threading.active_count()
    with adapting_threads():
        assert threading.active_count() == before
        assert present_team() is None


@linux
def test_waiting_for_a_processor_is_seen(here):
    before, deadline = sharing._waited_s(), time.monotonic() + 20
    over = threading.Event()

    def burn() -> None:
        while not over.is_set():
            hashlib.sha256(bytes(1_000_000))

    # More threads than cores, none of which ever sleeps: some of them must wait.
    threads = [threading.Thread(target=burn) for _ in range(2 * cores() + 1)]
    for thread in threads:
        thread.start()
    # Asked once a turn: a thread of an earlier test that ends takes its share out of the sum.
    while (waited := sharing._waited_s() - before) < 0.2 and time.monotonic() < deadline:
        time.sleep(0.001)
    over.set()
    for thread in threads:
        thread.join()
    assert waited >= 0.2


def test_every_run_of_the_dashboard_shares_the_cores(monkeypatch):
    seen = []

    @contextmanager
    def noted():
        seen.append(runs.active())
        yield
        seen.append(runs.active())

    monkeypatch.setattr(thread_module, "adapting_threads", noted)
    block = BlockSpec(channels=2, stride=3, kernel_size=5)
    runs = Runs()
    run = runs.start(RunSpec(blocks=(block,), batch_size=500, num_epochs=1, device="cpu"))
    assert run.wait(60)
    runs.close()
    assert run.status == "finished"
    assert seen == [None, None]


def test_it_is_calm_as_long_as_threads_hardly_wait(monkeypatch):
    now, waited = [0.0], [0.0]
    monkeypatch.setattr(sharing, "_waited_s", lambda: waited[0])
    monkeypatch.setattr(sharing.time, "monotonic", lambda: now[0])
    calm = QuietMeter()
    for seconds, waits, expected in (
        (1.0, 0.9 * CROWDED, True),
        (1.0, 1.1 * CROWDED, False),
        (1.0, 0.0, True),  # what was before does not count
        (0.1, 0.09 * CROWDED, True),
        (0.1, 0.11 * CROWDED, False),
    ):
        now[0] += seconds
        waited[0] += waits
        assert calm.lasted() is expected
    waited[0] += 10.0
    calm.begin()
    assert calm.lasted()


def test_it_is_not_calm_while_a_thread_has_been_given_up(monkeypatch):
    monkeypatch.setattr(sharing, "_waited_s", lambda: 0.0)
    team = ThreadTeam(2)
    monkeypatch.setattr(sharing, "_team", team)
    calm = QuietMeter()
    assert calm.lasted()
    team.begin_with(1, 0.0)
    assert not calm.lasted()
    team.begin_with(2, 0.0)
    assert calm.lasted()


def test_where_nobody_counts_it_is_always_calm(monkeypatch, tmp_path):
    monkeypatch.setattr(sharing, "Path", lambda path: tmp_path / "nothing")
    calm = QuietMeter()
    assert calm.lasted()
