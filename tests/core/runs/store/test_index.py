"""The list of runs: whatever becomes of what is kept of it, the runs are there."""

import json
import os
import shutil
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.record import VERSION, RunRecord, to_plain
from core.runs.store import RunFolder, Store, StoreError, Unreadable, disk, kept
from core.runs.store import index as index_module
from core.runs.store.checkpoint import checkpoints
from tests.core.runs.store.samples import WORDS, history, record, state

LIST, CHANGES, NUMBER = "runs.list", "runs.changes", "runs.number"


@pytest.fixture
def root(tmp_path):
    """Three runs, one of them named by a person, one deleted, one saved twice."""
    return three_runs(tmp_path / "data")


def three_runs(root):
    store = Store(root)
    for _ in range(3):
        store.add(record(store.new_number()))
    store.change(record(1).id, **WORDS)
    store.delete([record(2).id])
    for step in (10, 20):
        store.folder(record(3).id).save(state(step), history(step))
    store.close()
    return root


def expected_rows(root):
    """The rows as they were before anything happened."""
    store = Store(root)
    rows = store.rows()
    store.close()
    assert [row.number for row in rows] == [3, 1]
    assert rows[1].name == "my best"
    return rows


@pytest.fixture
def read(monkeypatch):
    """The ids of the runs whose descriptions were read, in order."""
    seen = []
    real = RunFolder.read_record

    def read_record(folder):
        seen.append(folder.path.name)
        return real(folder)

    monkeypatch.setattr(RunFolder, "read_record", read_record)
    return seen


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def into_a_folder(path):
    path.unlink()
    path.mkdir()


def signed(path, said):
    """Let a file say anything, with the sum that belongs to it."""
    kept._write(path, json.dumps(said))


DAMAGES = {
    "gone": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "no list": lambda path: path.write_bytes(b"not a list" * 1000),
    "cut in half": cut,
    "a folder": into_a_folder,
    "nothing in it": lambda path: signed(path, []),
    "no rows": lambda path: signed(path, [kept._KIND, 5, "x"]),
    "short rows": lambda path: signed(path, [kept._KIND, ["3-a1b2c3", 3]]),
    "other columns": lambda path: signed(path, ["0 id number", ["3-a1b2c3", 3]]),
    "an object": lambda path: signed(path, {"runs": 3}),
    "null": lambda path: signed(path, None),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("name", [LIST, NUMBER, CHANGES])
def test_whatever_is_damaged_beside_the_folders_no_run_is_missed(root, name, damage):
    rows = expected_rows(root)
    damage(root / name)
    store = Store(root)
    assert store.rows() == rows
    assert store.notices == ()
    store.restore([record(2).id])
    assert [row.number for row in store.rows()] == [3, 2, 1]
    assert store.new_number() == 4
    assert store.new_number() == 5
    store.close()
    assert [row.number for row in Store(root).rows()] == [3, 2, 1]


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = three_runs(tmp_path_factory.mktemp("template") / "data")
    return root, expected_rows(root)


@settings(max_examples=100)
@given(data=st.data())
def test_no_flipped_byte_or_cut_of_what_is_kept_hides_a_run(tmp_path_factory, template, data):
    original, rows = template
    root = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(original, root)
    path = root / data.draw(st.sampled_from([LIST, NUMBER, CHANGES]))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.integers(0, 3)):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    path.write_bytes(content)
    store = Store(root)
    assert store.rows() == rows
    store.put(record(3, status="running"))
    assert store.rows()[0].status == "running"
    assert store.new_number() == 4
    store.close()


def test_a_store_that_opens_again_reads_only_what_has_changed(root, read):
    rows = expected_rows(root)
    # A copy with its times, as a backup makes it, is another set of files.
    path = root / "runs" / record(1).id / "run.json"
    path.write_text(path.read_text().replace("my best", "my last"))
    del read[:]
    store = Store(root)
    assert read == [record(1).id]
    assert store.rows() == (rows[0], replace(rows[1], name="my last"))


def test_a_row_made_by_other_code_is_made_anew(root, read, monkeypatch):
    expected_rows(root)
    del read[:]
    monkeypatch.setattr(kept, "_KIND", kept._KIND + " colour")
    assert [row.number for row in Store(root).rows()] == [3, 1]
    assert sorted(read) == [record(number).id for number in (1, 2, 3)]


