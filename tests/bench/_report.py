"""Print the figures of a benchmark: one JSON object a line, with what they were measured on."""

import json
import math
import os
import platform
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import psutil


def report(
    figure: str,
    value: float | None,
    unit: str,
    *,
    n: int,
    at_least: float | None = None,
    at_most: float | None = None,
    **details: object,
) -> None:
    """Print one figure.

    Args:
        figure: what was measured, in words.
        value: the number, or None where it could not be measured.
        unit: of the value and of its goal.
        n: how many measurements stand behind the value.
        at_least: the goal, where more is better.
        at_most: the goal, where less is better.
        details: whatever else a reader needs to judge the figure.
    """
    goal, holds = None, None
    if at_least is not None:
        goal, holds = f">= {at_least:g}", value is not None and value >= at_least
    elif at_most is not None:
        goal, holds = f"<= {at_most:g}", value is not None and value <= at_most
    line = {
        "figure": figure,
        "value": None if value is None else float(f"{value:.4g}"),
        "unit": unit,
        "goal": goal,
        "holds": holds,
        "n": n,
        **details,
        "hardware": hardware(),
        "versions": versions(),
    }
    print(json.dumps(line, ensure_ascii=False), flush=True)


def progress(text: str) -> None:
    """Tell whoever waits how far the benchmark is; it is no part of the figures."""
    print(text, file=sys.stderr, flush=True)


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the mean of ratios."""
    logs = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logs) / len(logs))


@cache
def hardware() -> str:
    """Name the processor, the cores this process may use, and the memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {psutil.virtual_memory().total / 2**30:.1f} GiB"


@cache
def versions() -> str:
    """Name the system, Python and torch."""
    return (
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"torch {version('torch')}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
