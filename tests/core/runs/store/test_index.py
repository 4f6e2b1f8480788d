"""The list of runs: whatever becomes of its file, the runs are there."""

import json
import re
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.runs.record import VERSION
from core.runs.store import RunFolder, Store, StoreError, disk
from core.runs.store import index as index_module
from core.runs.store.checkpoint import checkpoints
from core.runs.store.database import MIGRATIONS, Damaged, Database, Unavailable
from tests.core.runs.store.samples import WORDS, history, record, state


@pytest.fixture
def root(tmp_path):
    """Three runs, one of them named by a person, one deleted, one saved twice."""
    return three_runs(tmp_path / "data")


def three_runs(root):
    store = Store(root)
    for number in (1, 2, 3):
        store.add(record(number))
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


def corrupt_page(path):
    """Overwrite a page in the middle, where SQLite finds it by its own checks."""
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xa5" * 4096
    path.write_bytes(content)


def sql(*statements):
    def run(path):
        with sqlite3.connect(path, isolation_level=None) as database:
            for statement in statements:
                database.execute(statement)
        database.close()

    return run


def into_a_folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = {
    "no database": lambda path: path.write_bytes(b"not a database" * 1000),
    "a page": corrupt_page,
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut within its header": lambda path: path.write_bytes(path.read_bytes()[:50]),
    "no table": sql("DROP TABLE runs"),
    "no counter": sql("DELETE FROM counter"),
    "a column less": sql("ALTER TABLE runs DROP COLUMN note"),
    "another schema": sql("DROP TABLE runs", "CREATE TABLE runs (id TEXT)"),
    "from the future": sql(f"PRAGMA user_version = {len(MIGRATIONS) + 1}"),
    "version 0 with tables": sql("PRAGMA user_version = 0"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_list_is_moved_aside_and_rebuilt(root, damage):
    rows = expected_rows(root)
    damage(root / "runs.sqlite")
    damaged = (root / "runs.sqlite").read_bytes()
    store = Store(root)
    assert store.rows() == rows
    (aside,) = root.glob("runs-damaged-*.sqlite")
    assert len(store.notices) == 1
    assert (
        f"has been rebuilt from the runs’ folders; the damaged file is kept as {aside.name}"
        in (store.notices[0])
    )
    assert aside.read_bytes()[:100] == damaged[:100]
    store.restore([record(2).id])
    assert [row.number for row in store.rows()] == [3, 2, 1]
    assert store.new_number() == 4
    store.close()
    assert Store(root).notices == ()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE runs SET status = 'flying' WHERE number = 1",
        "UPDATE runs SET name = x'ff' WHERE number = 1",
        "UPDATE runs SET tags = '[1]' WHERE number = 1",
        "UPDATE runs SET tags = '[' WHERE number = 1",
        "UPDATE runs SET elapsed_s = 'long' WHERE number = 1",
        "UPDATE runs SET number = 'one' WHERE number = 1",
        "UPDATE runs SET note = CAST(x'ff' AS TEXT) WHERE number = 1",
    ],
)
def test_a_value_that_was_never_written_is_found_while_the_store_is_open(root, change):
    rows = expected_rows(root)
    store = Store(root)
    sql(change)(root / "runs.sqlite")
    assert store.rows() == rows
    assert len(list(root.glob("runs-damaged-*.sqlite"))) == 1
    assert store.rows() == rows


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE runs SET name = 'another' WHERE number = 1",
        "UPDATE runs SET deleted_at = 1.0 WHERE number = 1",
        "DELETE FROM runs WHERE number = 1",
        "UPDATE runs SET id = '7-ffffff' WHERE number = 1",
        "UPDATE runs SET stamp = '' WHERE number = 1",
    ],
)
def test_a_row_that_has_changed_by_itself_is_read_anew_when_the_store_opens(root, change):
    rows = expected_rows(root)
    sql(change)(root / "runs.sqlite")
    store = Store(root)
    assert store.rows() == rows
    assert store.notices == ()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = three_runs(tmp_path_factory.mktemp("template") / "data")
    return root, expected_rows(root)


