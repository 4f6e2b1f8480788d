import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.data.loading import load
from core.machine.device import cores
from core.runs import training_thread as thread_module
from core.runs import worker as worker_module
from core.runs.executor import ThisThread
from core.runs.manager import Runs
from core.runs.messages import Clocked
from core.runs.registry import MAX_KEPT
from core.serving.limits import Limits
from core.spec import BlockSpec, RunSpec
from core.spec.presets import PRESETS
from core.words.errors import UserError
from tests.core.runs.seen import eventually

QUICK = RunSpec(
    blocks=(BlockSpec(channels=2, stride=3, kernel_size=5),),
    batch_size=500,
    num_epochs=1,
    device="cpu",
)
LONG = replace(QUICK, num_epochs=200, batch_size=8)


@pytest.fixture
def line():
    """The runs of a process of their own, ended with the test."""
    made = Runs()
    yield made
    made.close()
    assert not made._thread.is_alive


def ends(run):
    assert run.wait(20)
    return run.status


def nth(number, spec=LONG):
    return replace(spec, seed=number)


def test_a_run_is_trained_to_its_end(line):
    run = line.start(QUICK)
    assert ends(run) == "finished"
    assert run.snapshot().test.total == 500
    assert line.get(run.id) is run
    assert line.get("nonsense") is None
    assert line.all() == (run,)
    assert line.active() is None


class Gone:
    """An executor that is over before its jobs are."""

    def __init__(self, error):
        self._error = error

    def execute(self, jobs, end):
        end.tell(jobs[0].record.id, Clocked(elapsed_s=1.0, goes=True, status="running"))
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("error", [None, OSError("gone")], ids=["returns", "raises"])
def test_a_run_that_nobody_trains_any_more_is_interrupted_and_the_next_is_trained(
    line, monkeypatch, error
):
    given = []

    def gone_at_first(*args):
        given.append(args)
        return Gone(error) if len(given) == 1 else ThisThread(*args)

    monkeypatch.setattr(thread_module, "ThisThread", gone_at_first)
    run = line.start(QUICK)
    assert ends(run) == "interrupted"
    assert "broke off" in run.snapshot().message
    assert 1.0 <= run.snapshot().elapsed_s == run.snapshot().elapsed_s < 10.0
    assert line.active() is None
    assert ends(line.start(nth(2, QUICK))) == "finished"


def test_the_same_spec_twice_is_one_run_until_it_has_ended(line):
    run = line.start(LONG)
    assert line.start(replace(LONG)) is run
    run.stop()
    ends(run)
    again = line.start(LONG)
    assert again is not run
    assert again.id != run.id


def test_eight_clicks_at_once_are_one_run(line):
    gate = threading.Barrier(8)
    before = set(threading.enumerate())

    def click(_):
        gate.wait()
        return line.start(LONG)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(click, range(8)))
    assert len(found) == 1
    assert len(line.all()) == 1
    begun = set(threading.enumerate()) - before
    assert [thread.name for thread in begun].count("netsketch-trainer") == 1


def test_a_second_spec_waits_in_line_and_goes_in_order(line):
    first, second, third = (line.start(nth(i)) for i in range(3))
    eventually(lambda: first.status == "running")
    assert line.active() is first
    assert [line.place_in_line(run) for run in (first, second, third)] == [0, 1, 2]
    assert line.all() == (third, second, first)
    time.sleep(0.1)
    assert (second.status, third.status) == ("queued", "queued")
    first.pause()
    eventually(lambda: first.status == "paused")
    time.sleep(0.1)
    assert second.status == "queued"  # a paused run keeps its place
    assert line.active() is first
    first.stop()
    eventually(lambda: second.status == "running")
    assert (line.place_in_line(second), line.place_in_line(third)) == (0, 1)
    third.stop()
    assert line.place_in_line(third) == 0
    second.stop()
    assert ends(second) == "stopped"
    assert third.snapshot().step == 0


def test_the_line_has_an_end(line):
    running = line.start(nth(0))
    eventually(lambda: running.status == "running")
    waiting = [line.start(nth(1 + i)) for i in range(Limits().max_waiting)]
    assert line.place_in_line(waiting[-1]) == Limits().max_waiting
    with pytest.raises(UserError) as caught:
        line.start(nth(99))
    assert str(caught.value) == ("30 runs are waiting already. Wait for one to end, or stop one.")
    assert line.start(nth(5)) is waiting[4]  # what waits already may be asked for again
    waiting[0].stop()
    assert line.start(nth(99)).status == "queued"