def test_listing_again_touches_no_run(root, read, monkeypatch):
    store = Store(root)
    rows = store.rows()
    del read[:]
    asked = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **more: asked.append(path) or real(path, **more))
    assert store.rows() is rows
    assert not read
    assert [Path(path).name for path in asked] == [CHANGES]


def test_what_others_change_is_seen_at_once_and_nothing_else_is_read(root, read):
    mine, others = Store(root), Store(root)
    rows = mine.rows()
    del read[:]
    others.put(record(3, status="running"))
    others.change(record(1).id, name="theirs")
    others.add(record(4))
    others.delete([record(1).id])
    others.folder(record(3).id).save(state(30, 5000), history(30))
    del read[:]
    found = mine.rows()
    assert [(row.number, row.status) for row in found] == [(4, "queued"), (3, "running")]
    assert found[1].num_bytes == disk.size_of(root / "runs" / record(3).id) > rows[0].num_bytes
    assert sorted(read) == [record(number).id for number in (1, 3, 4)]
    others.restore([record(1).id])
    assert mine.rows()[-1].name == "theirs"
    others.delete([record(3).id])
    others.purge(-1.0)
    assert [row.number for row in mine.rows()] == [4, 1]
    assert mine.disk_used() == sum(disk.size_of(path) for path in (root / "runs").iterdir())
    assert mine.rows() == others.rows() == Store(root).rows()


def test_what_was_changed_by_hand_is_seen_by_the_next_look(root):
    store = Store(root)
    rows = store.rows()
    shutil.copytree(root / "runs" / record(3).id, root / "runs" / "9-ffffff")
    path = root / "runs" / record(1).id / "run.json"
    path.write_text(path.read_text().replace("my best", "my last"))
    shutil.rmtree(root / "runs" / record(3).id)
    assert store.rows() == rows
    store.sweep()
    assert [(row.id, row.name) for row in store.rows()] == [
        ("9-ffffff", rows[0].name),
        (record(1).id, "my last"),
    ]
    assert store.notices == ()


def test_changes_that_are_begun_anew_or_torn_lose_no_news(root, monkeypatch):
    mine, others = Store(root), Store(root)
    mine.rows()
    monkeypatch.setattr("core.runs.store.changes._MOST_BYTES", 20)
    for name in ("one", "two", "three", "four"):
        others.change(record(3).id, name=name)
        assert mine.rows()[0].name == name
    assert (root / CHANGES).stat().st_size < 100
    with (root / CHANGES).open("ab") as file:
        file.write(b"3-a1b2")  # as a kill leaves it
    others.change(record(3).id, name="five")
    assert mine.rows()[0].name == "five"


@pytest.mark.parametrize(
    "line", ["../../etc x", "/etc/passwd x", "CON x", "a b c", "x", "\x00 x", "é x", "9-none x"]
)
def test_changes_that_name_no_run_are_passed_over(root, line):
    store = Store(root)
    rows = store.rows()
    with (root / CHANGES).open("ab") as file:
        file.write(f"\n{line}\n".encode())
    assert store.rows() == rows
    assert store.notices == ()


def test_a_disk_that_takes_no_news_stops_no_writer(root, faults):
    mine, others = Store(root), Store(root)
    (root / CHANGES).unlink()
    (root / CHANGES).mkdir()
    others.put(record(3, status="running"))
    assert others.rows()[0].status == "running"
    mine.sweep()
    assert mine.rows()[0].status == "running"


def test_folders_that_cannot_be_listed_are_told_and_looked_for_again(root, monkeypatch):
    monkeypatch.setattr(index_module, "RETRY_S", 0.0)
    rows = expected_rows(root)
    real = os.scandir

    def refuse(path):
        if Path(path) == root / "runs":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(index_module.os, "scandir", refuse)
    store = Store(root)
    # As they were kept.
    assert store.rows() == rows
    (notice,) = store.notices
    assert "The folder for runs cannot be read now (runs): reading is not allowed there" in notice
    (root / NUMBER).unlink()
    with pytest.raises(Unreadable):
        store.new_number()
    monkeypatch.setattr(index_module.os, "scandir", real)
    assert store.rows() == rows
    assert store.notices == ()
    assert store.new_number() == 4


