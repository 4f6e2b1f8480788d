"""Four loops that train the same network, each in a process of its own, timed in short windows.

`trainer` is `core.training.trainer.Trainer.fit` in a background thread set up as
`core.runs.manager` sets up its own; `trainer32` is the same with 32-bit floats alone, as the other
two compute. `tutorial` is the loop that PyTorch's tutorials teach. `tuned` is the fastest loop in
plain PyTorch that its author could write, in a main thread. `python -m tests.bench._loops KIND`
reads orders from stdin and answers on stdout, one JSON object a line each.
"""

import json
import os
import queue
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from core.data.loading import DATASETS, data_folder, load, mnist_root
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.presets import DEFAULT, PRESETS

# The six that the comparison is made of.
NETWORKS = {
    "article": PRESETS["article"].spec,
    "lenet": PRESETS["lenet"].spec,
    # Its images as they are, as the other loops do not move them.
    "default": replace(DEFAULT, shift=0, rotation=0, scale=0.0, label_smoothing=0.0),
    "wide": RunSpec(
        blocks=tuple(BlockSpec(channels=channels) for channels in (64, 128, 256)),
        dense=(DenseSpec(units=256),),
    ),
    "deep": RunSpec(
        blocks=tuple(
            BlockSpec(channels=32, norm="batch", pool="max" if i % 2 else "none") for i in range(6)
        ),
        dense=(DenseSpec(units=128),),
    ),
    "sigmoid": RunSpec(
        blocks=tuple(
            BlockSpec(channels=channels, activation="sigmoid", pool="avg")
            for channels in (16, 32, 64)
        ),
        dense=(DenseSpec(units=64, activation="sigmoid"),),
        optimizer="sgd",
    ),
}
KINDS = ("trainer", "trainer32", "tuned", "tutorial")
# In place of a network: plain products of square matrices, whose side is the batch size.
PRODUCTS = "products"
# Long enough for the library to choose and pack its kernels and for the allocator to settle.
WARM_UP_S = 0.4
# What the window itself costs, such as waking up for it, is spread over at least so many.
LEAST_STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a process is to time: a network of NETWORKS, or PRODUCTS.

    Attributes:
        beside: whether another program keeps a core busy meanwhile. A trainer has time then to give
            a thread up; else it begins with all of them, as a run does. What its watch saw while
            other loops had their turn does not count.
    """

    network: str
    batch_size: int
    seconds: float
    data: str
    beside: bool = False


@dataclass(frozen=True, kw_only=True)
class Window:
    """What was seen in a window.

    Attributes:
        rate: training images a second, evaluation left out; for PRODUCTS, multiply-adds a second.
        steps: training steps in it.
        switches: voluntary context switches of all threads of the process, a step.
        faults: minor page faults of the process, a step.
        others: share of the machine's processors that other programs took meanwhile, 0 to 1.
    """

    rate: float
    steps: int
    switches: float
    faults: float
    others: float


class Process:
    """A loop in its own process, idle between orders."""

    def __init__(self, kind: str) -> None:
        environment = dict(os.environ)
        if not kind.startswith("trainer"):
            # libgomp's own number: what core sets before torch is imported is no part of a rival.
            environment["GOMP_SPINCOUNT"] = "300000"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench._loops", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def time(self, order: Order) -> Window:
        """Time one window."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(order)), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process ended with code {self._process.wait()}")
        return Window(**json.loads(answer))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


# A loop yields the images of some steps and the number of those steps, as soon as they are done.
Loop = Iterator[tuple[int, int]]


def trainer(spec: RunSpec) -> Loop:
    """The product's loop. Between two training steps only: evaluation is not counted."""
    from core.machine.thread_team import present_team
    from core.training.events import Steps
    from core.training.trainer import Trainer

    before = 0
    for event in Trainer(spec, load(spec.data), team=present_team()).fit():
        if isinstance(event, Steps):
            yield event.images - before, len(event.losses)
            before = event.images
        else:
            yield 0, 0


def tutorial(spec: RunSpec) -> Loop:
    """The loop of PyTorch's tutorials: DataLoader, transforms, default layout and optimiser."""
    import torch
    from torch import nn, optim
    from torch.utils.data import DataLoader, Subset

    from core.data.torchvision_schemas import import_torchvision
    from core.network.model import build

    import_torchvision()
    from torchvision import datasets, transforms

    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    if spec.data == "mnist":
        known = datasets.MNIST(mnist_root(data_folder()), train=True, transform=transform)
        dataset = Subset(known, range(DATASETS["mnist"].train))
    else:
        dataset = _Pictures(load(spec.data).train, transform)
    loader = DataLoader(dataset, batch_size=spec.batch_size, shuffle=True)
    torch.manual_seed(spec.seed)
    model = build(spec)
    criterion = nn.CrossEntropyLoss()
    if spec.optimizer == "sgd":
        optimizer = optim.SGD(model.parameters(), lr=spec.lr, momentum=spec.momentum)
    else:
        optimizer = optim.Adam(model.parameters(), lr=spec.lr)
    model.train()
    while True:
        for inputs, labels in loader:
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            yield len(labels), 1


