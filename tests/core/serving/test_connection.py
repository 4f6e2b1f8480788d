"""A page that cannot connect is told why; every other request goes through as it is."""

import asyncio
import json

import pytest

from core.serving.connection import ConnectionHelp

PAGE = b"<html><head><title>x</title></head><body>\xe4\xbd\xa0</body></html>"


def ask(path, *, method="GET", headers=(), kind=b"text/html; charset=utf-8", allowed=False):
    """Ask the server for something; return status, headers and body, and what was asked of it."""
    asked, sent = [], []

    async def streamlit(scope, receive, send) -> None:
        asked.append(scope)
        headers = [(b"content-type", kind), (b"Content-Length", str(len(PAGE)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE[:20], "more_body": True})
        await send({"type": "http.response.body", "body": PAGE[20:]})

    async def may_connect(origin, host):
        return allowed

    async def send(part) -> None:
        sent.append(part)

    async def receive():
        return {"type": "http.request"}

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(ConnectionHelp(streamlit, may_connect=may_connect)(scope, receive, send))
    start, *rest = sent
    body = b"".join(part.get("body", b"") for part in rest)
    found = {name.lower(): value for name, value in start["headers"]}
    return start["status"], found, body, asked


@pytest.mark.parametrize("path", ["/", "/train", "/class/net/draw", "/index.html"])
def test_a_page_brings_the_script(path):
    status, headers, body, asked = ask(path, headers=[(b"accept-encoding", b"gzip")])
    assert status == 200
    assert body.count(b'src="./app/static/connection.js"') == 1
    assert body.endswith(b"</head><body>\xe4\xbd\xa0</body></html>")
    assert headers[b"content-length"] == str(len(body)).encode()
    assert asked[0]["headers"] == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/js/index.js", b"text/javascript"),
        ("/_stcore/health", b"text/html"),
        ("/media/0a1b2c.html", b"text/html"),
        ("/class/net/media/0a1b2c", b"text/html"),
        ("/a", b"text/plain"),
    ],
)
def test_all_else_is_as_it_was(path, kind):
    _, headers, body, _ = ask(path, kind=kind)
    assert body == PAGE
    assert headers[b"content-length"] == str(len(PAGE)).encode()


@pytest.mark.parametrize("path", ["/_netsketch/connection", "/class/net/_netsketch/connection"])
def test_a_page_at_another_host_than_the_servers_is_told_the_setting(path):
    told = [(b"Origin", b"https://school.example"), (b"host", b"127.0.0.1:8501")]
    _, headers, body, asked = ask(path, method="POST", headers=told)
    words = json.loads(body)
    assert asked == []
    assert headers[b"content-type"] == b"application/json"
    for language in ("en", "zh"):
        assert "https://school.example" in words[language]
        assert "127.0.0.1:8501" in words[language]
        assert "server.corsAllowedOrigins" in words[language]
    assert words["en"] != words["zh"]


def test_a_page_that_may_connect_and_does_not_is_told_of_the_proxy():
    _, _, body, _ = ask("/_netsketch/connection", method="POST", allowed=True)
    assert "does not pass websockets on" in json.loads(body)["en"]


def test_what_a_stranger_calls_a_host_stays_short():
    told = [(b"origin", b"https://" + b"x" * 100_000), (b"host", b"\xff" * 100_000)]
    _, _, body, _ = ask("/_netsketch/connection", method="POST", headers=told)
    assert len(body) < 6_000
