"""Every page on a phone, and in light and dark."""

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.conftest import OpenTab, assert_well
from tests.e2e.server import App
from tests.e2e.tab import PageName, Tab

TINY = "v=1&blocks=1&b1.channels=4&b1.stride=2&batch_size=128&num_epochs=1"
LANDMARKS: dict[PageName, Callable[[Tab], Locator]] = {
    "Build": lambda tab: tab.button("train"),
    "Train": lambda tab: tab.chart("accuracy"),
    "Draw": lambda tab: tab.canvas(),
    "Runs": lambda tab: tab.key("runs_table"),
    "Article": lambda tab: tab.key("article_section"),
}


@pytest.fixture(scope="module", autouse=True)
def finished(app: App, browser: Browser) -> None:
    """A run for the pages to show."""
    window = browser.new_context()
    tab = Tab(window.new_page(), app.address)
    tab.open("Build", TINY)
    tab.train()
    tab.right_of_500()
    assert_well([tab], app)
    window.close()


def arrive(tab: Tab, place: PageName) -> None:
    tab.open(place)
    LANDMARKS[place](tab).scroll_into_view_if_needed()
    expect(LANDMARKS[place](tab)).to_be_visible()


@pytest.mark.parametrize("place", LANDMARKS)
def test_a_phone_scrolls_down_and_never_sideways(open_tab: OpenTab, place: PageName) -> None:
    tab = open_tab(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    arrive(tab, place)
    assert tab.page.evaluate("window.innerWidth") == 390
    for scrolled in ("html", "[data-testid=stMain]"):
        width, room = tab.page.locator(scrolled).evaluate("e => [e.scrollWidth, e.clientWidth]")
        assert width <= room, f"{scrolled} is {width} px wide in {room} px"


@pytest.mark.parametrize("place", LANDMARKS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_scheme_of_the_machine(
    open_tab: OpenTab, place: PageName, scheme: Literal["light", "dark"]
) -> None:
    tab = open_tab(color_scheme=scheme)
    arrive(tab, place)
    ink, paper = tab.page.get_by_test_id("stApp").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    )
    assert (luminance(paper) < luminance(ink)) == (scheme == "dark")
    brighter, darker = sorted((luminance(ink), luminance(paper)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) > 7


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, of a computed CSS colour (WCAG 2.2)."""
    shares = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
