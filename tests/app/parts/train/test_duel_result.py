"""A duel ends where it was watched: both names, both scores, and the verdict."""

from dataclasses import replace

import pytest

from core.runs.new_record import new_record
from core.spec.presets import DEFAULT
from tests.app.script import END, eventually, steps_to
from tests.app.shelf import SPEC
from tests.app.tab import words

OTHER = replace(SPEC, optimizer="sgd")


@pytest.fixture
def watched(visit, shelve, shelf):
    """Watch the second run of a duel that has ended, as it was left."""

    def watch(first, second, query=None):
        one = shelf.put(SPEC, rival="2-abc002", **first)
        two = shelf.put(OTHER, rival=one, **second)
        shelve()
        return visit("train", query={"run": two} | (query or {}))

    return watch


def duel(tab):
    return words(tab.get_by_key("duel")).replace("\\", "").replace("\xa0", " ")


def test_a_duel_ends_with_both_names_both_scores_and_a_verdict(watched):
    said = duel(watched({"wrong": range(9), "name": "mine"}, {"wrong": range(40)}))
    for fact in ("mine", "2 · net", "98.2 %", "491 of 500", "92.0 %", "460 of 500"):
        assert fact in said
    assert said.index("mine") < said.index("2 · net")
    assert "mine is better." in said
    assert "A is right on 31 images that B misses" in said


def test_either_of_the_two_shows_the_same(visit, shelve, shelf):
    one = shelf.put(SPEC, rival="2-abc002", wrong=range(40))
    shelf.put(OTHER, rival=one)
    shelve()
    told = [duel(visit("train", query={"run": run})) for run in (one, "2-abc002")]
    assert told[0] == told[1]
    assert "2 · net is better." in told[0]


def test_ties_are_told_as_ties(watched):
    assert "A tie: each is right on 496 of 500 test images." in duel(
        watched({"wrong": range(4)}, {"wrong": range(4, 8)})
    )


def test_the_same_answers_are_no_difference(watched):
    said = duel(watched({"wrong": range(4)}, {"wrong": range(4)}))
    assert "No difference at all." in said
    assert "very same 496 of 500" in said


def test_a_little_more_is_within_noise(watched):
    assert "Within noise" in duel(watched({"wrong": range(4)}, {"wrong": range(6)}))


def test_who_was_not_tested_gets_no_verdict(watched):
    said = duel(watched({"tested": False, "status": "diverged"}, {}))
    assert "No verdict: A ended before the test." in said
    assert "diverged" in said
    assert "100.0 %" in said


def test_the_duel_is_told_in_chinese(watched, monkeypatch):
    monkeypatch.setattr("pages.shared.language.DEFAULT", "zh")  # as AppTest reads a page
    made = new_record(1, replace(DEFAULT, optimizer="sgd")).name
    said = duel(watched({"name": made}, {"wrong": range(40)}, {"lang": "zh"}))
    assert "1 · 小而快、SGD" in said
    assert "right" not in said
    assert "better" not in said


def test_a_run_of_its_own_has_no_duel(visit, shelve, shelf):
    run = shelf.put(SPEC)
    gone = shelf.put(SPEC, rival="9-abc009")
    shelve()
    for each in (run, gone):
        assert not visit("train", query={"run": each}).has("duel")


def test_the_place_of_the_verdict_is_there_from_the_beginning(visit, line, script):
    one, _ = line.duel(DEFAULT, replace(DEFAULT, optimizer="sgd"))
    script.say(steps_to(10))
    eventually(lambda: one.snapshot().step == 10)
    said = duel(visit("train", query={"run": one.id}))
    assert "1 · Small and fast" in said
    assert "2 · Small and fast, SGD" in said
    assert "as soon as both have been tested" in said
    script.say(END)
