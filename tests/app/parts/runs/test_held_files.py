"""What was made for a page can be fetched until the page is left, whoever else asks for files."""

import gc
from itertools import count
from types import SimpleNamespace

import pytest

from core.words.errors import UserError
from pages.parts.runs import held_files as module
from pages.parts.runs.held_files import HeldFiles, Page


@pytest.fixture
def there(monkeypatch):
    """What the server could give a browser, by its place."""
    media: dict[str, bytes] = {}

    def add(made, mime, place, saved_as, *, is_for_static_download):
        assert is_for_static_download
        media[place] = made

    manager = SimpleNamespace(media_file_mgr=SimpleNamespace(add=add))
    monkeypatch.setattr(module.runtime, "exists", lambda: True)
    monkeypatch.setattr(module.runtime, "get_instance", lambda: manager)
    return lambda: [made for made in media.values() if made != b"-"]


def test_thirty_people_who_take_ten_files_each_at_once_get_them_all(there):
    held, pages = HeldFiles(), [Page() for _ in range(30)]
    names = [f"{number}.bin" for number in range(10)]
    for name in names:
        for number, page in enumerate(pages):
            held.hold(page, f"{number} {name}".encode(), "x", name)
    assert sorted(there()) == sorted(f"{i} {name}".encode() for i in range(30) for name in names)


def test_a_file_that_is_asked_for_again_takes_its_own_place(there):
    held, page = HeldFiles(), Page()
    for number in count():
        held.hold(page, f"{number}".encode(), "x", "weights")
        if number == 5:
            break
    assert there() == [b"5"]


@pytest.mark.parametrize("how", ["gone", "left", "another run"])
def test_a_page_that_was_left_gives_its_files_up(there, monkeypatch, how):
    held, page, other = HeldFiles(), Page(), Page()
    page.offer = "1-a"
    held.hold(page, b"old", "x", "weights")
    if how == "gone":
        del page
        gc.collect()
    elif how == "left":
        now = module.time.monotonic()
        monkeypatch.setattr(module.time, "monotonic", lambda: now + module.LEFT_S + 1)
        other.seen()
    else:
        page.offer = "2-b"
    held.hold(other, b"new", "x", "weights")
    assert there() == [b"new"]


def test_open_pages_hold_no_more_than_the_server_can_and_lose_nothing(there, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    held, pages = HeldFiles(), [Page() for _ in range(3)]
    held.hold(pages[0], b"x" * 30, "x", "large")  # alone, one of any size
    with pytest.raises(UserError, match="try again in three minutes"):
        held.hold(pages[1], b"y", "x", "small")
    assert there() == [b"x" * 30]
    held.hold(pages[0], b"x" * 6, "x", "large")
    held.hold(pages[1], b"y" * 4, "x", "small")
    with pytest.raises(UserError):
        held.hold(pages[2], b"z", "x", "more")
    assert there() == [b"x" * 6, b"y" * 4]
