"""What every page has around it: the address, the strip, the name."""

import pytest

from core.spec.presets import DEFAULT, PRESETS
from tests.app.tab import words

PAGES = ["build", "train", "draw", "runs", "article"]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_with_the_strip_and_an_address(visit, canvas, name):
    tab = visit(name)
    assert "No run yet" in tab.strip()
    assert tab.draft == DEFAULT
    assert "v" in tab.address
    assert "run" not in tab.query_params


@pytest.mark.parametrize("name", PAGES)
def test_the_address_is_read_on_every_page(visit, canvas, name):
    spec = PRESETS["lenet"].spec
    tab = visit(name, spec=spec)
    assert tab.draft == spec
    tab.run()
    assert tab.draft == spec


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_drawn_in_both_themes(visit, canvas, running, name, theme):
    running()
    tab = visit()
    tab.context["theme"] = theme
    tab.go(name)
    assert "trains" in tab.strip()


def test_each_page_is_its_own(visit, canvas):
    tab = visit()
    assert tab.has("network")
    tab.go("train")
    assert not tab.has("network")
    tab.go("draw")
    assert tab.has("input")
    tab.go("runs")
    assert not tab.has("input")
    tab.go("article")
    assert tab.has("article_section")
    tab.go("build")
    assert tab.has("network")


def test_the_styles_come_with_the_page(visit):
    tab = visit()
    assert any("st-key-strip" in element.value for element in tab.html)


def test_nothing_of_another_page_stays_behind(visit, canvas):
    tab = visit()
    tab.go("train").go("build")
    assert tab.layers().shape[0] > 5
    assert "Nothing has been trained yet" not in words(tab.main)
