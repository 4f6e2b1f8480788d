"""How a run is computed, in words."""

from collections.abc import Sequence

import torch

from core.machine.device import Device, cores
from core.spec import RunSpec
from core.training.learning import is_fused
from core.training.precision import IN_WORDS
from core.training.thread_counts import Stretch
from core.words.message import N_, message


def how_it_runs(
    spec: RunSpec, device: Device, precision: str, stretches: Sequence[Stretch] = ()
) -> str:
    """Say for a person how a run computes.

    Args:
        spec: of the run.
        device: that it computes on, here or on the machine where it ran.
        precision: what its steps multiply; empty for 32-bit floats.
        stretches: with how many threads it has computed, from which step on.
    """
    steps = "fused" if is_fused(spec, torch.device(device.key)) else "foreach"
    floats = IN_WORDS[precision or "float32"]
    if device.key != "cpu":
        return message(
            "On {device}: all images lie on the device as bytes and are normalised there; "
            "{floats}, channels last; one {steps} kernel for all the optimiser’s updates.",
            device=device.name,
            floats=floats,
            steps=steps,
        )
    return message(
        "On {device}: all images lie on the device as bytes and are normalised there; {floats}, "
        "channels last; one {steps} kernel for all the optimiser’s updates; {threads}.",
        device=device.name,
        floats=floats,
        steps=steps,
        threads=_threads(device, stretches),
    )


def _threads(device: Device, stretches: Sequence[Stretch]) -> str:
    if len(stretches) < 2:
        count = stretches[0][1] if stretches else device.cores or cores()
        if count > 1:
            return message("{threads} threads that nothing else computes with", threads=count)
        return N_("1 thread that nothing else computes with")
    step, count = stretches[-1]
    return message(
        "as many threads as other programs leave cores for: {threads} since step {step:,}, with "
        "{changes} changes so far, each of which rounds sums otherwise",
        threads=count,
        step=step,
        changes=len(stretches) - 1,
    )
