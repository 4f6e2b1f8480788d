"""How buttons start runs, act on them, go on with them, and set two against each other."""

from collections.abc import Callable, Sequence

from core.runs.manager import runs
from core.spec import RunSpec
from core.spec.difference import differences
from core.words.errors import UserError
from pages.shared import session
from pages.shared.person import address, person


def launch(spec: RunSpec | None = None, *, then: str | None = None) -> None:
    """Put a spec, or else the draft, in line and look at that run. For use as a callback.

    Args:
        spec: what to train.
        then: the page to show after that, where it is not this one.
    """
    try:
        run = runs().start(spec or session.draft(), person(), address())
    except UserError as error:
        session.refuse(error.message)
    else:
        session.choose_run(run.id)
        if then is not None:
            session.go_to(then)


def attempt(act: Callable[[], object]) -> None:
    """Do something to a run, or keep the sentence that says why not. For use in callbacks."""
    try:
        act()
    except UserError as error:
        session.refuse(error.message)


def pause(run_id: str) -> None:
    """Let a run hold still. For use as a callback."""
    attempt(lambda: runs().pause(run_id, person()))


def resume(run_id: str) -> None:
    """Let a paused run go on. For use as a callback."""
    attempt(lambda: runs().resume(run_id, person()))


def stop(run_id: str) -> None:
    """End a run, or take it out of the line. For use as a callback."""
    attempt(lambda: runs().stop(run_id, person()))


def earlier(run_id: str) -> None:
    """Let a waiting run go before the owner's one before it. For use as a callback."""
    attempt(lambda: runs().move(run_id, -1, person()))


def go_on(run_id: str) -> None:
    """Put a run that ended early in line again. For use as a callback."""
    try:
        run = runs().go_on(run_id, person(), address())
    except UserError as error:
        session.refuse(error.message)
    else:
        session.choose_run(run.id)


def duel(spec: RunSpec) -> None:
    """Train the draft and another spec side by side, and look at the draft's run.

    For use as a callback.
    """
    try:
        run, _ = runs().duel(session.draft(), spec, person(), address())
    except UserError as error:
        session.refuse(error.message)
    else:
        session.choose_run(run.id)


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
            runs().duel(first, second, person(), address())
        else:
            for spec in wanted:
                runs().start(spec, person(), address())
    except UserError as error:
        session.refuse(error.message)