def test_what_cannot_run_is_refused_at_once(line):
    with pytest.raises(UserError, match=r"^Block 5: "):
        line.start(replace(QUICK, blocks=(BlockSpec(),) * 5))
    assert line.all() == ()


def test_old_runs_are_forgotten_but_none_that_has_not_ended(line):
    running = line.start(LONG)
    eventually(lambda: running.status == "running")
    for i in range(1, MAX_KEPT + 6):
        line.start(nth(i)).stop()
    assert len(line.all()) == MAX_KEPT
    assert line.get(running.id) is running
    assert len({run.id for run in line.all()}) == MAX_KEPT


def test_close_interrupts_everything_within_seconds(line):
    first, second = line.start(LONG), line.start(nth(1))
    eventually(lambda: first.status == "running")
    first.pause()
    began = time.monotonic()
    line.close()
    assert time.monotonic() - began < 5
    assert (first.status, second.status) == ("interrupted", "interrupted")
    assert first.weights() is not None


def test_the_worker_survives_a_run_that_fails(line, monkeypatch):
    def refuse(key):
        raise RuntimeError("a fault")

    with monkeypatch.context() as patch:
        patch.setattr(worker_module, "load", refuse)
        failed = line.start(QUICK)
        assert ends(failed) == "failed"
    assert ends(line.start(QUICK)) == "finished"


def test_the_worker_survives_digits_that_cannot_be_read(line, monkeypatch):
    def refuse(key):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(thread_module, "load", refuse)
        patch.setattr(worker_module, "load", refuse)
        run = line.start(QUICK)
        assert ends(run) == "failed"
    assert run.snapshot().message.startswith("Out of memory")
    assert ends(line.start(QUICK)) == "finished"


def test_training_has_all_cores_and_every_other_thread_one(line, monkeypatch):
    seen = {}

    def watched(key):
        seen["worker"] = torch.get_num_threads()
        return load(key)

    monkeypatch.setattr(worker_module, "load", watched)
    assert ends(line.start(QUICK)) == "finished"
    thread = threading.Thread(target=lambda: seen.update(other=torch.get_num_threads()))
    thread.start()
    thread.join()
    assert seen == {"worker": cores(), "other": 1}
    assert torch.get_num_threads() == 1
    # A thread that came in between has not taken the worker's cores away.
    seen.clear()
    assert ends(line.start(nth(1, QUICK))) == "finished"
    assert seen["worker"] == cores()


def test_runs_that_live_in_memory_only_are_listed_too(line):
    run = line.start(QUICK)
    ends(run)
    (row,) = line.rows()
    assert (row.id, row.status, row.num_bytes) == (run.id, "finished", 0)
    assert row.test_accuracy == run.snapshot().test.correct / 500


def test_runs_have_names_for_people(line):
    spec = replace(QUICK, blocks=(BlockSpec(channels=3), BlockSpec(channels=5)))
    one = line.start(spec)
    two = line.start(PRESETS["lenet"].spec)
    assert one.name == "1 · conv 3–5"
    assert two.name == "2 · LeNet-5 (1998)"


def test_a_name_says_what_its_owners_last_run_had_otherwise(line):
    spec = replace(QUICK, blocks=(BlockSpec(channels=3), BlockSpec(channels=5)))
    line.start(spec, "ann")
    line.start(PRESETS["bad"].spec, "ben")
    assert line.start(replace(spec, seed=7), "ann").name == "3 · conv 3–5, seed 7"
    assert line.start(replace(spec, seed=8), "ben").name == "4 · conv 3–5"


def test_the_two_of_a_duel_are_named_by_what_tells_them_apart(line):
    small = PRESETS["small"].spec
    two = line.duel(replace(small, optimizer="sgd", num_epochs=1), replace(small, num_epochs=1))
    named = ["1 · Small and fast, SGD, 1 epoch", "2 · Small and fast, 1 epoch"]
    assert [run.name for run in two] == named


WHOLE = """
import core.runs.manager as module
from core.spec import BlockSpec, RunSpec
line = module.runs()
assert module.runs() is line
line.start(RunSpec(blocks=(BlockSpec(channels=2),), num_epochs=200, device="cpu"))
print("started")
"""


def test_a_process_with_a_run_in_it_ends_by_itself(tmp_path):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WHOLE],
        cwd=Path(__file__).resolve().parents[3],
        env=os.environ | {"NETSKETCH_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")
    assert time.monotonic() - began < 20
