"""What holds for the house as a whole: core never meets a browser."""

import subprocess
import sys
from pathlib import Path

import pytest

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
