"""Hostile addresses, networks that cannot work and runs that blow up: each gets a sentence."""

import re

import pytest
from playwright.sync_api import expect

from core.spec.codec import to_query
from core.spec.presets import PRESETS
from tests.e2e.tab import PageName, Tab
from tests.strokes import DIGITS

HOSTILE = {
    "absurd": ("blocks=999999999&b1.channels=1000000000&lr=abc&foo=1", "999999999"),
    "a thousand keys": ("&".join(f"k{i}={i}" for i in range(1000)), "1000 settings"),
    "markup": ("foo%3Cimg%20src=x%20onerror=console.error(1)%3E=1&lr=**NaN**", "foo<img"),
    "broken bytes": ("lr=%ED%A0%80&%F0%9F%98%80=%00&blocks=%EF%BC%93", "learning rate"),
}


def works(tab: Tab) -> None:
    """Change a setting and see the address follow and the network ready to be trained."""
    tab.choose(tab.field("optimizer"), "RMSprop")
    tab.page.wait_for_url(re.compile("optimizer=rmsprop"))
    if tab.key("problem").count():  # six blocks of the default pool the image away
        tab.button("fix_0").click()
    expect(tab.button("train")).to_be_enabled()


@pytest.mark.parametrize(("query", "words"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_address_gives_a_page_that_works_and_says_what_it_mended(
    tab: Tab, query: str, words: str
) -> None:
    tab.open("Build", query)
    expect(tab.shown(words, "stAlert")).to_be_visible()
    works(tab)
    expect(tab.shown(words, "stAlert")).to_have_count(0)


@pytest.mark.parametrize("place", ["Build", "Train", "Draw"])
@pytest.mark.parametrize("run", ["../../etc", "%00<script>"])
def test_an_address_with_a_run_that_does_not_exist_gives_a_page_that_works(
    tab: Tab, place: PageName, run: str
) -> None:
    tab.open(place, f"run={run}")
    tab.turn_to("Build")
    works(tab)


def test_a_network_that_cannot_work_is_explained_and_mended_by_one_click(tab: Tab) -> None:
    tab.open()
    tab.choose(tab.key("preset"), PRESETS["article"].title)
    expect(tab.shown("128 @ 1 × 1", "stPlotlyChart")).to_be_visible()
    expect(tab.key("problem")).to_have_count(0)
    tab.button("blocks_more").click()
    expect(tab.key("problem")).to_contain_text("Block 5")
    expect(tab.shown("does not fit", "stPlotlyChart")).to_be_visible()
    lit = tab.page.get_by_role("radio", checked=True).filter(has_text="Block 5")
    expect(lit).to_contain_text("error")  # the name of the icon
    expect(tab.button("train")).to_be_visible()
    expect(tab.button("train")).to_be_disabled()
    tab.button("fix_0").click()
    expect(tab.key("problem")).to_have_count(0)
    expect(tab.button("train")).to_be_enabled()
    tab.page.wait_for_url(re.compile(r"blocks=5.*b5\.pool=none"))


def test_the_address_is_the_network(tab: Tab) -> None:
    spec = PRESETS["lenet"].spec
    query = "&".join(f"{key}={value}" for key, value in to_query(spec).items())
    tab.open("Build", query)
    expect(tab.key("preset").get_by_role("combobox")).to_have_value(re.compile("LeNet"))
    assert tab.query == to_query(spec)
    tab.page.reload()
    tab.settle()
    expect(tab.key("preset").get_by_role("combobox")).to_have_value(re.compile("LeNet"))
    assert tab.query == to_query(spec)


def test_a_run_that_diverges_says_where_and_what_to_change(tab: Tab) -> None:
    # Without activations nothing bounds the values: they grow in any precision.
    linear = "&".join(f"{part}.activation=none" for part in ("b1", "b2", "d1", "d2"))
    sgd = f"v=1&blocks=2&dense=2&{linear}&optimizer=sgd&lr=100&num_epochs=3"
    tab.open("Build", sgd)
    tab.train()
    sentence = tab.shown(re.compile(r"at step \d+"), "stAlert")
    expect(sentence).to_contain_text("learning rate")
    expect(tab.button("strip_stop")).to_have_count(0)
    tab.turn_to("Draw")
    tab.draw(DIGITS[6])
    expect(tab.answer()).to_have_text(re.compile(r"^\d$"))
