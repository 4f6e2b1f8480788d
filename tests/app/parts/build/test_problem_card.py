"""A network to be mended by whoever opens its address: told what is wrong, not what helps."""

from html import unescape
from urllib.parse import parse_qsl

import pytest

from core.spec import BlockSpec, RunSpec
from core.spec.codec import from_query, to_query
from core.spec.presets import DEFAULT, PRESETS
from core.training.check import check
from tests.app.tab import words

BROKEN = {
    "pooling": RunSpec(blocks=(BlockSpec(),) * 5),
    "residual": RunSpec(blocks=(BlockSpec(channels=8, residual=True),)),
    "batch": RunSpec(batch_size=8192),
}
HIDDEN = {"mends": "hidden"}
BAD = PRESETS["bad"]


def links(tab):
    """What the buttons copy, by their labels: the query of an address each."""
    html = next(one.value for one in tab.html if 'class="share"' in one.value)
    found = {}
    for button in html.split("<button")[1:]:
        query = button.partition('data-copy="')[2].partition('"')[0]
        found[button.partition(">")[2].partition("<")[0]] = dict(parse_qsl(unescape(query)))
    return found


def said(tab):
    return "\n".join(words(node) for node in tab.main.children.values()).replace("\\", "")


@pytest.mark.parametrize("spec", BROKEN.values(), ids=BROKEN.keys())
def test_hidden_mends_are_not_shown_and_what_is_wrong_is(visit, spec):
    problem = check(spec).problem
    tab = visit(query=to_query(spec) | HIDDEN)
    assert problem.message.replace("\xa0", " ") in said(tab).replace("\xa0", " ")
    assert not tab.has("fix_0")
    assert not any(fix.label in said(tab) for fix in problem.fixes)
    assert tab.has("exercise_note")
    assert tab.query_params["mends"] == "hidden"
    again = visit(query=to_query(spec))
    assert again.has("fix_0")
    assert not again.has("exercise_note")
    assert "mends" not in again.query_params


def test_a_preset_to_be_mended_tells_no_advice(visit):
    tab = visit(query=to_query(BAD.spec) | HIDDEN)
    assert BAD.sentence in said(visit(spec=BAD.spec))
    assert "ReLU, or switch batch norm on" not in said(tab)


def test_mends_stay_hidden_while_the_pupil_changes_the_network_and_looks_elsewhere(visit):
    tab = visit(query=to_query(BROKEN["pooling"]) | HIDDEN)
    tab.set("lr", 0.01).click("blocks_more")
    tab.go("runs").go("build")
    assert not tab.has("fix_0")
    assert tab.query_params["mends"] == "hidden"
    tab.click("blocks_less").click("blocks_less")
    assert check(tab.draft).problem is None
    assert tab.has("exercise_note")


def test_leaving_an_exercise_shows_mends_again_and_not_those_of_its_network(visit):
    tab = visit(query=to_query(BROKEN["pooling"]) | HIDDEN).click("leave_exercise")
    assert tab.draft == DEFAULT
    assert not tab.has("exercise_note")
    assert "mends" not in tab.query_params
    tab.set("batch_size", 8192)
    assert tab.has("fix_0")


@pytest.mark.parametrize("value", ["", "shown", "HIDDEN"], ids=["empty", "shown", "capitals"])
def test_another_word_hides_nothing(visit, value):
    tab = visit(query=to_query(BROKEN["pooling"]) | {"mends": value})
    assert tab.has("fix_0")


def test_the_links_are_those_of_the_configuration_alone(visit):
    tab = visit(query=to_query(BAD.spec) | {"lang": "en", "run": "3-abc"})
    plain, without = links(tab).values()
    assert from_query(plain, DEFAULT) == (BAD.spec, [])
    assert plain == to_query(BAD.spec)
    assert without == plain | HIDDEN
    tab.set("lr", 0.5)
    assert links(tab)["Copy link"] == to_query(tab.draft)


def test_an_exercise_is_passed_on_as_one(visit):
    tab = visit(query=to_query(BAD.spec) | HIDDEN)
    assert list(links(tab).values()) == [to_query(BAD.spec) | HIDDEN]
