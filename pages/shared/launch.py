"""How a Train button starts a run."""

from core.errors import UserError
from core.runs import runs
from core.spec import RunSpec
from pages.shared import state


def launch(spec: RunSpec | None = None, *, then: str | None = None) -> None:
    """Put a spec, or else the draft, in line and look at that run. For use as a callback.

    Args:
        spec: what to train.
        then: the page to show after that, where it is not this one.
    """
    try:
        run = runs().start(spec or state.draft())
    except UserError as error:
        state.refuse(str(error))
    else:
        state.choose_run(run.id)
        if then is not None:
            state.go_to(then)
