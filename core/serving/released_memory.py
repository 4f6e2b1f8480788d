"""Give memory back to the system when much of what was read or looked at has gone."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from core.machine.device import release_freed_memory

LOOK_S: Final = 5.0
# Less than this is not worth the page faults that giving it back costs a training.
WORTH: Final = 16 * 2**20

_log = logging.getLogger(__name__)


@asynccontextmanager
async def giving_memory_back(
    taken: Callable[[], int],
    highest: Callable[[], int],
    tidy: Callable[[], None] = lambda: None,
    give_back: Callable[[], None] = release_freed_memory,
) -> AsyncIterator[None]:
    """Look again and again whether what people sent has gone, meanwhile.

    glibc is told to keep what a training step frees (see `core.machine.device`), and so it keeps
    what a picture took, too, and in every thread apart.

    Args:
        taken: bytes that are in use.
        highest: the most that were in use since it was called last.
        tidy: called at each look before that; lets go of what nobody needs any more.
        give_back: gives back what is free.
    """
    watch = asyncio.create_task(_watch(taken, highest, tidy, give_back))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(
    taken: Callable[[], int],
    highest: Callable[[], int],
    tidy: Callable[[], None],
    give_back: Callable[[], None],
) -> None:
    most = 0
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            tidy()
            now = taken()
            most = max(most, highest(), now)
        except Exception as error:  # else nothing would ever be given back again
            _log.error("What is in use could not be counted", exc_info=error)
            continue
        if most - now >= WORTH:
            await asyncio.to_thread(give_back)
            most = now
