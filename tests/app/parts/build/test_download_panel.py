"""The offer of a data set in each state that a download can be in."""

from dataclasses import replace

import pytest

from core.data.catalogue import DATASETS
from core.data.download import DownloadStatus
from core.data.sources import SOURCES
from core.spec.presets import DEFAULT
from tests.app.tab import as_read, words

FULL = replace(DEFAULT, data="mnist")


class Download:
    """A download that stands as the test says."""

    def __init__(self) -> None:
        self.status = DownloadStatus(bytes_total=12_000_000)
        self.asked: list[str] = []

    def of(self, key: str) -> "Download":
        self.source = SOURCES[DATASETS[key].source]
        return self

    def snapshot(self) -> DownloadStatus:
        return self.status

    def start(self) -> None:
        self.asked.append("start")

    def cancel(self) -> None:
        self.asked.append("cancel")


@pytest.fixture
def download(monkeypatch):
    made = Download()
    monkeypatch.setattr("core.data.download.download_of", made.of)
    monkeypatch.setattr("pages.parts.build.download_panel.download_of", made.of)
    return made


def panel(tab) -> str:
    return words(tab.get_by_key("download")).replace("\\", "")


def test_it_is_offered_with_its_size(visit, download):
    tab = visit(spec=FULL)
    assert "about 12\xa0MB" in panel(tab)
    assert "CC BY-SA 3.0" in panel(tab)
    assert tab.get_by_key("train").disabled
    tab.click("download_start")
    assert download.asked == ["start"]


def test_it_shows_how_far_it_is_and_can_be_cancelled(visit, download):
    download.status = DownloadStatus("running", 3_000_000, 12_000_000, 2.0, 6.04, "Unpacking")
    tab = visit(spec=FULL)
    bar = tab.get_by_key("download").get("progress")[0]
    assert bar.value == 25
    for fact in ("Unpacking", "3.0", "12.0\xa0MB", "6.0\xa0s"):
        assert fact in bar.proto.text
    assert not tab.has("download_start")
    (cancel,) = [b for b in tab.get_by_key("download").get("button") if b.label == "Cancel"]
    cancel.click().run()
    assert download.asked == ["cancel"]


def test_before_anyone_can_tell_no_time_is_made_up(visit, download):
    download.status = DownloadStatus("running", 0, 12_000_000, 0.0, None, "Connecting")
    bar = visit(spec=FULL).get_by_key("download").get("progress")[0]
    assert bar.value == 0
    assert "–" in bar.proto.text


@pytest.mark.parametrize(
    "message",
    [
        "t10k-images.gz arrived incomplete: 5 of 10 bytes. Check the connection, then try again.",
        "The disk is full: 130\xa0MB are needed, 12\xa0MB free in *here*. [Free](http://a.b) some.",
    ],
)
def test_what_went_wrong_is_a_sentence_and_it_can_be_tried_again(visit, download, message):
    download.status = DownloadStatus("failed", 5, 12_000_000, 2.0, None, message)
    tab = visit(spec=FULL)
    assert as_read(tab.error[0].value) == message
    assert "[Free](" not in tab.error[0].value
    assert "*here*" not in tab.error[0].value
    tab.click("download_start")
    assert download.asked == ["start"]


def test_once_the_data_are_here_there_is_nothing_to_offer(visit, download, monkeypatch):
    for place in ("core.data.loading", "pages.shared.data_here"):
        monkeypatch.setattr(f"{place}.is_available", lambda key: True)
    tab = visit(spec=FULL)
    assert not tab.has("download")
    assert not tab.get_by_key("train").disabled


@pytest.mark.parametrize("key", [key for key in DATASETS if key != "embedded"])
def test_each_data_set_says_what_is_downloaded_and_whose_it_is(visit, download, key):
    tab = visit(spec=replace(DEFAULT, data=key))
    source = SOURCES[DATASETS[key].source]
    assert f"about {source.size / 1e6:.0f}\xa0MB" in panel(tab)
    assert source.title.removeprefix("full ") in panel(tab)
    assert DATASETS[key].credit[:20] in panel(tab)
    (choice,) = [box for box in tab.selectbox if box.label == "Data"]
    assert len(choice.options) == len(DATASETS)
    assert sum("· download " in option for option in choice.options) == len(DATASETS) - 1
