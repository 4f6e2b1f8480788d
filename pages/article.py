"""Run the whole app for a link to /article that is the first thing a new server is asked for.

Until some browser has run app.py, Streamlit takes every file in this folder for a page and looks
up such a link by its file's name; without this file it would say that there is no such page.
"""

from pathlib import Path
from runpy import run_path

run_path(str(Path(__file__).parents[1] / "app.py"))
