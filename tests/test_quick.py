"""`make quick` runs what a change can break, the nearest first, and no longer than it says."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import quick
from tests.quick import ALWAYS, ROOT, changed, chosen, distances, uses


@pytest.fixture(scope="module")
def used():
    return uses()


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        ("core/runs/store/kept.py", "tests/core/runs/store/test_index.py"),
        ("core/drawing/strokes.py", "tests/core/drawing/test_strokes.py"),
        ("core/words/message.py", "tests/core/words/test_message.py"),
        ("core/words/__init__.py", "tests/core/words/test_message.py"),
        ("pages/draw_page.py", "tests/app/test_draw_page.py"),
        ("app.py", "tests/app/test_app.py"),
        ("tests/core/runs/store/samples.py", "tests/core/runs/store/test_folder.py"),
        ("constraints.txt", "tests/test_locked.py"),
        ("Makefile", "tests/test_locked.py"),
        ("core/words/locale/zh_CN/LC_MESSAGES/netsketch.po", "tests/core/words/test_catalogue.py"),
        ("static/house.svg", "tests/core/test_house.py"),
    ],
)
def test_a_change_is_answered_by_its_own_tests_soon(used, change, reached):
    found = chosen({change}, used)
    assert reached in found[:6], found[:10]
    assert len(found) == len(set(found))
    assert not [path for path in found if path.startswith("tests/e2e/")]


def test_what_cannot_reach_a_change_is_left_out(used):
    found = chosen({"constraints.txt"}, used)
    assert set(found) == {*ALWAYS, "tests/test_locked.py", "tests/test_quick.py"}
    assert "tests/core/judging/test_measures.py" not in chosen({"pages/article_page.py"}, used)


def test_a_test_that_was_changed_runs_first_a_browsers_too(used):
    path = next(path for path in used if path.startswith("tests/e2e/test_"))
    assert chosen({path, "core/words/message.py"}, used)[:2] == sorted(
        [path, "tests/core/words/test_message.py"]
    )
    assert chosen({"tests/core/test_removed" + ".py"}, used) == sorted(ALWAYS)
    assert "tests/app/test_app.py" in chosen({"tests/app/conftest.py"}, used)


def test_uses_of_uses_count_and_circles_end():
    used = {"a": {"b"}, "b": {"c", "a"}, "c": set(), "d": {"x.toml"}}
    assert distances(["c"], used) == {"c": 0, "b": 1, "a": 2}
    assert distances(["some/x.toml"], used) == {"some/x.toml": 0, "d": 1}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of two commits, whose second is on a branch."""
    names = ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL")
    for name in names:
        monkeypatch.setenv(f"GIT_{name}", "nobody@example.org")
    monkeypatch.setattr(quick, "ROOT", tmp_path)

    def git(*words):
        subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True)

    git("init", "-b", "main")
    (tmp_path / "first.py").write_text("1")
    (tmp_path / "moved.py").write_text("2")
    git("add", ".")
    git("commit", "-m", "first")
    git("checkout", "-b", "branch")
    git("mv", "moved.py", "there.py")
    git("commit", "-m", "second")
    return tmp_path, git


def test_a_change_is_what_differs_from_main_and_what_is_new(repository):
    root, git = repository
    assert changed() == {"moved.py", "there.py"}
    (root / "first.py").write_text("3")
    (root / "new.py").write_text("4")
    assert changed() == {"moved.py", "there.py", "first.py", "new.py"}
    assert changed("HEAD") == {"first.py", "new.py"}
    git("stash", "--include-untracked")
    git("checkout", "main")
    assert changed() == set()
    with pytest.raises(subprocess.CalledProcessError):
        changed("no-such-commit")


SLOW = """
import time
import pytest

@pytest.mark.parametrize("number", range(20))
def test_slow(number):
    time.sleep(0.3)
    assert number != {wrong}
"""


@pytest.mark.parametrize(("wrong", "status"), [(-1, 0), (0, 1)])
def test_no_test_begins_when_the_time_is_over(tmp_path, wrong, status):
    path = tmp_path / "test_slow.py"
    path.write_text(SLOW.format(wrong=wrong))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.quick", "-n", "1", str(path)]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {quick._STOP_AT: str(time.time() + 1.0), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    # With a failure it is told as one, whenever the time was over.
    assert bool(done.returncode) == bool(status), done.stdout
    assert "of 1 files have run; the time is over" in done.stdout
    said = next(line for line in done.stdout.splitlines() if "have run" in line)
    assert 1 <= int(said.split()[0]) < 20


def test_the_help_tells_of_it():
    told = subprocess.run(["make", "help"], cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout
    assert "make quick" in told
    assert Path(ROOT / "Makefile").read_text().count("tests.quick") == 1
