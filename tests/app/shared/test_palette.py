import json
import tomllib
from dataclasses import asdict, fields
from itertools import combinations
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.palette import DARK, LIGHT, Palette


@pytest.mark.parametrize(("theme", "colours"), [("light", LIGHT), ("dark", DARK), (None, LIGHT)])
def test_a_browser_gets_the_colours_of_its_own_theme(theme, colours):
    def script():
        import streamlit as st

        from pages.shared.palette import palette

        st.json(palette().__dict__)

    shown = AppTest.from_function(script)
    if theme:
        shown.context["theme"] = theme
    assert Palette(**json.loads(shown.run().json[0].value)) == colours


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# The theme's backgrounds stand in .streamlit/config.toml.
@pytest.mark.parametrize(("colours", "name"), [(LIGHT, "light"), (DARK, "dark")])
def test_lines_and_boxes_stand_out_from_the_background(colours, name):
    config = tomllib.loads(
        (Path(__file__).resolve().parents[3] / ".streamlit/config.toml").read_text()
    )
    background = config["theme"][name]["backgroundColor"]
    for meaning, colour in asdict(colours).items():
        assert contrast(colour, background) >= 3, meaning
    for meaning in ("training", "validation", "right", "wrong", "ink"):
        assert contrast(getattr(colours, meaning), background) >= 4.5, meaning


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_no_colour_has_two_meanings(colours):
    values = [getattr(colours, f.name).lower() for f in fields(Palette)]
    assert all(one != other for one, other in combinations(values, 2))
