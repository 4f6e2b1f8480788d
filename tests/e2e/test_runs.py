"""Finding runs again, comparing them, and changing what is said of them."""

import re

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.e2e.conftest import OpenTab, assert_well
from tests.e2e.server import App
from tests.e2e.tab import Tab

SMALL = "v=1&blocks=1&b1.channels=4&b1.stride=2&batch_size=128&num_epochs=2"
FASTER = f"{SMALL}&lr=0.02"
# Of the table: the width of the column of ticks, and the height of a row.
TICK_PX, ROW_PX = 33, 35


@pytest.fixture(scope="module", autouse=True)
def trained(app: App, browser: Browser) -> list[str]:
    """Two runs that differ in their learning rate, oldest first."""
    window = browser.new_context()
    tab = Tab(window.new_page(), app.address)
    ids = []
    for query in (SMALL, FASTER):
        tab.open("Build", query)
        ids.append(tab.train())
        tab.right_of_500()
    assert_well([tab], app)
    window.close()
    return ids


def table(tab: Tab) -> Locator:
    """The table of all runs."""
    return tab.key("runs_table").get_by_test_id("stDataFrame")


def click_cell(tab: Tab, row: int, x: int) -> None:
    """Click into a row of the table, counted from 0, so far from its left edge."""
    table(tab).locator("canvas").first.scroll_into_view_if_needed()
    box = table(tab).bounding_box()
    assert box is not None
    tab.page.mouse.click(box["x"] + x, box["y"] + ROW_PX * (row + 1.5))


def tick(tab: Tab, row: int) -> None:
    """Tick or untick a row."""
    click_cell(tab, row, TICK_PX // 2)


def cell(tab: Tab, row: int, name: str) -> Locator:
    """What a row says in a column, as a screen reader hears it."""
    heads = table(tab).locator("[role=columnheader]")
    expect(heads.filter(has_text=name)).to_have_count(1)
    column = [text.strip("↑↓ ") for text in heads.all_inner_texts()].index(name)
    return table(tab).locator("[role=row]").nth(row + 1).locator("[role=gridcell]").nth(column)


def test_two_runs_are_chosen_and_compared(tab: Tab, trained: list[str]) -> None:
    tab.open("Runs")
    expect(cell(tab, 0, "Name")).to_contain_text("2 · ")
    tick(tab, 0)
    expect(tab.key("run_card")).to_be_visible()
    tick(tab, 1)
    expect(tab.page.get_by_role("heading", name="2 runs side by side")).to_be_visible()
    chosen = f"{trained[1]},{trained[0]}"
    tab.until(lambda: tab.query.get("compare") == chosen, "The address does not hold the choice")

    legend = tab.page.locator(".run-legend .run-name")
    expect(legend).to_have_text([re.compile("^2 · "), re.compile("^1 · ")])
    expect(tab.key("verdict")).to_contain_text(re.compile(r"A .*B misses, B .*A misses; of 500\."))
    expect(tab.key("verdict")).to_contain_text(re.compile(r"is better\.|Within noise|No diff"))
    charts = tab.page.get_by_test_id("stVegaLiteChart")
    for chart in (charts.nth(0), charts.nth(1)):
        lines = chart.locator(".mark-line path")
        expect(lines).to_have_count(2)
        dashes = lines.evaluate_all("paths => paths.map(p => p.getAttribute('stroke-dasharray'))")
        assert len(set(dashes)) == 2, "The lines look alike to whoever sees no colours"
    differing = tab.page.get_by_test_id("stDataFrame").nth(1).locator("[role=gridcell]")
    expect(differing).to_have_text(["Learning rate", "0.02", "0.001"])
    expect(tab.key("confusion_difference").locator(".heatmaplayer image")).to_have_count(1)

    tab.page.reload()
    tab.settle()
    expect(legend).to_have_text([re.compile("^2 · "), re.compile("^1 · ")])
    tick(tab, 0)
    expect(tab.key("run_card")).to_contain_text("1 · ")


def test_what_is_said_of_a_run_outlives_the_tab(open_tab: OpenTab, trained: list[str]) -> None:
    tab = open_tab()
    tab.open("Runs", f"compare={trained[0]}")
    name = tab.key(f"run_name_{trained[0]}").get_by_role("textbox")
    name.fill("The slow one")
    name.press("Enter")
    expect(cell(tab, 1, "Name")).to_have_text("The slow one")
    # The star stands right of the ticks.
    click_cell(tab, 1, TICK_PX + 22)
    expect(tab.button("star")).to_have_text("★ Starred")
    tags = tab.key(f"run_tags_{trained[0]}").get_by_role("combobox")
    tags.fill("lesson")
    tags.press("Enter")
    tab.page.keyboard.press("Escape")
    expect(cell(tab, 1, "Tags")).to_contain_text("lesson")

    other = open_tab()
    other.open("Runs", f"compare={trained[0]}")
    expect(other.key("run_card").get_by_role("heading", name="The slow one")).to_be_visible()
    expect(other.button("star")).to_have_text("★ Starred")
    search = other.key("runs_text").get_by_role("textbox")
    search.fill("lesson")
    expect(other.key("runs_count")).to_contain_text("1 of 2 runs")
    expect(cell(other, 0, "Name")).to_have_text("The slow one")


def test_a_deleted_run_comes_back(open_tab: OpenTab, trained: list[str]) -> None:
    tab = open_tab()
    tab.open("Runs", f"compare={trained[1]}")
    tab.button("delete").click()
    expect(tab.key("runs_count")).to_contain_text("1 run")
    other = open_tab()
    other.open("Runs", f"compare={trained[1]}")
    expect(other.shown("cannot be found here", "stAlert")).to_be_visible()

    tab.button("undo_delete").click()
    expect(tab.key("runs_count")).to_contain_text("2 runs")
    expect(tab.key("run_card")).to_contain_text("2 · ")
    tab.settle()  # the address is written at the end
    tab.page.reload()
    tab.settle()
    expect(tab.key("run_card")).to_contain_text("2 · ")
    expect(tab.key("undo_delete")).to_have_count(0)


def test_the_run_before_lies_faintly_under_a_run_and_leaves_the_zoom(
    tab: Tab, trained: list[str]
) -> None:
    tab.open("Train", f"run={trained[1]}")
    ghost = tab.chart("loss").locator(".ghost_0_marks path")
    expect(ghost).to_have_attribute("d", re.compile("M.*L"))
    expect(tab.shown("This run differs: learning rate", "stCaptionContainer")).to_be_visible()

    ticks = tab.chart("loss").locator(".role-axis-label text")
    before = ticks.all_inner_texts()
    tab.chart("loss").hover()
    tab.page.mouse.wheel(0, -400)
    tab.until(lambda: ticks.all_inner_texts() != before, "The wheel does not zoom")
    tab.settle()
    zoomed = ticks.all_inner_texts()
    tab.button("ghost").click()
    tab.page.get_by_text("Draw another run faintly").click()
    expect(tab.shown("This run differs", "stCaptionContainer")).to_have_count(0)
    tab.until(lambda: not (ghost.count() and ghost.get_attribute("d")), "The ghost stays")
    assert ticks.all_inner_texts() == zoomed
    assert len(tab.curve()) > 10
