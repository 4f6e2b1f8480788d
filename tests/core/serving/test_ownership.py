"""On a class server nobody changes another's run, by whatever way, and however it is asked for."""

import ast
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.network.model import build
from core.runs.manager import Runs
from core.runs.new_record import new_record
from core.runs.record import to_plain
from core.runs.store import Store, Unreadable
from core.runs.view import Run
from core.serving.limits import Limits
from core.serving.ownership import Ownership
from core.spec import BlockSpec, RunSpec
from core.words.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
SPEC = RunSpec(blocks=(BlockSpec(channels=2, stride=3),), num_epochs=2, device="cpu")

# Every public method of Runs stands in one of these.
CHANGES = {
    "pause": lambda line, run_id, who: line.pause(run_id, who),
    "resume": lambda line, run_id, who: line.resume(run_id, who),
    "stop": lambda line, run_id, who: line.stop(run_id, who),
    "set_lr": lambda line, run_id, who: line.set_lr(run_id, 0.01, who),
    "go_on": lambda line, run_id, who: line.go_on(run_id, who),
    "move": lambda line, run_id, who: line.move(run_id, -1, who),
    "change": lambda line, run_id, who: line.change(run_id, name="mine", starred=True, owner=who),
    "delete": lambda line, run_id, who: line.delete([run_id], who),
    "restore": lambda line, run_id, who: line.restore([run_id], who),
    "measure_on_other_data": lambda line, run_id, who: line.measure_on_other_data(run_id, who),
}
# They make something of the asker's own, and touch no run that there is.
MAKES = {"start", "duel", "bring_in", "price", "range_test", "stop_range_test"}
LOOKS = {
    *("get", "all", "rows", "active", "all_active", "place_in_line", "waiting_before", "notices"),
    *(
        "disk_used",
        "are_kept",
        "may_change",
        "price_pending",
        "on_other_data",
        "other_data_progress",
    ),
    *("range_tested", "warm_up", "close"),
}


class IdleRuns(Runs):
    """Runs that nobody trains."""

    def _ensure_worker(self) -> None:
        pass


@pytest.fixture
def serve(tmp_path):
    """Serve Ann's runs, one that was interrupted and one that is deleted, to a class."""
    opened = []

    def open_runs(allowed=None, **words: object) -> tuple[Runs, str, str]:
        store = Store(tmp_path)
        kept, gone = (new_record(store.new_number(), SPEC, owner="ann") for _ in range(2))
        kept = replace(kept, status="interrupted", step=3, **words)
        store.add(kept), store.add(replace(gone, status="interrupted", deleted_at=time.time()))
        line = IdleRuns(store, allowed or Limits(only_own_runs=True))
        opened.append(line)
        return line, kept.id, gone.id

    yield open_runs
    for line in opened:
        line.close()


def told(line: Runs) -> list[object]:
    """All that is known of all runs, deleted ones too."""
    ids = [entry.row.id for entry in line._store._index.entries()]
    waiting = [entry.run_ids for entry in line._queue.line.order()]
    return [*(to_plain(line._store.get(run_id)) for run_id in ids), waiting]


def test_every_method_is_known_to_change_a_run_or_not():
    public = {name for name in dir(Runs) if not name.startswith("_")}
    assert public == CHANGES.keys() | MAKES | LOOKS


@pytest.mark.parametrize("act", CHANGES)
@pytest.mark.parametrize("who", ["ben", ""], ids=["another", "nobody"])
def test_nobody_else_changes_a_run(serve, act, who):
    line, kept, gone = serve()
    run_id = gone if act == "restore" else kept
    before = told(line)
    with pytest.raises(UserError, match="This run is somebody else’s"):
        CHANGES[act](line, run_id, who)
    assert told(line) == before


@pytest.mark.parametrize("act", ["go_on", "change", "delete", "restore", "stop"])
def test_its_owner_changes_it(serve, act):
    line, kept, gone = serve()
    before = told(line)
    CHANGES[act](line, gone if act == "restore" else kept, "ann")
    assert act == "stop" or told(line) != before


