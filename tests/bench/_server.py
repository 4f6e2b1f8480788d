"""A Streamlit script served in a process of its own, with NetSketch's server settings."""

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
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
NETSKETCH: Final = ROOT / "app.py"
PAGES: Final = Path(__file__).parent
START_S: Final = 120.0
# An ordinary exit waits for a run to save what it has learned.
END_S: Final = 20.0


@contextmanager
def serve(script: Path) -> Iterator[str]:
    """Serve a script on a free port; yield the address.

    Data are where NETSKETCH_DATA says. What the server writes goes to stderr.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), f"--server.port={port}"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        # A page beside this file imports core as app.py does.
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
        if process.poll() is not None:
            raise RuntimeError(f"the server of {script.name} died")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError(f"no server answered at {address}")
