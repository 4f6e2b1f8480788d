"""How many runs may wait in line: in all, for one person, and from one network address.

A person is a browser, and a browser that forgets its cookies is a new person; so what comes from
one address is counted too. A class has one address where its school has: hence its larger share.
"""

from core.runs.fair_queue import FairQueue
from core.serving.limits import Limits
from core.words.errors import UserError
from core.words.message import message


def require_room(line: FairQueue, limits: Limits, owner: str, address: str, count: int = 1) -> None:
    """See to it that so many more runs may wait.

    Args:
        line: who waits already.
        limits: of this server.
        owner: whose the runs are; empty for nobody in particular, who has no share of their own.
        address: where they ask from; empty for this very machine, which has no share of its own.
        count: of runs.

    Raises:
        UserError: too many would wait.
    """
    if len(line) + count > limits.max_waiting:
        raise UserError(
            message(
                "{count} runs are waiting already. Wait for one to end, or stop one.",
                count=limits.max_waiting,
            )
        )
    if owner and line.count_of(owner) + count > limits.max_waiting_per_person:
        raise UserError(
            message(
                "You have {count} runs waiting, and this server allows a person no more. "
                "Wait for one to end, or stop one.",
                count=limits.max_waiting_per_person,
            )
        )
    if address and line.count_from(address) + count > limits.max_waiting_per_address:
        raise UserError(
            message(
                "{count} runs from your network address are waiting, and this server allows an "
                "address no more. Wait for one to end, or stop one.",
                count=limits.max_waiting_per_address,
            )
        )
