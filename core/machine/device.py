"""The machine: its devices, its free memory, and how one process shares its cores.

Two facts of Linux decide the speed of a background thread (both measured, see README):

* libgomp puts its threads to sleep at every barrier once the process has more OpenMP threads than
  cores. So pages compute on one thread, and only the training thread has a team.
* glibc hands freed activations back to the kernel and faults them in again at every step, unless
  told to keep them.
"""

import ctypes
import os
import platform
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil
import torch

from core.words.errors import UserError
from core.words.message import N_, message

# The kinds of devices, as torch calls them.
KEYS: Final = ("cpu", "cuda", "mps")

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


@dataclass(frozen=True)
class Device:
    """A device that trains, on this machine or another.

    Attributes:
        key: torch's name of its kind: cpu, cuda or mps.
        model: what its maker calls it; empty where torch does not tell.
        cores: those of a processor that the process may use; 0 for other devices and where that
            is not known.
    """

    key: str
    model: str = ""
    cores: int = 0

    @property
    def name(self) -> str:
        """What people call the device."""
        if self.model:
            return self.model
        if self.key == "mps":
            return N_("Apple GPU")
        if self.cores > 1:
            return message("CPU, {count} cores", count=self.cores)
        return N_("CPU, 1 core") if self.cores else self.key.upper()


def to_plain(device: Device | None) -> dict[str, object] | None:
    """Write a device, or that there is none, as what JSON can say."""
    return None if device is None else asdict(device)


def from_plain(plain: object) -> Device | None:
    """Read what `to_plain` wrote.

    Raises:
        ValueError: it is something else.
    """
    if plain is None:
        return None
    kinds = {"key": str, "model": str, "cores": int}
    if not isinstance(plain, dict) or {name: type(one) for name, one in plain.items()} != kinds:
        raise ValueError("not a device")
    if plain["key"] not in KEYS or plain["cores"] < 0:
        raise ValueError("no device that trains")
    return Device(**plain)


def devices() -> tuple[Device, ...]:
    """List the devices that exist here, the fastest first; the CPU is always among them."""
    found = []
    if torch.cuda.is_available():
        found.append(Device("cuda", torch.cuda.get_device_name()))
    if torch.backends.mps.is_available():
        found.append(Device("mps"))
    found.append(Device("cpu", cores=cores()))
    return tuple(found)


def key_of(device: str) -> str:
    """Return torch's key for what a spec's `device` names, whether or not it exists here."""
    return devices()[0].key if device == "auto" else device


def resolve(key: str) -> Device:
    """Return the device that a spec's `device` names; `auto` is the fastest.

    Raises:
        UserError: this machine has no such device.
    """
    for device in devices():
        if key in ("auto", device.key):
            return device
    first, *others = (device.name for device in devices())
    for other in others:
        first = message("{first} or {other}", first=first, other=other)
    raise UserError(
        message(
            "Settings: this machine has no device “{device}”. Choose {choices}.",
            device=key,
            choices=first,
        )
    )


def cores() -> int:
    """Number of processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory(key: str) -> int:
    """Return the memory in bytes that a run on this device could still take.

    A container's limit (cgroup v2 or v1) counts where it is lower than the machine's.
    """
    if key == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    available = int(psutil.virtual_memory().available)
    limit = _container_limit()
    return available if limit is None else max(0, min(available, limit))


def _container_limit() -> int | None:
    v1 = "/sys/fs/cgroup/memory"
    for limit_file, used_file, stat_file, cached in (
        (
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory.current",
            "/sys/fs/cgroup/memory.stat",
            "inactive_file",
        ),
        (
            f"{v1}/memory.limit_in_bytes",
            f"{v1}/memory.usage_in_bytes",
            f"{v1}/memory.stat",
            "total_inactive_file",
        ),
    ):
        try:
            limit, used = Path(limit_file).read_text(), Path(used_file).read_text()
        except OSError:
            continue
        if limit.strip().isdigit():
            # Pages of files that were read count as used, but the kernel gives them back.
            return int(limit) - int(used) + _counter(stat_file, cached)
    return None


def _counter(stat_file: str, name: str) -> int:
    try:
        lines = Path(stat_file).read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0)


def share_freed_memory() -> None:
    """Let all threads share what each frees. For glibc, before there are threads.

    Otherwise what a picture took would stay once in each thread that ever read one, or drew a page.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next step. Elsewhere: nothing to do."""
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    mallopt(_M_ARENA_MAX, 1)


def release_freed_memory() -> None:
    """Give the system back what glibc has kept, which `free_memory` takes for used."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
    if torch.cuda.is_available():
        with suppress(RuntimeError):  # a device that has failed says so again here
            torch.cuda.empty_cache()


def take_all_cores() -> None:
    """Give the calling thread, the only one that trains, a team of all cores."""
    take_cores(cores())


def take_cores(count: int) -> None:
    """Give the calling thread, the only one that trains, a team of so many threads.

    torch hands the number that was set last on to every thread that computes for the first time, so
    another thread sets it back to one at once.
    """
    torch.set_num_threads(count)
    # Asking for the number fixes this thread's own, before another thread sets the default.
    torch.get_num_threads()
    others = threading.Thread(target=take_one_core, name="netsketch-one-core")
    others.start()
    others.join()


def repeat_exactly(key: str) -> None:
    """See to it that a device adds in the same order each time, as a CPU does by itself.

    Left to itself, cuDNN chose ways to sum a convolution's gradient that come out otherwise each
    time: after a training in 32-bit floats was broken off and went on, 17 of 17 tensors differed
    from those of an unbroken one (H200).

    Args:
        key: torch's, of the device.
    """
    if key == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False


def take_one_core() -> None:
    """Let this thread, and every thread started later, compute on a single core."""
    torch.set_num_threads(1)
    torch.get_num_threads()
