"""The panel of a run's network on other data: what is offered, going on, measured, in trouble."""

import altair
import pytest
from streamlit.testing.v1 import AppTest

from core.questions.other_data import OnOtherData
from pages.parts.train.other_data import other_data_chart, other_data_rows, sentence
from pages.shared.palette import DARK, LIGHT
from tests.app.tab import words

OWN = OnOtherData(data="embedded", correct=490, total=500)
WORSE = OnOtherData(data="usps", correct=1_500, total=2_007)
ALIKE = OnOtherData(data="mnist", correct=9_780, total=10_000)
BROKEN = OnOtherData(data="qmnist", trouble="It is [damaged](http://a.b).")


class Told:
    """A line of runs that knows what the test says."""

    def __init__(self) -> None:
        self.found: tuple[OnOtherData, ...] = ()
        self.share: float | None = None
        self.asked: list[str] = []

    def on_other_data(self, run_id: str) -> tuple[OnOtherData, ...]:
        return self.found

    def other_data_progress(self, run_id: str) -> float | None:
        return self.share

    def may_change(self, run_id: str, owner: str) -> bool:
        return True

    def measure_on_other_data(self, run_id: str, owner: str, address: str) -> None:
        self.asked.append(run_id)


@pytest.fixture
def told(monkeypatch) -> Told:
    made = Told()
    monkeypatch.setattr("pages.parts.train.other_data.runs", lambda: made)
    for place in ("core.questions.other_data", "pages.parts.train.other_data"):
        monkeypatch.setattr(f"{place}.is_available", lambda key: key in ("mnist", "usps"))
    return made


def shown(data: str = "embedded", ended: bool = True) -> AppTest:
    def script(data, ended):
        from types import SimpleNamespace

        from pages.parts.train.other_data import other_data_panel

        test = SimpleNamespace(correct=490, total=500)
        now = SimpleNamespace(test=test, ended=ended)
        spec = SimpleNamespace(data=data)
        other_data_panel(SimpleNamespace(id="1-a", spec=spec, snapshot=lambda: now))

    at = AppTest.from_function(script, args=(data, ended), default_timeout=20).run()
    assert not at.exception
    return at


def test_it_is_offered_with_what_is_missing_and_asks_for_a_run(told):
    at = shown()
    text = words(at.main).replace("\\", "")
    assert "Not on this computer yet" in text
    assert "QMNIST" in text
    assert "USPS" not in text
    at.button(key="other_data_start").click().run()
    assert told.asked == ["1-a"]
    assert not at.get("vega_lite_chart")


def test_while_it_is_measured_it_shows_how_far_that_is(told):
    told.share = 0.4
    at = shown()
    (bar,) = at.get("progress")
    assert bar.value == 40
    assert not at.button


def test_what_was_found_is_told_in_bars_and_sentences(told):
    told.found = (ALIKE, WORSE, BROKEN)
    at = shown()
    text = words(at.main).replace("\\", "")
    assert "right on 74.7\xa0% of 2,007 images" in text
    assert "23.3 points fewer" in text
    assert "about as good" in text
    assert "[damaged](" not in "".join(warning.value for warning in at.warning)
    assert "It is" in at.warning[0].value
    assert len(at.get("vega_lite_chart")) == 1
    assert not at.button  # all that is here is measured


@pytest.mark.parametrize(("data", "ended"), [("fashion", True), ("embedded", False)])
def test_where_nothing_fits_there_is_no_panel(told, data, ended):
    assert not shown(data, ended).main.children


def test_the_sentence_is_of_differences_beyond_chance():
    assert "about as good as" in sentence(OWN, ALIKE)
    assert "2.0 points more" in sentence(OWN, OnOtherData(data="mnist", correct=9_999, total=9_999))
    assert "between 72.8\xa0% and 76.6\xa0%" in sentence(OWN, WORSE)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_bars_are_valid_vega_lite(colours):
    chart = other_data_chart(colours, 3)
    altair.Chart.from_dict({"data": {"values": []}, **chart})
    rows = other_data_rows([OWN, ALIKE, WORSE])
    assert rows.own.tolist() == [True, False, False]
    assert (rows.low < rows.accuracy).all()
    assert (rows.accuracy < rows.high).all()
    fields = {layer["encoding"]["x"]["field"] for layer in chart["layer"]}
    assert fields <= set(rows.columns)
