"""What tests of runs share: small digits for every worker, and a single core."""

from dataclasses import replace

import pytest

from core.data.catalogue import DATASETS
from core.machine.device import take_one_core


@pytest.fixture
def quick(make_digits, monkeypatch):
    """Small data, and figures after every step."""
    digits = make_digits(200)
    info = replace(DATASETS["embedded"], train=200, validation=20, test=30)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    for module in ("worker", "training_thread"):
        monkeypatch.setattr(f"core.runs.{module}.load", lambda key: digits)
    monkeypatch.setattr("core.training.trainer.REPORT_S", 0.0)
    return digits


@pytest.fixture
def one_core(monkeypatch):
    """One core for every training, for exact results."""
    monkeypatch.setattr("core.machine.thread_team.cores", lambda: 1)
    for module in ("core.machine.thread_team", "core.runs.training_thread"):
        monkeypatch.setattr(f"{module}.take_all_cores", take_one_core)
