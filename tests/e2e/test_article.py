"""The Article page from top to bottom in both languages, each piece moved with the mouse."""
# ruff: noqa: RUF001

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.tab import Tab

SECTIONS = {
    "en": (
        "One digit, there and back",
        "Three ways of reading a picture",
        "The bend between two layers",
        "Many pixels, one value",
        "What training makes small",
        "The program as printed, and mended",
        "How good is it?",
        "The advice, put to the test",
    ),
    "zh": (
        "一个数字的往返",
        "读图像的三种方式",
        "两层之间的弯",
        "许多像素，一个值",
        "训练要减小的东西",
        "印出的程序，以及改正",
        "它有多好？",
        "建议经得起检验吗？",
    ),
}
WORDS = {
    "en": {"average": "Average", "mended": "Mended", "epoch": "After one epoch"},
    "zh": {"average": "平均", "mended": "改正后运行", "epoch": "训练一轮之后"},
}


def changes(tab: Tab, shown: Locator, act: Callable[[], None], attribute: str = "") -> None:
    """Do something, and wait until it has changed what is shown."""

    def now() -> str | None:
        return shown.get_attribute(attribute) if attribute else shown.inner_text()

    expect(shown).to_be_visible()
    before = now()
    act()
    tab.until(lambda: now() != before, f"{shown} does not answer")


def push(slider: Locator) -> None:
    """Click a slider near its right end, as a mouse does."""
    track = slider.get_by_role("group")
    track.scroll_into_view_if_needed()
    area = track.bounding_box()
    assert area is not None
    slider.page.mouse.click(area["x"] + 0.8 * area["width"], area["y"] + area["height"] / 2)


def section(tab: Tab, lang: str, number: int) -> None:
    """Whether a section is open, at its top."""
    heading = tab.page.get_by_role("heading", level=3)
    expect(heading).to_contain_text(f"{number} · {SECTIONS[lang][number - 1]}")
    tab.settle()
    tab.until(
        lambda: tab.page.get_by_test_id("stMain").evaluate("e => e.scrollTop") < 10,
        "It does not begin at its top",
    )


def one_digit(tab: Tab, words: dict[str, str]) -> None:
    loss = tab.page.locator(".journey .above .loss")
    digits = tab.key("article_digits")
    changes(tab, loss, lambda: digits.get_by_role("radio", name="7", exact=True).click())
    changes(tab, loss, lambda: tab.button("article_another").click())
    changes(tab, loss, lambda: tab.button("article_step").click())
    expect(digits.get_by_role("radio", name="7", exact=True)).to_be_checked()
    expect(tab.page.locator("svg.marks")).to_be_visible()
    value = tab.page.get_by_test_id("stMetricValue").first
    changes(tab, value, lambda: push(tab.key("article_rate")))
    changes(tab, loss, lambda: tab.page.get_by_text(words["epoch"]).click())


def architectures(tab: Tab, words: dict[str, str]) -> None:
    made = tab.page.locator(".reading .tile").nth(1)
    changes(tab, made, lambda: push(tab.key("article_rows")), "src")
    for kind in ("conv", "dense", "recurrent"):
        expect(tab.button(f"article_build_{kind}")).to_be_visible()


def activations(tab: Tab, words: dict[str, str]) -> None:
    after = tab.page.locator(".reading .tile").nth(1)
    choice = tab.key("article_activation")
    changes(tab, after, lambda: choice.get_by_text("Sigmoid").click(), "src")
    value = tab.page.get_by_test_id("stMetricValue").first
    changes(tab, value, lambda: push(tab.key("article_value")))


def pooling(tab: Tab, words: dict[str, str]) -> None:
    after = tab.page.locator(".pooling .tile").nth(1)
    kind = tab.key("article_pool_kind")
    changes(tab, after, lambda: kind.get_by_text(words["average"]).click(), "src")
    changes(tab, after, lambda: tab.key("article_pool_size").get_by_text("4 × 4").click(), "src")
    expect(tab.page.locator(".pooling small").last).to_contain_text("7 × 7")
    window = tab.page.locator(".pooling .read b").first
    changes(tab, window, lambda: push(tab.key("article_pool_place")), "style")


