import bz2
import errno
import gzip
import hashlib
import io
import os
import threading
import time
import zipfile
from collections import namedtuple
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data import build as build_module
from core.data import catalogue as table
from core.data import download, fetch
from core.data import loading as data
from core.data.build import enlarged
from core.data.download import Download, download_of
from core.data.loading import DATASETS
from core.data.mnist import RawFile
from core.data.npz import npz_path
from core.data.preview import preview
from core.data.sources import SOURCES, RemoteFile, Source
from core.data.torchvision_schemas import import_torchvision


def idx(values: np.ndarray) -> bytes:
    """Write numbers in MNIST's own format, packed."""
    kind = {"uint8": 0x08, "int32": 0x0C}[str(values.dtype)]
    head = bytes([0, 0, kind, values.ndim]) + np.array(values.shape, ">i4").tobytes()
    return gzip.compress(head + values.astype(values.dtype.newbyteorder(">")).tobytes(), 1)


def part(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images whose corner tells their class, the first of each class in order."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % classes).astype(np.uint8)
    images = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
    images[:, 2, 9] = labels
    return images, labels


SMALL = {"train": 141, "validation": 47, "test": 94}
KEPT = {key: part(188, len(info.class_names), 1) for key, info in DATASETS.items()}
TESTED = {key: part(94, len(info.class_names), 2) for key, info in DATASETS.items()}


def like_mnist(key: str) -> dict[str, bytes]:
    names = {"train": KEPT[key], "t10k": TESTED[key]}
    return {
        f"{prefix}-{what}.gz": idx(values)
        for prefix, (images, labels) in names.items()
        for what, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels))
    }


def qmnist() -> dict[str, bytes]:
    files = {}
    for prefix, (images, labels) in (("train", KEPT["qmnist"]), ("test", TESTED["qmnist"])):
        table = np.full((len(labels), 8), 77, np.int32)
        table[:, 0] = labels
        files[f"qmnist-{prefix}-images-idx3-ubyte.gz"] = idx(images)
        files[f"qmnist-{prefix}-labels-idx2-int.gz"] = idx(table)
    return files


def emnist() -> dict[str, bytes]:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("digits", "letters", "balanced"):
            first = int(name == "letters")
            for which, parts in (("train", KEPT), ("test", TESTED)):
                images, labels = parts[f"emnist_{name}"]
                stem = f"gzip/emnist-{name}-{which}"
                archive.writestr(
                    f"{stem}-images-idx3-ubyte.gz", idx(images.transpose(0, 2, 1).copy())
                )
                archive.writestr(f"{stem}-labels-idx1-ubyte.gz", idx(labels + np.uint8(first)))
    return {"gzip.zip": file.getvalue()}


def usps() -> dict[str, bytes]:
    files = {}
    for name, (_, labels) in (("usps.bz2", KEPT["usps"]), ("usps.t.bz2", TESTED["usps"])):
        values = np.linspace(-1, 1, 256)
        pixels = " ".join(f"{i + 1}:{value:.4f}" for i, value in enumerate(values))
        lines = "\n".join(f"{label + 1} {pixels} " for label in labels)
        files[name] = bz2.compress(lines.encode())
    return files


PACKED = {
    "mnist": like_mnist("mnist"),
    "fashion": like_mnist("fashion"),
    "kmnist": like_mnist("kmnist"),
    "qmnist": qmnist(),
    "emnist": emnist(),
    "usps": usps(),
}
LARGEST = "train-images-idx3-ubyte.gz"


def source_of(key: str, *mirrors: str, altered: bool = False) -> Source:
    """A source as it is but for its servers, sizes and checksums."""
    files = tuple(
        RemoteFile(name, len(body), "0" * 32 if altered else hashlib.md5(body).hexdigest())
        for name, body in PACKED[key].items()
    )
    assert [file.name for file in files] == [file.name for file in SOURCES[key].files]
    return Source(key, SOURCES[key].name, SOURCES[key].title, mirrors, files, 1_000)


