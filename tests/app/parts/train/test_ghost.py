"""Another run, faintly under the one that is watched."""

from dataclasses import replace

import pytest

from core.runs.view import Run
from core.spec.presets import DEFAULT
from core.training.events import Diverged
from pages.shared.charts.curves_chart import GHOST_TRAINING, GHOST_VALIDATION, TRAINING
from tests.app.script import END, epoch_of, eventually, steps_to
from tests.app.tab import Tab, words


@pytest.fixture
def earlier(running, script) -> Run:
    """A run of 70 steps and one epoch that has ended."""
    run = running(63)
    script.say(epoch_of(DEFAULT, 1), steps_to(70, 63, loss=0.9))
    script.finish(correct=475)
    assert run.wait(20)
    return run


@pytest.fixture
def later(earlier, running) -> Run:
    """The run after it, in training."""
    return running(100, replace(DEFAULT, lr=0.05))


def said(tab: Tab) -> str:
    return words(tab.main).replace("\\", "")


def faint(tab: Tab, measure: str = "loss"):
    rows = tab.chart(measure)[1]
    return rows[rows.series.isin([GHOST_TRAINING, GHOST_VALIDATION])]


def test_the_run_before_lies_under_the_one_that_trains(visit, earlier, later):
    tab = visit("train")
    rows = faint(tab)
    assert (rows.series == GHOST_TRAINING).sum() == 70
    assert rows[rows.series == GHOST_TRAINING].y.tolist()[-1] == pytest.approx(0.9)
    assert rows[rows.series == GHOST_VALIDATION].x.tolist() == [63]
    own = tab.chart("loss")[1]
    assert (own.series == TRAINING).sum() == 100
    assert own.series.tolist()[0] == GHOST_TRAINING  # what is drawn first lies below
    facts = said(tab)
    assert f"Faint: **{earlier.name}**, 95.0\xa0% on test images." in facts
    assert "This run differs: learning rate: 0.05, not 0.02." in facts


def test_by_epoch_its_epochs_lie_there(visit, earlier, later):
    tab = visit("train")
    tab.get_by_key("axis").set_value("epoch").run()
    rows = faint(tab, "accuracy")
    assert rows[rows.series == GHOST_VALIDATION].x.tolist() == [1]
    assert rows[rows.series == GHOST_TRAINING].x.tolist() == [1]


def test_it_comes_and_goes_without_a_change_to_the_chart(visit, earlier, later):
    tab = visit("train")
    before, _ = tab.chart("loss")
    tab.get_by_key("ghost_on").set_value(False).run()
    after, _ = tab.chart("loss")
    assert len(faint(tab)) == 0
    assert before == after
    assert "Faint" not in said(tab)
    tab.go("build").go("train")
    assert len(faint(tab)) == 0  # as it was left


def test_the_first_run_has_none(visit, earlier):
    tab = visit("train")
    assert len(faint(tab)) == 0
    assert not tab.has("ghost_on")
    assert "Faint" not in said(tab)


def test_a_run_that_waits_shows_nothing(visit, earlier, later, line):
    waiting = line.start(replace(DEFAULT, seed=5))
    tab = visit("train", query={"run": waiting.id})
    assert len(tab.chart("loss")[1]) == 0


def test_one_that_went_astray_is_passed_over(visit, earlier, running, script):
    astray = running(80, replace(DEFAULT, lr=50.0))
    script.say(Diverged(81, 50.0))
    assert astray.wait(20)
    running(100, replace(DEFAULT, seed=2))
    tab = visit("train")
    assert earlier.name in said(tab)
    assert astray.id not in tab.get_by_key("ghost_of").options


def test_a_person_chooses_another_one(visit, earlier, later, running, script):
    script.say(END)
    assert later.wait(20)
    running(90, replace(DEFAULT, batch_size=32))
    tab = visit("train")
    assert (faint(tab).series == GHOST_TRAINING).sum() == 100
    tab.get_by_key("ghost_of").set_value(earlier.id).run()
    assert (faint(tab).series == GHOST_TRAINING).sum() == 70
    assert "This run differs: batch size: 32 images, not 64 images." in said(tab)
    tab.go("build").go("train")
    assert (faint(tab).series == GHOST_TRAINING).sum() == 70
    # The chosen one cannot lie under itself.
    tab.get_by_key("shown_run").set_value(earlier.id).run()
    assert len(faint(tab)) == 0


def test_equal_settings_are_said_to_be_equal(visit, earlier, running):
    running(90)
    assert "All settings are the same." in said(visit("train"))


def test_its_points_are_made_once(visit, earlier, later, script, monkeypatch):
    read = []
    curves = Run.curves
    monkeypatch.setattr(Run, "curves", lambda run, *rest: read.append(run.id) or curves(run, *rest))
    tab = visit("train")
    made = read.count(earlier.id)
    assert made > 0
    script.say(steps_to(120, 100))
    eventually(lambda: later.snapshot().step == 120)
    tab.run()
    assert read.count(earlier.id) == made
    assert (tab.chart("loss")[1].series == TRAINING).sum() == 120


def test_a_loss_of_another_kind_is_not_drawn_under_this_one(visit, earlier, running):
    running(100, replace(DEFAULT, loss="mse"))
    tab = visit("train")
    assert faint(tab).empty
    assert len(faint(tab, "accuracy"))
    assert "Its loss is another one, so only its accuracy is drawn" in said(tab)
