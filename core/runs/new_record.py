"""How a run is described before it has begun."""

import time
from collections.abc import Iterable, Sequence
from secrets import token_hex

from core.network.layers import lay_out
from core.runs.record import MAX_NAME, RunRecord
from core.runs.registry import Registry
from core.spec import RunSpec
from core.spec.naming import MAX_WORDS, Known, naming
from core.training.length import length_of
from core.words.message import Message, message


def new_record(
    number: int,
    spec: RunSpec,
    owner: str = "",
    *,
    name: str | None = None,
    rival: str = "",
    last: RunSpec | None = None,
    known: Known | None = None,
) -> RunRecord:
    """Describe a run that has not begun.

    Args:
        number: its number in the store.
        spec: what is to be trained.
        owner: whose it is.
        name: as a person gives it; made of the number and of what is special where there is none.
        rival: the id of the other one of a duel.
        last: see `naming`.
        known: see `naming`.
    """
    return RunRecord(
        id=f"{number}-{token_hex(3)}",
        number=number,
        name=name[:MAX_NAME] if name else _name(number, spec, last, known),
        spec=spec,
        owner=owner,
        created_at=time.time(),
        num_steps=length_of(spec).num_steps,
        params=lay_out(spec).params,
        rival=rival,
    )


def next_records(registry: Registry, owner: str, *specs: RunSpec) -> list[RunRecord]:
    """Describe new runs among those that there are, so that names tell them from their owner's.

    Args:
        registry: of the runs.
        owner: whose they are.
        specs: what is to be trained: one, or the two of a duel.
    """
    own = [run.record() for run in registry.all() if run.owner == owner]
    known, before = named_by(own), [record.spec for record in own[:1]]
    return [
        new_record(registry.new_number(), spec, owner, last=beside, known=known)
        for spec, beside in zip(specs, _besides(specs, before), strict=True)
    ]


def _besides(specs: Sequence[RunSpec], before: Sequence[RunSpec]) -> list[RunSpec | None]:
    """Return what each spec is to be told from first: its rival, or else what was trained last."""
    if len(specs) > 1:
        return list(reversed(specs))
    return [before[0] if before else None]


def named_by(records: Iterable[RunRecord]) -> Known | None:
    """Return the spec and the name of the first record to which a person has given one.

    Args:
        records: newest first.
    """
    for record in records:
        # Runs of earlier versions have a text for a name that nobody gave them, number first.
        if not isinstance(record.name, Message) and not record.name.startswith(
            f"{record.number} · "
        ):
            return Known(spec=record.spec, called=record.name)
    return None


def _name(number: int, spec: RunSpec, last: RunSpec | None, known: Known | None) -> str:
    room = MAX_WORDS - len(f"{number} · ")
    what = naming(spec, last=last, known=known, room=room)
    return message("{number} · {what}", number=number, what=what)