class _Pictures:
    """A split as torchvision's MNIST hands it out: a PIL image and a label at a time."""

    def __init__(self, split, transform) -> None:
        self._split, self._transform = split, transform

    def __len__(self) -> int:
        return len(self._split)

    def __getitem__(self, i: int):
        from PIL import Image

        picture = Image.fromarray(self._split.images[i, 0].numpy(), mode="L")
        return self._transform(picture), int(self._split.labels[i])


def tuned(spec: RunSpec) -> Loop:
    """The bare minimum: normalised floats in memory, channels last, a fused optimiser, no log.

    Each epoch is shuffled in one go, so that a batch is a slice of it.
    """
    import torch
    import torch.nn.functional as F
    from torch import optim

    from core.network.model import build

    data = load(spec.data)
    x = data.train.images.float().div_(255).sub_(data.mean).div_(data.std)
    x, y = x.contiguous(memory_format=torch.channels_last), data.train.labels
    torch.manual_seed(spec.seed)
    model = build(spec).to(memory_format=torch.channels_last)
    if spec.optimizer == "sgd":
        optimizer = optim.SGD(model.parameters(), lr=spec.lr, momentum=spec.momentum, fused=True)
    else:
        optimizer = optim.Adam(model.parameters(), lr=spec.lr, fused=True)
    model.train()
    batch = spec.batch_size
    while True:
        order = torch.randperm(len(x))
        shuffled_x, shuffled_y = x[order], y[order]
        for start in range(0, len(x), batch):
            loss = F.cross_entropy(
                model(shuffled_x[start : start + batch]), shuffled_y[start : start + batch]
            )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            yield min(batch, len(x) - start), 1


def products(side: int) -> Loop:
    """Products of two float32 matrices; what is counted as images are multiply-adds."""
    import torch

    a, b, out = torch.randn(side, side), torch.randn(side, side), torch.empty(side, side)
    while True:
        torch.mm(a, b, out=out)
        yield side**3, 1


class _Timer:
    """One loop at a time, kept between windows, and what the machine did meanwhile."""

    def __init__(self, kind: str) -> None:
        self._loop_of: Callable[[RunSpec], Loop] = {
            "trainer": trainer,
            "trainer32": trainer,
            "tutorial": tutorial,
            "tuned": tuned,
        }[kind]
        self._precision = "auto" if kind == "trainer" else "float32"
        self._current: tuple[str, int, str] | None = None
        self._loop: Loop = iter(())

    def time(self, order: Order) -> Window:
        wanted = (order.network, order.batch_size, order.data)
        if wanted != self._current:
            self._loop, self._current = self._make(order), wanted
            self._run(WARM_UP_S)
        self._settle(order)
        return self._run(order.seconds)

    def _settle(self, order: Order) -> None:
        from core.machine.thread_team import LOOK_S, SHORTEST_REST_S, present_team

        team = present_team()
        if team is None:
            return
        self._run(SHORTEST_REST_S if order.beside else 3 * LOOK_S)
        if not order.beside:
            team.begin_with(len(os.sched_getaffinity(0)), time.monotonic())

    def _make(self, order: Order) -> Loop:
        if order.network == PRODUCTS:
            return products(order.batch_size)
        return self._loop_of(
            replace(
                NETWORKS[order.network],
                batch_size=order.batch_size,
                data=order.data,
                num_epochs=200,
                schedule="constant",
                device="cpu",
                precision=self._precision,
            )
        )

    def _run(self, seconds: float) -> Window:
        images, steps, spent = 0, 0, 0.0
        before, busy = resource.getrusage(resource.RUSAGE_SELF), _busy_s()
        began = resumed = time.perf_counter()
        for more, done in self._loop:
            if done:
                images, steps = images + more, steps + done
                spent += time.perf_counter() - resumed
                if spent >= seconds and steps >= LEAST_STEPS:
                    break
            resumed = time.perf_counter()
        wall = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_SELF)
        own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Window(
            rate=images / spent,
            steps=steps,
            switches=(after.ru_nvcsw - before.ru_nvcsw) / steps,
            faults=(after.ru_minflt - before.ru_minflt) / steps,
            others=max(0.0, (_busy_s() - busy - own) / wall / len(os.sched_getaffinity(0))),
        )


def _busy_s() -> float:
    """Seconds that all processors have worked since the machine started, as Linux counts them."""
    first = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, irq, softirq, steal = map(int, first[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _serve(kind: str) -> None:
    timer = _Timer(kind)
    for line in sys.stdin:
        window = timer.time(Order(**json.loads(line)))
        print(json.dumps(asdict(window)), flush=True)


def _serve_from_a_background_thread(kind: str) -> None:
    """Do as `core.runs.manager` does: the thread that trains takes all cores, the others one."""
    from core.machine.device import keep_freed_memory, take_all_cores, take_one_core
    from core.machine.thread_team import adapting_threads

    ready: queue.Queue[None] = queue.Queue()

    def work() -> None:
        take_all_cores()
        ready.put(None)
        with adapting_threads():
            _serve(kind)

    keep_freed_memory()
    worker = threading.Thread(target=work)
    worker.start()
    ready.get()
    take_one_core()
    worker.join()


def main() -> None:
    """Serve the loop that the command line names."""
    kind = sys.argv[1]
    if kind.startswith("trainer"):
        _serve_from_a_background_thread(kind)
        return
    if kind == "tuned":
        from core.machine.device import keep_freed_memory

        keep_freed_memory()
    _serve(kind)


if __name__ == "__main__":
    main()
