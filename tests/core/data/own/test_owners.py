"""Own pictures on a class server: others neither see, use nor delete them."""

import ast
import errno
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.data.own import kept as own_module
from core.data.own.kept import OwnImages, images_path, own_keys
from core.data.own.owners import OwnData, owners_of
from core.network.model import build
from core.runs.manager import Runs
from core.runs.new_record import new_record
from core.runs.store import Store
from core.serving.limits import Limits
from core.spec import BlockSpec, RunSpec
from core.words.errors import UserError

ROOT = Path(__file__).resolve().parents[4]
CLASS = Limits(only_own_runs=True)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))


def images(seed: int = 0) -> OwnImages:
    pixels = np.random.RandomState(seed).randint(0, 256, (12, 28, 28)).astype(np.uint8)
    return OwnImages(f"set {seed}", ("bar", "ring"), pixels, np.arange(12) % 2)


@pytest.fixture
def sets():
    return OwnData(CLASS)


def test_only_whoever_brought_them_in_sees_them(sets):
    key = sets.keep(images(), "ann")
    assert (sets.keys("ann"), sets.keys("ben"), sets.keys("")) == ((key,), (), ())
    assert len(sets.pictures(key, "ann")[0]) == 2
    for act in (sets.pictures, sets.require, sets.delete):
        with pytest.raises(UserError, match="“set 0” are somebody else’s"):
            act(key, "ben")
    assert images_path(key).is_file()


def test_after_a_restart_they_are_still_whose_they_were(sets):
    key = sets.keep(images(), "ann")
    assert OwnData(CLASS).keys("ben") == ()
    assert OwnData(CLASS).keys("ann") == (key,)


def test_without_the_setting_they_are_everybodys_and_remember_whose_they_are(sets):
    laptop = OwnData(Limits())
    key = laptop.keep(images(), "ann")
    assert laptop.keys("ben") == (key,)
    laptop.pictures(key, "ben")
    assert sets.keys("ben") == ()
    laptop.delete(key, "ben")
    assert own_keys() == ()


def test_sets_of_before_are_everybodys_and_remain_so(sets):
    key = own_module.keep(images())
    assert sets.keys("ben") == (key,)
    assert sets.keep(images(), "ann") == key
    assert sets.keys("ben") == (key,)
    sets.delete(key, "ben")
    assert own_keys() == ()


def test_the_same_images_of_two_people_are_there_until_both_have_deleted_them(sets):
    key = sets.keep(images(), "ann")
    assert sets.keep(images(), "ben") == key
    assert owners_of(key) == ("ann", "ben")
    sets.delete(key, "ann")
    assert (sets.keys("ann"), sets.keys("ben")) == ((), (key,))
    with pytest.raises(UserError):
        sets.delete(key, "ann")
    sets.delete(key, "ben")
    assert not images_path(key).exists()


def test_images_that_were_deleted_are_whose_who_brings_them_in_again(sets):
    key = sets.keep(images(), "ann")
    sets.delete(key, "ann")
    assert sets.may_use(key, "ben")  # there is nothing to use
    sets.keep(images(), "ben")
    assert owners_of(key) == ("ben",)


def test_whose_they_are_is_there_before_they_are(sets, monkeypatch):
    def refuse(key):
        raise OSError("no room")

    monkeypatch.setattr(own_module, "is_known", refuse)
    with pytest.raises(OSError, match="no room"):
        sets.keep(images(), "ann")
    assert own_keys() == ()


@pytest.mark.parametrize("text", ["", "[]", '{"ann": 1}', "null", "[" * 100_000])
def test_a_damaged_note_of_the_owner_opens_them_to_nobody(sets, text):
    key = sets.keep(images(), "ann")
    images_path(key).with_name("owners.json").write_text(text)
    assert sets.keys("ann") == sets.keys("ben") == ()
    assert OwnData(Limits()).keys("ben") == (key,)


def test_two_who_bring_the_same_images_in_at_once_both_have_them(sets, monkeypatch):
    monkeypatch.setattr(sets, "_require_room", lambda *args: time.sleep(0.2))
    two = [threading.Thread(target=sets.keep, args=(images(), who)) for who in ("ann", "ben")]
    for one in two:
        one.start()
    for one in two:
        one.join()
    (key,) = own_keys()
    assert set(owners_of(key)) == {"ann", "ben"}


def test_a_note_of_the_owner_that_cannot_be_read_now_is_not_written_over(sets, monkeypatch):
    key = sets.keep(images(), "ann")
    read = Path.read_text

    def refused(path, *args, **options):
        if path.name == "owners.json":
            raise OSError(errno.EMFILE, "Too many open files")
        return read(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refused)
        assert sets.keys("ann") == ()
        with pytest.raises(OSError, match="Too many open files"):
            sets.keep(images(), "ben")
        with pytest.raises(UserError, match=r"cannot be deleted now \(Too many open files\)"):
            OwnData(Limits()).delete(key, "ben")
    assert owners_of(key) == ("ann",)
    assert sets.keys("ann") == (key,)


