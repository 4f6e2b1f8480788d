import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
import pytest

from core import data, download
from core.data import MNIST_FILES, DataError, RawFile
from core.download import MnistDownload, fetch, mnist_download
from core.torchvision_schemas import import_torchvision

ROOT = Path(__file__).resolve().parents[2]
REAL_MNIST = ROOT.parent / "shared" / "mnist"
LARGEST = "train-images-idx3-ubyte.gz"


def mnist_on_server() -> tuple[dict[str, bytes], tuple[RawFile, ...]]:
    """The packed files: MNIST's own where they are at hand, else noise of the same form."""
    if REAL_MNIST.is_dir():
        names = [f"{file.name}.gz" for file in MNIST_FILES]
        return {name: (REAL_MNIST / name).read_bytes() for name in names}, MNIST_FILES
    rng = np.random.default_rng(0)
    packed, files = {}, []
    for name, shape in (
        ("train-images-idx3-ubyte", (12_000, 28, 28)),
        ("train-labels-idx1-ubyte", (12_000,)),
        ("t10k-images-idx3-ubyte", (1_000, 28, 28)),
        ("t10k-labels-idx1-ubyte", (1_000,)),
    ):
        head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">i4").tobytes()
        content = head + rng.integers(10, size=shape, dtype=np.uint8).tobytes()
        gz = packed[f"{name}.gz"] = gzip.compress(content, 1)
        digests = hashlib.sha256(content).hexdigest(), hashlib.md5(gz).hexdigest()
        files.append(RawFile(name, len(content), digests[0], len(gz), digests[1]))
    return packed, tuple(files)


PACKED, FILES = mnist_on_server()
TOTAL = sum(file.gz_size for file in FILES)


