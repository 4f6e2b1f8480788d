"""How tests of runs look at what comes of them."""

import time
from collections.abc import Callable, Mapping

import torch


def eventually(true: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "It took too long."
        time.sleep(0.002)


def same(a: Mapping[str, torch.Tensor], b: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether weights are the same to the last bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
