"""What is taken home of a run, and the facts that several of its files tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

import torch
from torch import Tensor

from core.network.layers import Network, lay_out
from core.runs.history import Curves
from core.runs.record import RunRecord
from core.spec import RunSpec
from core.words.errors import UserError
from core.words.message import N_

# More steps than any run has: a curve of so many points has one for each step.
_EVERY_STEP: Final = 10**9
# A version, with or without the name of a local build, which is on no package registry.
_VERSION: Final = re.compile(r"(\d+(?:\.\w+)*)(?:\+.*)?")


class TakeHomeError(UserError):
    """A file cannot be made of this run; the text says why."""


class Source(Protocol):
    """What a `RunContents` needs of a run."""

    @property
    def trouble(self) -> str:
        """What of the run could not be read when it was last asked for, in a sentence."""
        ...

    def record(self) -> RunRecord:
        """Return what is known of the run, but for its curves and weights."""
        ...

    def curves(self, max_points: int = 400) -> Curves:
        """Return the figures of its steps and epochs, in so many points at most."""
        ...

    def weights(self) -> Mapping[str, Tensor] | None:
        """Return its last weights, on the CPU, or None where there are none."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class RunContents:
    """A run as it was at one instant.

    Attributes:
        record: what is known of it.
        steps: its figures, one for each step.
        curves: the same, as few as a page draws.
        weights: its last weights on the CPU, in PyTorch's usual memory order; None without any.
    """

    record: RunRecord
    steps: Curves
    curves: Curves
    weights: Mapping[str, Tensor] | None

    @property
    def spec(self) -> RunSpec:
        """What was trained."""
        return self.record.spec

    @property
    def network(self) -> Network:
        """The layers of the run's network."""
        return lay_out(self.spec)

    @property
    def device(self) -> str:
        """Torch's key of the kind of device that it computed on."""
        return device_of(self.record)

    @property
    def in_bfloat16(self) -> bool:
        """Whether the layers of a training step multiplied bfloat16."""
        return self.record.precision == "bfloat16"

    @property
    def threads(self) -> int | None:
        """How many threads it began with on a CPU, or None."""
        return threads_of(self.record)

    def need_weights(self) -> Mapping[str, Tensor]:
        """Return the weights.

        Raises:
            TakeHomeError: there are none.
        """
        if self.weights is None:
            raise TakeHomeError(
                N_(
                    "This run has no weights: it ended before its first step, or their file is "
                    "gone. Train it again."
                )
            )
        return self.weights

    def need_curves(self) -> Curves:
        """Return the figures of every step.

        Raises:
            TakeHomeError: there are none.
        """
        if not len(self.steps.step):
            raise TakeHomeError(N_("This run has no curves: none of its steps was recorded here."))
        return self.steps


def contents_of(run: Source) -> RunContents:
    """Copy what is needed of a run, which may go on meanwhile.

    Raises:
        TakeHomeError: some of it cannot be read now; files without it would say that there is none.
    """
    weights = run.weights()
    if weights is None and run.trouble:
        raise TakeHomeError(run.trouble)
    steps = run.curves(max_points=_EVERY_STEP)
    if run.trouble:
        raise TakeHomeError(run.trouble)
    return RunContents(
        record=run.record(),
        steps=steps,
        curves=run.curves(),
        weights=None
        if weights is None
        else {name: value.detach().contiguous() for name, value in weights.items()},
    )


def device_of(record: RunRecord) -> str:
    """Return torch's key of the kind of device that a run computed on: cpu, cuda or mps."""
    if record.device is not None:
        return record.device.key
    return "cpu" if record.spec.device == "auto" else record.spec.device


def threads_of(record: RunRecord) -> int | None:
    """Return how many threads a run began with on a CPU, or None where that is not known."""
    if device_of(record) != "cpu":
        return None
    if record.stretches:
        return record.stretches[0][1]
    return (record.device.cores if record.device else 0) or None


def when(record: RunRecord) -> str:
    """Return when a run ended, or began where it has not ended, such as `2026-11-25 14:03 UTC`."""
    moment = datetime.fromtimestamp(record.ended_at or record.created_at, UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def ending_of(record: RunRecord) -> str:
    """Say why a run ended as it did; nothing of one that came to its end."""
    if record.message or record.status != "interrupted":
        return record.message
    if record.device is None and not record.step:
        return "NetSketch ended before this run began."
    return "NetSketch ended while this run was going on."


def result_of(record: RunRecord) -> str:
    """Say in one sentence how a run came out on the test images."""
    if record.test_correct is not None and record.test_total:
        share = 100 * record.test_correct / record.test_total
        return (
            f"{record.test_correct:,} of {record.test_total:,} test images right ({share:.2f} %)."
        )
    if record.status == "diverged":
        return f"The loss became infinite or not a number after {record.step:,} steps."
    return "It ended before its test."


def release(version: str) -> str:
    """Return a version as a package registry names it: 2.13.0 for 2.13.0+cpu.

    A text that is no version becomes the version of the torch that runs here.
    """
    found = _VERSION.fullmatch(version) or _VERSION.fullmatch(torch.__version__)
    return found[1] if found else ""


def one_line(text: str) -> str:
    """Return a person's words as one line of printable characters, which fit into any comment."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def quoted(text: str) -> str:
    """Write text as a Python literal."""
    plain = text.isprintable() and not set(text) & set('"\\')
    return f'"{text}"' if plain else repr(text)