class Server(ThreadingHTTPServer):
    """MNIST on the loopback; `mood` says how it treats the largest file."""

    daemon_threads = True

    def __init__(self, mood: str):
        super().__init__(("127.0.0.1", 0), Handler)
        self.mood = mood
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
        body = PACKED[name]
        mood = self.server.mood if name == LARGEST else "well"
        if mood == "absent":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        if mood == "alters":
            body = body[:half] + bytes([body[half] ^ 1]) + body[half + 1 :]
        if mood in ("truncates", "stalls"):
            body = body[:half]
        if mood == "slow":
            for start in range(0, len(body), len(body) // 20):
                self.wfile.write(body[start : start + len(body) // 20])
                self.server.closing.wait(0.08)
        else:
            self.wfile.write(body)
        if mood == "stalls":
            self.wfile.flush()
            self.server.closing.wait(60)


@pytest.fixture
def serve():
    servers = []

    def start(mood: str) -> str:
        servers.append(Server(mood))
        return servers[-1].mirror

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")  # for what runs in this very process
    return tmp_path / "data"


def finish(job: MnistDownload) -> list[download.DownloadStatus]:
    """Wait for the end and return what a page would have seen on the way."""
    seen, deadline = [job.snapshot()], time.monotonic() + 60
    while seen[-1].state == "running":
        assert time.monotonic() < deadline, seen[-1]
        time.sleep(0.05)
        seen.append(job.snapshot())
    return seen


def wait_until(true, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def remains(folder: Path) -> list[Path]:
    return list(folder.rglob("*")) if folder.exists() else []


def test_a_download_shows_its_progress_and_ends_with_mnist(serve, folder, monkeypatch, capfd):
    # A proxy that does not answer must not stand between us and this computer.
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy")
    monkeypatch.chdir("/")
    crashed = folder / "mnist-download-999999999-1-crashed"
    crashed.mkdir(parents=True)
    (crashed / LARGEST).write_bytes(b"half")
    job = MnistDownload(mirrors=[serve("slow")], files=FILES)
    assert job.snapshot().state == "idle"
    job.start()
    seen = finish(job)
    assert seen[-1].state == "done", seen[-1]
    assert seen[-1].bytes_done == seen[-1].bytes_total == TOTAL
    done = [status.bytes_done for status in seen]
    assert done == sorted(done)
    assert len({count for count in done if 0 < count < TOTAL}) >= 3
    on_the_way = [status.remaining_s for status in seen if status.remaining_s]
    assert on_the_way
    assert max(on_the_way) < 30
    assert {path.name for path in remains(folder) if path.is_file()} == {f.name for f in FILES}
    assert not crashed.exists()
    raw = data.raw_folder(data.mnist_root(folder))
    assert data.find_damage(raw, FILES) is None
    assert data.is_available("mnist") == REAL_MNIST.is_dir()
    assert capfd.readouterr() == ("", "")
    # Nothing is fetched twice: the server of this one would refuse.
    again = MnistDownload(mirrors=["http://127.0.0.1:9/"], files=FILES)
    again.start()
    assert again.snapshot().state == "done"


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("truncates", f"{LARGEST} arrived incomplete"),
        ("alters", f"{LARGEST} arrived altered"),
        ("absent", "cannot be reached or does not have the files"),
        ("closed", "cannot be reached or does not have the files"),
    ],
)
def test_a_bad_server_is_explained_and_a_good_one_tried_next(mood, words, serve, tmp_path):
    bad = "http://127.0.0.1:9/" if mood == "closed" else serve(mood)
    (tmp_path / "bad").mkdir()
    with pytest.raises(DataError, match=words):
        fetch(tmp_path / "bad", [bad], FILES)
    (tmp_path / "good").mkdir()
    fetch(tmp_path / "good", [bad, serve("well")], FILES)
    assert data.find_damage(data.raw_folder(tmp_path / "good"), FILES) is None


def test_files_other_than_mnists_are_refused(serve, tmp_path):
    wrong = [RawFile(f.name, f.size, "0" * 64, f.gz_size, f.gz_md5) for f in FILES]
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.*altered"):
        fetch(tmp_path, [serve("well")], wrong)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "is full.*Free some space"),
        (errno.EACCES, "cannot write.*NETSKETCH_DATA"),
        (errno.EROFS, "cannot write.*NETSKETCH_DATA"),
    ],
)
def test_a_disk_that_refuses_is_explained_at_once(code, words, monkeypatch, tmp_path):
    tried = []

    def refuse(url, *args, **kwargs):
        tried.append(url)
        raise OSError(code, os.strerror(code))

    utils = import_torchvision().datasets.utils
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops: url)
    monkeypatch.setattr(utils, "_urlretrieve", refuse)
    with pytest.raises(DataError, match=words):
        fetch(tmp_path, ["http://127.0.0.1:9/", "http://127.0.0.1:10/"], FILES)
    assert len(tried) == 1  # another server would not make the disk larger


def test_an_altered_file_leaves_nothing_behind_and_can_be_tried_again(serve, folder, capfd):
    job = MnistDownload(mirrors=[serve("alters")], files=FILES)
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert f"{LARGEST} arrived altered" in last.message
    assert "download again" in last.message
    assert remains(folder) == []
    assert capfd.readouterr() == ("", "")


def test_a_silent_server_is_given_up_after_the_set_time(serve, folder):
    job = MnistDownload(mirrors=[serve("stalls")], files=FILES, stall_s=1.0)
    job.start()
    seen = finish(job)
    assert seen[-1].state == "failed"
    assert "no data came for 1 s" in seen[-1].message
    assert 0 < seen[-1].bytes_done < TOTAL
    first_byte_s = next(status.elapsed_s for status in seen if status.bytes_done)
    assert 0.8 < seen[-1].elapsed_s - first_byte_s < 10
    assert remains(folder) == []


HANGING_CHILD = """
import sys, time
from pathlib import Path
raw = Path(sys.argv[1]) / "MNIST" / "raw"
raw.mkdir(parents=True)
(raw / "train-images-idx3-ubyte.gz").write_bytes(b"half")
time.sleep(60)
"""


