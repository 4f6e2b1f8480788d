"""The housekeeper goes on whatever the disk does, and nobody waits for it."""

import threading
import time

import pytest

from core.runs import housekeeping
from core.runs.housekeeping import Housekeeper
from core.runs.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path)
    yield made
    made.close()


def test_whoever_deletes_does_not_wait_for_the_housekeepers_look_at_the_disk(store, monkeypatch):
    looks, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        looks.set()
        may_end.wait(5)

    monkeypatch.setattr(store, "next_purge", slow)
    house = Housekeeper(store, lambda: 1.0, lambda: None)
    assert looks.wait(5)
    began_s = time.monotonic()
    house.nudge()
    assert time.monotonic() - began_s < 1
    may_end.set()
    house.close(5)


def test_a_disk_that_cannot_be_read_does_not_end_the_housekeeper(store, monkeypatch, caplog):
    monkeypatch.setattr(housekeeping, "LOOK_S", 0.01)
    asked = []

    def broken() -> None:
        asked.append(1)
        raise OSError("too many open files")

    monkeypatch.setattr(store, "next_purge", broken)
    looked = []
    house = Housekeeper(store, lambda: 1.0, lambda: looked.append(1))
    end_s = time.monotonic() + 5
    while len(asked) < 3 and time.monotonic() < end_s:
        time.sleep(0.01)
    house.close(5)
    assert len(asked) >= 3
    assert len(looked) >= 3
    assert "Housekeeping failed" in caplog.text
