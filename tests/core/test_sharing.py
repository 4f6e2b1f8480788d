import hashlib
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from core import runs as runs_module
from core import sharing
from core.device import cores, take_all_cores
from core.runs import Runs
from core.sharing import CROWDED, Calm, idle_team, sharing_cores, watch_until
from core.spec import BlockSpec, RunSpec
from core.trainer import Trainer

linux = pytest.mark.parametrize(
    "gomp", [sharing._libgomp()] if sys.platform == "linux" and cores() > 1 else []
)


class Machine:
    """Keeps threads waiting as a script says, and notes what the watch does about it."""

    def __init__(self, monkeypatch, waits: list[float]) -> None:
        monkeypatch.setattr(sharing, "LOOK_S", 0.001)
        self.over = threading.Event()
        self.log: list[str] = []
        self._waits = iter(waits)
        self._waited = 0.0

    def waited_s(self) -> float:
        more = next(self._waits, None)
        if more is None:
            self.over.set()
        self._waited += more or 0.0
        return self._waited

    @contextmanager
    def without_spinning(self):
        self.log.append("sleep")
        yield
        self.log.append("spin")


def test_a_crowd_is_answered_and_then_looked_for_again(monkeypatch):
    monkeypatch.setattr(sharing, "SHORTEST_REST_S", 0.001)
    monkeypatch.setattr(sharing, "LONGEST_REST_S", 0.001)
    crowd, calm = 10_000.0, 0.0
    # Each look but the first asks twice: what happened, and a fresh start.
    machine = Machine(monkeypatch, [0, calm, 0, crowd, 0, crowd, 0, calm, 0])
    watch_until(machine.over, machine.waited_s, machine.without_spinning)
    assert machine.log == ["sleep", "spin", "sleep", "spin"]


def test_what_happens_during_a_rest_does_not_count(monkeypatch):
    monkeypatch.setattr(sharing, "SHORTEST_REST_S", 0.001)
    machine = Machine(monkeypatch, [0.0, 10_000.0, 10_000.0, 0.0, 0.0, 0.0])
    watch_until(machine.over, machine.waited_s, machine.without_spinning)
    assert machine.log == ["sleep", "spin"]


def test_the_rest_ends_with_the_run(monkeypatch):
    monkeypatch.setattr(sharing, "SHORTEST_REST_S", 3600.0)
    machine = Machine(monkeypatch, [0.0, 10_000.0, 0.0])
    watch = threading.Thread(
        target=watch_until, args=(machine.over, machine.waited_s, machine.without_spinning)
    )
    watch.start()
    while not machine.log:
        watch.join(0.001)
    machine.over.set()
    watch.join(10)
    assert machine.log == ["sleep", "spin"]


IDLE_TEAMS = """
import os, time
from core.device import cores
from core.sharing import _libgomp, idle_team

def settles_at(count):
    # libgomp's threads take a moment to end
    deadline = time.monotonic() + 20
    while (found := len(os.listdir("/proc/self/task"))) != count and time.monotonic() < deadline:
        time.sleep(0.001)
    assert found == count, (found, count)

before = len(os.listdir("/proc/self/task"))
for _ in range(3):
    with idle_team(_libgomp()):
        settles_at(before + cores())  # the thread that keeps it, and the others of its team
    settles_at(before)
"""


@linux
def test_an_idle_team_comes_and_goes(gomp):
    # In a process of its own: here the threads of other tests come and go too.
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", IDLE_TEAMS], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@linux
def test_results_keep_their_bits_beside_an_idle_team(gomp, make_digits):
    take_all_cores()
    spec = RunSpec(blocks=(BlockSpec(channels=8, batch_norm=True),), num_epochs=2)
    digits = make_digits(300)
    alone = Trainer(spec, digits)
    list(alone.fit())
    beside = Trainer(spec, digits)
    events = beside.fit()
    next(events)
    with idle_team(gomp):
        next(events)
    list(events)
    for name, value in alone.weights().items():
        assert torch.equal(value, beside.weights()[name]), name


def test_a_crowded_run_trains_to_its_end(monkeypatch, make_digits):
    monkeypatch.setattr(sharing, "LOOK_S", 0.001)
    monkeypatch.setattr(sharing, "SHORTEST_REST_S", 0.001)
    monkeypatch.setattr(sharing, "CROWDED", 0.0)
    before = threading.active_count()
    with sharing_cores():
        events = list(Trainer(RunSpec(num_epochs=2), make_digits(300)).fit())
    assert events[-1].total == 30
    assert threading.active_count() == before


def test_elsewhere_nothing_is_watched(monkeypatch):
    monkeypatch.setattr(torch, "__file__", str(Path("nowhere") / "torch" / "__init__.py"))
    before = threading.active_count()
    with sharing_cores():
        assert threading.active_count() == before


@linux
def test_waiting_for_a_processor_is_seen(gomp):
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

    monkeypatch.setattr(runs_module, "sharing_cores", noted)
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
    calm = Calm()
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


def test_it_is_not_calm_while_threads_do_without_spinning(monkeypatch):
    monkeypatch.setattr(sharing, "_waited_s", lambda: 0.0)
    calm = Calm()
    for gomp in filter(None, [sharing._libgomp()]):
        with idle_team(gomp):
            assert not calm.lasted()
        assert calm.lasted()


def test_where_nobody_counts_it_is_always_calm(monkeypatch, tmp_path):
    monkeypatch.setattr(sharing, "Path", lambda path: tmp_path / "nothing")
    calm = Calm()
    assert calm.lasted()
