"""NetSketch served as a person serves it: `streamlit run app.py` in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
START_S: Final = 60
# An ordinary exit waits up to 10 s for a run to save what it has learned.
END_S: Final = 20


@dataclass(frozen=True)
class App:
    """A server that runs: its address without a slash at the end, and all that it wrote."""

    address: str
    log_file: Path
    process: subprocess.Popen[bytes]

    def log(self, since: int = 0) -> str:
        """What the server has written, from that character on."""
        return self.log_file.read_text(errors="replace")[since:]

    def troubles(self, since: int = 0) -> list[str]:
        """What went wrong in the server, with its log from that character on."""
        died = ["The server died"] if self.process.poll() is not None else []
        raised = ["Something raised in the server"] if "Traceback" in self.log(since) else []
        return [*died, *raised, self.log(since)] if died or raised else []


@contextmanager
def serve(folder: Path) -> Iterator[App]:
    """Serve the checkout on a free port until the context ends.

    Args:
        folder: for the server's data and its log; nothing of the user's own is touched.
    """
    port = _free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    log_file = folder / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "NETSKETCH_DATA": str(folder / "data")},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    app = App(f"http://127.0.0.1:{port}", log_file, process)
    try:
        _wait_until_served(app)
        yield app
    finally:
        _end(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_served(app: App) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if app.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{app.address}/_stcore/health", timeout=5) as reply:
                if reply.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"The server did not start in {START_S} s; its log:\n{app.log()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to end, as Ctrl-C does."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
