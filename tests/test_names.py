"""Every test has a short, printable name, the same whenever and wherever it is collected."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 200


def collection(hash_seed: int) -> subprocess.Popen[str]:
    """Collect the whole suite in a process of its own, with sets in an order of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        | {"PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def names() -> list[list[str]]:
    """What two processes collect that began in different seconds."""
    first = collection(1)
    time.sleep(1.1)
    second = collection(2)
    told = [process.communicate(timeout=300)[0] for process in (first, second)]
    return [[line for line in text.splitlines() if "::" in line] for text in told]


def test_two_processes_collect_the_same_names_in_the_same_order(names):
    assert names[0] == names[1]
    assert len(names[0]) > 3000
    assert len(set(names[0])) == len(names[0])


def test_every_name_can_be_read_and_typed(names):
    assert [name for name in names[0] if len(name) > LONGEST or not name.isascii()] == []
    assert [name for name in names[0] if not name.isprintable()] == []