def test_a_deleted_run_is_not_changed_by_the_way(serve):
    line, _, gone = serve()
    before = told(line)
    for act in CHANGES.keys() - {"restore", "delete"}:
        with pytest.raises(UserError, match="no such run"):
            CHANGES[act](line, gone, "ben")
    assert told(line) == before


def test_of_several_runs_none_is_deleted_where_one_is_anothers(serve):
    line, kept, _ = serve()
    bens = line.start(SPEC, "ben")
    bens.stop()
    for wanted in ([bens.id, kept], [kept, bens.id]):
        with pytest.raises(UserError, match="somebody else’s"):
            line.delete(wanted, "ben")
    assert {run.id for run in line.all()} == {kept, bens.id}


def test_a_run_whose_owner_cannot_be_read_is_not_deleted(serve, monkeypatch):
    line, kept, _ = serve()
    line._registry._runs.clear()  # as an older one, which is read when it is asked for
    read, refused = Store.get, []

    def once(store: Store, run_id: str) -> object:
        if not refused:
            refused.append(run_id)
            raise Unreadable("The run cannot be read now.")
        return read(store, run_id)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "get", once)
        with pytest.raises(UserError, match=r"cannot be read now"):
            line.delete([kept], "ben")
    assert line._store.get(kept).deleted_at is None


def test_on_a_laptop_anybody_may(serve):
    line, kept, gone = serve(Limits())
    line.change(kept, name="ours", owner="ben")
    line.restore([gone], "ben")
    assert line.go_on(kept, "ben").status == "queued"


def test_what_is_nobodys_is_everybodys():
    assert Ownership(only_own=True).allows("", "ben")
    assert not Ownership(only_own=True).allows("ann", "")
    assert Ownership().allows("ann", "ben")


# What changes a run, on the run itself: it knows no people, so only Runs may call it.
_OF_A_RUN = {"pause", "resume", "stop", "set_lr", "requeue", "interrupt", "reworded", "join_rival"}


def test_pages_change_runs_through_the_one_door_only():
    assert set(dir(Run)) >= _OF_A_RUN
    found = []
    for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or node.attr not in _OF_A_RUN:
                continue
            if ast.unparse(node.value) not in ("runs()", "st"):
                found.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
    assert found == []


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ({"max_waiting": 2}, "2 runs are waiting already"),
        ({"max_waiting_per_person": 2}, "You have 2 runs waiting"),
        ({"max_waiting_per_address": 2}, "2 runs from your network address"),
    ],
    ids=["all", "person", "address"],
)
@pytest.mark.parametrize("way", ["start", "duel", "bring_in", "go_on"])
def test_every_way_into_the_line_asks_for_room(serve, limit, words, way):
    line, kept, _ = serve(Limits(**limit))
    ways = {
        "start": lambda: line.start(SPEC.with_value("seed", 99), "ann", "10.0.0.7"),
        "duel": lambda: line.duel(SPEC, SPEC.with_value("lr", 0.5), "ann", "10.0.0.7"),
        "bring_in": lambda: line.bring_in("new", SPEC, build(SPEC).state_dict(), "ann", "10.0.0.7"),
        "go_on": lambda: line.go_on(kept, "ann", "10.0.0.7"),
    }
    for seed in (1, 2):
        line.start(SPEC.with_value("seed", seed), "ann", "10.0.0.7")
    before = told(line)
    with pytest.raises(UserError, match=words):
        ways[way]()
    assert told(line) == before
    assert len(line.all()) == 3


def test_a_fresh_cookie_is_no_fresh_allowance_and_a_laptop_has_no_address(serve):
    line, _, _ = serve(Limits(max_waiting_per_person=1, max_waiting_per_address=3))
    for cookie in range(3):
        line.start(SPEC, f"cookie {cookie}", "10.0.0.7")
    with pytest.raises(UserError, match="3 runs from your network address"):
        line.start(SPEC, "cookie 3", "10.0.0.7")
    line.start(SPEC, "elsewhere", "10.0.0.8")
    for cookie in range(4):
        line.start(SPEC, f"here {cookie}", "")
