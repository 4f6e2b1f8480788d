"""Runs outlive the tabs that look at them, and are one and the same in every tab."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import OpenTab
from tests.e2e.server import App, serve
from tests.e2e.tab import TRAINING_S, PageName, Tab
from tests.strokes import DIGITS

# Light work that lasts, so that a test can come and go meanwhile.
LONG = "v=1&blocks=1&b1.channels=8&b1.stride=2&batch_size=32&num_epochs=200"
SHORTER = LONG.replace("num_epochs=200", "num_epochs=8")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A server for each test: the runs of one are none of the next one's business."""
    with serve(tmp_path) as app:
        yield app


def start(tab: Tab, query: str) -> str:
    tab.open("Build", query)
    return tab.train()


def names_of_runs(tab: Tab) -> list[str]:
    """What the Train page offers to look at."""
    options = tab.options(tab.key("shown_run"))
    names = options.all_inner_texts()
    tab.page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    return names


def test_a_run_goes_on_without_a_tab_and_is_found_again(open_tab: OpenTab) -> None:
    first = open_tab()
    run = start(first, SHORTER)
    first.wait_for_curve(points=20)
    drawn = first.curve()[-1][0]
    first.page.close()

    second = open_tab()
    second.open("Train")
    assert second.query["run"] == run
    second.wait_for_curve(points=20)
    curve = second.curve()
    assert curve[0][0] < 5, "The beginning of the history is missing"
    assert curve[-1][0] > drawn
    assert second.right_of_500() > 300
    assert second.curve()[0][0] < 5
    assert len(names_of_runs(second)) == 1


def test_reload_and_change_of_page_keep_the_run(tab: Tab) -> None:
    run = start(tab, LONG)
    tab.wait_for_curve(points=5)
    tab.page.reload()
    tab.settle()
    assert tab.query["run"] == run
    tab.wait_for_curve(points=5)
    assert tab.curve()[0][0] < 5
    tab.turn_to("Build")
    expect(tab.key("strip").get_by_role("progressbar")).to_be_visible()
    before = tab.progress()
    tab.until(lambda: tab.progress() > before, "The strip stands still on another page")
    tab.turn_to("Train")
    assert tab.query["run"] == run
    assert len(names_of_runs(tab)) == 1


def test_pause_resume_and_stop_from_another_page_keep_what_was_learned(open_tab: OpenTab) -> None:
    tab = open_tab()
    start(tab, LONG)
    tab.wait_for_curve(points=20)
    tab.turn_to("Build")
    tab.button("strip_pause").click()
    expect(tab.button("strip_resume")).to_be_visible()
    paused_at = tab.progress()
    other = open_tab()
    other.open("Train")
    expect(other.button("strip_resume")).to_be_visible()
    assert tab.progress() == other.progress() == paused_at
    tab.button("strip_resume").click()
    expect(tab.button("strip_pause")).to_be_visible()
    tab.until(lambda: tab.progress() > paused_at, "It does not go on")
    expect(other.button("strip_pause")).to_be_visible()

    tab.button("strip_stop").click()
    expect(tab.button("strip_stop")).to_have_count(0)
    expect(other.button("strip_stop")).to_have_count(0)
    assert other.right_of_500() > 300
    tab.turn_to("Draw")
    tab.draw(DIGITS[1])
    expect(tab.answer()).to_have_text(re.compile(r"^\d$"))


def test_a_cross_validation_is_paused_left_found_again_and_finished(open_tab: OpenTab) -> None:
    first = open_tab()
    run = start(first, "v=1&blocks=1&b1.channels=8&b1.stride=2&num_epochs=12&batch_size=32&folds=4")
    second_or_third = re.compile("fold [23]/4")
    expect(first.key("strip")).to_contain_text(second_or_third, timeout=TRAINING_S * 1000)
    first.button("strip_pause").click()
    expect(first.button("strip_resume")).to_be_visible()
    first.settle()
    paused_at = first.progress()
    told = first.key("folds").get_by_test_id("stMarkdown").first.inner_text()
    assert "of the images held back are right" in told
    first.page.close()

    second = open_tab()
    second.open("Train")
    assert second.query["run"] == run
    expect(second.button("panel_resume")).to_be_visible()
    expect(second.button("strip_resume")).to_be_visible()
    assert second.progress() == paused_at
    expect(second.key("folds")).to_contain_text(told)
    second.button("panel_resume").click()
    assert second.right_of_500() > 300
    expect(second.key("folds")).to_contain_text(
        re.compile(r"[\d.]+\s%\s±\s[\d.]+\s%.*over 4 of 4 folds")
    )
    # Its last network reads drawings as any other does.
    second.turn_to("Draw")
    second.draw(DIGITS[1])
    expect(second.answer()).to_have_text(re.compile(r"^\d$"))


def test_start_twice_is_one_run(open_tab: OpenTab) -> None:
    first = open_tab()
    second = first.another()
    first.open("Build", LONG)
    second.open("Build", LONG)
    first.button("train").dblclick()
    first.page.wait_for_url(re.compile(r"/train\?.*\brun="))
    run = first.query["run"]
    assert second.train() == run
    first.button("train").click()
    second.settle()
    first.settle()
    assert first.query["run"] == run
    for tab in (first, second):
        assert len(names_of_runs(tab)) == 1
    first.button("strip_stop").click()
    expect(second.button("strip_stop")).to_have_count(0)


def test_a_second_run_waits_in_line_and_says_so(open_tab: OpenTab) -> None:
    first, second = open_tab(), open_tab()
    one = start(first, LONG)
    two = start(second, f"{SHORTER}&seed=7")
    assert one != two
    expect(second.shown(re.compile(r"\b1 in line"), "stMarkdown").first).to_be_visible()
    assert not second.curve()
    expect(first.key("strip")).to_contain_text("1 in line")
    first.until(
        lambda: len(names_of_runs(first)) == 2, "The first tab does not list the second run"
    )

    first.button("strip_stop").click()
    second.wait_for_curve(points=5)
    assert second.query["run"] == two
    assert second.right_of_500() > 300
    first.page.reload()
    first.settle()
    assert first.query["run"] == one
    assert first.right_of_500() > 0


def test_a_run_that_waits_can_be_taken_out_of_the_line(open_tab: OpenTab) -> None:
    first, second = open_tab(), open_tab()
    start(first, LONG)
    start(second, f"{LONG}&seed=8")
    second.button("panel_stop").click()
    expect(second.shown(re.compile("before it began"), "stAlert")).to_be_visible()
    expect(first.key("strip")).not_to_contain_text("in line")
    before = first.progress()
    first.until(lambda: first.progress() > before, "The first run ended with the second")


@pytest.mark.parametrize("place", ["Train", "Draw", "Runs"])
def test_a_new_server_answers_a_link_to_any_page(tab: Tab, place: PageName) -> None:
    tab.open(place)
    expect(tab.page.get_by_test_id("stTopNavLink")).to_contain_text(
        ["Build", "Train", "Draw", "Runs"]
    )
    expect(tab.button({"Draw": "train_default"}.get(place, "train"))).to_be_visible()
    tab.turn_to("Build")
    expect(tab.button("train")).to_be_enabled()
