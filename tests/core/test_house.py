"""What holds for the house as a whole: its order, and that core never meets a browser."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import house

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("core/**/*.py")
)

IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name.removesuffix(".__init__"))
found = sorted(name for name in sys.modules if name.split(".")[0] in ("streamlit", "pages"))
assert not found, found
print(len(sys.argv[1:]))
"""


def test_core_knows_no_streamlit():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *MODULES], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(len(MODULES))), done.stderr
    assert len(MODULES) > 15


def complaints(place: str, text: str) -> str:
    """What ruff says of a text that would lie at a place in the repository."""
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--stdin-filename", place, "-"],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


@pytest.mark.parametrize("place", ["core/x.py", "core/inner/x.py"])
@pytest.mark.parametrize(
    "line",
    [
        "import streamlit as st",
        "from streamlit import session_state",
        "import streamlit.runtime",
        "from streamlit.runtime import exists",
    ],
)
def test_ruff_refuses_streamlit_in_core(place, line):
    assert "TID251" in complaints(place, f'"""Text."""\n\n{line}\n')


@pytest.mark.parametrize("place", ["app.py", "pages/x_page.py", "pages/shared/x.py"])
def test_ruff_allows_streamlit_where_pages_are(place):
    said = complaints(place, '"""Text."""\n\nimport streamlit as st\n\nst.title("NetSketch")\n')
    assert "TID251" not in said
    assert "All checks passed" in said


def test_rooms_import_only_what_stands_below_them():
    """A room of core imports from rooms that come before it in the table of contents, or none."""
    assert sorted(house.ROOMS) == sorted(
        path.name for path in (ROOT / "core").iterdir() if (path / "__init__.py").is_file()
    )
    order = {name: at for at, name in enumerate((*house.ROOMS, *house.ENTRANCES))}
    upwards = {pair: by for pair, by in house.arrows().items() if order[pair[0]] <= order[pair[1]]}
    assert not upwards


def test_nothing_is_imported_in_a_circle():
    assert not house.circles(house.modules("core", "pages"))


def test_a_page_is_made_of_its_own_parts_and_of_what_pages_share():
    wrong = []
    for module in house.modules("core", "pages").values():
        for other in module.imports:
            inner = other.split(".")
            match module.name.split("."):
                case ["pages", "shared", *_] if inner[0] == "pages" and inner[1] != "shared":
                    wrong.append((module.name, other))
                case ["pages", "parts", page, *_] if (
                    inner[:2] == ["pages", "parts"] and inner[2] != page
                ):
                    wrong.append((module.name, other))
                case ["pages", page] if inner[:2] == ["pages", "parts"] and inner[
                    2
                ] != page.removesuffix("_page"):
                    wrong.append((module.name, other))
    assert not wrong


def test_what_pages_share_is_used_by_two_of_them():
    """A part that one page alone uses lies in that page's folder."""
    pages = house.modules("pages")
    by: dict[str, set[str]] = {}

    def users(name: str) -> set[str]:
        if name not in by:
            by[name] = set()
            for module in pages.values():
                if name in module.imports:
                    inner = module.name.split(".")
                    if inner[1] == "parts":
                        by[name].add(inner[2])
                    elif inner[1] == "shared":
                        by[name] |= users(module.name) or {module.name}
                    else:
                        by[name].add(inner[1].removesuffix("_page"))
        return by[name]

    shared = [name for name in pages if name.startswith("pages.shared.")]
    lonely = [name for name in shared if len(users(name)) == 1 and not _frames(name)]
    assert not lonely


def _frames(name: str) -> bool:
    """Whether a module is around every page, so that `app.py` uses it rather than a page."""
    pages = house.modules("pages")
    frame = {"pages.shared.frame", "pages.shared.served"}
    while more := {other for one in frame for other in pages[one].imports} - frame:
        frame |= more
    return name in frame


def test_the_picture_of_the_house_is_of_this_house():
    """`python -m tests.house` draws it anew."""
    assert house.PICTURE.read_text(encoding="utf-8") == house.drawing()


def test_files_are_short_enough_to_be_read():
    def lines(path):
        return len(path.read_text(encoding="utf-8").splitlines())

    files = [
        path
        for pattern in ("core/**/*.py", "pages/**/*.py", "static/**/*.js")
        for path in ROOT.glob(pattern)
    ]
    assert len(files) > 200
    assert {str(path): lines(path) for path in files if lines(path) > 400} == {}
    pages = list(ROOT.glob("pages/*_page.py"))
    assert {path.name: lines(path) for path in pages if lines(path) > 200} == {}
