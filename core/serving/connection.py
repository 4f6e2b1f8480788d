"""Tell a person why their page cannot connect, where a proxy stands between it and the server.

Streamlit refuses a websocket whose page stands at another host than the server was asked for, and
the browser tries again for ever without a word. A script in the page asks here what is wrong when
it has waited for some seconds.
"""

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from core.serving.uploads import ASGI, Receive, Scope, Send
from core.words.message import message, shown
from core.words.translation import LANGUAGES, tell

_QUESTION: Final = "/_netsketch/connection"
_SCRIPT: Final = b'<script src="./app/static/connection.js" defer></script></head>'
# Nothing that a browser calls a host is longer.
_MAX_HOST: Final = 300

_log = logging.getLogger(__name__)


class ConnectionHelp:
    """ASGI middleware that puts the script into pages and answers its question.

    Args:
        app: what answers everything else.
        may_connect: tells of the origin of a page, such as `https://school.example`, and the host
            that the server was asked for, whether Streamlit lets the page connect.
    """

    def __init__(self, app: ASGI, *, may_connect: Callable[[str, str], Awaitable[bool]]) -> None:
        self._app = app
        self._may_connect = may_connect
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.endswith(_QUESTION):
            await self._answer(scope, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and _may_be_a_page(path):
            await self._app(_uncompressed(scope), receive, _with_script(send))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        origin = headers.get(b"origin", b"").decode("latin-1")[:_MAX_HOST]
        host = headers.get(b"host", b"").decode("latin-1")[:_MAX_HOST]
        if await self._may_connect(origin, host):
            words = message(
                "This page is here, but no lasting connection to NetSketch can be made. Something "
                "between this browser and the server, such as a proxy, does not pass websockets "
                "on. Whoever runs the server finds the settings in its README, under “Behind a "
                "proxy”."
            )
        else:
            words = message(
                "This page stands at {origin}, but the server was asked for {host}, so it refuses "
                "the connection. Whoever runs NetSketch lets the proxy pass the name on that the "
                "browser asked for, or adds {origin} to server.corsAllowedOrigins in "
                ".streamlit/config.toml; its README says how, under “Behind a proxy”.",
                origin=shown(origin),
                host=shown(host),
            )
        if origin not in self._told and len(self._told) < 100:
            self._told.add(origin)
            _log.warning("%s", words)
        body = json.dumps({language: tell(words, language) for language in LANGUAGES}).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/json"),
                    (b"cache-control", b"no-store"),
                    (b"content-length", str(len(body)).encode()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body})


def _may_be_a_page(path: str) -> bool:
    last = path.rpartition("/")[2]
    # A report that a person takes home is HTML, too, and lies under /media/.
    is_page = "." not in last or last == "index.html"
    return is_page and not any(place in path for place in ("/_stcore/", "/media/"))


def _uncompressed(scope: Scope) -> Scope:
    """Ask for a page that can be written into."""
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"accept-encoding"]
    return {**scope, "headers": kept}


def _with_script(send: Send) -> Send:
    """Put the script into what is sent, if it is a whole page."""
    start: MutableMapping[str, Any] | None = None
    parts: list[bytes] = []

    async def sent(part: MutableMapping[str, Any]) -> None:
        nonlocal start
        if part["type"] == "http.response.start" and _is_page(part):
            start = part
        elif part["type"] == "http.response.body" and start is not None:
            parts.append(part.get("body", b""))
            if part.get("more_body", False):
                return
            body = b"".join(parts).replace(b"</head>", _SCRIPT, 1)
            kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
            kept.append((b"content-length", str(len(body)).encode()))
            await send({**start, "headers": kept})
            start = None
            await send({**part, "body": body})
        else:
            await send(part)

    return sent


def _is_page(start: MutableMapping[str, Any]) -> bool:
    kind = next((v for name, v in start["headers"] if name.lower() == b"content-type"), b"")
    return start["status"] == 200 and bytes(kind).startswith(b"text/html")
