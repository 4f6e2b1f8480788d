"""The activations as small curves."""

import re
from itertools import pairwise

import pytest

from core.spec import ACTIVATIONS
from core.spec.presets import DEFAULT
from pages.shared.charts.activation_strip import _HEIGHT, _WIDTH, strip
from pages.shared.palette import DARK, LIGHT


def curves(svg: str) -> dict[str, list[tuple[float, float]]]:
    """The points of each curve by the name below it, in pixels."""
    found = {}
    for group in re.findall(r"<g .*?</g>", svg):
        path = re.search(r'd="M([^"]*L[^"]*)"', group).group(1)
        name = re.search(r">([^<]+)</text>", group).group(1)
        found[name] = [tuple(map(float, point.split(","))) for point in path.split("L")]
    return found


def test_every_activation_has_its_curve():
    found = curves(strip("relu", LIGHT))
    assert list(found) == list(ACTIVATIONS.values())
    assert len({tuple(points) for points in found.values()}) == len(ACTIVATIONS)
    for points in found.values():
        assert all(0 <= x <= _WIDTH and 0 <= y <= _HEIGHT for x, y in points)
    for name in ("ReLU", "Sigmoid", "Tanh", "LeakyReLU", "ELU", "None"):  # they never fall
        assert all(y >= later for (_, y), (_, later) in pairwise(found[name]))
    assert len({y for x, y in found["ReLU"] if x < _WIDTH / 2}) == 1


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_only_the_chosen_one_is_lit(colours):
    svg = strip("gelu", colours)
    lit = [group for group in re.findall(r"<g .*?</g>", svg) if colours.lit in group]
    assert len(lit) == 1
    assert ">GELU<" in lit[0]


def chosen(tab) -> list[str]:
    """What the page's strips of curves say is chosen, to those who cannot see them too."""
    return re.findall(r"chosen: (\w+)", " ".join(html.proto.body for html in tab.get("html")))


def test_the_page_lights_the_activation_of_the_part_being_edited(visit):
    tab = visit(spec=DEFAULT.with_value("blocks.1.activation", "tanh"))
    assert chosen(tab) == ["ReLU"]
    tab.edit("blocks.1")
    assert chosen(tab) == ["Tanh"]
