"""Panels that look by themselves, as a browser's clock has it, without a browser."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.machine.pace import RESTS
from tests.bench._client import Client, words
from tests.bench._server import serve as serve_script
from tests.e2e import _slow_page as slow
from tests.e2e.server import App

SHORT = "v=1&blocks=1&b1.channels=4&b1.stride=2&num_epochs=1"


def kinds(messages: list[ForwardMsg]) -> list[str]:
    return [str(message.WhichOneof("type")) for message in messages]


def whole_pages(messages: list[ForwardMsg]) -> int:
    """How many runs of the whole script begin."""
    return sum(
        message.WhichOneof("type") == "new_session" and not message.metadata.run.fragment_ids
        for message in messages
    )


def page_of(client: Client) -> list[ForwardMsg]:
    """All that the server sends until the page is drawn to its end."""
    page = []
    for message in client.messages():
        page.append(message)
        if message.WhichOneof("type") == "script_finished":
            assert message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            return page
    raise AssertionError("the page was never there")


def seen_until(client: Client, seen: Callable[[list[ForwardMsg]], object]) -> list[ForwardMsg]:
    """What the server sends until it is enough, and for two seconds after that."""
    messages = []
    for message in client.messages():
        messages.append(message)
        if seen(messages):
            return [*messages, *client.messages(2)]
    raise AssertionError("it was never seen")


def tells_the_end(messages: list[ForwardMsg]) -> bool:
    return "finished" in words(messages[-1])


def test_a_page_slower_than_its_panel_is_drawn_to_its_end() -> None:
    with serve_script(Path(slow.__file__)) as address, Client(address) as client:
        began = time.perf_counter()
        page = page_of(client)
        took_s = time.perf_counter() - began
        texts = [words(message) for message in page if words(message)]
        assert texts == ["look 1", *(f"part {part}" for part in range(slow.PARTS))]
        assert took_s < 3 * slow.PARTS * slow.PART_S + 2, "something held the page up"
        # The browser begins to count when all is there.
        assert kinds(page)[-2:] == ["auto_rerun", "script_finished"]
        assert page[-2].auto_rerun.interval == pytest.approx(slow.REST_S)

        later, looks = [], []
        for message in client.messages():
            later.append(message)
            looks += [words(message)] if words(message) else []
            if message.WhichOneof("type") == "stop_auto_rerun":
                break
        assert whole_pages(later) == 0
        # One that is overtaken on its way need not be sent.
        assert set(looks) <= {f"look {look}" for look in range(2, slow.LAST + 1)}
        assert looks[-1] == f"look {slow.LAST}"
        rests = [one.auto_rerun.interval for one in later if one.HasField("auto_rerun")]
        # What a look takes is soon known, and the panel rests for longer and longer.
        assert rests == sorted(rests)
        assert rests[-1] >= RESTS * slow.LOOK_S
        assert len(rests) < slow.LAST / 2, "the browser's clock is set again and again"


@pytest.fixture
def clients(app: App) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("name", ["", "train", "draw", "runs", "article"])
def test_no_panel_looks_before_its_page_is_there(app: App, name: str) -> None:
    with Client(app.address, name) as client:
        page = kinds(page_of(client))
    assert "auto_rerun" in page
    after = page[page.index("auto_rerun") :]
    assert "delta" not in after


def test_only_pages_that_list_runs_are_drawn_anew(app: App, clients: ExitStack) -> None:
    build, table, train = (
        clients.enter_context(Client(app.address, page, query))
        for page, query in (("", ""), ("runs", ""), ("train", SHORT))
    )
    for client in (build, table, train):
        client.settle()
    train.click("train")
    train.wait_for(r"right\*\*", 60)
    assert whole_pages(seen_until(build, tells_the_end)) == 0
    assert whole_pages(seen_until(table, whole_pages)) >= 1
