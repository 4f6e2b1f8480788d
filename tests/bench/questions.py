"""What questions of pages take from a run beside them, and how long they wait for an answer.

For each share that all questions together might have: how long a single question waits, and what
part of the time one person takes who goes on editing.
`core.questions.fair_share.SHARE` was chosen by this.

    make bench NAME=questions
"""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from core.questions import fair_share as guests
from core.runs.manager import Runs
from core.spec import RunSpec
from core.spec.presets import DEFAULT
from tests.bench._data import data_folder_of_its_own

SHARES = (1 / 6, 1 / 2, 1 / 4, 1 / 10)
SECONDS = 10.0
REPEATS = 1
SPEC = replace(DEFAULT, data="embedded", num_epochs=200, batch_size=32, device="cpu")


def edited(number: int) -> RunSpec:
    """Another network for each number, so that each has a price of its own."""
    first = replace(SPEC.blocks[0], channels=4 + number % 60)
    return replace(SPEC, blocks=(first, *SPEC.blocks[1:]), batch_size=32 + number // 60)


@contextmanager
def taken() -> Iterator[list[float]]:
    """Note meanwhile the seconds that questions have of the training thread beside a run."""
    found: list[float] = []
    serve = guests.Guests.serve

    def watched(self: guests.Guests, budget_s: float) -> None:
        began = time.monotonic()
        serve(self, budget_s)
        found.append(time.monotonic() - began)

    guests.Guests.serve = watched  # type: ignore[method-assign]
    try:
        yield found
    finally:
        guests.Guests.serve = serve  # type: ignore[method-assign]


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
                waited = price_s(line, next(numbers))
                began = time.monotonic()
                with taken() as seconds:
                    while time.monotonic() - began < SECONDS:
                        line.price("editor", edited(next(numbers)))
                        time.sleep(0.3)
                line.price("editor", SPEC)
                print(
                    f"share {share:.2f}: a price after {waited:.1f} s; an endless editor took "
                    f"{sum(seconds) / (time.monotonic() - began):.2f} of the time",
                    flush=True,
                )
        line.close()


if __name__ == "__main__":
    main()
