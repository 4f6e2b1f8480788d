"""Every preset as it is: trained, taken home, and trained again by its script in a fresh process.

Goals: each script confirms the dashboard's accuracy (the very same count on the machine that it was
trained on); ONNX differs from PyTorch by at most 1e-4 in any probability of 1,000 digits. Presets
of full MNIST are left out where its files are not at hand. Names of presets as arguments choose
some of them.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from core.data.loading import load
from core.runs.manager import Runs
from core.runs.view import Run
from core.spec.presets import PRESETS
from core.take_home import RunContents, contents_of, make
from core.take_home.onnx_graph import TOLERANCE, largest_difference
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report


def main() -> None:
    """Train and take home the presets in turn."""
    wanted = sys.argv[1:] or list(PRESETS)
    found: dict[str, str] = {}
    differences: dict[str, float] = {}
    with data_folder_of_its_own() as data:
        runs = Runs()
        for key in wanted:
            spec = PRESETS[key].spec
            if spec.data == "mnist" and data != "mnist":
                progress(f"{key}: left out, full MNIST is not at hand")
                continue
            run = runs.start(spec)
            run.wait()
            contents = contents_of(run)
            differences[key] = _onnx_difference(contents)
            found[key] = _confirmed(contents)
            progress(f"{key}: {_told(run)}; {found[key]}; ONNX {differences[key]:.1e}")
        runs.close()
    exact = sum(words.startswith("exactly") for words in found.values())
    report(
        "presets whose script, alone in a fresh process, gets the dashboard's very count",
        exact,
        "presets",
        n=len(found),
        at_least=len(found),
        each=found,
    )
    report(
        "largest difference of a probability, ONNX against PyTorch, 1,000 digits a preset",
        max(differences.values()),
        "",
        n=len(differences),
        at_most=TOLERANCE,
        each={key: float(f"{value:.2g}") for key, value in differences.items()},
    )


def _confirmed(contents: RunContents) -> str:
    """Run a script where nothing of NetSketch can be found; return how it says it came out."""
    with tempfile.TemporaryDirectory(prefix="netsketch-home-") as folder:
        (Path(folder) / "train.py").write_bytes(make(contents, "train.py"))
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-I", "train.py"],
            cwd=folder,
            env={"NETSKETCH_DATA": os.environ["NETSKETCH_DATA"], "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        took = f"{time.perf_counter() - began:.0f} s"
    lines = done.stdout.splitlines()
    if done.returncode != 0:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    kept = next((line for line in lines if "test" in line and " right (" in line), "")
    if any(line.startswith("REPRODUCED exactly") for line in lines):
        return f"exactly: {kept}, {took}"
    if any(line.startswith("REPRODUCED within noise") for line in lines):
        return f"within noise: {kept}, {took}"
    return f"not: {kept}, {took}"


def _onnx_difference(contents: RunContents) -> float:
    """Compare on the 1,000 built-in digits that are not trained on."""
    digits = load("embedded")
    pixels = torch.cat([digits.validation.images, digits.test.images])
    return largest_difference(
        contents, contents.need_weights(), make(contents, "network.onnx"), pixels
    )


def _told(run: Run) -> str:
    seen = run.snapshot()
    assert seen.test is not None, seen.message
    return f"{seen.test.correct} of {seen.test.total} right in {seen.elapsed_s:.0f} s"


if __name__ == "__main__":
    main()
