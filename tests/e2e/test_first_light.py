"""The whole way of a newcomer: change a network, watch it learn, draw a digit, see it known."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.tab import Tab
from tests.strokes import DIGITS


def test_from_the_empty_page_to_the_drawn_digit(tab: Tab) -> None:
    tab.open()
    page = tab.page
    table = page.get_by_test_id("stDataFrame")
    parameters = tab.shown(re.compile(r"[\d,]+ parameters"), "stMarkdown")
    expect(tab.shown("16 @ 14 × 14", "stPlotlyChart")).to_be_visible()
    expect(table).to_contain_text("16 × 28 × 28")
    # Told once, and then the page is at rest: a key is lost in what is still being drawn.
    expect(tab.key("price")).to_contain_text("in all")
    tab.settle()
    before = parameters.inner_text()

    tab.field("blocks.0.channels").get_by_role("slider").press("ArrowRight")
    expect(tab.shown("24 @ 14 × 14", "stPlotlyChart")).to_be_visible()
    expect(table).to_contain_text("24 × 28 × 28")
    expect(parameters).not_to_have_text(before)
    page.wait_for_url(re.compile(r"b1\.channels=24"))
    before = parameters.inner_text()

    tab.choose(tab.field("blocks.0.kernel_size"), "3 × 3")
    expect(table).not_to_contain_text("5 × 5")
    expect(parameters).not_to_have_text(before)
    page.wait_for_url(lambda url: "b1.kernel_size" not in url)  # 3 is every block's default

    tab.train()
    tab.wait_for_curve(points=1)
    tab.chart("loss").evaluate("node => { node.markOfTheTest = true; }")
    assert tab.curve()[0][0] < 10
    tab.chart("loss").hover()
    page.mouse.wheel(0, 200)
    tab.until(lambda: tab.curve()[0][0] > 20, "The wheel does not zoom out")
    zoomed = tab.curve()[0][0]
    seen = {len(tab.curve())}
    while len(seen) < 5:
        tab.until(lambda: len(tab.curve()) not in seen, "The curve stands still")
        seen.add(len(tab.curve()))
        assert tab.curve()[0][0] == pytest.approx(zoomed, abs=3), "The zoom is lost"
    assert tab.right_of_500() >= 475
    assert tab.chart("loss").evaluate("node => node.markOfTheTest === true")
    assert tab.curve()[0][0] == pytest.approx(zoomed, abs=3), "The zoom is lost at the end"

    tab.turn_to("Draw")
    expect(tab.answer()).to_have_count(0)
    tab.draw(DIGITS[3])
    expect(tab.answer()).to_have_text("3")
