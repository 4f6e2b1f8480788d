"""A person who is quicker than the page: each act is sent before the last one was answered."""

import pytest

from core.spec.presets import DEFAULT, PRESETS
from pages.shared import session
from pages.shared.typed_number import typed_number
from tests.app.tab import words


def press(key):
    return lambda tab: tab.get_by_key(key).click()


def enter(path, value):
    return lambda tab: tab.enter(path, value)


def choose(key, value):
    return lambda tab: tab.get_by_key(key).set_value(value)


def test_what_is_typed_right_before_train_is_trained_and_stays(visit, line, script):
    tab = visit().hurry(enter("seed", 9), press("train"))
    (run,) = line.all()
    assert run.spec.seed == 9
    assert tab.query_params["seed"] == "9"
    assert tab.query_params["run"] == run.id
    assert tab.go("build").stands("seed") == 9


@pytest.mark.parametrize(
    ("first", "second"),
    [(("lr", 0.05), ("batch_size", 512)), (("batch_size", 512), ("seed", 4))],
    ids=["rate-batch", "batch-seed"],
)
def test_two_quick_changes_of_a_preset_are_both_kept(visit, first, second):
    tab = visit().hurry(enter(*first), enter(*second))
    for path, value in (first, second):
        assert tab.draft.value(path) == tab.stands(path) == value


def test_a_preset_chosen_right_after_typing_is_taken_whole(visit):
    tab = visit().hurry(enter("batch_size", 512), choose("preset", "lenet"))
    assert tab.draft == PRESETS["lenet"].spec
    assert tab.get_by_key("preset").value == "lenet"


def test_a_change_right_after_a_preset_leaves_the_rest_of_the_preset(visit):
    tab = visit().hurry(choose("preset", "lenet"), enter("seed", 3))
    wanted = PRESETS["lenet"].spec.with_value("seed", 3)
    assert tab.draft == wanted
    assert tab.run().draft == wanted


def test_a_language_chosen_right_after_typing_loses_nothing(visit):
    tab = visit().hurry(enter("seed", 9), choose("language_switch", "zh"))
    assert tab.query_params["lang"] == "zh"
    assert tab.query_params["seed"] == "9"
    assert tab.stands("seed") == 9


def test_another_page_right_after_typing_takes_the_value_along(visit):
    tab = visit()
    tab.hurry(enter("seed", 9), lambda tab: tab.switch_page("pages/runs_page.py"))
    assert tab.query_params["seed"] == "9"
    assert tab.go("build").stands("seed") == 9


def test_a_run_begun_a_moment_ago_stays_in_view(visit, line, script):
    visit().click("train")
    tab = visit("train")
    first = tab.get_by_key("shown_run").value
    tab.session_state["draft"] = DEFAULT.with_value("seed", 5)
    tab.hurry(press("train"), choose("axis", "epoch"))
    newest = line.all()[0].id
    assert newest != first
    assert tab.query_params["run"] == tab.get_by_key("shown_run").value == newest


def test_back_and_forward_lead_to_what_the_page_was(visit, monkeypatch):
    tab = visit()
    before = dict(tab.query_params)
    tab.set("seed", 9)
    after = dict(tab.query_params)
    with monkeypatch.context() as browser:
        browser.setattr(session, "came_back", lambda: True)
        for address, seed in ((before, 0), (after, 9), (before, 0)):
            tab.query_params = dict(address)
            tab.run()
            assert tab.draft.seed == tab.stands("seed") == seed
    tab.set("seed", 11)
    assert tab.query_params["seed"] == "11"
    assert "could not be taken" not in words(tab.main)


@pytest.mark.parametrize(
    ("acts", "epochs"),
    [
        ([press("num_epochs_add"), press("num_epochs_add")], DEFAULT.num_epochs + 2),
        ([enter("num_epochs", 25), press("num_epochs_add")], 26),
        ([enter("num_epochs", 25), press("num_epochs_remove")], 24),
        ([press("num_epochs_remove")] * (DEFAULT.num_epochs + 2), 1),
    ],
    ids=["two clicks", "typed and up", "typed and down", "beyond the least"],
)
def test_a_step_counts_from_what_was_done_before(visit, monkeypatch, acts, epochs):
    tab = visit()
    # Whoever is so quick interrupts the page before the field and its buttons are drawn anew.
    monkeypatch.setattr(
        "pages.parts.build.fields.typed_number",
        lambda record, path, now: typed_number(record, path, getattr(DEFAULT, path)),
    )
    tab.hurry(*acts)
    monkeypatch.undo()
    assert tab.run().draft.num_epochs == epochs
    assert not tab.warning
