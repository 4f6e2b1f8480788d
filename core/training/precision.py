"""The floating-point numbers that a training step multiplies: 32-bit ones, or bfloat16.

Weights, their updates, the loss and every evaluation are 32-bit floats in any case. In bfloat16 are
the products of layers, and what flows between them in a training step, as PyTorch's autocast does
it.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Final, Literal

import torch

from core.machine.device import key_of
from core.network.layers import Network
from core.spec import RunSpec
from core.words.message import N_

Precision = Literal["float32", "bfloat16"]
# For people.
IN_WORDS: Final[dict[str, str]] = {
    "float32": N_("32-bit floats"),
    "bfloat16": N_("bfloat16 between the layers of a training step and 32-bit floats elsewhere"),
}

# Instructions of a CPU by which one core multiplies bfloat16 twice as fast as 32-bit floats, or
# faster. Without these instructions bfloat16 is slower.
_NATIVE: Final = ("avx512_bf16", "amx_bf16")
# A step of fewer multiply-adds takes longer in bfloat16, as every layer's conversions cost as much
# as they save. Measured on a CPU: 0.9 times as fast with 13 million of them, 1.06 with 27 million,
# 1.6 with 800 million; on an H200, whose steps are mostly the starting of kernels, 0.84 to 0.95
# with up to 7.7 billion, 1.21 with 31 billion (tests/bench/floats). A recurrent network, whose
# products are many and small, gained nothing.
_PAYS: Final = {"cpu": 25_000_000, "cuda": 15_000_000_000}


def precision_of(spec: RunSpec, network: Network) -> Precision:
    """Return what a run of this spec computes in here.

    Args:
        spec: its `precision` is one of both, or `auto`: bfloat16 where the device multiplies it by
            instructions of its own and a step is long enough to gain by it.
        network: its layers.
    """
    if spec.precision == "auto":
        key = key_of(spec.device)
        step = spec.batch_size * network.multiply_adds
        worth = spec.family != "recurrent" and key in _PAYS and step >= _PAYS[key]
        return "bfloat16" if worth and has_bfloat16(key) else "float32"
    return "bfloat16" if spec.precision == "bfloat16" else "float32"


@cache
def has_bfloat16(key: str) -> bool:
    """Tell whether a device, of torch's key, multiplies bfloat16 by instructions of its own."""
    if key == "cuda":
        return torch.cuda.is_available() and bool(
            torch.cuda.is_bf16_supported(including_emulation=False)
        )
    if key == "cpu":
        has = torch.cpu.get_capabilities()
        return any(has.get(name, False) for name in _NATIVE)
    return False


def casting(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which layers compute in this precision. It can be entered again."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
