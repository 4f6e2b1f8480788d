"""Uploads go to the disk, and are refused before they are read where it holds too much already.

A refused upload reaches Streamlit all the same, as an empty file of a kind of its own: so the page
is drawn again and tells the person in their language what to do. Otherwise the browser would show
a status code in English, and the page would know nothing of it.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from core.serving.held_file import HeldFile
from core.serving.upload_budget import Refusal, TooMuch, UploadBudget
from core.words.message import N_

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

# The kind of a file that stands for a refused one; behind it, what was full.
REFUSED: Final = "application/x-netsketch-refused-"
WORDS: Final[dict[Refusal, str]] = {
    "session": N_(
        "This page holds too many uploaded files at once. Remove one, or reload the page, and "
        "upload this one again."
    ),
    "address": N_(
        "Too much is being uploaded from your network at once. Wait a minute, then upload the file "
        "again."
    ),
    "server": N_(
        "The server holds as many uploaded files as it can at the moment. Wait a minute, then "
        "upload the file again."
    ),
    "disk": N_(
        "The server has no room on its disk for the file. Free some, or tell whoever runs the "
        "server; then upload the file again."
    ),
}
_PLACE: Final = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_BOUNDARY: Final = b"netsketch-upload"
# What a form has around a file, at most.
_FORM: Final = 2**20
# What is thrown away of a refused upload before the connection is given up.
_MOST_DISCARDED: Final = 2**28


def why_refused(kind: str) -> str | None:
    """Say in a sentence why an upload of this kind was refused, or None where it was not."""
    full = kind.removeprefix(REFUSED)
    return WORDS.get(full) if kind.startswith(REFUSED) else None  # type: ignore[call-overload]


# The file of the upload under way, for `pages.shared.uploaded`: Streamlit's record has no bytes.
sent: Final[ContextVar[HeldFile | None]] = ContextVar("sent", default=None)


class UploadGuard:
    """ASGI middleware in front of Streamlit's uploads, which go to the disk and not to memory.

    Args:
        app: what answers. Of a file it is given all but the bytes: these are in `sent` meanwhile.
        budget: how much may be held.
        most: bytes that an upload may have; it is taken for as large where it announces no size.
        address_of: the network address of a request; empty for this machine.
    """

    def __init__(
        self,
        app: ASGI,
        *,
        budget: UploadBudget,
        most: int,
        address_of: Callable[[Scope], str],
    ) -> None:
        self._app = app
        self._budget = budget
        self._most = most
        self._address_of = address_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        place = _PLACE.search(scope.get("path", "")) if scope["type"] == "http" else None
        if place is None or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        announced = _announced(scope)
        size = self._most if announced is None else announced
        if size > self._most + _FORM:
            # Streamlit says so before it reads anything.
            await self._app(scope, receive, send)
            return
        # No more than there was room for, however the bytes come.
        body = _Body(receive, self._most + _FORM if announced is None else announced)
        try:
            with self._budget.room(place[1], self._address_of(scope), size):
                files = await _spooled(scope, body.receive)
                # Of a form that is none, a part may still be to come.
                await body.discard()
                await self._hand_on(scope, files, send)
        except ClientDisconnect:
            return
        except TooMuch as error:
            await body.discard()
            kind = f"{REFUSED}{error.full}".encode()
            refused = b'form-data; name="file"; filename="refused"'
            await self._app(*_in_place_of(scope, [(refused, kind)]), send)

    async def _hand_on(self, scope: Scope, files: list[UploadFile], send: Send) -> None:
        """Let Streamlit keep the record of an upload; what is not one file, it refuses."""
        if len(files) == 1:
            size = files[0].size or 0
            token = sent.set(HeldFile(files[0].file, size))
        else:
            token = sent.set(None)
        try:
            named = [
                (file.headers["content-disposition"].encode("latin-1"), _kind_of(file))
                for file in files
            ]
            await self._app(*_in_place_of(scope, named), send)
        finally:
            sent.reset(token)


class _Parser(MultiPartParser):
    """Starlette's, which keeps less of each file in memory: there may be many files.

    More parts than an upload has are refused as they come. What is no file lies in memory, and each
    file is open meanwhile.
    """

    spool_max_size = 2**16

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None]) -> None:
        super().__init__(headers, stream, max_files=2, max_fields=2, max_part_size=2**16)


async def _spooled(scope: Scope, receive: Receive) -> list[UploadFile]:
    """Write what is uploaded to the disk; nothing comes of a form that is none.

    Raises:
        TooMuch: the disk has no room.
        ClientDisconnect: whoever sent it has gone.
    """
    request = Request(scope, receive)
    try:
        form = await _Parser(request.headers, request.stream()).parse()
    except (MultiPartException, KeyError):
        return []
    except OSError:
        raise TooMuch("disk") from None
    return [value for value in form.values() if isinstance(value, UploadFile)]


def _kind_of(file: UploadFile) -> bytes:
    """Return the kind that a browser gives, unless it is one of ours."""
    kind = file.content_type or "application/octet-stream"
    return (kind if not kind.startswith(REFUSED) else "").encode("latin-1")


def _announced(scope: Scope) -> int | None:
    headers = {name.lower(): value for name, value in scope["headers"]}
    # In chunks there may come more than the other header says.
    length = b"" if b"transfer-encoding" in headers else headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else None


class _Body:
    """What comes of a request, of which no more is taken than it may have.

    Args:
        receive: the server's.
        most: bytes.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most
        self._is_over = False

    async def receive(self) -> MutableMapping[str, Any]:
        """Wait for the next of it.

        Raises:
            TooMuch: it has more.
        """
        message = await self._next()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooMuch("session")
        return message

    async def discard(self) -> None:
        """Read the rest; a browser takes no answer before it has sent all."""
        left = _MOST_DISCARDED
        while left > 0 and not self._is_over:
            left -= len((await self._next()).get("body", b""))

    async def _next(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        # After its last part a server would wait for the browser to leave.
        self._is_over = message["type"] != "http.request" or not message.get("more_body", False)
        return message


def _in_place_of(scope: Scope, files: list[tuple[bytes, bytes]]) -> tuple[Scope, Receive]:
    """Return a request that uploads empty files, of each its disposition and its kind."""
    parts = [
        b"--%b\r\nContent-Disposition: %b\r\nContent-Type: %b\r\n\r\n\r\n"
        % (_BOUNDARY, disposition, kind)
        for disposition, kind in files
    ]
    body = b"".join(parts) + b"--%b--\r\n" % _BOUNDARY
    ours = (b"content-length", b"content-type", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in ours]
    headers += [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", b"multipart/form-data; boundary=%b" % _BOUNDARY),
    ]
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    return {**scope, "headers": headers}, receive
