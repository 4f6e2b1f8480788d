"""The curves of several runs laid over each other, as Vega-Lite.

A run is told by its colour, by its dashes and by the letter at the end of its line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

from core.runs.history import Curves
from core.words.palette import Palette
from pages.shared.charts.curves_chart import (
    AXES,
    MEASURES,
    TICKS_COUNT,
    TICKS_PERCENT,
    Axis,
    Measure,
)
from pages.shared.language import _, say

Images = Literal["validation", "training"]
LETTERS: Final = "ABCDE"
DASHES: Final[tuple[tuple[int, ...], ...]] = ((1, 0), (7, 3), (2, 2), (9, 3, 2, 3), (14, 4))
HEIGHT_PX: Final = 300
# Letters of lines that end close together are moved so far apart, as a share of the height.
_APART: Final = 0.06


@dataclass(frozen=True, kw_only=True)
class FairQueue:
    """One run's figures, and how the page calls it."""

    letter: str
    name: str
    curves: Curves


def overlay_rows(
    lines: Sequence[FairQueue], measure: Measure, images: Images, axis: Axis
) -> pd.DataFrame:
    """Return columns x, y, run (its letter) and name, one row a point.

    Training by step is the mean of as many neighbouring steps as each point of the curves is.
    """
    parts = [_points(line.curves, measure, images, axis) for line in lines]
    return pd.DataFrame(
        {
            "x": [value for x, _ in parts for value in x],
            "y": [value for _, y in parts for value in y],
            "run": [
                line.letter
                for line, (x, _) in zip(lines, parts, strict=True)
                for _ in range(len(x))
            ],
            "name": [
                line.name for line, (x, _) in zip(lines, parts, strict=True) for _ in range(len(x))
            ],
        }
    ).astype({"x": "float64", "y": "float64", "run": "str", "name": "str"})


def letter_rows(rows: pd.DataFrame) -> list[dict[str, object]]:
    """Return where each run's letter stands: at its last point, apart from the others."""
    if rows.empty:
        return []
    low, high = float(rows["y"].min()), float(rows["y"].max())
    apart = _APART * (high - low)
    last = rows.groupby("run", sort=False).tail(1).sort_values(["y", "run"])
    placed: list[dict[str, object]] = []
    free_from = float("-inf")
    for row in last.to_dict("records"):
        y = max(float(row["y"]), free_from)
        free_from = y + apart
        placed.append({"x": row["x"], "y": y, "run": row["run"]})
    return placed


def overlay_chart(
    rows: pd.DataFrame, measure: Measure, axis: Axis, colours: Palette
) -> dict[str, object]:
    """Describe the chart of `overlay_rows`.

    Args:
        rows: what is drawn.
        measure: what the y axis shows.
        axis: what the x axis shows.
        colours: of the present theme.
    """
    share = measure == "accuracy"
    scales = {
        "color": {
            "field": "run",
            "type": "nominal",
            "scale": {"domain": list(LETTERS), "range": list(colours.runs)},
            # The page names the runs above, each in its colour and dashes.
            "legend": None,
        },
        "x": {
            "field": "x",
            "type": "quantitative",
            "title": say(AXES[axis]),
            "scale": {"nice": False, "padding": 4},
            "axis": {"grid": False, "tickMinStep": 1, "labelExpr": TICKS_COUNT},
        },
        "y": {
            "field": "y",
            "type": "quantitative",
            "title": None,
            "scale": {"zero": False},
            "axis": {"format": TICKS_PERCENT if share else "~g", "tickCount": 5},
        },
    }
    dashes = {
        "field": "run",
        "type": "nominal",
        "scale": {"domain": list(LETTERS), "range": [list(dash) for dash in DASHES]},
        "legend": None,
    }
    tooltip = [
        {"field": "run", "title": _("Run")},
        {"field": "name", "title": _("Name")},
        {"field": "x", "title": say(AXES[axis]), "type": "quantitative", "format": ",.0f"},
        {
            "field": "y",
            "title": say(MEASURES[measure]),
            "type": "quantitative",
            "format": ".2%" if share else ".4f",
        },
    ]
    return {
        "height": HEIGHT_PX,
        "encoding": scales,
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 2, "strokeJoin": "round"},
                "encoding": {"strokeDash": dashes, "tooltip": tooltip},
                "params": [{"name": "zoom", "select": "interval", "bind": "scales"}],
            },
            {
                "mark": {"type": "point", "filled": True, "size": 32, "opacity": 1},
                # Of a line of many points only the line is drawn.
                "transform": [
                    {"joinaggregate": [{"op": "count", "as": "points"}], "groupby": ["run"]},
                    {"filter": "datum.points <= 40"},
                ],
                "encoding": {"tooltip": tooltip},
            },
            {
                "data": {"values": letter_rows(rows)},
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dx": 8,
                    "fontSize": 13,
                    "fontWeight": 600,
                    "clip": False,
                },
                "encoding": {"text": {"field": "run"}},
            },
        ],
    }


def _points(
    curves: Curves, measure: Measure, images: Images, axis: Axis
) -> tuple[list[float], list[float]]:
    """Return x and y of one run."""
    if images == "training" and axis == "step":
        y = curves.loss if measure == "loss" else curves.accuracy
        return [float(value) for value in curves.step], [float(value) for value in y]
    attribute = f"{'val' if images == 'validation' else 'train'}_{measure}"
    x = [epoch.epoch if axis == "epoch" else epoch.step for epoch in curves.epochs]
    return [float(v) for v in x], [float(getattr(epoch, attribute)) for epoch in curves.epochs]
