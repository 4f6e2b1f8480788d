"""What is offered of which run, one zip of all, and files made once."""

import io
import json
import threading
import zipfile
from dataclasses import replace

import pytest

from core.runs.record import ENDED
from core.spec.codec import from_json
from core.take_home import FILES, TakeHomeError, contents_of, everything, make, offered
from core.take_home.cache import FileCache, fingerprint
from core.take_home.files import folder_name
from tests.core.take_home.conftest import SPEC, untrained

NAMES = [file.name for file in FILES]


def names(contents, *, has_weights: bool = True) -> list[str]:
    return [file.name for file in offered(contents.record, has_weights=has_weights)]


def test_a_run_that_has_ended_offers_everything(trained):
    assert names(trained()) == NAMES


@pytest.mark.parametrize("status", ["queued", "running", "paused"])
def test_a_run_that_has_not_ended_offers_its_configuration(trained, status):
    assert names(trained(status=status)) == ["configuration.json"]


@pytest.mark.parametrize("status", sorted(ENDED))
def test_what_a_run_has_not_is_not_offered(status):
    never = untrained(SPEC, status=status)
    found = names(never, has_weights=False)
    assert found == ["train.py", "train.ipynb", "configuration.json", "report.html"]
    # Weights that were brought in have no curves.
    assert names(never) == [name for name in NAMES if not name.endswith((".csv", ".png"))]


def test_every_file_says_what_it_is_for():
    assert len(set(NAMES)) == len(NAMES)
    for file in FILES:
        assert file.words[0].islower() or file.words.startswith("NetSketch")
        assert not file.words.endswith(".")
        assert len(file.words) < 80


def unpacked(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_zip_holds_every_file_in_one_folder(trained):
    contents = trained()
    told = []
    found = unpacked(everything(contents, told.append))
    folder = folder_name(contents.record)
    assert folder == "netsketch-3-ab12cd"
    assert list(found) == [f"{folder}/{name}" for name in ("README.txt", *NAMES)]
    for name in NAMES:
        assert found[f"{folder}/{name}"] == make(contents, name), name
    readme = found[f"{folder}/README.txt"].decode()
    assert readme.startswith("3 · Small\nA run of NetSketch, finished, 2025-11-24 16:10 UTC.\n")
    assert "30 of 30 test images right" in readme
    for file in FILES:
        assert f"{file.name}  " in readme
        assert file.words in readme
    assert "missing" not in readme
    assert [f"Making {name}" for name in NAMES] == [t for t in told if t.startswith("Making")]
    assert told[-1] == "Packing"
    assert from_json(found[f"{folder}/configuration.json"].decode()) == SPEC


def test_the_zip_of_a_run_without_weights_has_the_rest():
    found = unpacked(everything(untrained(SPEC, status="failed")))
    short = [name.split("/")[1] for name in found]
    assert short == ["README.txt", "train.py", "train.ipynb", "configuration.json", "report.html"]
    readme = next(iter(found.values())).decode()
    assert "onnx" not in readme
    assert "safetensors" not in readme


def test_the_zip_says_what_could_not_be_made(trained, monkeypatch):
    def refuse(contents: object, tell: object) -> bytes:
        raise TakeHomeError("It is not offered today.")

    files = tuple(replace(f, make=refuse) if f.name == "network.onnx" else f for f in FILES)
    monkeypatch.setattr("core.take_home.files.FILES", files)
    found = unpacked(everything(trained(name="Another")))
    readme = next(iter(found.values())).decode()
    assert "network.onnx is missing. It is not offered today." in readme
    assert not [name for name in found if name.endswith(".onnx")]
    assert "session = onnxruntime" not in readme


def test_a_name_from_the_distant_past_can_be_packed():
    assert everything(untrained(SPEC, status="stopped", created_at=0.0, ended_at=None))


class FakeRun:
    """A run as a contents is made of it."""

    def __init__(self, contents) -> None:
        self.contents = contents
        self.asked = []

    trouble = ""

    def record(self):
        return self.contents.record

    def curves(self, max_points=400):
        self.asked.append(max_points)
        return self.contents.steps if max_points > 400 else self.contents.curves

    def weights(self):
        return {name: value.t() if value.dim() == 2 else value
                for name, value in self.contents.weights.items()}  # fmt: skip


def test_a_parcel_is_what_a_run_was_at_one_instant(trained):
    contents = trained()
    run = FakeRun(contents)
    packed = contents_of(run)
    assert packed.record == contents.record
    assert len(run.asked) == 2
    assert packed.steps is contents.steps
    assert all(value.is_contiguous() for value in packed.weights.values())


def test_what_a_run_offers_follows_its_every_change(trained):
    contents = trained()
    base = fingerprint(contents)
    assert base == fingerprint(replace(contents))
    renamed = replace(contents, record=replace(contents.record, name="Other"))
    weights = dict(contents.weights)
    weights["out.bias"] = weights["out.bias"] + 1
    trained_on = replace(contents, weights=weights)
    assert len({base, fingerprint(renamed), fingerprint(trained_on)}) == 3


def test_a_file_is_made_once(trained):
    cache, made = FileCache(), []

    def maker() -> bytes:
        made.append(1)
        return b"file"

    contents = trained()
    assert [cache.take(contents, "a", maker) for _ in range(3)] == [b"file"] * 3
    assert len(made) == 1
    cache.take(contents, "b", maker)
    cache.take(replace(contents, weights=None), "a", maker)
    assert len(made) == 3


def test_what_fails_is_tried_again(trained):
    cache, tries = FileCache(), []

    def maker() -> bytes:
        tries.append(1)
        if len(tries) == 1:
            raise TakeHomeError("Not now.")
        return b"file"

    with pytest.raises(TakeHomeError):
        cache.take(trained(), "a", maker)
    assert cache.take(trained(), "a", maker) == b"file"


def test_the_least_wanted_is_forgotten(trained):
    cache, made = FileCache(max_bytes=25), []

    def take(name: str) -> None:
        cache.take(contents, name, lambda: made.append(name) or b"0123456789")

    contents = trained()
    for name in ("a", "b", "a", "c", "a", "b"):
        take(name)
    assert made == ["a", "b", "c", "b"]
    cache.take(contents, "huge", lambda: bytes(100))
    take("b")
    assert made[-1] == "b"


def test_one_file_is_made_at_a_time_and_the_second_asker_is_told(trained):
    cache, contents = FileCache(), trained()
    begun, may_end, made, told = threading.Event(), threading.Event(), [], []

    def slow() -> bytes:
        made.append(1)
        begun.set()
        assert may_end.wait(20)
        return b"file"

    first = threading.Thread(target=cache.take, args=(contents, "a", slow))
    first.start()
    assert begun.wait(20)

    def tell(words: str) -> None:
        told.append(words)
        may_end.set()

    assert cache.take(contents, "a", slow, tell) == b"file"
    first.join()
    assert made == [1]
    assert told == ["Waiting until another file is made"]


def test_the_configuration_comes_back(trained):
    assert json.loads(make(trained(), "configuration.json"))["seed"] == 7