def test_a_disk_that_does_not_let_go_of_images_is_a_sentence(sets, monkeypatch):
    key = sets.keep(images(), "ann")

    def refused(*args, **options):
        raise PermissionError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refused)
        with pytest.raises(UserError, match=r"cannot be deleted now \(Read-only file system\)"):
            sets.delete(key, "ann")
    assert sets.keys("ann") == (key,)


def test_one_keeps_so_many_and_an_address_so_many(sets):
    few = OwnData(replace(CLASS, max_own_sets_per_person=2, max_own_sets_per_address=3))
    first = few.keep(images(0), "ann", "10.0.0.7")
    few.keep(images(1), "ann", "10.0.0.7")
    with pytest.raises(UserError, match="You keep 2 data sets"):
        few.keep(images(2), "ann", "10.0.0.7")
    assert few.keep(images(0), "ann", "10.0.0.7") == first  # that is no further one
    few.keep(images(3), "a fresh cookie", "10.0.0.7")
    with pytest.raises(UserError, match="3 data sets are kept that came from your network address"):
        few.keep(images(4), "another fresh cookie", "10.0.0.7")
    few.keep(images(5), "elsewhere", "10.0.0.8")
    for seed in (6, 7):
        few.keep(images(seed), f"this machine {seed}")
    few.delete(first, "ann")
    few.keep(images(2), "ann", "10.0.0.7")


def test_no_address_can_be_read_in_what_is_kept(sets):
    keys = [sets.keep(images(seed), "ann", "10.0.0.7") for seed in (0, 1)]
    notes = [images_path(key).with_name("owners.json").read_text() for key in keys]
    assert all("10.0.0.7" not in note for note in notes)
    assert notes[0] != notes[1]


class IdleRuns(Runs):
    """Runs that nobody trains."""

    def _ensure_worker(self) -> None:
        pass


def spec_of(key: str) -> RunSpec:
    return RunSpec(data=key, blocks=(BlockSpec(channels=2),), batch_size=4, num_epochs=2)


def test_no_way_leads_to_training_on_anothers_images(sets, tmp_path):
    line = IdleRuns(Store(tmp_path), CLASS)
    key = line.own_data.keep(images(), "ann")
    spec = spec_of(key)
    run = line.start(spec, "ann")
    assert run.status == "queued"
    ways = {
        "start": lambda: line.start(spec, "ben"),
        "duel": lambda: line.duel(spec, spec.with_value("lr", 0.5), "ben"),
        "bring_in": lambda: line.bring_in("w", spec, build(spec).state_dict(), "ben"),
        "range test": lambda: line.range_test("tab", spec, "ben"),
    }
    for name, way in ways.items():
        with pytest.raises(UserError, match="somebody else’s"):
            way()
        assert line.all() == (run,), name
    # A run of Ben's own, of the time when the images were everybody's.
    store = Store(tmp_path)
    bens = replace(new_record(store.new_number(), spec, "ben"), status="interrupted", step=1)
    store.add(bens)
    with pytest.raises(UserError, match="somebody else’s"):
        line.go_on(bens.id, "ben")
    line.close()


def test_pages_reach_own_images_through_their_owner_only():
    closed = {"own_keys", "keep", "delete", "images_path", "preview", "key_of"}
    found = []
    for path in (ROOT / "pages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in (
                *("core.data.own.kept", "core.data.preview"),
            ):
                found += [f"{path.name}: {a.name}" for a in node.names if a.name in closed]
    assert found == []


def large(seed: int, count: int = 1_000) -> OwnImages:
    pixels = np.random.RandomState(seed).randint(0, 256, (count, 28, 28)).astype(np.uint8)
    return OwnImages(f"set {seed}", ("bar", "ring"), pixels, np.arange(count) % 2)


def test_a_data_set_takes_on_the_disk_what_is_reckoned():
    made = large(0)
    size = own_module.size_of(own_module.keep(made))
    assert made.num_bytes <= size < 1.02 * made.num_bytes


def test_neither_one_person_nor_all_fill_the_disk():
    few = OwnData(Limits(max_own_mb_per_person=2, max_own_mb=3))
    first = few.keep(large(0), "ann")
    few.keep(large(1), "ann")
    with pytest.raises(UserError, match="more than the 2 MB that this server keeps for a person"):
        few.keep(large(2), "ann")
    few.keep(large(3), "ben")
    with pytest.raises(UserError, match=r"All own data sets together .* more than the 3 MB"):
        few.keep(large(4), "cid")
    assert few.keep(large(0), "ann") == first  # it is there already
    few.delete(first, "ann")
    few.keep(large(4), "cid")
    assert len(own_keys()) == 3


def test_nobody_in_particular_takes_no_owner_away(sets):
    key = sets.keep(images(), "ann", "1.2.3.4")
    assert sets.keep(images(), "") == key
    assert owners_of(key) == ("ann",)
    assert (sets.keys("ann"), sets.keys("ben"), sets.keys("")) == ((key,), (), ())
