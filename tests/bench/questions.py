"""What questions of pages take from a run beside them, and how long they wait for an answer.

For each share that all questions together might have: how fast a run trains while one person goes
on editing, against how fast it trains alone just before, and how long a single question waits.
`core.guests.SHARE` was chosen by this.

    make bench NAME=questions
"""

import itertools
import time
from dataclasses import replace

from core import guests
from core.presets import DEFAULT
from core.run import Run
from core.runs import Runs
from core.spec import RunSpec
from tests.bench._data import data_folder_of_its_own

SHARES = (1 / 6, 1 / 2, 1 / 4, 1 / 10)
SECONDS = 5.0
REPEATS = 3
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


def price_s(line: Runs, number: int) -> float:
    """Return how long a single question for a price waits for its answer."""
    asked = time.monotonic()
    while line.price("one", edited(number)) is None:
        time.sleep(0.02)
    return time.monotonic() - asked


def main() -> None:
    """Measure each share, the whole several times over; print each figure as it is known."""
    numbers = itertools.count(1)
    with data_folder_of_its_own():
        line = Runs()
        run = line.start(SPEC)
        while run.snapshot().step < 100:
            time.sleep(0.05)
        for _ in range(REPEATS):
            for share in SHARES:
                guests.SHARE = share
                alone = pace(run, SECONDS)
                waited = price_s(line, next(numbers))
                began, before = time.monotonic(), run.snapshot().step
                while time.monotonic() - began < SECONDS:
                    line.price("editor", edited(next(numbers)))
                    time.sleep(0.3)
                beside = (run.snapshot().step - before) / (time.monotonic() - began)
                line.price("editor", SPEC)
                print(
                    f"share {share:.2f}: a price after {waited:.1f} s; while one edits, a run "
                    f"trains at {beside / alone:.2f} of its pace alone",
                    flush=True,
                )
        line.close()


if __name__ == "__main__":
    main()
