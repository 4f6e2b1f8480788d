"""Uploads are taken as far as there is room, and refused in a way that a page can tell."""

import asyncio
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.serving import uploads
from core.serving.upload_budget import MAX_FILES, MAX_FILES_IN_ALL, Held, TooMuch, UploadBudget
from core.serving.uploads import REFUSED, WORDS, UploadGuard, sent, why_refused
from core.words.message import Message

MOST = {"per_session": 100, "per_address": 150, "in_all": 200}
MOST_OF_ONE = 400_000


class Manager:
    """What Streamlit holds: the bytes of every file of every session."""

    def __init__(self, room: int = 0) -> None:
        """Make one whose limits are `MOST`, or so many uploads of the largest size."""
        self.files: dict[str, list[int]] = {}
        most = dict.fromkeys(MOST, room * MOST_OF_ONE) if room else MOST
        self.budget = UploadBudget(**most, held=self.held)

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


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]), st.integers(0, 120), st.booleans(), st.booleans()
    ),
    max_size=60,
)


@given(steps)
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


def form(content: bytes, name: str = "my \u732b.zip", kind: str = "application/zip") -> bytes:
    head = f'Content-Disposition: form-data; name="f"; filename="{name}"\r\nContent-Type: {kind}'
    return b"--b\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n--b--\r\n"


def put(
    manager: Manager,
    body: bytes,
    *,
    path="/_stcore/upload_file/a/1",
    announced=True,
    length: int | None = None,
    chunked=False,
):
    """Send a body through the guard; return what Streamlit's part of the server was given.

    Args:
        manager: holds uploads.
        body: what is sent.
        path: where to.
        announced: whether its size is.
        length: the size to announce, where it is not the body's.
        chunked: whether it comes in chunks, as another header says.
    """
    given_on: list[tuple[dict, bytes, bytes | None]] = []
    pieces = [body[i : i + 10_000] for i in range(0, len(body), 10_000)]

    async def streamlit(scope, receive, send) -> None:
        found, more = b"", True
        while more:
            part = await receive()
            found += part.get("body", b"")
            more = part.get("more_body", False)
        held = sent.get()
        given_on.append((dict(scope["headers"]), found, None if held is None else held.read()))

    async def receive():
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(part) -> None:
        raise AssertionError(part)

    headers = [(b"content-type", b"multipart/form-data; boundary=b"), (b"cookie", b"c=1")]
    if announced:
        headers.append((b"Content-Length", str(len(body) if length is None else length).encode()))
    if chunked:
        headers.append((b"Transfer-Encoding", b"chunked"))
    scope = {
        "type": "http",
        "method": "PUT",
        "path": path,
        "headers": headers,
        "client": ["1.1.1.1", 5],
    }
    guard = UploadGuard(
        streamlit, budget=manager.budget, most=MOST_OF_ONE, address_of=lambda one: one["client"][0]
    )
    asyncio.run(guard(scope, receive, send))
    assert pieces == []  # a browser takes no answer before it has sent all
    (found,) = given_on
    return found


def part_of(headers: dict, body: bytes):
    """Return the one file of a form that Streamlit was given."""
    packed = b"Content-Type: " + headers[b"content-type"] + b"\r\n\r\n" + body
    (part,) = message_from_bytes(packed).get_payload()
    return part


@pytest.mark.parametrize("size", [0, 90, 300_000], ids=["empty", "small", "large"])
def test_an_upload_lies_on_the_disk_and_streamlit_has_a_file_of_its_name_without_bytes(size):
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    headers, body, held = put(Manager(room=10), form(content))
    assert held == content
    assert headers[b"cookie"] == b"c=1"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert len(body) < 300
    assert 'filename="my \u732b.zip"'.encode() in body
    part = part_of(headers, body)
    assert part.get_content_type() == "application/zip"
    assert part.get_payload() == ""


FORMS = {
    "no form": b"x" * 90,
    "nothing": b"--b--\r\n",
    "two files": form(b"one").removesuffix(b"--b--\r\n") + form(b"two").replace(b'"f"', b'"g"'),
}


@pytest.mark.parametrize("body", FORMS.values(), ids=FORMS)
def test_what_is_not_one_file_is_left_to_streamlit_to_refuse(body):
    _, found, held = put(Manager(room=10), body)
    assert held is None
    assert found.count(b"filename=") == body.count(b"filename=")


