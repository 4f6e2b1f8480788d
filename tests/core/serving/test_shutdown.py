import asyncio
import os
import signal
import threading

from core.serving.shutdown import keeping_at_the_end


def test_keeping_begins_with_the_signal_and_the_server_ends_after_it():
    began, may_end = threading.Event(), threading.Event()
    told: list[str] = []

    def keep() -> None:
        began.set()
        assert may_end.wait(10)
        told.append("kept")

    def handled(*_) -> None:
        told.append("handled")

    async def serve() -> None:
        async with keeping_at_the_end(keep):
            os.kill(os.getpid(), signal.SIGTERM)
            # A request that is not answered yet: the server cannot end, and keeps all the same.
            assert await asyncio.to_thread(began.wait, 10)
            asyncio.get_running_loop().call_later(0.05, may_end.set)
        told.append("ended")

    before = signal.signal(signal.SIGTERM, handled)
    try:
        asyncio.run(serve())
        assert told == ["handled", "kept", "ended"]
        assert signal.getsignal(signal.SIGTERM) is handled
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_is_kept_once_and_in_any_thread():
    kept: list[str] = []

    async def serve() -> None:
        async with keeping_at_the_end(lambda: kept.append(threading.current_thread().name)):
            assert kept == []

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    thread.join(10)
    assert len(kept) == 1
