"""Small charts of lines with a mark where a person's choice lies, as Vega-Lite."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from pages.shared.palette import Palette

HEIGHT_PX: Final = 260
SOLID: Final = (1, 0)
DASHED: Final = (6, 4)


@dataclass(frozen=True, kw_only=True)
class FairQueue:
    """One line, and where a person's choice lies on it.

    Attributes:
        name: in the legend.
        x: across; `y` up, as many.
        mark: the chosen point, or None.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dash: tuple[int, ...] = SOLID
    width: float = 2.0
    mark: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis.

    Attributes:
        title: beside it.
        ends: its first and last value; as the data have it, if None.
        log: whether it is logarithmic.
        format: of its numbers, as d3 has it.
        values: the numbers to be written, where it is not any of them.
    """

    title: str
    ends: tuple[float, float] | None = None
    log: bool = False
    format: str | None = None
    values: tuple[float, ...] | None = None


def rows(lines: Sequence[FairQueue]) -> pa.Table:
    """Return columns x, y, line and kind: `curve` for the lines' points, `mark` for the choices."""
    marked = [line for line in lines if line.mark is not None]
    marks = [line.mark for line in marked if line.mark is not None]
    return pa.table(
        {
            "x": pa.array([x for line in lines for x in line.x] + [x for x, _ in marks], "float64"),
            "y": pa.array([y for line in lines for y in line.y] + [y for _, y in marks], "float64"),
            "line": pa.array(
                [line.name for line in lines for _ in line.x] + [line.name for line in marked],
                "string",
            ),
            "kind": pa.array(
                ["curve" for line in lines for _ in line.x] + ["mark" for _ in marks], "string"
            ),
        }
    )


def line_chart(
    lines: Sequence[FairQueue],
    x: Axis,
    y: Axis,
    colours: Palette,
    *,
    legend: bool = True,
    height: int = HEIGHT_PX,
) -> dict[str, object]:
    """Describe the chart of some lines; only their points are in `rows`.

    Args:
        lines: what is drawn, the last on top.
        x: the axis across.
        y: the axis up.
        colours: of the present theme.
        legend: whether to name the lines above the chart.
        height: in pixels.
    """
    names = [line.name for line in lines]
    style = {"field": "line", "type": "nominal", "title": None, "sort": None}
    shown = {"orient": "top", "labelLimit": 260, "symbolType": "stroke"} if legend else None
    encoding = {
        "x": _channel("x", x),
        "y": _channel("y", y),
        "color": {
            **style,
            "scale": {"domain": names, "range": [line.colour for line in lines]},
            "legend": shown,
        },
        "tooltip": [
            {"field": "line", "title": " "},
            {"field": "x", "title": x.title, "type": "quantitative", "format": ".4~g"},
            {"field": "y", "title": y.title, "type": "quantitative", "format": ".4~g"},
        ],
    }
    dashes = {
        **style,
        "scale": {"domain": names, "range": [list(line.dash) for line in lines]},
        "legend": shown,
    }
    widths = {
        **style,
        "scale": {"domain": names, "range": [line.width for line in lines]},
        "legend": None,
    }
    curve, mark = ([{"filter": f"datum.kind === '{kind}'"}] for kind in ("curve", "mark"))
    layers: list[dict[str, object]] = [
        {
            "mark": {"type": "rule", "color": colours.quiet, "strokeWidth": 1, "opacity": 0.7},
            "transform": mark,
            "encoding": {"y": {"value": 0}, "y2": {"value": "height"}, "color": None},
        },
        {
            "mark": {"type": "line", "clip": True},
            "transform": curve,
            "encoding": {"strokeDash": dashes, "strokeWidth": widths},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "clip": True},
            "transform": mark,
        },
    ]
    return {"height": height, "encoding": encoding, "layer": layers}


def _channel(field: str, axis: Axis) -> dict[str, object]:
    scale: dict[str, object] = {"nice": False, "zero": False}
    if axis.ends is not None:
        scale["domain"] = list(axis.ends)
    if axis.log:
        scale["type"] = "log"
    look: dict[str, object] = {"tickCount": 5, "grid": field == "y"}
    if axis.format is not None:
        look["format"] = axis.format
        if axis.format == "d":
            look["tickMinStep"] = 1  # else 1.5 and 2 read the same
    if axis.values is not None:
        look["values"] = list(axis.values)
    return {
        "field": field,
        "type": "quantitative",
        "title": axis.title,
        "scale": scale,
        "axis": look,
    }
