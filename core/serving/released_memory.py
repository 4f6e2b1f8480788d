"""Give memory back to the system when much of what was uploaded has gone."""

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
    taken: Callable[[], int], give_back: Callable[[], None] = release_freed_memory
) -> AsyncIterator[None]:
    """Look again and again whether uploads have gone, meanwhile.

    glibc is told to keep what a training step frees (see `core.machine.device`), and so it keeps a
    file that a browser sent and a page has read, too.

    Args:
        taken: bytes of all uploads.
        give_back: gives back what is free.
    """
    watch = asyncio.create_task(_watch(taken, give_back))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(taken: Callable[[], int], give_back: Callable[[], None]) -> None:
    most = 0
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            now = taken()
        except Exception as error:  # else nothing would ever be given back again
            _log.error("What is held of uploads could not be counted", exc_info=error)
            continue
        if most - now >= WORTH:
            await asyncio.to_thread(give_back)
            most = now
        most = max(most, now)
