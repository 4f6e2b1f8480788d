"""How much memory a server keeps of runs that are over.

`python -m tests.bench.growth`: 220 small runs, one after the other, each asked for and watched to
its end by a client of its own, as tabs come and go. The server's resident memory is read after the
first 20 and after all.
"""

import gc
import time
from dataclasses import replace
from urllib.parse import urlencode

import psutil

from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.codec import to_query
from tests.bench._client import Client
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.bench._server import NETSKETCH, serve

WARM_UP = 20
RUNS = 200
# Its weights are 1.6 MB, five times that with gradients, states and copies: a leak would show.
SPEC = RunSpec(
    blocks=(BlockSpec(channels=16, stride=3, kernel_size=5),),
    dense=(DenseSpec(units=1024),),
    batch_size=500,
    num_epochs=1,
)
SETTLE_S = 3.0


def train(address: str, seed: int) -> None:
    """Ask for a run on the Train page and stay until its result is told."""
    query = urlencode(to_query(replace(SPEC, seed=seed)))
    with Client(address, "train", query) as client:
        client.settle()
        client.click("train")
        client.wait_for(r"of 500 right\*\*")


def resident(process: psutil.Process) -> int:
    """Return a process's resident memory in bytes, when it has come to rest."""
    time.sleep(SETTLE_S)
    return int(process.memory_info().rss)


def main() -> None:
    """Print the figure."""
    with data_folder_of_its_own(), serve(NETSKETCH) as address:
        (server,) = psutil.Process().children()
        seen = []
        for i in range(WARM_UP + RUNS):
            train(address, i)
            if (i + 1) % 20 == 0:
                gc.collect()
                seen.append(resident(server))
                progress(f"{i + 1} runs: {seen[-1] / 1e6:,.0f} MB")
    report(
        f"the server's growth over {RUNS} runs, after {WARM_UP}",
        (seen[-1] - seen[0]) / 1e6,
        "MB",
        n=RUNS,
        at_most=50,
        every_20_runs=[round(value / 1e6) for value in seen],
    )


if __name__ == "__main__":
    main()