def loss_functions(tab: Tab, words: dict[str, str]) -> None:
    value = tab.page.locator(".loss-table b").first
    expect(tab.page.locator(".loss-table b")).to_have_count(5)
    changes(tab, value, lambda: push(tab.key("article_chance")))
    expect(tab.page.locator("svg.marks")).to_have_count(2)


def printed_code(tab: Tab, words: dict[str, str]) -> None:
    for fault, error in (
        ("channels", "to have 28 channels, but got 1 channels instead"),
        ("batch", "Expected 3D (unbatched) or 4D (batched) input"),
        ("features", "Expected input batch_size (1) to match target batch_size (64)"),
    ):
        card = tab.key(f"article_fault_{fault}")
        expect(card.locator(".outcome code")).to_contain_text(error)
        card.get_by_text(words["mended"]).click()
        expect(card.locator(".outcome.worked")).to_be_visible()
    drawing = tab.page.locator("img.shapes")
    changes(tab, drawing, lambda: push(tab.key("article_side")), "alt")
    told = tab.key("article_fault_step").get_by_test_id("stCaptionContainer")
    changes(tab, told, lambda: tab.button("article_fall").click())
    expect(told).to_contain_text("2.31")


def measures(tab: Tab, words: dict[str, str]) -> None:
    counts = tab.page.locator(".counts")
    changes(tab, counts, lambda: tab.key("article_asked").get_by_text("8", exact=True).click())
    changes(tab, counts, lambda: push(tab.key("article_threshold")))
    judged = tab.page.locator(".folds .judge")
    expect(judged).to_have_count(5)
    push(tab.key("article_folds"))
    expect(judged).not_to_have_count(5)


def advice(tab: Tab, words: dict[str, str]) -> None:
    for key in ("kernels", "depth", "adam"):
        expect(tab.button(f"article_compare_{key}")).to_be_visible()


PIECES = (
    one_digit,
    architectures,
    activations,
    pooling,
    loss_functions,
    printed_code,
    measures,
    advice,
)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_section_answers_to_the_mouse(tab: Tab, lang: str) -> None:
    tab.open("Article", f"lang={lang}")
    for number, play in enumerate(PIECES, start=1):
        section(tab, lang, number)
        play(tab, WORDS[lang])
        if number < len(PIECES):
            tab.button("article_next").click()
    expect(tab.page).to_have_url(re.compile(r"section=advice"))
    # What was chosen is still so, in the other language too.
    tab.key("article_section").get_by_role("radio").nth(3).click()
    section(tab, lang, 4)
    other = "zh" if lang == "en" else "en"
    tab.key("language").get_by_role("radio").nth(["en", "zh"].index(other)).click()
    section(tab, other, 4)
    chosen = tab.key("article_pool_kind").get_by_role("radio", checked=True)
    expect(chosen).to_have_text(WORDS[other]["average"])


def test_the_mended_network_is_trained_by_one_click(tab: Tab) -> None:
    tab.open("Article", "section=code")
    tab.button("article_train").click()
    tab.page.wait_for_url(re.compile(r"/train\?.*\brun="))
    tab.wait_for_curve(points=3)
    tab.button("panel_stop").click()
    expect(tab.verdict()).to_be_visible()


def test_a_comparison_is_told_when_one_comes_back(tab: Tab) -> None:
    tab.open("Article", "section=advice")
    tab.button("article_compare_adam").click()
    card = tab.key("article_advice_adam")
    expect(card.get_by_role("progressbar").first).to_be_visible()
    tab.turn_to("Build")
    tab.turn_to("Article")
    expect(card.get_by_text(re.compile("by luck alone"))).to_be_visible(timeout=60_000)
    expect(card.locator(".versus")).to_contain_text("/ 500")
    expect(card.locator("svg.marks")).to_be_visible()
    tab.button("article_runs_adam").click()
    tab.page.wait_for_url(re.compile(r"/runs\?.*compare="))
    verdict = tab.key("verdict")
    expect(verdict).to_be_visible()
    said, place = verdict.get_by_test_id("stMarkdown").first.bounding_box(), verdict.bounding_box()
    assert said is not None
    assert place is not None
    assert said["width"] > 0.9 * place["width"]  # it is read in lines, not in a column of words
