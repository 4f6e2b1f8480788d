"""What questions of pages take from a run beside them, and how long they wait for an answer.

For each share that all questions together might have: how fast a run trains while one person goes
on editing, against how fast it trains alone just before, and how long a single question waits.
`core.guests.SHARE` was chosen by this.

    make bench NAME=questions
"""

import statistics
import time
from dataclasses import replace

from core import guests
from core.presets import DEFAULT
from core.run import Run
from core.runs import Runs
from core.spec import RunSpec
from tests.bench._data import data_folder_of_its_own

SHARES = (1 / 2, 1 / 4, 1 / 6, 1 / 10)
SECONDS = 4.0
REPEATS = 2
SPEC = replace(DEFAULT, data="embedded", num_epochs=200, batch_size=32, device="cpu")


def edited(number: int) -> RunSpec:
    """Another network for each number, so that each has a price of its own."""
    first = replace(SPEC.blocks[0], channels=4 + number % 60)
    return replace(SPEC, blocks=(first, *SPEC.blocks[1:]), batch_size=32 + number // 60)


def pace(run: Run, seconds: float) -> float:
    """Return how many steps a second a run does."""
    began, before = time.monotonic(), run.snapshot().step
    while time.monotonic() - began < seconds:
        time.sleep(0.05)
    return (run.snapshot().step - before) / (time.monotonic() - began)


def main() -> None:
    """Measure each share in turn, several times over."""
    kept: dict[float, list[float]] = {share: [] for share in SHARES}
    waited: dict[float, list[float]] = {share: [] for share in SHARES}
    with data_folder_of_its_own():
        line = Runs()
        run = line.start(SPEC)
        while run.snapshot().step < 100:
            time.sleep(0.05)
        count = 0
        for _ in range(REPEATS):
            for share in SHARES:
                guests.SHARE = share
                alone = pace(run, SECONDS)
                asked = time.monotonic()
                count += 1
                while line.price("one", edited(count)) is None:
                    time.sleep(0.02)
                waited[share].append(time.monotonic() - asked)
                began, before = time.monotonic(), run.snapshot().step
                while time.monotonic() - began < SECONDS:
                    count += 1
                    line.price("editor", edited(count))
                    time.sleep(0.3)
                beside = (run.snapshot().step - before) / (time.monotonic() - began)
                kept[share].append(beside / alone)
        line.close()
    for share in SHARES:
        print(
            f"share {share:.2f}: trains at {statistics.median(kept[share]):.2f} of alone, "
            f"a price after {statistics.median(waited[share]):.1f} s (n = {REPEATS})"
        )


if __name__ == "__main__":
    main()
