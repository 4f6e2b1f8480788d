"""The range test on the Build page: offered, going on, ended with and without a suggestion."""

import json
import math
from dataclasses import replace

import altair
import pytest

from core.questions.learning_rate import RangeTest
from core.runs.manager import Runs
from core.spec import RunSpec
from core.spec.presets import DEFAULT
from core.training.range_test import NUM_STEPS, RATES, lowest_point, smooth, suggest
from pages.parts.build.range_panel import range_chart, range_rows
from pages.shared.palette import DARK, LIGHT
from tests.app.script import eventually
from tests.app.tab import Tab, words

VALLEY = tuple(2.3 - 1.5 * max(0.0, 1 - abs(math.log10(rate / 0.02)) / 2) for rate in RATES)
FLAT = (2.3,) * NUM_STEPS
ENDED = RangeTest(status="ended", losses=VALLEY)
SUGGESTED = suggest(VALLEY)


class Told:
    """What the training thread has found, as a test tells it, and what it is asked."""

    def __init__(self) -> None:
        self.found: RangeTest | None = None
        self.asked: list[RunSpec] = []
        self.stopped = 0


@pytest.fixture
def told(line, monkeypatch) -> Told:
    made = Told()

    def stop(self, asker):
        made.stopped += 1
        made.found = None

    monkeypatch.setattr(Runs, "range_tested", lambda self, asker, spec: made.found)
    monkeypatch.setattr(Runs, "range_test", lambda self, asker, spec, *who: made.asked.append(spec))
    monkeypatch.setattr(Runs, "stop_range_test", stop)
    return made


@pytest.fixture
def opened(visit):
    """Open the Build page with the fold open."""

    def open_tab(spec: RunSpec = DEFAULT) -> Tab:
        tab = visit(spec=spec)
        tab.session_state["fold_range"] = True
        return tab.run()

    return open_tab


def test_it_is_folded_away_until_somebody_opens_it(visit, told):
    told.found = ENDED
    assert not visit().has("range_use")


def test_it_is_offered_and_asks_for_the_draft(opened, told):
    tab = opened(replace(DEFAULT, seed=3))
    assert "grows from 0.00001 to 10" in words(tab.main)
    tab.click("range_start")
    assert told.asked == [replace(DEFAULT, seed=3)]


def test_what_cannot_run_is_not_offered_and_the_button_says_why(opened, told):
    button = opened(replace(DEFAULT, batch_size=8192)).get_by_key("range_start")
    assert button.disabled
    assert "8,192" in button.help
    button = opened(replace(DEFAULT, data="mnist")).get_by_key("range_start")
    assert button.disabled
    assert "not on this computer" in button.help


def test_while_it_goes_on_it_shows_the_curve_so_far_and_can_be_stopped(opened, told):
    told.found = RangeTest(status="waiting")
    tab = opened()
    assert "Waiting for its turn" in tab.get("progress")[0].proto.text
    told.found = RangeTest(status="running", losses=VALLEY[:30], remaining_s=4.2)
    tab.run()
    (bar,) = tab.get("progress")
    assert bar.value == 25
    assert bar.proto.text == "Step 30 of 120, at most 4.2\xa0s left"
    _, rows = tab.chart("smoothed")
    assert len(rows) == 30
    assert not tab.has("range_use")
    tab.click("range_stop")
    assert told.stopped == 1
    assert tab.has("range_start")


def test_the_suggestion_is_told_marked_and_taken_over(opened, told):
    told.found = ENDED
    tab = opened()
    said = words(tab.main)
    lowest = RATES[lowest_point(VALLEY)]
    assert f"lowest at {lowest:.2g}" in said
    assert f"**{SUGGESTED}**" in said
    chart, _ = tab.chart("smoothed")
    assert chart["layer"][-1]["data"]["values"] == [{"lr": SUGGESTED, "words": f"{SUGGESTED}"}]
    assert tab.get_by_key("range_use").label == f"Use {SUGGESTED}"
    tab.click("range_use")
    assert tab.draft == replace(DEFAULT, lr=SUGGESTED)
    assert tab.field("lr").value == SUGGESTED  # though it is no stop of the slider
    assert tab.get_by_key("range_use").disabled
    assert "is set" in tab.get_by_key("range_use").label


def test_a_schedule_is_told_apart_from_a_constant_rate(opened, told):
    told.found = ENDED
    sentence = "meant for a constant rate"
    assert sentence in words(opened(replace(DEFAULT, schedule="one_cycle")).main)
    assert sentence not in words(opened(replace(DEFAULT, schedule="constant")).main)


@pytest.mark.parametrize("losses", [FLAT, FLAT[:3], ()])
def test_without_a_suggestion_there_is_nothing_to_use(opened, told, losses):
    told.found = RangeTest(status="ended", losses=losses)
    tab = opened()
    assert "no rate can be suggested" in tab.info[0].value
    assert not tab.has("range_use")


def test_a_failure_is_told_as_it_is_and_can_be_tried_again(opened, told):
    told.found = RangeTest(status="failed", trouble="It is [damaged](http://a.b).")
    tab = opened()
    assert "[damaged](" not in tab.warning[0].value
    assert tab.get_by_key("range_start").label == "Try again"
    tab.click("range_start")
    assert told.asked == [DEFAULT]


def test_a_real_one_is_seen_from_another_page_and_back(visit, canvas, make_digits, monkeypatch):
    monkeypatch.setattr("core.questions.learning_rate.load", lambda key: make_digits(4_000))
    spec = replace(DEFAULT, batch_size=16, device="cpu")
    tab = visit(spec=spec)
    tab.session_state["fold_range"] = True
    tab.run().click("range_start")
    assert tab.has("range_stop") or tab.has("range_use")
    tab.go("train").go("build")

    def ended() -> bool:
        tab.run()
        return tab.has("range_use")

    eventually(ended, 60)
    tab.click("range_use")
    assert tab.draft.lr != spec.lr


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_chart_is_valid_vega_lite_of_its_rows(colours):
    for losses, suggested in (((), None), (VALLEY[:5], None), (VALLEY, SUGGESTED)):
        chart = range_chart(losses, suggested, colours)
        altair.Chart.from_dict({"data": {"values": []}, **chart})
        rows = range_rows(losses)
        assert rows.num_rows == len(losses)
        assert rows["smoothed"].to_pylist() == smooth(losses)
        fields = {
            layer["encoding"][axis].get("field")
            for layer in chart["layer"][:2]
            for axis in ("x", "y")
        }
        assert fields <= set(rows.column_names)
    assert colours.lit in json.dumps(chart)


def test_only_the_data_change_while_it_goes_on():
    assert range_chart(VALLEY[:10], None, LIGHT) == range_chart(VALLEY, None, LIGHT)
