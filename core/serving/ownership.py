"""Whose a run is, and who may change it: checked here, whatever a page has offered."""

from dataclasses import dataclass

from core.words.errors import UserError
from core.words.message import N_


@dataclass(frozen=True)
class Ownership:
    """What people may do with each other's things.

    Attributes:
        only_own: whether each changes and uses only their own.
    """

    only_own: bool = False

    def allows(self, owner: str, person: str) -> bool:
        """Tell whether a person may change what is an owner's; what is nobody's is everybody's."""
        return not self.only_own or owner in ("", person)

    def require_run(self, owner: str, person: str) -> None:
        """See to it that a person may change a run of this owner.

        Raises:
            UserError: it is somebody else's.
        """
        if not self.allows(owner, person):
            raise UserError(
                N_("This run is somebody else’s. On this server each changes their own.")
            )