PARTS = {
    "files": form(bytes(70_000)).removesuffix(b"--b--\r\n") * 5 + b"--b--\r\n",
    "fields": form(bytes(60_000)).replace(b"; filename", b"; x").removesuffix(b"--b--\r\n") * 5,
    "a large field": form(bytes(300_000)).replace(b"; filename", b"; x"),
}


@pytest.mark.parametrize("body", PARTS.values(), ids=PARTS)
def test_parts_that_no_upload_has_are_neither_kept_open_nor_in_memory(body, monkeypatch):
    made: list[uploads._Parser] = []

    class Seen(uploads._Parser):
        def __init__(self, *args, **named) -> None:
            super().__init__(*args, **named)
            made.append(self)

    monkeypatch.setattr(uploads, "_Parser", Seen)
    _, found, held = put(Manager(room=10), body)
    assert (found.count(b"filename="), held) == (0, None)
    (parser,) = made
    files = [value for _, value in parser.items if not isinstance(value, str)]
    assert len(files) <= 2
    assert all(file.file.closed for file in files)
    assert sum(len(value) for _, value in parser.items if isinstance(value, str)) < 200_000


@pytest.mark.parametrize("path", ["/_stcore/upload_file/a/1", "/class/net/_stcore/upload_file/a/1"])
def test_a_refused_upload_arrives_as_an_empty_file_that_says_so(path):
    manager = Manager()
    manager.files["a"] = [50]
    headers, body, held = put(manager, b"x" * 60, path=path)
    assert held is None
    assert headers[b"cookie"] == b"c=1"
    part = part_of(headers, body)
    assert part.get_content_type() == f"{REFUSED}session"
    assert part.get_filename() == "refused"
    assert part.get_payload() == ""
    assert why_refused(part.get_content_type()) == WORDS["session"]


def test_a_disk_without_room_is_told(monkeypatch):
    async def full(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "_Parser", type("Full", (), {"__init__": lambda *_: None}))
    monkeypatch.setattr(uploads._Parser, "parse", full, raising=False)
    headers, body, held = put(Manager(room=10), form(b"content"))
    assert held is None
    assert why_refused(part_of(headers, body).get_content_type()) == WORDS["disk"]


def test_more_than_was_announced_is_refused_as_it_comes():
    manager = Manager(room=100)
    headers, body, held = put(manager, form(bytes(MOST_OF_ONE + 2**20)), announced=False)
    assert held is None
    assert why_refused(part_of(headers, body).get_content_type()) == WORDS["session"]
    assert manager.budget.taken() == 0


def test_a_size_that_was_announced_too_small_gets_no_more_room():
    manager = Manager(room=1)
    headers, body, held = put(manager, form(bytes(MOST_OF_ONE // 2)), length=100)
    assert held is None
    assert why_refused(part_of(headers, body).get_content_type()) == WORDS["session"]


def test_what_comes_in_chunks_is_of_unknown_size_whatever_else_it_says():
    headers, body, _ = put(Manager(), form(b"x"), length=1, chunked=True)
    assert part_of(headers, body).get_filename() == "refused"
    _, _, held = put(Manager(room=1), form(bytes(MOST_OF_ONE // 2)), length=1, chunked=True)
    assert held == bytes(MOST_OF_ONE // 2)


def test_nobody_is_told_of_a_refusal_that_a_browser_made_up():
    headers, body, held = put(Manager(room=10), form(b"x", kind=f"{REFUSED}server"))
    assert held == b"x"
    assert why_refused(part_of(headers, body).get_content_type()) is None


def test_an_upload_of_unknown_size_counts_as_the_largest():
    headers, body, _ = put(Manager(), form(b"x"), announced=False)
    assert part_of(headers, body).get_filename() == "refused"


def test_all_together_have_no_more_than_some_files_however_small():
    manager = Manager()
    for number in range(MAX_FILES_IN_ALL):
        assert manager.upload(f"s{number // 20}", "", 0) == ""
    assert manager.upload("late", "", 0) == "server"


@given(st.text(max_size=80) | st.just(REFUSED) | st.builds(REFUSED.__add__, st.text(max_size=9)))
@settings(max_examples=50)
def test_what_a_browser_calls_a_file_is_never_taken_for_more_than_a_refusal(kind):
    assert why_refused(kind) in (None, *WORDS.values())
    assert all(not isinstance(words, Message) for words in WORDS.values())
