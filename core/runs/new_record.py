"""How a run is described before it has begun."""

import time
from secrets import token_hex

from core.network.layers import lay_out
from core.runs.record import MAX_NAME, RunRecord
from core.spec import RunSpec
from core.spec.presets import PRESETS, preset_of
from core.spec.summary import outline_of
from core.training.length import course_of


def new_record(
    number: int, spec: RunSpec, owner: str = "", *, name: str | None = None, rival: str = ""
) -> RunRecord:
    """Describe a run that has not begun.

    Args:
        number: its number in the store.
        spec: what is to be trained.
        owner: whose it is.
        name: for people; made of the number and the network where there is none.
        rival: the id of the other one of a duel.
    """
    return RunRecord(
        id=f"{number}-{token_hex(3)}",
        number=number,
        name=(name or _name(number, spec))[:MAX_NAME],
        spec=spec,
        owner=owner,
        created_at=time.time(),
        num_steps=course_of(spec).num_steps,
        params=lay_out(spec).params,
        rival=rival,
    )


def _name(number: int, spec: RunSpec) -> str:
    key = preset_of(spec)
    folds = f", {spec.folds} folds" if spec.folds else ""
    return f"{number} · {PRESETS[key].title if key else outline_of(spec).words}{folds}"
