"""20,000 altered files of configurations and weights, brought in one after the other.

Goals: each is refused in a sentence or is sound, never an exception; at most 2 s and 256 MB each.
The growth of the process's largest memory, from the first file to the last, bounds what any took.
"""

import resource
import sys
import time
import traceback
from collections import Counter

from core.machine.device import take_one_core
from tests.bench._report import progress, report
from tests.core.bring_in.mutants import ask, mutant

COUNT = 20_000


def main() -> None:
    """Try them all; print what became of them."""
    take_one_core()
    found: Counter[str] = Counter()
    seconds = []
    for number in range(-50, 0):  # imports, and the files that mutants are made of
        ask(*mutant(number))
    before = _peak()
    for number in range(COUNT):
        kind, data = mutant(number)
        began = time.perf_counter()
        try:
            became = ask(kind, data)
        except BaseException:
            became = "exception"
            progress(f"mutant {number} ({kind}): {traceback.format_exc()}")
        seconds.append(time.perf_counter() - began)
        found[f"{kind} {became}"] += 1
        found[became] += 1
        if (number + 1) % 2_000 == 0:
            progress(f"{number + 1:,} of {COUNT:,}: {dict(found)}")
    grown = (_peak() - before) / 2**20
    report(
        "altered files that end in an exception",
        found["exception"],
        "files",
        n=COUNT,
        at_most=0,
        became=dict(found),
    )
    report("slowest altered file", max(seconds), "s", n=COUNT, at_most=2.0)
    report("memory that bringing them in took at most", grown, "MB", n=COUNT, at_most=256)


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