class Server(ThreadingHTTPServer):
    """A server on the loopback; `mood` says how it treats the largest file."""

    daemon_threads = True

    def __init__(self, key: str, mood: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.mood = PACKED[key], mood
        self.asked: list[str] = []
        self.closing = threading.Event()
        threading.Thread(target=partial(self.serve_forever, 0.05), daemon=True).start()

    @property
    def mirror(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        pass  # the client hung up, as these tests make it do

    def close(self):
        self.closing.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        name = self.path.strip("/")
        body = self.server.files[name]
        wanted = self.headers.get("Range", "")
        self.server.asked.append(f"{name} {wanted}".strip())
        largest = max(self.server.files, key=lambda name: len(self.server.files[name]))
        mood = self.server.mood if name == largest else "well"
        if mood == "absent":
            return self.send_error(404)
        start = 0
        if wanted and mood != "forgetful":
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
        else:
            self.send_response(200)
        body = body[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        if mood == "alters":
            body = body[:half] + bytes([body[half] ^ 1]) + body[half + 1 :]
        if mood in ("truncates", "stalls"):
            body = body[:half]
        if mood == "slow":
            for at in range(0, len(body), len(body) // 20):
                self.wfile.write(body[at : at + len(body) // 20])
                self.server.closing.wait(0.05)
        else:
            self.wfile.write(body)
        if mood == "stalls":
            self.wfile.flush()
            self.server.closing.wait(60)


@pytest.fixture
def serve():
    servers = []

    def start(key: str, mood: str = "well") -> Server:
        servers.append(Server(key, mood))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let every data set be as small as what these servers hold."""
    from dataclasses import replace

    made = {key: replace(info, **SMALL) for key, info in DATASETS.items()}
    for module in (data, build_module, download, fetch, table):
        monkeypatch.setattr(module, "DATASETS", made)
    files = [
        RawFile(name.removesuffix(".gz"), len(content), hashlib.sha256(content).hexdigest(), 0, "")
        for name, content in (
            (name, gzip.decompress(body)) for name, body in PACKED["mnist"].items()
        )
    ]
    for module in (data, fetch):
        monkeypatch.setattr(module, "MNIST_FILES", files)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def finish(job: Download) -> list[download.DownloadStatus]:
    """Wait for the end and return what a page would have seen on the way."""
    seen, deadline = [job.snapshot()], time.monotonic() + 60
    while seen[-1].state == "running":
        assert time.monotonic() < deadline, seen[-1]
        time.sleep(0.02)
        seen.append(job.snapshot())
    assert job.wait(30)
    return seen


def wait_until(true, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


@pytest.mark.parametrize("key", [key for key in DATASETS if key != "embedded"])
def test_each_data_set_comes_from_its_own_files(key, serve, folder):
    info = data.DATASETS[key]
    assert not data.is_available(key)
    job = Download(source_of(info.source, serve(info.source).mirror))
    job.start()
    assert finish(job)[-1].state == "done", job.snapshot()
    assert data.is_available(key)
    found = data.load(key)
    assert found.class_names == info.class_names
    assert (found.mean, found.std) == (info.mean, info.std)
    for name, size in SMALL.items():
        split = getattr(found, name)
        assert (len(split), split.images.shape) == (size, (size, 1, 28, 28))
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        counts = torch.bincount(split.labels, minlength=len(info.class_names))
        assert counts.max() - counts.min() <= 1
    if key == "usps":
        return
    assert torch.equal(found.test.images[:, 0], torch.from_numpy(TESTED[key][0]))
    for split in (found.train, found.validation, found.test):
        # Upright, and each with its own label.
        assert torch.equal(split.images[:, 0, 2, 9].long(), split.labels)
    known = torch.cat([found.train.images, found.validation.images]).flatten(1)
    expected = torch.from_numpy(KEPT[key][0]).flatten(1)
    assert sorted(map(tuple, known.tolist())) == sorted(map(tuple, expected.tolist()))


def test_one_download_of_emnist_serves_its_three_data_sets(serve, folder):
    job = Download(source_of("emnist", serve("emnist").mirror))
    job.start()
    finish(job)
    assert files_in(folder) == {f"emnist_{name}.npz" for name in ("digits", "letters", "balanced")}
    assert data.load("emnist_letters").class_names[0] == "A"
    assert len(data.load("emnist_balanced").class_names) == 47


def test_the_preview_shows_one_image_of_each_class(serve):
    job = Download(source_of("kmnist", serve("kmnist").mirror))
    job.start()
    finish(job)
    images, labels = preview("kmnist")
    assert labels.tolist() == list(range(10))
    assert images.shape == (10, 28, 28)
    assert images[:, 2, 9].tolist() == list(range(10))


def test_a_small_digit_is_enlarged_upright_with_mnists_rim():
    values = np.full((1, 256), -1, np.float32)
    values.reshape(16, 16)[0:4, 8:16] = 1  # the upper right corner
    image = enlarged(values)[0]
    assert image.dtype == np.uint8
    rim = np.ones((28, 28), bool)
    rim[4:24, 4:24] = False
    assert (image[rim] == 0).all()
    assert image[4, 23] == 255
    assert image[4, 4] == image[23, 23] == 0
    assert image.mean() == pytest.approx(255 * 4 * 8 * (20 / 16) ** 2 / 784, rel=0.05)


def test_a_download_shows_its_progress(serve, folder, monkeypatch, capfd):
    # A proxy that does not answer must not stand between us and this computer.
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    job = Download(source_of("mnist", serve("mnist", "slow").mirror))
    assert job.snapshot().state == "idle"
    job.start()
    seen = finish(job)
    total = sum(map(len, PACKED["mnist"].values()))
    assert seen[-1].state == "done", seen[-1]
    assert seen[-1].bytes_done == seen[-1].bytes_total == total
    done = [status.bytes_done for status in seen]
    assert done == sorted(done)
    assert len({count for count in done if 0 < count < total}) >= 3
    on_the_way = [status.remaining_s for status in seen if status.remaining_s]
    assert on_the_way
    assert max(on_the_way) < 30
    assert files_in(folder) == {name.removesuffix(".gz") for name in PACKED["mnist"]}
    assert capfd.readouterr() == ("", "")
    # Nothing is fetched twice: the server of this one would refuse.
    again = Download(source_of("mnist", "http://127.0.0.1:9/"))
    again.start()
    assert again.snapshot().state == "done"


@pytest.mark.parametrize("mood", ["truncates", "stalls"])
def test_what_has_arrived_is_not_asked_for_again(mood, serve, folder):
    bad = serve("fashion", mood)
    job = Download(source_of("fashion", bad.mirror), stall_s=0.4)
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    half = len(PACKED["fashion"][LARGEST]) // 2
    words = "stalled" if mood == "stalls" else f"{LARGEST} arrived incomplete: {half:,} of"
    assert words in last.message
    assert "download again" in last.message
    assert not data.is_available("fashion")
    good = serve("fashion")
    later = Download(source_of("fashion", good.mirror))
    later.start()
    assert finish(later)[-1].state == "done"
    assert good.asked[0] == f"{LARGEST} bytes={half}-"
    assert files_in(folder) == {"fashion.npz"}
    assert torch.equal(
        data.load("fashion").test.images[:, 0], torch.from_numpy(TESTED["fashion"][0])
    )


def test_a_server_that_cannot_go_on_begins_anew(serve):
    first = Download(source_of("fashion", serve("fashion", "truncates").mirror))
    first.start()
    finish(first)
    job = Download(source_of("fashion", serve("fashion", "forgetful").mirror))
    job.start()
    assert finish(job)[-1].state == "done"
    assert len(data.load("fashion").test) == SMALL["test"]


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("truncates", f"{LARGEST} arrived incomplete"),
        ("alters", f"{LARGEST} arrived altered"),
        ("absent", "cannot be reached or does not have the files"),
        ("closed", "cannot be reached or does not have the files"),
    ],
)
def test_a_bad_server_is_explained_and_a_good_one_tried_next(mood, words, serve, folder):
    bad = "http://127.0.0.1:9/" if mood == "closed" else serve("fashion", mood).mirror
    alone = Download(source_of("fashion", bad))
    alone.start()
    last = finish(alone)[-1]
    assert last.state == "failed"
    assert words in last.message
    both = Download(source_of("fashion", bad, serve("fashion").mirror))
    both.start()
    assert finish(both)[-1].state == "done"


def test_a_stopped_download_ends_at_once_and_goes_on_later(serve, folder):
    server = serve("fashion", "stalls")
    job = Download(source_of("fashion", server.mirror), stall_s=2)
    job.cancel()  # harmless before the start
    starters = [threading.Thread(target=job.start) for _ in range(8)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    wait_until(lambda: job.snapshot().bytes_done > 0)
    job.start()
    assert len(server.asked) == 1
    began = time.monotonic()
    job.cancel()
    assert time.monotonic() - began < 1
    assert job.snapshot().state == "cancelled"
    assert "go on where it was" in job.snapshot().message
    server.mood = "well"
    job.start()  # while the first still hangs on its server
    assert job.snapshot().state == "running"
    assert finish(job)[-1].state == "done"
    assert "bytes=" in server.asked[1]
    assert len(data.load("fashion").test) == SMALL["test"]


def test_files_with_a_wrong_checksum_are_removed(serve, folder):
    job = Download(source_of("usps", serve("usps").mirror, altered=True))
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert "usps.bz2 arrived altered" in last.message
    assert files_in(folder) == set()


@pytest.mark.parametrize(
    ("key", "name", "body", "words"),
    [
        ("fashion", LARGEST, idx(np.zeros((7, 28, 28), np.uint8)), "7 images"),
        ("fashion", LARGEST, gzip.compress(b"<html>"), f"{LARGEST} does not begin as an idx"),
        ("fashion", "t10k-labels-idx1-ubyte.gz", idx(np.full(94, 10, np.uint8)), "no class"),
        ("usps", "usps.bz2", bz2.compress(b"1 1:x"), "usps.bz2 has a line 1"),
        ("emnist", "gzip.zip", b"PK nothing", "gzip.zip is not the archive"),
        ("qmnist", "qmnist-test-labels-idx2-int.gz", b"\x1f\x8b", "cannot be unpacked"),
    ],
)
def test_other_contents_with_a_right_checksum_are_refused_by_name(
    key, name, body, words, serve, folder, monkeypatch
):
    monkeypatch.setitem(PACKED, key, PACKED[key] | {name: body})
    job = Download(source_of(key, serve(key).mirror))
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert words in last.message
    assert "download again" in last.message
    assert not {file for file in files_in(folder) if file.endswith(".gz")}
    assert not any(data.is_available(one.key) for one in DATASETS.values() if one.source == key)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "is full.*Free some space"),
        (errno.EACCES, "cannot write.*NETSKETCH_DATA"),
        (errno.EROFS, "cannot write.*NETSKETCH_DATA"),
    ],
)
def test_a_disk_that_refuses_is_explained_at_once(code, words, serve, monkeypatch):
    import re

    real = Path.open

    def refuse(path, mode="r", *args, **kwargs):
        if "w" in mode or "+" in mode:
            raise OSError(code, os.strerror(code))
        return real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    one, other = serve("usps"), serve("usps")
    job = Download(source_of("usps", one.mirror, other.mirror))
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert re.search(words, last.message)
    assert other.asked == []  # another server would not make the disk larger


def test_too_little_space_is_told_before_the_first_byte(folder, monkeypatch, serve):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 5_000_000))
    job = Download(SOURCES["mnist"])
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert "is full: 70 MB are needed and 5 MB free" in last.message


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "file" / "data"))
    job = Download(source_of("usps", "http://127.0.0.1:9/"))
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert f"cannot write to {tmp_path / 'file' / 'data'}" in last.message


def test_a_fault_of_ours_is_told_without_its_details(monkeypatch, serve):
    monkeypatch.setattr(fetch, "build", lambda *args: 1 / 0)
    job = Download(source_of("usps", serve("usps").mirror))
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert "Please try it again" in last.message


def test_a_damaged_data_set_is_removed_and_named(serve, folder):
    job = Download(source_of("kmnist", serve("kmnist").mirror))
    job.start()
    finish(job)
    path = npz_path(folder, "kmnist")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=r"kmnist.npz is damaged.*Download KMNIST"):
        data.load("kmnist")
    assert not data.is_available("kmnist")


def test_there_is_one_download_of_a_source_in_a_process():
    assert download_of("mnist") is download_of("mnist")
    assert download_of("emnist_digits") is download_of("emnist_letters")
    status = download_of("mnist").snapshot()
    assert (status.state, status.bytes_total) == ("idle", 11_594_722)


def test_checksums_and_addresses_are_torchvisions():
    sets = import_torchvision().datasets
    for key, cls in (
        ("mnist", sets.MNIST),
        ("fashion", sets.FashionMNIST),
        ("kmnist", sets.KMNIST),
    ):
        source = SOURCES[key]
        assert [(file.name, file.md5) for file in source.files] == cls.resources
        assert set(source.mirrors) == set(cls.mirrors)
    told = {
        **{url: md5 for urls in sets.QMNIST.resources.values() for url, md5 in urls},
        **{url: md5 for url, _, md5 in sets.USPS.split_list.values()},
        sets.EMNIST.url: sets.EMNIST.md5,
    }
    for key in ("qmnist", "usps", "emnist"):
        for file in SOURCES[key].files:
            assert told[SOURCES[key].mirrors[0] + file.name] == file.md5
