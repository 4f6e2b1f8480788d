"""One page that opens without a network and shows people's words as words."""

import base64
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from core.machine.device import Device
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.presets import PRESETS
from core.take_home.report import changed_settings, report
from core.words.palette import DARK, LIGHT
from tests.core.take_home.conftest import SPEC, untrained

VOID = {"meta", "source", "img"}


class Page(HTMLParser):
    """What a browser would find: elements, their attributes, and the words to be read."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def shown(trained):
    return Page(report(trained(tags=("first", "mine"), note="Line one\nline two", elapsed_s=1.5)))


def test_it_tells_all_about_the_run(shown):
    for fact in (
        "3 · Small",
        "A run of NetSketch · finished · 2025-11-24 16:10 UTC · first · mine",
        "30 of 30 test images right (100.00 %).",
        "Line one line two",
        "Loss and accuracy over 15 steps. After epoch 3: training",
        "conv1 Conv2d 3 × 3 4 × 28 × 28 36",
        "In all",
        "Block 1 Channels 4 · Norm Batch norm (default None)",
        "Dense layer 1 Units 12",
        "Settings Learning rate 0.02 (default 0.001) · Batch size 20 (default 64)",
        "4,000 to learn from, 500 for validation, 500 for the test",
        "3 of 3 epochs, 15 steps, 1.5 s of work",
        "CPU, 1 core",
        "python 3",
        "pip install torch==",
        "python train.py",
    ):
        assert fact in shown.text, fact


def test_nothing_is_fetched_and_nothing_runs(shown):
    assert "script" not in shown.tags
    assert not [name for name, _ in shown.attributes if name.startswith("on")]
    addresses = [v for name, v in shown.attributes if name in ("src", "srcset", "href", "action")]
    assert len(addresses) == 2
    assert all(address.startswith("data:image/svg+xml;base64,") for address in addresses)
    assert "default-src 'none'" in dict(shown.attributes)["content"] + str(shown.attributes)


def test_both_themes_have_their_picture(shown):
    drawn = {}
    for name, value in shown.attributes:
        if name in ("src", "srcset"):
            drawn[name] = base64.b64decode(value.partition(",")[2]).decode()
            ElementTree.fromstring(drawn[name])
    assert DARK.training.lower() in drawn["srcset"]
    assert LIGHT.training.lower() in drawn["src"]
    assert ("media", "(prefers-color-scheme: dark)") in shown.attributes


ATTACKS = [
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</style><b>bold</b>",
    "&lt;i&gt;",
]


@pytest.mark.parametrize("words", ATTACKS)
def test_peoples_words_are_shown_as_they_are(trained, words):
    contents = trained(
        name=words,
        note=words,
        tags=(words[:24],),
        message=words,
        device=Device("cuda", words),
        versions={words: words, "torch": "2"},
    )
    plain = Page(report(trained()))
    page = Page(report(contents))
    assert page.text.count(words) >= 5
    for tag in ("script", "img", "svg", "b", "i"):
        assert page.tags.count(tag) == plain.tags.count(tag), tag
    assert page.open == []


def test_a_run_that_ended_as_netsketch_did_says_so():
    begun = untrained(SPEC, status="interrupted", device=Device("cpu", cores=2))
    assert "NetSketch ended while this run was going on." in Page(report(begun)).text
    waited = untrained(SPEC, status="interrupted", device=None, step=0)
    assert "NetSketch ended before this run began." in Page(report(waited)).text
    told = untrained(SPEC, status="interrupted", message="The disk is full.")
    assert "NetSketch ended" not in Page(report(told)).text
    assert "The disk is full." in Page(report(told)).text


def test_a_run_without_steps_has_a_report_without_curves():
    page = Page(report(untrained(SPEC, status="failed", message="Out of memory: halve the batch.")))
    assert "Curves" not in page.text
    assert "Out of memory: halve the batch." in page.text
    assert "It ended before its test." in page.text
    assert "unknown" in page.text


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_fits_into_a_report(key):
    contents = untrained(PRESETS[key].spec)
    seen = Page(report(contents))
    assert seen.open == []
    for layer in contents.network.layers:
        assert layer.name in seen.text
    assert f"{contents.network.params:,}" in seen.text


def test_only_what_was_changed_is_listed():
    assert changed_settings(RunSpec()) == {"Block 1": "Channels 16"}
    spec = RunSpec(
        blocks=(BlockSpec(), BlockSpec(channels=8, pool="none", dropout=0.25)),
        dense=(DenseSpec(activation="tanh"),),
        seed=12345,
        num_epochs=100,
    )
    assert changed_settings(spec) == {
        "Block 1": "Channels 16",
        "Block 2": "Channels 8 · Pooling None (default Max) · Dropout 0.25 (default 0)",
        "Dense layer 1": "Units 64 · Activation Tanh (default ReLU)",
        "Settings": "Epochs 100 (default 5) · Seed 12,345 (default 0)",
    }
    assert "Settings" not in changed_settings(replace(spec, seed=0, num_epochs=5))
