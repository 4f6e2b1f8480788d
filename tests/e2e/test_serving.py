"""A served NetSketch from outside: uploads without end, and a proxy that renames the server."""

import io
import re
import secrets
import socket
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from playwright.sync_api import Browser, expect
from websockets.exceptions import ConnectionClosed

from tests.bench._client import Client
from tests.e2e.server import App, serve
from tests.e2e.tab import Tab

LIMITS = "[uploads]\nmax_mb_per_page = 12\nmax_mb_per_address = 30\nmax_mb = 20\n"
MB = 2**20


def session_of(client: Client) -> str:
    for message in client.messages():
        if message.WhichOneof("type") == "new_session":
            return message.new_session.initialize.session_id
    raise AssertionError("the server never told the session")


def upload(app: App, session: str, number: int, content: bytes) -> int:
    """Send a file as a browser does; return the status."""
    token = "2|00000000|" + secrets.token_hex(16) + "|1"
    body = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.zip"\r\n\r\n'
        + content
        + b"\r\n--b--\r\n"
    )
    request = urllib.request.Request(
        f"{app.address}/_stcore/upload_file/{session}/{number}",
        data=body,
        method="PUT",
        headers={
            "Content-Type": "multipart/form-data; boundary=b",
            "X-Xsrftoken": token,
            "Cookie": f"_streamlit_xsrf={token}",
        },
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return int(reply.status)


def test_uploads_without_end_take_no_more_than_their_share(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "limits.toml").write_text(LIMITS)
    monkeypatch.setenv("NETSKETCH_CONFIG", str(tmp_path / "limits.toml"))
    with serve(tmp_path) as app, Client(app.address) as one, Client(app.address) as other:
        session, peer = session_of(one), session_of(other)
        one.settle()
        server = psutil.Process(app.process.pid)
        before = server.memory_info().rss
        for number in range(40):
            assert upload(app, session, number, bytes(4 * MB)) == 204
            assert server.memory_info().rss - before < 60 * MB
        # The others have room all the same.
        assert upload(app, peer, 0, bytes(7 * MB)) == 204
        before = server.memory_info().rss
        for _ in range(12):
            assert is_sent_away(app, "x" * (11 * MB))
        assert server.memory_info().rss - before < 120 * MB
        other._ask()
        other.settle()
        assert app.troubles() == []


def slow_archive() -> bytes:
    """An archive of 40 MB, of pictures that take long and much memory to look at."""
    noise = np.random.default_rng(0).integers(0, 256, (860, 860), np.uint8)
    picture = io.BytesIO()
    Image.fromarray(noise).save(picture, "PNG", compress_level=1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(56):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", picture.getvalue())
    return packed.getvalue()


def test_many_large_archives_at_once_take_little_memory_and_leave_none(tmp_path: Path) -> None:
    content = slow_archive()
    assert len(content) > 38 * MB
    with serve(tmp_path) as app, ExitStack() as tabs:
        clients = [tabs.enter_context(Client(app.address)) for _ in range(5)]
        sessions = [session_of(client) for client in clients]
        for client in clients:
            client.settle()
        server = psutil.Process(app.process.pid)
        before = server.memory_info().rss
        grown: list[int] = []
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.01):
                grown.append(server.memory_info().rss - before)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for number, (client, session) in enumerate(zip(clients, sessions, strict=True)):
            assert upload(app, session, number, content) == 204
            client.choose("own_file", str(number), "slow.zip", len(content))
        end = time.monotonic() + 8
        while time.monotonic() < end:
            for client in clients:
                for _ in client.messages(0.2):
                    pass
        assert max(grown) < 300 * MB
        tabs.close()
        # Whoever has left waits for nothing: what they brought is read no further.
        time.sleep(14)
        ended.set()
        watcher.join()
        assert max(grown) < 300 * MB
        assert grown[-1] < max(grown)
        assert app.troubles() == []


def is_sent_away(app: App, value: str) -> bool:
    """Send a text as what a page's widget holds; return whether that ended the connection."""
    with Client(app.address, "draw") as stranger:
        stranger.settle()
        try:
            stranger.forge("canvas", value)
            stranger.settle()
        except ConnectionClosed:
            return True
    return False


def test_a_page_that_has_lost_its_thread_begins_anew_and_never_twice_at_once(
    tab: Tab,
) -> None:
    tab.open("Build", "lr=0.004")
    lost = "setTimeout(() => { throw new Error('Bad delta path index 3 (should be ...)') })"
    tab.page.evaluate("window.before = true")
    tab.page.evaluate(lost)
    tab.page.wait_for_function("window.before === undefined")
    tab.settle()
    expect(tab.button("train")).to_be_enabled()
    assert tab.query["lr"] == "0.004"
    tab.page.evaluate("window.before = true")
    tab.page.evaluate(lost)
    tab.page.wait_for_timeout(1_000)
    assert tab.page.evaluate("window.before") is True


@contextmanager
def proxy(app: App) -> Iterator[str]:
    """Pass everything on to the server under the server's own name, as many proxies do."""
    port = int(app.address.rpartition(":")[2])
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, sink: socket.socket, *, rename: bool) -> None:
        try:
            while data := source.recv(65536):
                if rename:
                    data = re.sub(rb"(?m)^Host: [^\r]+", b"Host: inner.example:80", data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            sink.close()

    def accept() -> None:
        while True:
            try:
                browser, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            for source, sink, rename in ((browser, server, True), (server, browser, False)):
                threading.Thread(
                    target=pump, args=(source, sink), kwargs={"rename": rename}, daemon=True
                ).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        # Another name for the same machine, which the server does not know for its own.
        yield f"http://[::ffff:127.0.0.1]:{listener.getsockname()[1]}/"
    finally:
        listener.close()


def test_behind_a_proxy_that_renames_the_server_the_page_says_what_to_do(
    tmp_path: Path, browser: Browser
) -> None:
    with serve(tmp_path) as app, proxy(app) as address:
        page = browser.new_context(locale="en-US").new_page()
        # No name server knows the name; the browser's own requests are sent on with it.
        page.goto(address)
        words = page.locator("#netsketch-connection")
        expect(words).to_contain_text("server.corsAllowedOrigins", timeout=30_000)
        expect(words).to_contain_text("inner.example:80")
        page.goto(app.address)
        expect(page.get_by_role("link", name="Draw").first).to_be_visible(timeout=30_000)
        page.wait_for_timeout(9_000)
        expect(words).to_have_count(0)
        assert app.troubles() == []
