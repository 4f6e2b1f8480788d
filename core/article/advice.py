"""The article's advice, each piece as two networks to be trained and compared."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from core.data.loading import load
from core.judging.verdict import Answers, Verdict, verdict
from core.runs.record import ENDED
from core.runs.view import Run
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.words.message import N_

# Small enough that a comparison takes some seconds on the built-in digits.
_BASE: Final = RunSpec(
    blocks=(BlockSpec(channels=16), BlockSpec(channels=32)),
    dense=(DenseSpec(units=64),),
    optimizer="adam",
    lr=0.002,
    num_epochs=4,
)


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What the article advises, and two networks that can tell.

    Attributes:
        key: of the advice.
        title: in a few words.
        first: the network that does not follow the advice, called A; `first_name` says what it is.
        second: the network that follows it, called B; `second_name` says what it is.
    """

    key: str
    title: str
    first: RunSpec
    first_name: str
    second: RunSpec
    second_name: str

    def with_seed(self, seed: int) -> tuple[RunSpec, RunSpec]:
        """Return both networks, to begin with other first weights and another order of images."""
        return replace(self.first, seed=seed), replace(self.second, seed=seed)


ADVICE: Final = (
    Advice(
        key="kernels",
        title=N_("Larger kernels"),
        first=_BASE,
        first_name=N_("kernels of 3 × 3"),
        second=replace(
            _BASE, blocks=tuple(replace(block, kernel_size=5) for block in _BASE.blocks)
        ),
        second_name=N_("kernels of 5 × 5"),
    ),
    Advice(
        key="depth",
        title=N_("Deeper networks"),
        first=_BASE,
        first_name=N_("two convolutions"),
        second=replace(
            _BASE,
            blocks=tuple(
                half for block in _BASE.blocks for half in (replace(block, pool="none"), block)
            ),
        ),
        second_name=N_("four convolutions"),
    ),
    Advice(
        key="adam",
        title=N_("Adam instead of SGD"),
        first=replace(_BASE, optimizer="sgd"),
        first_name=N_("SGD with momentum"),
        second=_BASE,
        second_name=N_("Adam"),
    ),
)


def pairs_of(advice: Advice, known: Iterable[Run], owner: str) -> tuple[tuple[Run, Run], ...]:
    """Return a person's pairs of runs that compare just these two networks, highest seed first.

    Both runs of a pair have the same seed. Where a network was trained several times from one seed,
    one that came to its end counts before one in training, that before one that waits, and of equal
    ones the newest.

    Args:
        advice: what is compared.
        known: runs, newest first.
        owner: whose runs.
    """
    own = _own(known, owner)
    first, second = (_by_seed(own, spec) for spec in (advice.first, advice.second))
    seeds = sorted(first.keys() & second.keys(), reverse=True)
    return tuple((first[seed], second[seed]) for seed in seeds)


def missing(advice: Advice, seed: int, known: Iterable[Run], owner: str) -> tuple[RunSpec, ...]:
    """Return which of the two networks a person has neither trained to the end nor is training."""
    there = [
        run.spec
        for run in _own(known, owner)
        if run.status == "finished" or run.status not in ENDED
    ]
    return tuple(spec for spec in advice.with_seed(seed) if spec not in there)


def _own(known: Iterable[Run], owner: str) -> list[Run]:
    """Return a person's runs that kept to their settings from the first step to the last."""
    return [run for run in known if run.owner == owner and not run.record().lr_changes]


def _rank(run: Run) -> int:
    """Tell how much a run is worth to a comparison."""
    return {"finished": 3, "running": 2, "paused": 2, "queued": 1}.get(run.status, 0)


def _by_seed(own: Iterable[Run], spec: RunSpec) -> dict[int, Run]:
    found: dict[int, Run] = {}
    for run in own:
        seed = run.spec.seed
        if run.spec != replace(spec, seed=seed):
            continue
        if seed not in found or _rank(run) > _rank(found[seed]):
            found[seed] = run
    return found


def outcome(pair: tuple[Run, Run]) -> Verdict | None:
    """Return how a pair compares on the test images; None before both have been tested.

    Raises:
        UserError: the two cannot be compared.
    """
    if any(run.status not in ENDED for run in pair):
        return None
    answers = []
    for name, run in zip("AB", pair, strict=True):
        logits = run.logits()
        if logits is None:
            return None
        answers.append(Answers(name=name, data=run.spec.data, logits=logits))
    return verdict(answers[0], answers[1], load(answers[0].data).test.labels)
