"""How well and how fast the default network learns the built-in digits, as the dashboard does it.

Goals: at least 98.0 % of the 500 test images (mean of 5 seeds), in at most 10 s of training.
"""

from dataclasses import replace
from statistics import mean

from core.runs.manager import Runs
from core.spec.presets import DEFAULT
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report

SEEDS = range(5)


def main() -> None:
    """Train the default network once a seed, in the background thread of `core.runs.manager`."""
    accuracies, seconds, device = [], [], ""
    with data_folder_of_its_own():
        runs = Runs()
        for seed in SEEDS:
            run = runs.start(replace(DEFAULT, seed=seed))
            run.wait()
            seen = run.snapshot()
            assert seen.test is not None, seen.message
            accuracies.append(100 * seen.test.correct / seen.test.total)
            seconds.append(seen.elapsed_s)
            device = seen.device
            progress(f"seed {seed}: {accuracies[-1]:.1f} % in {seconds[-1]:.2f} s")
        runs.close()
    n, details = len(SEEDS), {"device": device}
    report(
        "default network, built-in digits: test images right, mean of the seeds",
        mean(accuracies),
        "%",
        n=n,
        at_least=98.0,
        each=[round(accuracy, 1) for accuracy in accuracies],
        **details,
    )
    each = [round(second, 2) for second in seconds]
    what = "default network, built-in digits: seconds from the start to the test"
    report(f"{what}, mean", mean(seconds), "s", n=n, at_most=10.0, each=each, **details)
    report(f"{what}, slowest", max(seconds), "s", n=n, at_most=10.0, **details)


if __name__ == "__main__":
    main()
