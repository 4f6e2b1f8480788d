"""Every page in English and in Chinese, as the browser asks or a person chooses."""

import re

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import OpenTab
from tests.e2e.tab import Tab

LENET = "v=1&blocks=2&dense=1&b1.channels=7&loss=bce&schedule=cosine"


def switch(tab: Tab, language: str) -> None:
    tab.key("language").get_by_text(language, exact=True).click()
    tab.settle()


def shown(tab: Tab, path: str) -> Locator:
    """What a select box shows."""
    return tab.field(path).get_by_role("combobox")


def test_the_browser_s_language_is_the_default(open_tab: OpenTab) -> None:
    chinese, english = open_tab(locale="zh-CN"), open_tab(locale="de-DE")
    chinese.open("Build")
    expect(chinese.button("train")).to_have_text(re.compile("训练"))
    assert "lang" not in chinese.query
    english.open("Build")
    expect(english.button("train")).to_have_text(re.compile("Train"))


def test_the_switch_changes_the_words_and_nothing_else(tab: Tab) -> None:
    tab.open("Build", LENET)
    switch(tab, "中文")
    expect(tab.button("train")).to_have_text(re.compile("训练"))
    tab.until(lambda: tab.query.get("lang") == "zh", "The address does not say the language")
    expect(shown(tab, "loss")).to_have_value("二元交叉熵")
    assert {"b1.channels": "7", "loss": "bce", "schedule": "cosine"}.items() <= tab.query.items()
    # It stays so on every page, after a reload, and for whoever is sent the address.
    for word in ("训练", "手写", "运行记录"):
        tab.page.get_by_role("link", name=word).click()
        tab.settle()
        tab.until(lambda: tab.query.get("lang") == "zh", "The address forgets the language")
    tab.page.reload()
    tab.settle()
    expect(tab.page.get_by_role("link", name="运行记录")).to_be_visible()
    skip = tab.page.get_by_test_id("stSkipToContent")
    expect(skip).to_have_text("跳到主要内容")
    switch(tab, "English")
    expect(tab.page.get_by_role("link", name="Runs")).to_be_visible()
    expect(skip).to_have_text("Skip to main content")
    tab.turn_to("Build")
    expect(shown(tab, "loss")).to_have_value("Binary cross entropy")
    assert tab.query["loss"] == "bce"


def test_a_setting_chosen_in_chinese_is_the_setting(tab: Tab) -> None:
    tab.open("Build", f"{LENET}&lang=zh")
    tab.choose(tab.field("loss"), "均方误差")
    tab.until(lambda: tab.query.get("loss") == "mse", "The choice was not taken")
    switch(tab, "English")
    expect(shown(tab, "loss")).to_have_value("Mean squared error")


def is_open(tab: Tab, fold: str) -> None:
    """Wait until a fold is open."""
    expect(tab.key(f"fold_{fold}").locator("details[open]")).to_have_count(1)


def test_what_is_open_and_chosen_stays_so_in_the_other_language(tab: Tab) -> None:
    tab.open("Build", "v=1&shift=0&rotation=0&scale=0")
    page = tab.page
    for fold in ("learning", "augmentation"):
        tab.key(f"fold_{fold}").locator("summary").click()
        is_open(tab, fold)
    tab.settle()

    # The fold of the augmentation has another heading once something of it is on.
    tab.field("shift").get_by_role("slider").press("ArrowRight")
    page.wait_for_url(re.compile(r"shift=1"))
    expect(tab.key("fold_augmentation").locator("summary")).to_contain_text("on")
    is_open(tab, "augmentation")
    page.get_by_role("tab", name="PyTorch code").click()
    expect(page.get_by_test_id("stCode")).to_be_visible()
    tab.settle()

    tab.key("language").locator("button", has_text="中文").click()
    page.wait_for_url(re.compile(r"lang=zh"))
    tab.settle()
    for fold in ("learning", "augmentation"):
        is_open(tab, fold)
    expect(page.get_by_test_id("stCode")).to_be_visible()

    # What a browser sends with its next change is what it shows, in its own words.
    tab.field("blocks.0.channels").get_by_role("slider").press("ArrowRight")
    page.wait_for_url(re.compile(r"b1\.channels=24"))
    tab.settle()
    expect(page.get_by_test_id("stAlert")).to_have_count(0)
    assert tab.query["shift"] == "1"
    assert "loss" not in tab.query
