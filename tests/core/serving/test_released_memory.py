import asyncio

from core.serving import released_memory as memory
from core.serving.released_memory import WORTH, giving_memory_back


def test_memory_is_given_back_when_large_uploads_have_gone(monkeypatch):
    monkeypatch.setattr(memory, "LOOK_S", 0.001)
    taken = iter([0, 3 * WORTH, 3 * WORTH, 2 * WORTH + 1, WORTH, WORTH // 2, 0, 0])
    tidied: list[int] = []
    seen: list[int] = []
    back: list[int] = []

    def now() -> int:
        seen.append(next(taken, 0))
        return seen[-1]

    async def live() -> None:
        async with giving_memory_back(
            now, lambda: 0, lambda: tidied.append(1), lambda: back.append(seen[-1])
        ):
            while len(seen) < 12:
                await asyncio.sleep(0.001)

    asyncio.run(live())
    # Not for the little that was left, and once for what goes once.
    assert back == [WORTH, 0]
    assert len(tidied) >= len(seen)


def test_memory_that_was_taken_only_between_two_looks_is_given_back_too(monkeypatch):
    monkeypatch.setattr(memory, "LOOK_S", 0.001)
    highest = iter([0, 2 * WORTH])
    back: list[bool] = []

    async def live() -> None:
        async with giving_memory_back(
            lambda: 0, lambda: next(highest, 0), give_back=lambda: back.append(True)
        ):
            while not back:
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(live(), 30))
    assert back == [True]


def test_a_count_that_fails_once_does_not_end_the_watch(monkeypatch, caplog):
    monkeypatch.setattr(memory, "LOOK_S", 0.001)
    counts = iter([2 * WORTH, None, 0])
    back: list[bool] = []

    def now() -> int:
        count = next(counts, 0)
        if count is None:
            raise KeyError("session")
        return count

    async def live() -> None:
        async with giving_memory_back(now, lambda: 0, give_back=lambda: back.append(True)):
            while not back:
                await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(live(), 30))
    assert back == [True]
    assert "could not be counted" in caplog.text
