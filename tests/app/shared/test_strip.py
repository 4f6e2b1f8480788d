"""The strip, in every state that a run can be in, on every page."""

from dataclasses import replace

import pytest

from core.spec.presets import DEFAULT
from core.training.events import Diverged
from core.words.errors import UserError
from tests.app.script import epoch_of, eventually
from tests.app.tab import as_read

PAGES = ["build", "train", "draw"]
BUTTONS = ("strip_pause", "strip_resume", "strip_stop")


def on_every_page(visit) -> list:
    """A tab of each page."""
    return [visit(name) for name in PAGES]


def buttons(tab) -> set[str]:
    return {key for key in BUTTONS if tab.has(key)}


def progress(tab) -> list[int]:
    return [bar.value for bar in tab.get_by_key("strip").get("progress")]


def test_before_the_first_run_it_says_how_to_begin(visit, canvas):
    for tab in on_every_page(visit):
        assert "No run yet" in tab.strip()
        assert buttons(tab) == set()
        assert progress(tab) == []


def test_a_run_that_has_not_begun(visit, canvas, line, monkeypatch):
    monkeypatch.setattr(line, "_ensure_worker", lambda: None)
    run = line.start(DEFAULT)
    for tab in on_every_page(visit):
        assert "waits in line" in tab.strip()
        assert progress(tab) == []
    run.stop()
    assert "stopped" in tab.run().strip()


def test_a_run_in_training(visit, canvas, running, script):
    run = running(252)
    script.say(epoch_of(DEFAULT, 4, val_accuracy=0.975))
    eventually(lambda: run.snapshot().val_accuracy == 0.975)
    for tab in on_every_page(visit):
        said = tab.strip()
        for fact in ("Small and fast", "trains", "epoch 4/12", "97.5\xa0%", "left"):
            assert fact in said
        assert progress(tab) == [33]
        assert buttons(tab) == {"strip_pause", "strip_stop"}


def test_no_button_stands_behind_what_changes_in_width(visit, canvas, running):
    running(252)
    for tab in on_every_page(visit):
        kinds = [node.type for node in tab.get_by_key("strip")]
        assert kinds.index("button") < len(kinds) - 1 - kinds[::-1].index("markdown")


def test_a_paused_run(visit, canvas, running):
    run = running()
    run.pause()
    eventually(lambda: run.status == "paused")
    for tab in on_every_page(visit):
        assert "paused" in tab.strip()
        assert progress(tab) == [13]
        assert buttons(tab) == {"strip_resume", "strip_stop"}


def test_a_finished_run(visit, canvas, running, script):
    run = running()
    script.finish(correct=482)
    assert run.wait(20)
    for tab in on_every_page(visit):
        assert "finished" in tab.strip()
        assert "test 96.4\xa0%" in tab.strip()
        assert progress(tab) == []
        assert buttons(tab) == set()


def test_a_stopped_run(visit, canvas, running):
    run = running()
    run.stop()
    assert run.wait(20)
    for tab in on_every_page(visit):
        assert "stopped" in tab.strip()
        assert "test 90.0\xa0%" in tab.strip()
        assert buttons(tab) == set()


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Diverged(101, 0.1), "diverged"),
        (UserError("No data."), "failed"),
        (MemoryError(), "failed"),
        (KeyError("x"), "failed"),
    ],
)
def test_a_run_that_came_to_grief(visit, canvas, running, script, error, word):
    run = running()
    script.say(error)
    assert run.wait(20)
    for tab in on_every_page(visit):
        assert word in tab.strip()
        assert "KeyError" not in tab.strip()
        assert buttons(tab) == set()


def test_runs_that_wait_are_counted(visit, canvas, running, line):
    running()
    waiting = [line.start(replace(DEFAULT, seed=seed)) for seed in (1, 2)]
    for tab in on_every_page(visit):
        assert "trains" in tab.strip()
        assert "2 in line" in tab.strip()
    waiting[0].stop()
    assert "1 in line" in tab.run().strip()


@pytest.mark.parametrize("name", PAGES)
def test_its_buttons_act_on_every_page(visit, canvas, running, name):
    run = running()
    tab = visit(name)
    tab.click("strip_pause")
    eventually(lambda: run.status == "paused")
    tab.run().click("strip_resume")
    eventually(lambda: run.status == "running")
    tab.run().click("strip_stop")
    assert run.wait(20)
    assert run.status == "stopped"
    assert "stopped" in tab.run().strip()


def test_a_run_of_another_tab_is_seen(visit, canvas, line, script):
    here, there = visit("draw"), visit()
    assert "No run yet" in here.strip()
    there.click("train")
    eventually(lambda: line.active() is not None)
    assert "trains" in here.run().strip()


def test_a_name_is_shown_as_it_is(visit, running):
    run = running()
    run.reworded(replace(run.record(), name="![](https://example.org/a.png) **x**"))
    said = visit().strip()
    assert "![](" not in said
    assert "**x**" not in said
    assert run.name in as_read(said)


def test_buttons_that_show_an_icon_alone_have_names(visit, running):
    running()
    tab = visit("build")
    assert tab.get_by_key("strip_pause").label == "Pause"
    assert tab.get_by_key("strip_stop").label == "Stop"
    assert tab.get_by_key("num_epochs_add").label == "Epochs, One more"
