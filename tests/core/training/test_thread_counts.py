import json
import threading
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.machine.device import Device, cores, resolve
from core.machine.thread_team import ThreadTeam
from core.runs.how_it_runs import how_it_runs
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.training import thread_counts as stretches_module
from core.training.cross_validation import CrossValidation
from core.training.events import Steps
from core.training.thread_counts import Stretches, joined, of_plain, to_plain
from core.training.trainer import Trainer
from tests.core.training.test_state import through_a_file

# Wide enough that two threads share its sums.
SPEC = RunSpec(
    blocks=(BlockSpec(channels=32, kernel_size=5, norm="batch", dropout=0.1),),
    dense=(DenseSpec(units=64),),
    batch_size=50,
    num_epochs=3,
    device="cpu",
)


def trained(make, spec, digits, sizes, broken_at=()):
    """Train as many threads as `sizes` says from which step on, by a new trainer after some."""
    team = ThreadTeam(8)
    trainer = make(spec, digits, report_s=0.0, team=team)
    team.begin_with(sizes[0], 0.0)
    running = trainer.fit()
    while (event := next(running, None)) is not None:
        if isinstance(event, Steps):
            if event.step in sizes:
                team.begin_with(sizes[event.step], 0.0)
            if event.step in broken_at:
                kept = through_a_file(trainer.state())
                resumed = team.size
                team = ThreadTeam(8)
                trainer = make(spec, digits, report_s=0.0, team=team)
                trainer.restore(kept)
                # What others leave now is known a little later than that the run goes on.
                kept_to = trainer.stretches[-1][1]
                assert team.size == kept_to
                team.begin_with(resumed, 0.0)
                running = trainer.fit()
    return trainer


@pytest.mark.parametrize(
    ("make", "folds"), [(Trainer, 0), (CrossValidation, 3)], ids=["one network", "folds"]
)
def test_a_run_notes_its_threads_and_goes_on_with_them(make, folds, make_digits):
    spec, digits = replace(SPEC, folds=folds), make_digits(200)
    sizes = {0: 2, 3: 1, 7: 3, 9: 2, 11: 1}
    whole = trained(make, spec, digits, sizes)
    assert whole.stretches == tuple(sizes.items())
    assert torch.get_num_threads() == 1
    resumed = trained(make, spec, digits, sizes, broken_at=(1, 3, 6, 8, 10))
    assert resumed.stretches == whole.stretches
    for name, value in whole.weights().items():
        assert torch.equal(value, resumed.weights()[name]), name


def test_a_run_that_goes_on_keeps_its_threads_though_all_cores_are_free(make_digits):
    digits, team = make_digits(200), ThreadTeam(2)
    first = Trainer(SPEC, digits, report_s=0.0, team=team)
    team.begin_with(1, 0.0)
    next(first.fit())
    later = ThreadTeam(2)
    second = Trainer(SPEC, digits, report_s=0.0, team=later)
    second.restore(through_a_file(first.state()))
    assert later.size == 1
    next(second.fit())
    assert second.stretches == ((0, 1),)


def test_whoever_computes_beside_a_run_keeps_to_one_thread(make_digits):
    seen = []
    team = ThreadTeam(4)
    trainer = Trainer(SPEC, make_digits(200), report_s=0.0, team=team)
    for event in trainer.fit():
        if isinstance(event, Steps) and event.step in (2, 5):
            team.begin_with(event.step - 1, 0.0)
        page = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        page.start()
        page.join()
    assert trainer.stretches == ((0, 4), (2, 1), (5, 4))
    assert set(seen) == {1}


def test_without_a_team_the_callers_threads_are_left_as_they_are(make_digits):
    torch.set_num_threads(3)
    trainer = Trainer(SPEC, make_digits(60))
    list(trainer.fit())
    assert torch.get_num_threads() == 3
    assert trainer.stretches == ()


def test_where_nobody_chooses_threads_no_number_is_told(make_digits):
    digits, team = make_digits(200), ThreadTeam(2)
    first = Trainer(SPEC, digits, report_s=0.0, team=team)
    next(first.fit())
    second = Trainer(SPEC, digits, report_s=0.0)
    second.restore(through_a_file(first.state()))
    assert second.stretches == ()


def test_a_checkpoint_from_before_threads_were_noted_goes_on(make_digits):
    digits, team = make_digits(200), ThreadTeam(4)
    first = Trainer(SPEC, digits, report_s=0.0)
    next(first.fit())
    kept = through_a_file(first.state())
    numbers = {name: value for name, value in kept.numbers.items() if name != "stretches"}
    second = Trainer(SPEC, digits, report_s=0.0, team=team)
    second.restore(replace(kept, numbers=numbers))
    list(second.fit())
    assert second.stretches == ((1, 4),)


def test_a_record_never_grows_without_end(monkeypatch):
    monkeypatch.setattr(stretches_module, "MOST", 4)
    team = ThreadTeam(2)
    stretches = Stretches(team)
    for step in range(50):
        team.begin_with(1 + step % 2, 0.0)
        stretches.before_step(step)
    assert stretches.known == ((0, 1), (1, 2), (2, 1), (3, 2))
    assert torch.get_num_threads() == 2


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9))).map(sorted))
def test_stretches_come_back_from_a_file(pairs):
    known = joined([], pairs)
    assert of_plain(json.loads(json.dumps(to_plain(known)))) == known
    assert all(one[1] != other[1] for one, other in pairwise(known))


def test_how_a_run_was_computed_elsewhere_is_told_of_that_machine():
    said = how_it_runs(SPEC, Device("cpu", cores=96), "float32")
    assert "On CPU, 96 cores" in said
    assert "; 96 threads that nothing else" in said
    gpu = how_it_runs(SPEC, Device("cuda", "NVIDIA T4"), "float32", [(0, 2)])
    assert gpu.startswith("On NVIDIA T4: ")
    assert "thread" not in gpu


def test_how_this_runs_tells_the_threads():
    here = resolve("cpu")
    assert f"{cores()} thread" in how_it_runs(SPEC, here, "float32")
    assert "; 4 threads that nothing else" in how_it_runs(SPEC, here, "float32", [(0, 4)])
    assert "; 1 thread that" in how_it_runs(SPEC, here, "float32", [(0, 1)])
    said = how_it_runs(SPEC, here, "float32", [(0, 2), (1_200, 1), (1_500, 2)])
    assert "2 since step 1,500, with 2 changes so far" in said
