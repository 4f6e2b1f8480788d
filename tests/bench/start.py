"""How long a person waits for the first page, against a blank page that imports torch.

`python -m tests.bench.start`: by turns, `streamlit run` of NetSketch and of `_blank_page.py`, each
a fresh process, from the command to the last element of the page in a client that draws nothing.
"""

import statistics
import time
from pathlib import Path

from tests.bench._client import Client
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.bench._server import NETSKETCH, PAGES, serve

PAIRS = 9


def start(script: Path) -> float:
    """Return the seconds to the first page."""
    began = time.perf_counter()
    with serve(script) as address, Client(address) as client:
        client.settle()
        return time.perf_counter() - began


def main() -> None:
    """Print the figure."""
    ours, blank = [], []
    with data_folder_of_its_own():
        # The first start of all reads everything from the disk, and parses the digits.
        start(NETSKETCH)
        for i in range(PAIRS):
            ours.append(start(NETSKETCH))
            blank.append(start(PAGES / "_blank_page.py"))
            progress(f"start {i + 1} of {PAIRS}: {ours[-1]:.2f} s, blank {blank[-1]:.2f} s")
    report(
        "start to the first page, against a blank page with torch and torchvision",
        statistics.median(ours) / statistics.median(blank),
        "times",
        n=PAIRS,
        at_most=1.3,
        ours_s=round(statistics.median(ours), 2),
        blank_s=round(statistics.median(blank), 2),
    )


if __name__ == "__main__":
    main()