def test_numbers_are_given_once_by_several_stores_and_never_again(root):
    stores = [Store(root) for _ in range(3)]
    given_ = []

    def take(store):
        given_.extend(store.new_number() for _ in range(10))

    threads = [threading.Thread(target=take, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given_) == list(range(4, 34))
    assert Store(root).new_number() == 34


def test_a_number_that_another_holds_up_is_taken_all_the_same(root, monkeypatch):
    monkeypatch.setattr(index_module, "LOCK_S", 0.05)
    store = Store(root)
    with FileLock(root / "index.lock"):
        assert store.new_number() == 4
    assert store.new_number() == 5


# As NetSketch made it, before the folders alone told what runs there are.
FORMER = """
CREATE TABLE runs (id TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE counter (last_number INTEGER NOT NULL);
INSERT INTO counter VALUES (17);
PRAGMA user_version = 1;
"""


def as_before(root):
    """Put back what an earlier NetSketch kept in place of what is kept now."""
    for name in (LIST, CHANGES, NUMBER):
        (root / name).unlink()
    database = sqlite3.connect(root / "runs.sqlite")
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(FORMER)
    database.close()


def test_the_database_of_an_earlier_netsketch_gives_its_last_number_and_goes(root):
    rows = expected_rows(root)
    as_before(root)
    store = Store(root)
    assert store.rows() == rows
    assert store.new_number() == 18
    assert not list(root.glob("*.sqlite*"))
    store.close()
    assert Store(root).new_number() == 19


@pytest.mark.parametrize("state_of_it", ["damaged", "locked", "empty", "a folder"])
def test_a_database_that_tells_nothing_stops_no_store(root, state_of_it):
    rows = expected_rows(root)
    as_before(root)
    path = root / "runs.sqlite"
    other = sqlite3.connect(":memory:")
    match state_of_it:
        case "damaged":
            path.write_bytes(path.read_bytes()[:100] + b"\xa5" * 5000)
        case "locked":
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
        case "empty":
            path.write_bytes(b"")
        case _:
            into_a_folder(path)
    store = Store(root)
    assert store.rows() == rows
    assert store.notices == ()
    assert store.new_number() == 4
    other.close()
    assert path.exists()


def test_many_runs_are_in_order_and_those_that_are_deleted_gone(tmp_path):
    runs = tmp_path / "runs"
    for number in range(1, 201):
        (runs / record(number).id).mkdir(parents=True)
        write(runs, record(number))
    store = Store(tmp_path)
    assert [row.number for row in store.rows()] == list(range(200, 0, -1))
    store.delete(record(number).id for number in range(1, 201, 2))
    left = list(range(200, 0, -2))
    assert [row.number for row in store.rows()] == left
    # Whatever becomes of this process: more has changed than the next one ought to read.
    store.sweep()
    assert len(kept.read_rows(tmp_path / LIST)) == 200
    assert [row.number for row in Store(tmp_path).rows()] == left


def write(runs: Path, said: RunRecord) -> None:
    (runs / said.id / "run.json").write_text(json.dumps(to_plain(said)))


def test_rows_stay_in_order_however_they_come(root):
    store = Store(root)
    for number in (9, 4, 12, 7):
        store.add(record(number))
        store.put(record(3, status="running"))
    assert [row.number for row in store.rows()] == [12, 9, 7, 4, 3, 1]
    assert store.rows() == Store(root).rows()


def test_a_damaged_description_is_rebuilt_from_a_checkpoint(root):
    store = Store(root)
    store.change(record(3).id, **WORDS)
    store.put(record(3, status="running", step=20))
    store.folder(record(3).id).save(state(27), history(27))
    store.close()
    path = root / "runs" / record(3).id / "run.json"
    path.write_bytes(path.read_bytes()[:100])
    again = Store(root)
    found = again.get(record(3).id)
    assert found == record(
        3, status="interrupted", step=27, epoch=2, val_accuracy=0.89, best_epoch=2, **WORDS
    )
    assert [row.name for row in again.rows()] == ["my best", "my best"]
    (notice,) = again.notices
    assert "run 3 (3-a1b2c3) was damaged and has been rebuilt" in notice
    again.close()
    assert Store(root).notices == ()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"version": 2}', b"[" * 100_000, b"1" * 2_000_000],
)
def test_a_description_that_cannot_be_rebuilt_is_left_out_and_named(root, content):
    path = root / "runs" / record(1).id / "run.json"
    path.write_bytes(content)
    store = Store(root)
    assert [row.number for row in store.rows()] == [3]
    assert store.get(record(1).id) is None
    (notice,) = store.notices
    assert "1-a1b2c3 is left out" in notice
    assert path.read_bytes() == content
    with pytest.raises(StoreError, match="Run 1 cannot be read"):
        store.change(record(1).id, starred=True)


