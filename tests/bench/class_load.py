"""How soon a page is there for each of a class that watches one run.

`python -m tests.bench.class_load [SECONDS [CLIENTS]]`, 120 seconds and 30 clients without
arguments: one run of the default network on full MNIST goes on in a served NetSketch. Each client
opens one page after the other, as a person does who looks at each for some seconds, while the
page's panels look by themselves (`_client.py` says how that differs from a browser). Every few
seconds somebody puts a run in line and takes it out again, so that what pages list changes.

A page is there when the server has said that its script is at its end. Whatever takes longer than
`LATE_S` counts as unfinished, and so does what is not there when the time is over. Server, training
and clients share the machine.
"""

import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final
from urllib.parse import urlencode

from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from tests.bench._client import Client, words
from tests.bench._report import progress, report
from tests.bench.served import STEP, training

SECONDS: Final = 120.0
CLIENTS: Final = 30
PAGES: Final = ("train", "", "draw", "runs", "article", "train")
LOOK_S: Final = (4.0, 10.0)
LATE_S: Final = 5.0
ANOTHER_RUN_S: Final = 6.0


@dataclass
class Seen:
    """What all clients saw, in seconds."""

    # From a page's request to its end; what took too long, or did not come, as infinity.
    pages: list[float] = field(default_factory=list)
    unfinished: int = 0
    # Between two figures of the run on a Train page.
    moves: list[float] = field(default_factory=list)


def visit(address: str, seed: int, until: float, seen: Seen) -> None:
    """Be one of the class: open pages and look at them until the time is over."""
    hand = random.Random(seed)
    time.sleep(hand.uniform(0, 5))
    turn = seed
    page = PAGES[turn % len(PAGES)]
    asked = time.perf_counter()
    with Client(address, page) as client:
        while True:
            arrived = client.arrive(max(LATE_S, until - asked))
            took = time.perf_counter() - asked
            if not arrived or took > LATE_S:
                seen.unfinished += 1
            seen.pages.append(took)
            look(client, hand.uniform(*LOOK_S), seen)
            if time.perf_counter() > until - LATE_S:
                return
            turn += 1
            page = PAGES[turn % len(PAGES)]
            asked = time.perf_counter()
            client.go(page)


def look(client: Client, seconds: float, seen: Seen) -> None:
    """Look at a page, and note how often the figures of a run move on it."""
    told: list[float] = []
    for message in client.messages(seconds):
        if STEP.search(words(message)):
            told.append(time.perf_counter())
    seen.moves += [after - before for before, after in pairwise(told)]


def come_and_go(address: str, until: float) -> None:
    """Put a run in line and take it out, again and again."""
    query = urlencode(to_query(replace(DEFAULT, data="embedded", num_epochs=1)))
    with Client(address, "train", query) as client:
        client.settle()
        while time.perf_counter() < until - LATE_S:
            client.click("train")
            client.settle()
            client.click("panel_stop")
            for _ in client.messages(ANOTHER_RUN_S):
                pass


def main() -> None:
    """Print the figures."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    count = int(sys.argv[2]) if len(sys.argv) > 2 else CLIENTS
    seen = Seen()
    with training() as address:
        progress(f"{count} clients for {seconds:.0f} s")
        until = time.perf_counter() + seconds
        people = [
            threading.Thread(target=visit, args=(address, seed, until, seen))
            for seed in range(count)
        ]
        people.append(threading.Thread(target=come_and_go, args=(address, until)))
        for person in people:
            person.start()
        for person in people:
            person.join()
    told = {"clients": count, "seconds": round(seconds)}
    report(
        "pages unfinished after 5 s while a class looks",
        seen.unfinished,
        "pages",
        n=len(seen.pages),
        at_most=0,
        **told,
    )
    report(
        "95th percentile of the time to a whole page while a class looks",
        statistics.quantiles(seen.pages, n=20)[-1],
        "s",
        n=len(seen.pages),
        at_most=1.5,
        median=round(statistics.median(seen.pages), 2),
        longest=round(max(seen.pages), 2),
        **told,
    )
    report(
        "time between two figures of the run on a Train page while a class looks",
        statistics.median(seen.moves),
        "s",
        n=len(seen.moves),
        **told,
    )


if __name__ == "__main__":
    main()
