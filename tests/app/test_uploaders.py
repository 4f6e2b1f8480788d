"""Every uploader: what it promises the server takes, and what has no room is told where it was."""

import re
import tomllib
from pathlib import Path

import pytest

from core.bring_in import MAX_BYTES
from core.data.intake.common import MAX_ARCHIVE_BYTES
from core.drawing.photo.file import MAX_PICTURE_BYTES
from core.serving.uploads import REFUSED, WORDS
from core.take_home.weights import MAX_WEIGHT_BYTES
from tests.app.tab import words

ROOT = Path(__file__).resolve().parents[2]
MB = 2**20


def test_the_server_takes_what_each_uploader_promises():
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    # Around a file lies the form that the browser sends it in, and around weights their header.
    taken = config["server"]["maxUploadSize"] * MB
    assert taken - MB >= max(MAX_BYTES, MAX_ARCHIVE_BYTES, MAX_PICTURE_BYTES)
    assert MAX_BYTES - MAX_WEIGHT_BYTES >= MB
    page = tomllib.loads((ROOT / "netsketch.toml").read_text())["uploads"]["max_mb_per_page"]
    assert page * MB >= taken
    uploaders = [
        text
        for path in (ROOT / "pages").rglob("*.py")
        for text in re.findall(r"max_upload_size=([A-Z_]+)", path.read_text())
    ]
    assert sorted(uploaders) == ["MAX_ARCHIVE_BYTES", "MAX_BYTES", "MAX_PICTURE_BYTES"]


@pytest.mark.parametrize(
    ("place", "key"), [("build", "own_file"), ("draw", "picture"), ("runs", "bring_in_0")]
)
@pytest.mark.parametrize("full", list(WORDS))
def test_a_file_that_the_server_had_no_room_for_is_told_where_it_was_brought(
    place, key, full, visit, canvas
):
    tab = visit(place)
    if place == "draw":
        tab.get_by_key("input").set_value("Picture").run()
    (uploader,) = [one for one in tab.get("file_uploader") if one.key == key]
    file = ("refused", b"", f"{REFUSED}{full}")
    uploader.set_value([file] if place == "runs" else file).run()
    assert not tab.exception
    assert WORDS[full] in words(tab.main).replace("\\", "")
