"""PyTorch's global random generators, lent to a trainer while it computes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Randomness:
    """The global generators as one trainer leaves and finds them again.

    Within the context the global generators are in the trainer's state; outside it, in their own.
    So it does not matter what else draws from them between two turns of the trainer.

    Args:
        device: where the trainer computes.
        seed: what its generators begin with.
    """

    def __init__(self, device: torch.device, seed: int) -> None:
        self._kinds = dict.fromkeys(("cpu", device.type))
        self._own = {
            kind: torch.Generator(kind).manual_seed(seed).get_state() for kind in self._kinds
        }
        self._others: dict[str, Tensor] = {}

    def __enter__(self) -> None:
        """Put the trainer's generators in the place of the others."""
        self._others = self._read()
        _write(self._own)

    def __exit__(self, *_: object) -> None:
        """Put the others back."""
        self._own = self._read()
        _write(self._others)

    def states(self) -> dict[str, Tensor]:
        """Return the trainer's generators, by kind of device."""
        return self._own

    def restore(self, states: dict[str, Tensor]) -> None:
        """Take over what `states` returned, as far as this device has such generators."""
        self._own = {kind: states.get(kind, state) for kind, state in self._own.items()}

    def _read(self) -> dict[str, Tensor]:
        return {kind: _GET[kind]() for kind in self._kinds}


@contextmanager
def generators_kept() -> Iterator[None]:
    """Leave the global generators of all devices in use as they are, whatever draws from them."""
    kinds = ["cpu"]
    # To look at the others would take memory on them.
    kinds += ["cuda"] if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    kinds += ["mps"] if torch.backends.mps.is_available() else []
    states = {kind: _GET[kind]() for kind in kinds}
    try:
        yield
    finally:
        _write(states)


def _write(states: dict[str, Tensor]) -> None:
    for kind, state in states.items():
        _SET[kind](state)


_GET = {
    "cpu": torch.get_rng_state,
    "cuda": torch.cuda.get_rng_state,
    "mps": torch.mps.get_rng_state,
}
_SET = {
    "cpu": torch.set_rng_state,
    "cuda": torch.cuda.set_rng_state,
    "mps": torch.mps.set_rng_state,
}
