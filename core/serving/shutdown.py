"""Let what the server is about be kept when it is told to end.

uvicorn, which serves an `st.App`, ends by the very signal that it was sent, so that after SIGTERM
(`kill`, systemd, Docker) Python runs no `atexit` hook any more. Before that it waits until every
request is answered, an upload over a slow line included, and whoever sent the signal may not wait
as long before killing it. So keeping begins with the signal, and the server ends after it.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@asynccontextmanager
async def keeping_at_the_end(keep: Callable[[], None]) -> AsyncIterator[None]:
    """Call something as soon as the server is told to end, and wait for it in the end.

    Args:
        keep: called once, in a thread of its own, however the server ends unless it is killed.
    """
    loop = asyncio.get_running_loop()
    kept: asyncio.Future[None] | None = None

    def begin() -> None:
        nonlocal kept
        if kept is None:
            kept = loop.run_in_executor(None, keep)

    with _told_of_signals(lambda: loop.call_soon_threadsafe(begin)):
        try:
            yield
        finally:
            begin()
            assert kept is not None
            await kept


@contextmanager
def _told_of_signals(tell: Callable[[], object]) -> Iterator[None]:
    """Tell of each signal to end, before whoever handles it does; they go on handling it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        tell()
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    # What nobody handles ends the process by itself, and is left to do so.
    ours = [number for number, handler in before.items() if callable(handler)]
    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
