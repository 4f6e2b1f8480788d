"""Uploads are refused before they are read, where the server holds too much already.

A refused upload reaches Streamlit all the same, as an empty file of a kind of its own: so the page
is drawn again and tells the person in their language what to do. Otherwise the browser would show
a status code in English, and the page would know nothing of it.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

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
}
_PLACE: Final = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+$")
_BOUNDARY: Final = "netsketch-refused"
# What is thrown away of a refused upload before the connection is given up.
_MOST_DISCARDED: Final = 2**28


def why_refused(kind: str) -> str | None:
    """Say in a sentence why an upload of this kind was refused, or None where it was not."""
    full = kind.removeprefix(REFUSED)
    return WORDS.get(full) if kind.startswith(REFUSED) else None  # type: ignore[call-overload]


class UploadGuard:
    """ASGI middleware in front of Streamlit's uploads.

    Args:
        app: what answers.
        budget: how much may be held.
        most: the size in bytes that an upload is taken for which announces none.
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
        size = _announced(scope)
        try:
            with self._budget.room(
                place[1], self._address_of(scope), self._most if size is None else size
            ):
                await self._app(scope, receive, send)
        except TooMuch as error:
            await _discard(receive)
            await self._app(*_in_place_of(scope, error.full), send)


def _announced(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return None


async def _discard(receive: Receive) -> None:
    """Read the rest of a request; a browser takes no answer before it has sent all."""
    left = _MOST_DISCARDED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


def _in_place_of(scope: Scope, full: Refusal) -> tuple[Scope, Receive]:
    """Return a request that uploads an empty file which says that there was no room."""
    body = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="refused"\r\n'
        f"Content-Type: {REFUSED}{full}\r\n\r\n\r\n--{_BOUNDARY}--\r\n"
    ).encode()
    ours = (b"content-length", b"content-type", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in ours]
    headers += [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", f"multipart/form-data; boundary={_BOUNDARY}".encode()),
    ]
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    return {**scope, "headers": headers}, receive
