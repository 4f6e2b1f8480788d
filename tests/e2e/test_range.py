"""A learning rate found by a range test, in a real browser."""

import re

from playwright.sync_api import expect

from tests.e2e.tab import TRAINING_S, Tab


def test_a_rate_is_found_while_one_is_elsewhere_and_taken_over(tab: Tab) -> None:
    tab.open(query="blocks=2&b1.channels=24&lr=0.05")
    fold = tab.key("fold_range")
    fold.locator("summary").click()
    tab.button("range_start").click()
    expect(fold.get_by_role("progressbar")).to_be_visible()
    tab.turn_to("Draw")
    tab.turn_to("Build")  # and the fold is open as it was left
    use = tab.button("range_use")
    expect(use).to_be_enabled(timeout=TRAINING_S * 1000)
    expect(fold.locator("svg.marks")).to_be_visible()
    use.click()
    expect(use).to_be_disabled()
    (rate,) = re.findall(r"0\.\d+", use.inner_text())
    assert 0.0005 < float(rate) < 0.05
    expect(tab.field("lr")).to_contain_text(rate)
    tab.until(lambda: tab.query["lr"] == rate, "The address does not hold the rate")
