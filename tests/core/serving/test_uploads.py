"""Uploads are taken as far as there is room, and refused in a way that a page can tell."""

import asyncio
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.serving.upload_budget import MAX_FILES, Held, TooMuch, UploadBudget
from core.serving.uploads import REFUSED, WORDS, UploadGuard, why_refused
from core.words.message import Message

MOST = {"per_session": 100, "per_address": 150, "in_all": 200}


class Manager:
    """What Streamlit holds: the bytes of every file of every session."""

    def __init__(self) -> None:
        self.files: dict[str, list[int]] = {}
        self.budget = UploadBudget(**MOST, held=self.held)

    def held(self) -> dict[str, Held]:
        return {one: Held(len(sizes), sum(sizes)) for one, sizes in self.files.items()}

    def upload(self, session: str, address: str, size: int) -> str:
        """Return what was full, or nothing."""
        try:
            with self.budget.room(session, address, size):
                self.files.setdefault(session, []).append(size)
        except TooMuch as error:
            return error.full
        return ""


uploads = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 120), st.booleans(), st.booleans()
    ),
    max_size=60,
)


@given(uploads)
def test_nobody_ever_holds_more_than_is_allowed(steps):
    manager = Manager()
    home = {"a": "1.1.1.1", "b": "1.1.1.1", "c": "2.2.2.2", "d": ""}
    for session, size, forget, leave in steps:
        if forget:
            manager.files.pop(session, None)
        full = manager.upload(session, home[session], size)
        sizes = {one: sum(found) for one, found in manager.files.items()}
        there = sum(sizes.get(one, 0) for one in home if home[one] == home[session])
        assert sizes.get(session, 0) <= MOST["per_session"]
        assert sum(sizes.values()) <= MOST["in_all"]
        assert home[session] == "" or there <= MOST["per_address"]
        if full == "session":
            assert sizes.get(session, 0) + size > MOST["per_session"] or (
                len(manager.files[session]) >= MAX_FILES
            )
        elif full == "address":
            assert home[session] != ""
            assert there + size > MOST["per_address"]
        elif full == "server":
            assert sum(sizes.values()) + size > MOST["in_all"]
        if leave:
            manager.files.clear()
    assert manager.budget.taken() == sum(map(sum, manager.files.values()))


def test_what_is_under_way_counts_before_it_is_held():
    manager = Manager()
    with manager.budget.room("a", "1.1.1.1", 80):
        assert manager.budget.taken() == 80
        assert manager.upload("a", "1.1.1.1", 30) == "session"
        assert manager.upload("b", "1.1.1.1", 80) == "address"
        assert manager.upload("c", "", 90) == ""
        assert manager.upload("d", "", 40) == "server"
    assert manager.upload("a", "1.1.1.1", 30) == ""


def test_an_upload_that_breaks_off_leaves_its_room():
    manager = Manager()
    with pytest.raises(RuntimeError, match="gone"), manager.budget.room("a", "", 80):
        raise RuntimeError("gone")
    assert manager.budget.taken() == 0
    assert manager.upload("a", "", 100) == ""


def test_a_session_has_no_more_than_some_files_however_small():
    manager = Manager()
    for _ in range(MAX_FILES):
        assert manager.upload("a", "", 0) == ""
    assert manager.upload("a", "", 0) == "session"
    assert manager.upload("b", "", 0) == ""


def put(manager: Manager, size: int, *, path="/_stcore/upload_file/a/1", announced=True):
    """Send a file through the guard; return what Streamlit's part of the server was given."""
    given_on: list[tuple[dict, bytes]] = []
    read = 0

    async def streamlit(scope, receive, send) -> None:
        body, more = b"", True
        while more:
            part = await receive()
            body += part.get("body", b"")
            more = part.get("more_body", False)
        given_on.append((dict(scope["headers"]), body))

    async def receive():
        nonlocal read
        read += 10
        return {"type": "http.request", "body": b"x" * 10, "more_body": read < size}

    async def send(part) -> None:
        raise AssertionError(part)

    headers = [(b"content-type", b"multipart/form-data; boundary=b"), (b"cookie", b"c=1")]
    if announced:
        headers.append((b"Content-Length", str(size).encode()))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "headers": headers,
        "client": ["1.1.1.1", 5],
    }
    guard = UploadGuard(
        streamlit, budget=manager.budget, most=120, address_of=lambda scope: scope["client"][0]
    )
    asyncio.run(guard(scope, receive, send))
    assert read >= size  # a browser takes no answer before it has sent all
    (found,) = given_on
    return found


def test_an_upload_that_has_room_goes_on_as_it_is():
    headers, body = put(Manager(), 90)
    assert body == b"x" * 90
    assert headers[b"Content-Length"] == b"90"


@pytest.mark.parametrize("path", ["/_stcore/upload_file/a/1", "/class/net/_stcore/upload_file/a/1"])
def test_a_refused_upload_arrives_as_an_empty_file_that_says_so(path):
    manager = Manager()
    manager.files["a"] = [50]
    headers, body = put(manager, 60, path=path)
    assert headers[b"cookie"] == b"c=1"
    assert headers[b"content-length"] == str(len(body)).encode()
    form = message_from_bytes(b"Content-Type: " + headers[b"content-type"] + b"\r\n\r\n" + body)
    (part,) = form.get_payload()
    assert part.get_content_type() == f"{REFUSED}session"
    assert part.get_filename() == "refused"
    assert part.get_payload() == ""
    assert why_refused(part.get_content_type()) == WORDS["session"]


def test_an_upload_of_unknown_size_counts_as_the_largest():
    manager = Manager()
    headers, _ = put(manager, 20, announced=False)
    assert b"netsketch" in headers[b"content-type"]


@given(st.text(max_size=80) | st.just(REFUSED) | st.builds(REFUSED.__add__, st.text(max_size=9)))
@settings(max_examples=50)
def test_what_a_browser_calls_a_file_is_never_taken_for_more_than_a_refusal(kind):
    assert why_refused(kind) in (None, *WORDS.values())
    assert all(not isinstance(words, Message) for words in WORDS.values())
