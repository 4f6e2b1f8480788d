import hashlib
import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import embedded, torchvision_schemas
from core.data import loading as data
from core.data.loading import DATASETS, DataError, Digits
from core.data.mnist import RawFile
from core.words.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
REAL_MNIST = ROOT.parent / "shared" / "mnist"


def splits(digits: Digits):
    return {"train": digits.train, "validation": digits.validation, "test": digits.test}


def same(a: Digits, b: Digits) -> bool:
    return all(
        torch.equal(one.images, other.images) and torch.equal(one.labels, other.labels)
        for one, other in zip(splits(a).values(), splits(b).values(), strict=True)
    )


def image_digests(images: torch.Tensor) -> list[bytes]:
    return [hashlib.sha1(image.tobytes()).digest() for image in images.numpy()]


def raw_mnist() -> dict[str, bytes]:
    """The four unpacked files: MNIST's own where they are at hand, else the same shapes."""
    if REAL_MNIST.is_dir():
        import gzip

        return {
            file.name: gzip.decompress((REAL_MNIST / f"{file.name}.gz").read_bytes())
            for file in data.MNIST_FILES
        }
    rng = np.random.default_rng(0)
    contents = {}
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 14] = rng.integers(256, size=(count, 28))
        labels = rng.integers(10, size=count).astype(np.uint8)
        head = b"\x00\x00\x08"
        contents[f"{prefix}-images-idx3-ubyte"] = (
            head + b"\x03" + np.array([count, 28, 28], ">i4").tobytes() + images.tobytes()
        )
        contents[f"{prefix}-labels-idx1-ubyte"] = (
            head + b"\x01" + np.array([count], ">i4").tobytes() + labels.tobytes()
        )
    return contents


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="module")
def contents():
    return raw_mnist()


@pytest.fixture
def raw(folder, contents, monkeypatch) -> Path:
    raw = folder / "mnist" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in contents.items():
        (raw / name).write_bytes(content)
    if not REAL_MNIST.is_dir():
        files = [
            RawFile(name, len(content), hashlib.sha256(content).hexdigest(), 0, "")
            for name, content in contents.items()
        ]
        monkeypatch.setattr(data, "MNIST_FILES", files)
    return raw