def test_numbers_that_no_list_holds_are_damage(root):
    path = root / "runs" / record(1).id / "run.json"
    path.write_text(path.read_text().replace('"number": 1,', f'"number": {10**30},'))
    store = Store(root)
    assert [row.number for row in store.rows()] == [3]
    assert len(store.notices) == 1
    assert not list(root.glob("runs-damaged-*"))


@settings(max_examples=150)
@given(data=st.data())
def test_no_damaged_description_stops_a_store(tmp_path_factory, template, data):
    original, rows = template
    root = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(original, root)
    hurt = data.draw(st.sampled_from([1, 3]))
    path = root / "runs" / record(hurt).id / "run.json"
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    store = Store(root)
    found = {row.number: row for row in store.rows()}
    other = next(row for row in rows if row.number != hurt)
    assert found[other.number] == other
    if hurt not in found:
        assert len(store.notices) == 1 or store.get(record(hurt).id).deleted_at is not None
    store.close()


def test_leftovers_of_a_kill_are_swept_away(root):
    runs = root / "runs"
    shutil.copytree(runs / record(3).id, runs / ".gone-3-a1b2c3")
    (runs / ".new-9-a1b2c3").mkdir()
    rows = expected_rows(root)
    store = Store(root)
    assert store.rows() == rows
    assert store.notices == ()
    # Another process may be making that one just now.
    assert sorted(path.name for path in runs.iterdir() if path.name.startswith(".")) == [
        ".new-9-a1b2c3"
    ]


def test_a_checkpoint_that_holds_no_description_still_holds_the_weights(root):
    folder = RunFolder(root / "runs" / record(3).id)
    (folder.path / "run.json").write_bytes(b"{")
    for one in checkpoints(folder.path):
        one.remove()
    folder.save(state(20), history(20))
    store = Store(root)
    assert [row.number for row in store.rows()] == [1]
    assert store.folder(record(3).id).load_weights() is not None


def _by_a_newer_netsketch(folder):
    path = folder.path / "run.json"
    newer = json.loads(path.read_text()) | {"version": VERSION + 1, "mood": "curious"}
    path.write_text(json.dumps(newer))


@pytest.mark.parametrize("version", [1, 2], ids=["never-saved", "with-checkpoints"])
def test_a_run_of_a_newer_netsketch_is_told_and_left_alone(root, version):
    kept = record(3 if version == 2 else 1)
    folder = RunFolder(root / "runs" / kept.id)
    _by_a_newer_netsketch(folder)
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    (root / LIST).unlink()
    store = Store(root)
    assert kept.id not in [row.id for row in store.rows()]
    (notice,) = store.notices
    assert notice.startswith(f"Run {kept.number} was last saved by a newer NetSketch")
    with pytest.raises(StoreError, match="newer NetSketch"):
        store.get(kept.id)
    with pytest.raises(StoreError, match="newer NetSketch"):
        store.change(kept.id, name="mine")
    with pytest.raises(StoreError, match="newer NetSketch"):
        store.put(kept)
    store.close()
    now = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    assert now == before


def test_a_damaged_description_is_not_mended_from_before_a_newer_checkpoint(root):
    folder = RunFolder(root / "runs" / record(3).id)
    whole = (folder.path / "run.json").read_bytes()
    _by_a_newer_netsketch(folder)
    newer = folder.path / "run.json"
    for one in checkpoints(folder.path)[:1]:
        one.write(one.state(), newer.read_text())
    newer.write_bytes(whole[:100])
    with pytest.raises(StoreError, match="newer NetSketch"):
        folder.mend_record()
    assert newer.read_bytes() == whole[:100]
