"""What the environment says to NetSketch, checked before anything is served or trained.

Nothing is replaced by a default in silence: a misspelt setting would let people do what it was to
forbid, and a misspelt folder would keep their runs where nobody looks for them.
"""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from core.machine.folders import DATA_VARIABLE, data_folder
from core.serving.limits import CONFIG_VARIABLE, Limits, limits, nearest
from core.words.errors import UserError
from core.words.message import message

_PREFIX: Final = "NETSKETCH_"
# The last one names the browser of the tests.
VARIABLES: Final = (DATA_VARIABLE, CONFIG_VARIABLE, "NETSKETCH_CHROMIUM")


class StartError(UserError):
    """The server must not start; the text says what to mend."""


def require_sound() -> Limits:
    """See to it that a server may start; return what it allows.

    Raises:
        UserError: a setting or a variable of the environment is wrong.
    """
    require_environment()
    return limits()


def require_environment() -> None:
    """See to it that the environment names what NetSketch reads; the command line needs no more.

    Raises:
        UserError: a variable is misspelt, or names what can be no folder.
    """
    _require_known(os.environ)
    _require_folder(os.environ)


def _require_known(environment: Mapping[str, str]) -> None:
    """Refuse a name that nobody reads and that is nearly one of ours."""
    endings = {name.removeprefix(_PREFIX): name for name in VARIABLES}
    for name in sorted(environment):
        if name in VARIABLES:
            continue
        if name.upper().startswith(_PREFIX):
            meant = nearest(name.upper().removeprefix(_PREFIX), endings)
        else:
            # With a slip in our own name; whole names of others are never that near.
            near = get_close_matches(name.upper(), VARIABLES, n=1, cutoff=0.85)
            meant = near[0].removeprefix(_PREFIX) if near else None
        if meant:
            raise StartError(
                message(
                    "The environment sets {name}, which NetSketch does not know. Did you mean "
                    "{meant}?",
                    name=name,
                    meant=endings[meant],
                )
            )


def _require_folder(environment: Mapping[str, str]) -> None:
    """Refuse a folder for data that can be none; one that is not there yet will be made."""
    named = environment.get(DATA_VARIABLE)
    if not named:
        return
    if named != named.strip():
        raise StartError(
            message(
                "{variable} begins or ends with a space: “{value}”. Take it away.",
                variable=DATA_VARIABLE,
                value=named,
            )
        )
    folder = data_folder()
    if folder.exists() and not folder.is_dir():
        raise StartError(
            message(
                "{variable} names {path}, which is no folder.",
                variable=DATA_VARIABLE,
                path=str(folder),
            )
        )