@settings(max_examples=150)
@given(data=st.data())
def test_no_flipped_byte_or_cut_of_the_list_hides_a_run(tmp_path_factory, template, data):
    original, rows = template
    root = tmp_path_factory.mktemp("copy") / "data"
    shutil.copytree(original, root)
    path = root / "runs.sqlite"
    content = bytearray(path.read_bytes())
    used = [i for i, byte in enumerate(content) if byte or i < 100]
    at = data.draw(st.sampled_from(used))
    if data.draw(st.integers(0, 3)):
        content[at] ^= data.draw(st.integers(1, 255))
    else:
        del content[at:]
    path.write_bytes(content)
    store = Store(root)
    found = store.rows()
    # The size alone has no sum; it changes by itself.
    assert [replace(row, num_bytes=0) for row in found] == [
        replace(row, num_bytes=0) for row in rows
    ]
    store.put(record(3, status="running"))
    assert store.rows()[0].status == "running"
    store.close()


def test_a_list_that_was_removed_is_made_anew_while_the_store_is_open(root):
    rows = expected_rows(root)
    store = Store(root)
    for path in root.glob("runs.sqlite*"):
        path.unlink()
    assert store.rows() == rows
    store.put(record(3, status="running"))
    assert Store(root).rows()[0].status == "running"


def test_two_stores_agree_after_one_has_moved_a_damaged_list_aside(root):
    rows = expected_rows(root)
    first, second = Store(root), Store(root)
    sql("UPDATE runs SET status = 'flying'")(root / "runs.sqlite")
    assert first.rows() == rows
    # The log that the second has open belongs to the damaged file.
    (aside,) = root.glob("runs-damaged-*.sqlite")
    assert aside.with_name(f"{aside.name}-wal").exists()
    assert second.rows() == rows
    second.put(record(3, status="running"))
    assert first.rows()[0].status == "running"
    assert len(list(root.glob("runs-damaged-*.sqlite"))) == 1


def test_two_that_find_the_damage_at_once_move_it_aside_once(root, monkeypatch):
    rows = expected_rows(root)
    first, second = Store(root), Store(root)
    sql("UPDATE runs SET status = 'flying'")(root / "runs.sqlite")
    alone, waited = index_module.Index._alone, []

    @contextmanager
    def overtaken(index):
        if not waited:
            waited.append(index)
            assert second.rows() == rows
        with alone(index):
            yield

    monkeypatch.setattr(index_module.Index, "_alone", overtaken)
    assert first.rows() == rows
    assert waited
    assert len(list(root.glob("runs-damaged-*.sqlite"))) == 1


def test_an_id_that_the_disk_changed_in_the_list_or_its_index_is_found(root):
    rows = expected_rows(root)
    path = root / "runs.sqlite"
    content = path.read_bytes()
    places = [found.start() for found in re.finditer(record(3).id.encode(), content)]
    assert len(places) >= 2
    for place in places:
        path.write_bytes(content[:place] + b"8" + content[place + 1 :])
        store = Store(root)
        store.put(record(3))
        assert store.rows() == rows
        store.close()


@pytest.fixture
def impatient(monkeypatch):
    """Wait for nobody, and ask again at once."""
    monkeypatch.setattr(index_module, "BUSY_S", 0.05)
    monkeypatch.setattr(index_module, "RETRY_S", 0.0)


