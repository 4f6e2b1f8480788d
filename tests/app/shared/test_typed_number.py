"""Numbers as people type them, on the Build page: understood, or answered under the field."""

import pytest

from tests.app.tab import words


def said(tab, path: str) -> str:
    return words(tab.get_by_key(f"typed_{path}")).replace("\\", "")


@pytest.mark.parametrize(
    ("text", "epochs"),
    [("25", 25), (" 25,0 ", 25), ("\uff12\uff15", 25), ("2.5e1", 25), ("\u0661\u0662", 12)],
    ids=["plain", "comma", "full width", "power", "arabic"],
)
def test_what_can_only_mean_one_number_is_that_number(visit, text, epochs):
    tab = visit()
    tab.field("num_epochs").set_value(text).run()
    assert tab.draft.num_epochs == epochs
    assert tab.field("num_epochs").value == str(epochs)
    assert ":red[" not in said(tab, "num_epochs")


@pytest.mark.parametrize(
    ("path", "text", "answer"),
    [
        ("seed", "1.000", "write 1000 or 1.0000"),
        ("seed", "1,000", "write 1000 or 1.0000"),
        ("num_epochs", "many", "cannot be read as a number"),
        ("num_epochs", "", "nothing was written"),
        ("num_epochs", "0", "must be from 1 to"),
        ("num_epochs", "2,5", "whole number"),
    ],
    ids=["point", "comma", "word", "nothing", "too small", "a fraction"],
)
def test_anything_else_is_answered_under_the_field_and_changes_nothing(visit, path, text, answer):
    tab = visit()
    before = tab.draft
    tab.field(path).set_value(text).run()
    assert answer in said(tab, path)
    assert tab.draft == before
    assert tab.stands(path) == before.value(path)
    assert answer in said(tab.run(), path)


def test_an_answer_is_gone_for_good_once_the_number_is_another(visit):
    tab = visit()
    tab.field("num_epochs").set_value("many").run()
    tab.click("num_epochs_add")
    assert "cannot be read" not in said(tab, "num_epochs")
    tab.click("num_epochs_remove")
    assert "cannot be read" not in said(tab, "num_epochs")
