"""How buttons start runs, go on with them, and set two against each other."""

from collections.abc import Sequence

from core.difference import differences
from core.errors import UserError
from core.runs import runs
from core.spec import RunSpec
from pages.shared import state
from pages.shared.person import person


def launch(spec: RunSpec | None = None, *, then: str | None = None) -> None:
    """Put a spec, or else the draft, in line and look at that run. For use as a callback.

    Args:
        spec: what to train.
        then: the page to show after that, where it is not this one.
    """
    try:
        run = runs().start(spec or state.draft(), person())
    except UserError as error:
        state.refuse(error.message)
    else:
        state.choose_run(run.id)
        if then is not None:
            state.go_to(then)


def go_on(run_id: str) -> None:
    """Put a run that ended early in line again. For use as a callback."""
    try:
        run = runs().go_on(run_id, person())
    except UserError as error:
        state.refuse(error.message)
    else:
        state.choose_run(run.id)


def duel(spec: RunSpec) -> None:
    """Train the draft and another spec side by side, and look at the draft's run.

    For use as a callback.
    """
    try:
        run, _ = runs().duel(state.draft(), spec, person())
    except UserError as error:
        state.refuse(error.message)
    else:
        state.choose_run(run.id)


def set_against(first: RunSpec, second: RunSpec, wanted: Sequence[RunSpec]) -> None:
    """Train two specs to be compared, side by side where they differ in exactly one thing.

    Else each that is wanted is put in line by itself. For use as a callback.

    Args:
        first: one of the two.
        second: the other.
        wanted: which of them have not been trained yet; nothing is done where there are none.
    """
    try:
        if wanted and len(differences((first, second))) == 1:
            runs().duel(first, second, person())
        else:
            for spec in wanted:
                runs().start(spec, person())
    except UserError as error:
        state.refuse(error.message)
