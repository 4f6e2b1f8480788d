"""Several guests of the training thread, taken as one."""

from core.run import Guest


class Guests:
    """Several guests of the training thread as one; see `core.run.Guest`."""

    def __init__(self, *guests: Guest) -> None:
        self._guests = guests

    @property
    def waits(self) -> bool:
        """See `Guest.waits`."""
        return any(guest.waits for guest in self._guests)

    def serve(self, budget_s: float) -> None:
        """See `Guest.serve`; the first that waits is served."""
        for guest in self._guests:
            if guest.waits:
                guest.serve(budget_s)
                return
