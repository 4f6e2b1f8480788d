import threading

import psutil
import pytest
import torch

from core.machine import device as device_module
from core.machine.device import (
    Device,
    cores,
    devices,
    free_memory,
    keep_freed_memory,
    resolve,
    take_all_cores,
    take_one_core,
)
from core.words.errors import UserError


def test_the_cpu_is_always_there_and_comes_last():
    found = devices()
    assert found[-1].key == "cpu"
    assert found[-1].name.startswith(f"CPU, {cores()} core")
    assert resolve("cpu") == found[-1]
    assert resolve("auto") == found[0]


def test_the_fastest_comes_first(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Something")
    assert devices()[0] == Device("cuda", "NVIDIA Something")
    assert resolve("auto").key == resolve("cuda").key == "cuda"
    assert resolve("cpu").key == "cpu"


def test_a_device_that_is_not_here_is_named_with_those_that_are(monkeypatch):
    monkeypatch.setattr(device_module, "devices", lambda: (Device("cpu", cores=2),))
    with pytest.raises(UserError) as caught:
        resolve("mps")
    assert str(caught.value) == ("Settings: this machine has no device “mps”. Choose CPU, 2 cores.")


def test_cores_are_those_that_may_be_used():
    assert 1 <= cores() <= psutil.cpu_count()


def test_threads_share_the_cores():
    seen = {}

    def worker():
        take_all_cores()
        started.set()
        done.wait(10)
        seen["worker"] = torch.get_num_threads()

    started, done = threading.Event(), threading.Event()
    thread = threading.Thread(target=worker)
    thread.start()
    started.wait(10)
    take_one_core()
    late = threading.Thread(target=lambda: seen.update(late=torch.get_num_threads()))
    late.start()
    late.join()
    done.set()
    thread.join()
    assert seen == {"worker": cores(), "late": 1}
    assert torch.get_num_threads() == 1


def test_keeping_freed_memory_is_harmless_anywhere(monkeypatch):
    keep_freed_memory()
    monkeypatch.setattr(device_module.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(device_module.ctypes, "CDLL", lambda name: 1 / 0)
    keep_freed_memory()
    assert torch.ones(1000, 1000).sum() == 1_000_000


def test_free_memory_is_what_the_machine_has():
    free = free_memory("cpu")
    assert 0 < free <= psutil.virtual_memory().total


class Machine:
    """Files as a container sees them, in place of the machine's own."""

    def __init__(self, monkeypatch, available, files):
        self.files = files
        memory = type("Memory", (), {"available": available})
        monkeypatch.setattr(device_module.psutil, "virtual_memory", lambda: memory)
        monkeypatch.setattr(device_module, "Path", self._path)

    def _path(self, name):
        files = self.files

        class File:
            def read_text(self):
                if name not in files:
                    raise FileNotFoundError(name)
                return files[name]

        return File()


V2 = "/sys/fs/cgroup/memory."
V1 = "/sys/fs/cgroup/memory/memory."
GB = 2**30


@pytest.mark.parametrize(
    ("available", "files", "free"),
    [
        (8 * GB, {}, 8 * GB),
        (8 * GB, {V2 + "max": "max\n", V2 + "current": f"{GB}\n"}, 8 * GB),
        (8 * GB, {V2 + "max": f"{4 * GB}\n", V2 + "current": f"{GB}\n"}, 3 * GB),
        (2 * GB, {V2 + "max": f"{4 * GB}\n", V2 + "current": f"{GB}\n"}, 2 * GB),
        (8 * GB, {V2 + "max": f"{4 * GB}\n", V2 + "current": f"{5 * GB}\n"}, 0),
        (
            8 * GB,
            {V1 + "limit_in_bytes": f"{4 * GB}\n", V1 + "usage_in_bytes": f"{GB}\n"},
            3 * GB,
        ),
        # What the kernel keeps of files that were read is given back when it is needed.
        (
            8 * GB,
            {
                V2 + "max": f"{4 * GB}\n",
                V2 + "current": f"{4 * GB}\n",
                V2 + "stat": f"anon {GB}\nfile {3 * GB}\ninactive_file {2 * GB}\n",
            },
            2 * GB,
        ),
        (
            8 * GB,
            {
                V1 + "limit_in_bytes": f"{4 * GB}\n",
                V1 + "usage_in_bytes": f"{4 * GB}\n",
                V1 + "stat": f"inactive_file 5\ntotal_inactive_file {2 * GB}\n",
            },
            2 * GB,
        ),
    ],
)
def test_a_containers_limit_counts(monkeypatch, available, files, free):
    Machine(monkeypatch, available, files)
    assert free_memory("cpu") == free