def test_embedded_digits_are_all_there_once_and_in_equal_shares():
    digits = data.load("embedded")
    info = DATASETS["embedded"]
    for name, split in splits(digits).items():
        assert len(split) == getattr(info, name)
        assert split.images.shape == (len(split), 1, 28, 28)
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert torch.bincount(split.labels).tolist() == [len(split) // 10] * 10
    images = torch.cat([split.images for split in splits(digits).values()])
    assert len(set(image_digests(images))) == 5_000
    assert digits.class_names == tuple("0123456789")
    pixels = images.float() / 255
    assert pixels.mean().item() == pytest.approx(digits.mean, abs=0.002)
    assert pixels.std().item() == pytest.approx(digits.std, abs=0.002)


def test_images_fit_their_labels():
    # Even the mean image of each class recognises most digits, unless labels were mixed up.
    digits = data.load("embedded")
    train = digits.train.images.flatten(1).float()
    means = torch.stack([train[digits.train.labels == c].mean(0) for c in range(10)])
    nearest = torch.cdist(digits.test.images.flatten(1).float(), means).argmin(1)
    assert (nearest == digits.test.labels).float().mean() > 0.7


FRESH_LOAD = """
import hashlib, json, sys, time
import torch
from core.data import loading as data
begin = time.perf_counter()
digits = data.load("embedded")
seconds = time.perf_counter() - begin
parts = (digits.train, digits.validation, digits.test)
content = b"".join(p.images.numpy().tobytes() + p.labels.numpy().tobytes() for p in parts)
print(json.dumps({
    "seconds": seconds,
    "digest": hashlib.sha256(content).hexdigest(),
    "slow": sorted({"pandas", "sklearn", "mlxtend", "torchvision", "streamlit"} & set(sys.modules)),
}))
"""


def test_a_second_process_loads_the_same_digits_in_no_time():
    command = [sys.executable, "-c", FRESH_LOAD]
    first, second = (
        json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
        for _ in range(2)
    )
    assert first["digest"] == second["digest"]
    assert second["slow"] == []
    assert second["seconds"] < max(0.5, first["seconds"] / 3)


def _flip(position: float):
    def damage(cache: Path) -> None:
        content = bytearray(cache.read_bytes())
        content[int(position * (len(content) - 1))] ^= 0x10
        cache.write_bytes(content)

    return damage


def _other_digits(cache: Path) -> None:
    np.savez(cache, table=np.zeros((5_000, 785), np.uint8), order=np.arange(5_000))


def _pickled(cache: Path) -> None:
    np.savez(cache, table=np.array([{}], object), order=np.arange(1))


@pytest.mark.parametrize(
    "damage",
    [
        _flip(0.0),
        _flip(0.5),
        _flip(0.99),
        _flip(1.0),
        _other_digits,
        _pickled,
        lambda cache: cache.write_bytes(b""),
        lambda cache: os.truncate(cache, 1_000_000),
    ],
    ids=["first", "middle", "order", "last", "other digits", "pickled", "empty", "truncated"],
)
def test_a_damaged_cache_is_rebuilt_without_a_word(damage, folder, tmp_path, monkeypatch):
    expected = data.load("embedded")
    (cache,) = folder.iterdir()
    damage(cache)
    # The same folder under another name: as a new process would find it.
    moved = folder.rename(tmp_path / "moved")
    monkeypatch.setenv("NETSKETCH_DATA", str(moved))
    assert same(data.load("embedded"), expected)
    (cache,) = moved.iterdir()
    assert embedded._read_cache(cache) is not None


@pytest.mark.parametrize("kind", ["read-only", "file in the way"])
def test_a_folder_that_cannot_be_written_does_not_matter(kind, folder, tmp_path, monkeypatch):
    expected = data.load("embedded")
    if kind == "read-only":
        place = tmp_path / "read-only"
        place.mkdir(mode=0o500)
    else:
        (tmp_path / "file").touch()
        place = tmp_path / "file" / "data"
    monkeypatch.setenv("NETSKETCH_DATA", str(place))
    assert same(data.load("embedded"), expected)


def test_a_full_disk_leaves_no_half_written_cache(folder, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert len(data.load("embedded").train) == 4_000
    assert list(folder.iterdir()) == []


def test_many_threads_share_one_load(monkeypatch):
    calls, found = [], []
    reader = data._READERS["embedded"]
    counted = {"embedded": lambda folder: (calls.append(folder), reader(folder))[1]}
    monkeypatch.setattr(data, "_READERS", counted)
    threads = [
        threading.Thread(target=lambda: found.append(data.load("embedded"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len({id(digits) for digits in found}) == 1
    assert len(found) == 8


def test_missing_and_altered_packages_are_explained(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "_source", lambda: None)
    assert not data.is_available("embedded")
    with pytest.raises(DataError, match=r"missing.*Reinstall"):
        data.load("embedded")
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"not a gzip file")
    monkeypatch.setattr(embedded, "_source", lambda: broken)
    with pytest.raises(DataError, match=r"cannot be read.*Reinstall"):
        data.load("embedded")
    monkeypatch.undo()  # a failure is not remembered
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "later"))
    assert data.is_available("embedded")
    assert len(data.load("embedded").train) == 4_000


@pytest.mark.parametrize("key", ["", "cifar", "../mnist"])
def test_an_unknown_data_set_is_refused_in_words(key):
    assert not data.is_available(key)
    with pytest.raises(UserError, match="Choose one of “embedded”, “mnist”"):
        data.load(key)


def test_full_mnist_is_split_without_loss_or_overlap(raw, contents):
    assert data.is_available("mnist")
    digits = data.load("mnist")
    info = DATASETS["mnist"]
    sizes = {name: len(split) for name, split in splits(digits).items()}
    assert sizes == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert sizes == {name: getattr(info, name) for name in sizes}
    known = np.frombuffer(contents["train-images-idx3-ubyte"], np.uint8, offset=16)
    expected = image_digests(torch.from_numpy(known.reshape(-1, 784).copy()))
    assert sorted(
        image_digests(digits.train.images) + image_digests(digits.validation.images)
    ) == sorted(expected)
    share = torch.bincount(digits.train.labels) / 11 - torch.bincount(digits.validation.labels)
    assert share.abs().max() <= 1
    labels = np.frombuffer(contents["t10k-labels-idx1-ubyte"], np.uint8, offset=8)
    assert digits.test.labels.tolist() == labels.tolist()
    assert data.load("mnist") is digits


@pytest.mark.parametrize("damage", ["truncated", "altered", "missing"])
def test_a_damaged_file_of_mnist_is_named_and_removed(damage, raw):
    victim = raw / "t10k-images-idx3-ubyte"
    content = bytearray(victim.read_bytes())
    if damage == "missing":
        victim.unlink()
    elif damage == "truncated":
        os.truncate(victim, 5_000_000)
    else:
        content[100_000] ^= 1
        victim.write_bytes(content)
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.*Download full MNIST"):
        data.load("mnist")
    assert not victim.exists()
    assert not data.is_available("mnist")
    assert len(data.load("embedded").test) == 500
    content[100_000] ^= damage == "altered"
    victim.write_bytes(content)
    assert len(data.load("mnist").test) == 10_000  # the failure was not remembered


def test_a_split_moves_between_devices():
    moved = data.load("embedded").test.to("meta")
    assert moved.images.device.type == moved.labels.device.type == "meta"
    assert len(moved) == 500


def test_the_data_folder_is_the_systems_unless_named(monkeypatch, tmp_path):
    assert data.data_folder() == tmp_path / "data"
    monkeypatch.delenv("NETSKETCH_DATA")
    assert data.data_folder().name == "netsketch"
    assert data.data_folder().is_absolute()


def test_torchvision_can_be_imported_and_other_faults_are_not_hidden(monkeypatch):
    torchvision = torchvision_schemas.import_torchvision()
    assert torchvision.datasets.MNIST.mirrors
    assert torchvision_schemas.import_torchvision() is torchvision

    def fail(name):
        raise RuntimeError("something else is wrong")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="something else"):
        torchvision_schemas.import_torchvision()
