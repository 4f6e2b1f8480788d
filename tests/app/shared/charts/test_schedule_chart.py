"""The learning rate as a small curve, before a run and during it."""

import json
from dataclasses import replace

import pytest

from core.spec import RunSpec, settings
from core.spec.presets import DEFAULT
from core.training.learning import rate_at
from pages.shared.charts.schedule_chart import NOW, PLAN, schedule_chart, schedule_rows
from pages.shared.palette import DARK, LIGHT


@pytest.mark.parametrize("schedule", settings(RunSpec)["schedule"].options)
def test_the_curve_is_the_rate_that_the_run_will_take(schedule):
    spec = RunSpec(schedule=schedule, lr=0.2, num_epochs=4, step_epochs=1)
    rows = schedule_rows(spec, 63)
    assert set(rows["series"]) == {PLAN}
    assert rows["epoch"].is_monotonic_increasing
    assert rows["epoch"].iloc[[0, -1]].tolist() == [0.0, 4.0]
    for row in rows.iloc[[0, 1, 50, 130, 200]].itertuples():
        assert row.lr == pytest.approx(rate_at(spec, round(row.epoch * 63), 252))
    assert len(rows) <= 241


@pytest.mark.parametrize("now", [0, 1, 100, 252, 999])
def test_now_is_a_point_of_the_curve(now):
    spec = RunSpec(schedule="cosine", lr=0.2, num_epochs=4)
    (point,) = schedule_rows(spec, 63, now).query("series == @NOW").itertuples()
    step = min(max(now, 1), 252) - 1
    assert point.epoch == pytest.approx(step / 63)
    assert point.lr == pytest.approx(rate_at(spec, step, 252))


def test_the_shortest_run_has_a_curve():
    rows = schedule_rows(RunSpec(num_epochs=1), 1)
    assert rows["epoch"].tolist() == [0.0, 1.0]


def test_only_the_data_change_while_a_run_trains():
    assert NOW in json.dumps(schedule_chart(5, LIGHT))
    assert LIGHT.lit in json.dumps(schedule_chart(5, LIGHT))
    assert DARK.lit in json.dumps(schedule_chart(5, DARK))


def test_the_build_page_draws_the_schedule_and_redraws_it(visit):
    tab = visit(spec=replace(DEFAULT, schedule="constant"))
    _, rows = tab.chart("learning rate")
    assert set(rows["lr"]) == {DEFAULT.lr}
    tab.set("schedule", "one_cycle")
    _, rows = tab.chart("learning rate")
    assert rows["lr"].max() == pytest.approx(DEFAULT.lr, rel=0.01)
    assert rows["lr"].iloc[0] == pytest.approx(DEFAULT.lr / 25)


def test_the_page_says_what_the_chosen_loss_measures_and_when_it_is_wrong(visit):
    tab = visit()
    notes = settings(RunSpec)["loss"].notes
    assert notes["cross_entropy"] in [caption.value for caption in tab.caption]
    tab.set("loss", "bce")
    said = [caption.value for caption in tab.caption]
    assert notes["bce"] in said
    assert notes["cross_entropy"] not in said


def test_a_change_by_hand_is_a_jump_and_now_lies_behind_it():
    spec = RunSpec(lr=0.1, num_epochs=4)
    rows = schedule_rows(spec, 63, 120, ((100, 0.01),))
    plan = rows[rows.series == PLAN]
    before, after = plan[plan.epoch * 63 < 99.5], plan[plan.epoch * 63 > 99.5]
    assert set(before.lr) == {0.1}
    assert set(after.lr) == {0.01}
    assert before.epoch.max() * 63 == pytest.approx(99)
    assert after.epoch.min() * 63 == pytest.approx(100)
    (point,) = rows[rows.series == NOW].itertuples()
    assert point.lr == 0.01
