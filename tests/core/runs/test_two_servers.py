"""Two servers share a folder: neither writes over what the other has made of a run."""

from dataclasses import replace

import pytest
import torch

from core.machine.device import take_one_core
from core.runs.manager import Runs
from core.runs.new_record import new_record
from core.runs.store import Store
from core.serving.limits import Limits
from core.spec import BlockSpec, RunSpec
from core.training.trainer import Trainer
from core.words.errors import UserError

SPEC = RunSpec(
    blocks=(BlockSpec(channels=2, stride=3, kernel_size=5),),
    batch_size=20,
    num_epochs=2,
    device="cpu",
)
ELSEWHERE = "Another NetSketch on this machine is working on that run"


class IdleRuns(Runs):
    """The runs of a server that trains nothing."""

    def _ensure_worker(self) -> None:
        pass


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    take_one_core()
    monkeypatch.setattr("core.runs.view.CLAIM_S", 0.05)


@pytest.fixture
def theirs(tmp_path):
    """The store as the other server has it."""
    made = Store(tmp_path)
    yield made
    made.close()


@pytest.fixture
def ours(tmp_path, theirs):
    """A server that knows a run which ended early after three steps, and that run's id."""
    record = replace(
        new_record(theirs.new_number(), SPEC, "ann"), status="interrupted", step=3, ended_at=5.0
    )
    theirs.add(record)
    line = IdleRuns(Store(tmp_path), Limits(keep_deleted_days=1))
    yield line, record.id
    line.close()


def goes_on(theirs, run_id, **facts):
    """Let the other server have gone on with a run; return what it has made of it."""
    record = replace(theirs.get(run_id), ended_at=None, status="running", step=7)
    record = replace(record, **facts)
    theirs.put(record)
    return record


def test_a_run_that_goes_on_there_is_not_put_in_line_here(ours, theirs):
    line, run_id = ours
    before = line.get(run_id).snapshot()
    record = goes_on(theirs, run_id)
    with theirs.claim(run_id), pytest.raises(UserError, match=ELSEWHERE):
        line.go_on(run_id, "ann")
    assert theirs.get(run_id) == record
    assert line.get(run_id).snapshot() == before
    assert line.get(run_id).in_line is False
    # When that has died, it may go on here.
    assert line.go_on(run_id, "ann").status == "queued"
    assert theirs.get(run_id).status == "queued"


@pytest.mark.parametrize("how", ["stop", "leave"])
def test_a_run_that_waits_here_and_goes_on_there_is_not_ended_there(ours, theirs, how):
    line, run_id = ours
    run = line.go_on(run_id, "ann")
    record = goes_on(theirs, run_id)
    with theirs.claim(run_id):
        line.stop(run_id, "ann") if how == "stop" else line.close()
    assert run.status == ("stopped" if how == "stop" else "interrupted")
    assert theirs.get(run_id) == record


def test_a_run_that_was_finished_there_is_finished_here_too(ours, theirs):
    line, run_id = ours
    facts = {"test_correct": 3, "test_total": 4, "test_loss": 0.5, "ended_at": 9.0}
    steps = theirs.get(run_id).num_steps
    record = goes_on(theirs, run_id, status="finished", step=steps, **facts)
    with pytest.raises(UserError, match="has come to its end"):
        line.go_on(run_id, "ann")
    assert theirs.get(run_id) == record
    now = line.get(run_id).snapshot()
    assert (now.status, now.step, now.test.correct) == ("finished", steps, 3)


def test_a_run_that_came_further_there_goes_on_from_there(ours, theirs):
    line, run_id = ours
    record = goes_on(theirs, run_id, status="stopped", epoch=1, elapsed_s=40.0, ended_at=9.0)
    run = line.go_on(run_id, "ann")
    assert (run.snapshot().status, run.snapshot().step) == ("queued", 7)
    assert theirs.get(run_id) == replace(record, status="queued", ended_at=None)
    assert line.place_in_line(run) == 0
    assert len(line._queue.line) == 1


def test_a_run_that_was_deleted_there_does_not_go_on_here(ours, theirs):
    line, run_id = ours
    theirs.delete([run_id])
    record = theirs.get(run_id)
    with pytest.raises(UserError, match="no such run any more"):
        line.go_on(run_id, "ann")
    assert theirs.get(run_id) == record
    assert len(line._queue.line) == 0


def test_weights_that_came_late_to_the_disk_are_not_written_over_those_from_there(
    ours, theirs, make_digits
):
    line, run_id = ours
    run = line.get(run_id)
    trainer = Trainer(SPEC, make_digits(100))
    run._facts.weights = trainer.weights()  # the disk was full as it ended
    run._facts._weights_step = 3
    record = goes_on(theirs, run_id, status="diverged", ended_at=9.0)
    better = {name: value + 1 for name, value in trainer.weights().items()}
    theirs.folder(run_id).save_weights(better, "diverged after step 7")
    line._retention.look_again()
    assert theirs.get(run_id) == record
    found = run.weights()
    assert found.keys() == better.keys()
    assert all(torch.equal(found[name], value) for name, value in better.items())