def test_a_child_that_hangs_is_given_up_too(folder, tmp_path, monkeypatch):
    # A name server that does not answer holds the child beyond the reach of its own time limit.
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "download.py").write_text(HANGING_CHILD)
    monkeypatch.setattr(download, "_CODE_ROOT", tmp_path)
    job = MnistDownload(mirrors=["http://127.0.0.1:9/"], stall_s=0.5)
    job.start()
    last = finish(job)[-1]
    assert (last.state, last.bytes_done) == ("failed", 4)
    assert "stalled" in last.message
    assert last.elapsed_s < 10
    assert psutil.Process().children() == []
    assert remains(folder) == []


def test_starting_twice_starts_one_and_cancelling_ends_it(serve, folder):
    job = MnistDownload(mirrors=[serve("stalls")], files=FILES)
    job.cancel()  # harmless before the start
    starters = [threading.Thread(target=job.start) for _ in range(8)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    wait_until(lambda: job.snapshot().bytes_done > 0)
    job.start()
    (child,) = psutil.Process().children()
    assert len(list(folder.iterdir())) == 1
    began = time.monotonic()
    job.cancel()
    assert time.monotonic() - began < 3
    assert job.snapshot().state == "cancelled"
    assert not child.is_running()
    assert remains(folder) == []
    job.start()  # and it can be begun anew
    assert job.snapshot().state == "running"
    job.cancel()
    assert job.snapshot().state == "cancelled"
    assert psutil.Process().children() == []


PARENT = """
import sys, time
from core.download import MnistDownload
from tests.core.test_download import FILES
MnistDownload(mirrors=[sys.argv[1]], files=FILES).start()
time.sleep(60)
"""


def test_the_child_ends_with_its_parent_and_cleans_up(serve, folder):
    command = [sys.executable, "-c", PARENT, serve("stalls")]
    with subprocess.Popen(command, cwd=ROOT) as parent:
        wait_until(lambda: any(path.suffix == ".gz" for path in remains(folder)))
        (child,) = psutil.Process(parent.pid).children()
        parent.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 10)
    assert remains(folder) == []


def test_too_little_space_is_told_before_the_first_byte(folder, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 5_000_000))
    own = f"mnist-download-{os.getpid()}-{psutil.Process().create_time():.0f}-other"
    (folder / own).mkdir(parents=True)
    job = MnistDownload(mirrors=["http://127.0.0.1:9/"])
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert "is full: 70 MB are needed and 5 MB free" in last.message
    assert [path.name for path in remains(folder)] == [own]  # a live download is left alone


if sys.platform != "win32":

    def test_a_disk_that_fills_up_on_the_way_is_explained(serve, folder):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        job = MnistDownload(mirrors=[serve("well")], files=FILES)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            job.start()
            last = finish(job)[-1]
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert last.state == "failed"
        assert f"The disk of {folder} is full" in last.message
        assert remains(folder) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "file" / "data"))
    job = MnistDownload(mirrors=["http://127.0.0.1:9/"])
    job.start()
    last = finish(job)[-1]
    assert last.state == "failed"
    assert f"cannot write to {tmp_path / 'file' / 'data'}" in last.message


def test_a_child_that_crashes_and_a_fault_of_ours_are_told(monkeypatch, folder):
    job = MnistDownload(mirrors=["http://127.0.0.1:9/"])
    monkeypatch.setattr(download, "_CODE_ROOT", folder)  # where there is no core to run
    job.start()
    assert "stopped unexpectedly" in finish(job)[-1].message
    monkeypatch.setattr(download, "_remove_leftovers", lambda folder: 1 / 0)
    job.start()
    last = finish(job)[-1]
    assert (last.state, remains(folder)) == ("failed", [])
    assert "Please try it again" in last.message


def test_there_is_one_download_in_a_process():
    assert mnist_download() is mnist_download()
    status = mnist_download().snapshot()
    assert (status.state, status.bytes_total) == ("idle", 11_594_722)
