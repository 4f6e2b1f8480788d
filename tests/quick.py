"""What a change can break, in less than three minutes: `python -m tests.quick [COMMIT]`.

Style and types of all files, then the tests that the change can reach: those files of tests that
import a changed file or name it, directly or through others, the nearest first, until the time is
over. What was not run is told; `make test` runs it all. A change is whatever differs from COMMIT:
by default from where this branch left `main`, or on `main` from the last commit.

A browser's tests take too long for this; only those that were changed themselves run.
"""

import ast
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.house import ROOT, modules

# All is over by then, on two cores; tests begin until somewhat earlier.
LIMIT_S: Final = 175.0
_LAST_START_S: Final = 140.0
_STOP_AT: Final = "NETSKETCH_QUICK_STOP_AT"
# These hold whatever the change is.
ALWAYS: Final = ("tests/core/test_house.py", "tests/core/words/test_catalogue.py")
_CHECKS: Final = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
_BROWSER: Final = "tests/e2e/"


def changed(against: str = "") -> set[str]:
    """Return the files that differ from a commit or are new, as paths from the repository's root.

    Raises:
        CalledProcessError: git knows no such commit.
    """
    base = against or _base()
    # Both names of one that was moved.
    differing = _git("diff", "--name-only", "--no-renames", base)
    return {*differing, *_git("ls-files", "--others", "--exclude-standard")}


def _base() -> str:
    branch = _git("branch", "--show-current")
    for main in ("main", "origin/main"):
        if branch != ["main"] and _git("rev-parse", "--verify", "--quiet", main, check=False):
            return _git("merge-base", "HEAD", main)[0]
    return "HEAD"


def _git(*words: str, check: bool = True) -> list[str]:
    told = subprocess.run(
        ["git", *words], cwd=ROOT, check=check, stdout=subprocess.PIPE, text=True
    ).stdout
    return told.splitlines()


def uses() -> dict[str, set[str]]:
    """Return what each file of Python uses: what it imports, and whatever files it names."""
    house = modules("core", "pages", "tests")
    paths = {name: _relative(module.path) for name, module in house.items()}
    found = {
        paths[name]: {other for one in module.imports for other in _with_folders(one, paths)}
        for name, module in house.items()
    }
    # Whoever runs the app runs its pages.
    found["app.py"] = {path for path in found if path.startswith("pages/")}
    for path in found:
        folders = [parent.as_posix() for parent in Path(path).parents]
        beside = {f"{folder}/conftest.py" for folder in folders if path.startswith("tests/")}
        found[path] |= (beside & found.keys()) | _named_in(ROOT / path)
    return found


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _with_folders(name: str, paths: Mapping[str, str]) -> Iterable[str]:
    """Yield the file of a module and of every package around it: importing it runs them all."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        inner = ".".join(parts[:count])
        if inner in paths:
            yield paths[inner]


def _named_in(path: Path) -> set[str]:
    """Return what a file may call others by: `pages/train.py`, and `house.svg` in any folder.

    A name alone tells little of a file of Python: there are others that people are handed.
    """
    strings = (
        node.value
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    names = (text if text.endswith(".py") else Path(text).name for text in strings if _short(text))
    return {name for name in names if name == "Makefile" or "." in name.strip(".")}


def _short(text: str) -> bool:
    return len(text) < 100 and text.isprintable()


def distances(changes: Iterable[str], used: Mapping[str, set[str]]) -> dict[str, int]:
    """Return by how many steps each file is away from a change, for those that can reach one."""
    users: dict[str, set[str]] = {}
    for path, others in used.items():
        for other in others:
            users.setdefault(other, set()).add(path)
    found = dict.fromkeys(changes, 0)
    waiting = deque(found)
    while waiting:
        path = waiting.popleft()
        by_name = set() if path.endswith(".py") else users.get(Path(path).name, set())
        for user in users.get(path, set()) | by_name:
            if user not in found:
                found[user] = found[path] + 1
                waiting.append(user)
    return found


def chosen(changes: set[str], used: Mapping[str, set[str]]) -> list[str]:
    """Return the files of tests to run, the nearest to the change first."""
    away = distances(changes, used)
    mirrors = {f"test_{Path(path).name}" for path in changes if path.endswith(".py")}
    rooms = {_tests_of(Path(path).parent.as_posix()) for path in changes}

    def rank(path: str) -> tuple[bool, bool, bool, int, str]:
        ours = path in changes or Path(path).name in mirrors
        beside = Path(path).parent.as_posix() in rooms
        return not ours, path not in ALWAYS, not beside, away.get(path, 0), path

    files = [path for path in used if Path(path).name.startswith("test_")]
    reached = {path for path in files if path in away or path in ALWAYS}
    reached = {path for path in reached if not path.startswith(_BROWSER) or path in changes}
    return sorted((path for path in reached if (ROOT / path).is_file()), key=rank)


def _tests_of(folder: str) -> str:
    """Return the folder of the tests that mirrors a folder of the code."""
    return f"tests/{folder}".replace("tests/pages", "tests/app")


class _Clock:
    """A plugin of pytest, in every process: no test begins once the time is over."""

    def __init__(self) -> None:
        self.stop_at = float(os.environ.get(_STOP_AT, "inf"))
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        """Stop the process after this test."""
        if time.time() > self.stop_at:
            item.session.shouldstop = "the time is over"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a test."""
        if self.outcomes.get(report.nodeid) != "failed":
            self.outcomes[report.nodeid] = report.outcome

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Take an end by the clock for success, where no test failed."""
        failed = "failed" in self.outcomes.values()
        if exitstatus == pytest.ExitCode.INTERRUPTED and time.time() > self.stop_at and not failed:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how far it came."""
        began = len({nodeid.partition("::")[0] for nodeid in self.outcomes})
        over = "; the time is over" if time.time() > self.stop_at else ""
        terminalreporter.write_line(
            f"{len(self.outcomes)} tests of {began} files have run{over}. "
            "The rest, a browser's tests above all: make test."
        )


def pytest_configure(config: pytest.Config) -> None:
    """Watch the clock: this file is a plugin of the pytest that it starts."""
    if _STOP_AT in os.environ:
        config.pluginmanager.register(_Clock())


def main(arguments: list[str]) -> int:
    """Run it all; return the status to exit with."""
    began = time.time()
    codes = [_run("-m", *check) for check in _CHECKS]
    changes = changed(*arguments[:1])
    files = chosen(changes, uses())
    print(f"{len(changes)} files changed; {len(files)} files of tests can reach them.", flush=True)
    os.environ[_STOP_AT] = str(began + _LAST_START_S)
    quiet = ("-q", "--no-header", "-p", "tests.quick", "-n", "2", "--no-loadscope-reorder")
    try:
        left_s = began + LIMIT_S - time.time()
        codes.append(_run("-m", "pytest", *quiet, *files, timeout_s=max(left_s, 1.0)))
    except subprocess.TimeoutExpired:
        print(f"Stopped after {LIMIT_S:.0f} s: a test took too long. make test runs them all.")
        codes.append(1)
    print(f"{time.time() - began:.0f} s")
    return int(any(codes))


def _run(*words: str, timeout_s: float | None = None) -> int:
    return subprocess.run([sys.executable, *words], cwd=ROOT, timeout=timeout_s).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