@pytest.fixture
def locked(root):
    """Lock the list as another program may, against readers too; yield how to let go."""
    other = sqlite3.connect(root / "runs.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    yield other.close
    other.close()


def test_a_locked_list_is_done_without_and_caught_up_with(root, impatient, locked):
    store = Store(root)
    assert [row.number for row in store.rows()] == [3, 1]
    assert "another program has locked it" in store.notices[0]
    number = store.new_number()
    assert number == 4
    folder = store.add(record(number))
    store.change(record(3).id, name="while locked")
    store.put(record(1, status="running"))
    store.delete([record(1).id])
    folder.save(state(10), history(10))
    # Its description is as it was; only what it takes has changed.
    store.folder(record(2).id).save(state(10), history(10))
    expected = [(4, record(4).name), (3, "while locked")]
    assert [(row.number, row.name) for row in store.rows()] == expected
    assert [kept.number for kept in store.newest(9)] == [4, 3]
    sizes = [disk.size_of(path) for path in (root / "runs").iterdir()]
    assert store.disk_used() == sum(sizes)
    locked()
    assert [(row.number, row.name) for row in store.rows()] == expected
    assert store.notices == ()
    assert store.disk_used() == sum(sizes)
    assert store.new_number() == 5
    with sqlite3.connect(root / "runs.sqlite") as database:
        (count,) = database.execute("SELECT COUNT(*) FROM runs").fetchone()
    assert count == 4
    database.close()


def test_a_list_locked_while_the_store_is_open_stops_no_writer(root, impatient):
    store = Store(root)
    other = sqlite3.connect(root / "runs.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.put(record(3, status="running"))
    store.folder(record(3).id).save(state(30, 5000), history(30))
    assert store.rows()[0].status == "running"
    other.close()
    (row,) = [row for row in store.rows() if row.number == 3]
    assert (row.status, row.num_bytes) == ("running", disk.size_of(root / "runs" / row.id))
    assert store.notices == ()


def test_after_a_vain_wait_nobody_waits_again_for_some_time(root, monkeypatch, locked):
    monkeypatch.setattr(index_module, "BUSY_S", 0.05)
    store = Store(root)

    asked = []
    monkeypatch.setattr(index_module.Index, "_opened", lambda index: asked.append(index))
    assert [row.number for row in store.rows()] == [3, 1]
    assert store.disk_used() > 0
    assert not asked


def test_a_folder_where_the_list_should_be_hides_no_run(root, impatient):
    rows = expected_rows(root)
    into_a_folder(root / "runs.sqlite")
    store = Store(root)
    assert store.rows() == rows
    assert store.notices


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


def test_a_list_that_kept_words_is_made_anew_with_facts(root):
    """The first version of the list held a network and a device in words, and messages."""
    rows = expected_rows(root)
    (root / "runs.sqlite").unlink()
    with sqlite3.connect(root / "runs.sqlite") as raw:
        for statement in MIGRATIONS[0]:
            raw.execute(statement)
        raw.execute("PRAGMA user_version = 1")
        raw.execute("UPDATE counter SET last_number = 41")
        columns = [name for _, name, *_ in raw.execute("PRAGMA table_info(runs)")]
        values = {name: 0 for name in columns} | {
            "id": record(1).id, "number": 1, "name": "1", "tags": "[]", "note": "",
            "status": "finished", "message": "done", "network": "conv 16–32", "data": "embedded",
            "device": "CPU, 2 cores", "owner": "", "rival": "", "deleted_at": None,
            "stamp": "as is",
        }  # fmt: skip
        raw.execute(
            f"INSERT INTO runs VALUES ({', '.join('?' for _ in columns)})", list(values.values())
        )
    raw.close()
    store = Store(root)
    assert store.rows() == rows
    assert store.notices == ()
    assert store.new_number() == 42
    store.close()


def test_an_older_list_is_brought_up_to_date(root):
    store = Store(root)
    rows = store.rows()
    store.close()
    later = (*MIGRATIONS, ("ALTER TABLE runs ADD COLUMN colour TEXT",))
    database = Database(root / "runs.sqlite", busy_s=1.0, migrations=later)
    assert database.rows() == rows
    # All rows are to be read again, for what is new in them.
    assert set(database.stamps().values()) == {""}
    database.close()
    with sqlite3.connect(root / "runs.sqlite") as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        raw.execute("SELECT colour FROM runs")
    raw.close()
    Database(root / "runs.sqlite", busy_s=1.0, migrations=later).close()
    with pytest.raises(Damaged, match="version"):
        Database(root / "runs.sqlite", busy_s=1.0)


def test_a_migration_that_fails_leaves_the_older_list_as_it_was(root):
    rows = expected_rows(root)
    broken = (*MIGRATIONS, ("DELETE FROM runs", "no such statement"))
    with pytest.raises(Damaged):
        Database(root / "runs.sqlite", busy_s=1.0, migrations=broken)
    database = Database(root / "runs.sqlite", busy_s=1.0)
    assert database.rows() == rows
    database.close()


def test_a_locked_list_is_unavailable_and_not_damaged(root, locked):
    with pytest.raises(Unavailable):
        Database(root / "runs.sqlite", busy_s=0.05)
    assert not list(root.glob("runs-damaged-*"))


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
    (root / "runs.sqlite").unlink()
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
