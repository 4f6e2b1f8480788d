"""The browser of the browser tests: find a Chromium here, or install one.

`python -m tests.browser` prints the one it found, or installs one first.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

CHROMIUM_ARGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
CHROMIUM_VARIABLE: Final = "NETSKETCH_CHROMIUM"

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
_MACOS_APPS = ("Chromium", "Google Chrome", "Microsoft Edge")
_WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
_WINDOWS_APPS = (
    "Chromium/Application/chrome.exe",
    "Google/Chrome/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)
_APT_PACKAGES = ("chromium", "fonts-noto-cjk")


@cache
def find_chromium() -> str:
    """Return the path of a Chromium that runs.

    Looks at NETSKETCH_CHROMIUM, then on PATH, where macOS and Windows keep applications, and for
    the one that Playwright downloads.

    Raises:
        FileNotFoundError: there is none, or NETSKETCH_CHROMIUM names none; says what to do.
    """
    if named := os.environ.get(CHROMIUM_VARIABLE):
        path = shutil.which(named)
        if path is None or not _runs(path):
            raise FileNotFoundError(f"{CHROMIUM_VARIABLE} is {named!r}, which is no Chromium.")
        return path
    for path in _candidates():
        if _runs(path):
            return path
    raise FileNotFoundError(
        "Found no Chromium. `python -m tests.browser` installs one; or install Chromium or "
        f"Chrome yourself and, where it is in no usual place, set {CHROMIUM_VARIABLE} to its path."
    )


def _candidates() -> Iterator[str]:
    """Yield files that may be a Chromium, likeliest first."""
    for name in _NAMES:
        if path := shutil.which(name):
            yield path
    places: list[Path] = []
    if sys.platform == "darwin":
        roots = (Path("/Applications"), Path.home() / "Applications")
        places = [root / f"{app}.app/Contents/MacOS/{app}" for app in _MACOS_APPS for root in roots]
    elif sys.platform == "win32":
        folders = [os.environ[name] for name in _WINDOWS_FOLDERS if name in os.environ]
        places = [Path(folder, app) for app in _WINDOWS_APPS for folder in folders]
    yield from (str(place) for place in places if place.is_file())
    if path := _playwright_chromium():
        yield path


def _playwright_chromium() -> str | None:
    """Return where Playwright put its own Chromium, if it has one.

    In a process of its own, because Playwright cannot start twice in one, and tests run in it.
    """
    code = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as playwright: print(playwright.chromium.executable_path)"
    )
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    path = asked.stdout.strip()
    return path if asked.returncode == 0 and Path(path).is_file() else None


def _runs(path: str) -> bool:
    """Tell whether a file is a browser that starts; Ubuntu's `chromium` may be an empty shell."""
    if sys.platform == "win32":  # There --version opens a window.
        return Path(path).is_file()
    try:
        return _run([path, "--version"], quiet=True, timeout_s=30)
    except subprocess.TimeoutExpired:
        return False


def _run(command: list[str], *, quiet: bool = False, timeout_s: float | None = None) -> bool:
    """Run a command that cannot ask anything; tell whether it succeeded."""
    output = subprocess.DEVNULL if quiet else None
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environ,
            timeout=timeout_s,
        )
    except OSError:
        return False
    return done.returncode == 0


def _root_prefix() -> list[str] | None:
    """Return what makes a command run as root without a password; None where nothing does."""
    if not hasattr(os, "geteuid"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    # Keeps the variables that apt needs: who is asked nothing, and the way to the network.
    keep = ["--preserve-env=DEBIAN_FRONTEND,http_proxy,https_proxy"]
    return [*sudo, *keep] if _run([*sudo, "true"], quiet=True) else None


def _installed() -> str | None:
    """Return a Chromium that came since the last look."""
    find_chromium.cache_clear()
    try:
        return find_chromium()
    except FileNotFoundError:
        return None


def install_chromium() -> str | None:
    """Install a Chromium by apt, else by Playwright; return its path, None where neither can."""
    root = _root_prefix()
    by_apt = root is not None and shutil.which("apt-get") is not None
    playwright = [sys.executable, "-m", "playwright", "install"]
    if root is not None and by_apt:
        print(f"Installing {' and '.join(_APT_PACKAGES)} by apt: about a minute.", flush=True)
        apt = [*root, "apt-get", "-qq"]
        _run([*apt, "update"])  # One dead source is no reason to give up.
        _run([*apt, "install", "-y", "--no-install-recommends", *_APT_PACKAGES])
        if path := _installed():
            return path
    print("Downloading Playwright's Chromium: some minutes.", flush=True)
    if by_apt and _run([*playwright, "--with-deps", "chromium"]) and (path := _installed()):
        return path
    _run([*playwright, "chromium"])
    return _installed()


def main() -> int:
    """Find or install a Chromium and print its path; return 1 where there is none to be had."""
    try:
        print(f"Chromium: {find_chromium()}")
        return 0
    except FileNotFoundError as error:
        if os.environ.get(CHROMIUM_VARIABLE):
            print(error, file=sys.stderr)
            return 1
    if path := install_chromium():
        print(f"Chromium: {path}")
        return 0
    print(
        "The browser tests need a Chromium, and none could be installed: what was tried, and why "
        "it failed, is above.\nInstall Chromium or Chrome by hand (Debian: apt install chromium), "
        f"or set {CHROMIUM_VARIABLE} to the path of one, and try again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
