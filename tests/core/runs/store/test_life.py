"""The whole life of a run on the disk, broken off at every write, fsync and rename in turn."""

from pathlib import Path

import pytest

from core.runs.store import Store, StoreError, disk
from tests.core.runs.store.samples import (
    ERRORS,
    PER_EPOCH,
    WORDS,
    Killed,
    history,
    record,
    same_history,
    same_state,
    state,
)


def steps_of_a_life(store: Store) -> list[tuple[str, object]]:
    """Everything that is saved in the life of a run, in order, and what is known after each."""
    run = record().id
    folder = store.folder(run)
    logits = state(1).tensors["model.weight"]

    def save(step):
        return lambda: store.folder(run).save(state(step, 12_000), history(step))

    return [
        ("added", lambda: store.add(record())),
        ("running", lambda: store.put(record(status="running"))),
        *((f"step {step}", save(step)) for step in (10, 20, 27, 30)),
        ("logits", lambda: folder.save_logits(logits)),
        ("named", lambda: store.change(run, **WORDS)),
        ("finished", lambda: store.put(record(status="finished", step=30))),
        ("deleted", lambda: store.delete([run])),
        ("restored", lambda: store.restore([run])),
        ("closed", store.close),
    ]


def live(store: Store) -> list[str]:
    """Go through a run's life until something stops it; return what was done."""
    done = []
    try:
        for name, action in steps_of_a_life(store):
            action()
            done.append(name)
    except (StoreError, Killed):
        pass
    return done


def check(root: Path, done: list[str]) -> None:
    """See that a new store finds all that was done, and perhaps what was under way."""
    store = Store(root)
    assert store.notices == ()
    found = store.get(record().id)
    if "added" not in done:
        assert found in (None, record())
        assert store.rows() == () if found is None else len(store.rows()) == 1
        return
    assert found is not None
    assert found.status in ("queued", "running", "finished")
    if "finished" in done:
        assert found.status == "finished"
    elif "running" in done:
        assert found.status != "queued"
    if "named" in done:
        assert {name: getattr(found, name) for name in WORDS} == WORDS
    if "restored" in done:
        assert found.deleted_at is None
    elif "deleted" not in done and found.deleted_at is not None:
        assert "finished" in done
    folder = store.folder(found.id)
    saved = [int(name.removeprefix("step ")) for name in done if name.startswith("step ")]
    under_way = [step for step in (10, 20, 27, 30) if step not in saved][:1]
    state_ = folder.load_state()
    assert (state_.step if state_ else None) in (saved[-1] if saved else None, *under_way)
    if state_ is not None:
        assert same_state(state_, state(state_.step, 12_000))
        assert same_history(folder.load_history(PER_EPOCH, state_.step), history(state_.step))
    assert (folder.load_logits() is not None) or "logits" not in done
    rows = [row for row in store.rows() if row.id == found.id]
    assert len(rows) == (found.deleted_at is None)
    for row in rows:
        assert (row.status, row.name, row.note) == (found.status, found.name, found.note)
    store.close()


def points_of_a_life(root, faults):
    store = Store(root)
    faults.kill_at(-1)
    assert len(live(store)) == 12
    return len(faults.seen)


def test_killed_at_any_point_of_its_life_a_run_is_as_it_was_told(tmp_path, faults):
    points = points_of_a_life(tmp_path / "whole", faults)
    assert points >= 100
    for point in range(1, points + 1):
        root = tmp_path / str(point)
        store = Store(root)
        faults.kill_at(point)
        done = live(store)
        assert len(done) < 12
        faults.stop()
        check(root, done)


@pytest.mark.parametrize("number", ERRORS)
def test_a_full_faulty_or_read_only_disk_at_any_point_is_said(tmp_path, faults, number):
    points = points_of_a_life(tmp_path / "whole", faults)
    for point in range(1, points + 1):
        root = tmp_path / str(point)
        store = Store(root)
        faults.fail_at(point, number)
        done = live(store)
        step, path = faults.seen[point - 1]
        # What lies beside the runs' folders is made from these, and no reason to complain.
        assert len(done) < 12 or step == "remove" or path.parent == root
        faults.stop()
        check(root, done)
        # The same store goes on when the disk is well again.
        assert len(store.rows()) <= 1
        if store.get(record().id) is None:
            store.add(record())
        store.put(record(status="stopped"))
        assert [row.status for row in store.rows()] in (["stopped"], [])
        assert store.get(record().id).status == "stopped"
        assert store.disk_used() == disk.size_of(root / "runs" / record().id)
