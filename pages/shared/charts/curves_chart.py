"""Live curves of a run, as Vega-Lite.

The chart's description never changes while a run trains, only its data do, so that the browser
updates it in place and a zoom is kept. Plain dictionaries, because building the same chart by
Altair took ten times as long, at every tick, out of the training thread's time.
"""

import json
from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from core.runs.history import Curves
from core.words.message import N_
from pages.shared.language import _, say
from pages.shared.palette import Palette

Axis = Literal["step", "epoch"]
Measure = Literal["loss", "accuracy"]
AXES: Final[Mapping[Axis, str]] = {"step": N_("Step"), "epoch": N_("Epoch")}
MEASURES: Final[Mapping[Measure, str]] = {"loss": N_("Loss"), "accuracy": N_("Accuracy")}
TRAINING = N_("Training")
VALIDATION = N_("Validation")
# Of another run, drawn faintly under this one.
GHOST_TRAINING = N_("Training of the faint run")
GHOST_VALIDATION = N_("Validation of the faint run")
HEIGHT_PX = 290
# As many figures as tell a tick from its neighbours, however far one zooms in.
TICKS_PERCENT: Final = "~%"
# Losses so many times the median of a run are left out where it lies under another one.
_FAR: Final = 10.0
# Each by itself: a format of the axis would write all in thousands, the first of them as "0k".
TICKS_COUNT: Final = "format(datum.value, '~s')"
ZOOM = "zoom"


def curve_rows(
    curves: Curves, measure: Measure, axis: Axis, ghost: pa.Table | None = None
) -> pa.Table:
    """Return columns x, y and series, one row a point; accuracies are shares from 0 to 1.

    An Arrow table, as Streamlit sends it: to make one of a data frame took fifty times as long, at
    every tick.

    Args:
        curves: the run's figures.
        measure: what y is.
        axis: what x is.
        ghost: rows of another run, to be drawn under them; see `ghostly`.
    """
    by_epoch = [epoch.epoch if axis == "epoch" else epoch.step for epoch in curves.epochs]
    val = [e.val_loss if measure == "loss" else e.val_accuracy for e in curves.epochs]
    x: ArrayLike
    y: ArrayLike
    if axis == "epoch":
        x = by_epoch
        y = [e.train_loss if measure == "loss" else e.train_accuracy for e in curves.epochs]
    else:
        x = curves.step
        y = curves.loss if measure == "loss" else curves.accuracy
    tables = [_series(x, y, TRAINING), _series(by_epoch, val, VALIDATION)]
    return pa.concat_tables(tables if ghost is None else [ghost, *tables])


def ghostly(curves: Curves, measure: Measure, axis: Axis) -> pa.Table:
    """Return the rows of a run that is to be drawn faintly under another one.

    Without the losses that are far above its others: beside them the run that is watched would be
    a line at the bottom.
    """
    rows = curve_rows(curves, measure, axis)
    if measure == "loss" and len(rows):
        loss = rows["y"].to_numpy()
        rows = rows.filter(pa.array(loss <= _FAR * np.median(loss)))
    names = {TRAINING: GHOST_TRAINING, VALIDATION: GHOST_VALIDATION}
    series = [names[name] for name in rows["series"].to_pylist()]
    return rows.set_column(2, "series", pa.array(series, pa.string()))


def _series(x: ArrayLike, y: ArrayLike, name: str) -> pa.Table:
    wide = np.asarray(x, np.float64)
    return pa.table(
        {
            "x": wide,
            "y": np.asarray(y, np.float64),
            "series": pa.array([name] * len(wide), pa.string()),
        }
    )


def curve_chart(last_x: int, measure: Measure, axis: Axis, colours: Palette) -> dict[str, object]:
    """Describe the chart of training and validation over steps or epochs, and a ghost of another.

    It is the same with and without a ghost, which can so come and go without a trace.

    Args:
        last_x: where the x axis ends from the start: all steps or epochs of the run.
        measure: what the y axis shows.
        axis: `step` draws every batch, `epoch` the means of whole epochs.
        colours: of the present theme.
    """
    share = measure == "accuracy"
    x_title = say(AXES[axis])
    series = ([TRAINING, colours.training], [VALIDATION, colours.validation])
    is_training = {"filter": f"datum.series === '{TRAINING}'"}
    is_validation = {"filter": f"datum.series === '{VALIDATION}'"}
    line = {"type": "line", "strokeWidth": 1.5, "opacity": 0.9}
    dot = {"type": "point", "filled": True, "size": 50, "opacity": 1}
    ghosts = ((GHOST_TRAINING, colours.training), (GHOST_VALIDATION, colours.validation))
    layers: list[dict[str, object]] = [
        {
            "name": f"ghost_{i}",
            "mark": {**line, "opacity": 0.35},
            "transform": [{"filter": f"datum.series === '{name}'"}],
            "encoding": {"color": {"value": colour}},
        }
        for i, (name, colour) in enumerate(ghosts)
    ]
    layers += [
        {
            "name": "training",
            "mark": line,
            "transform": [is_training],
            "params": [{"name": ZOOM, "select": "interval", "bind": "scales"}],
        },
        {"mark": {**line, "strokeWidth": 2.5}, "transform": [is_validation]},
        {"mark": dot, "transform": [is_validation]},
    ]
    if axis == "epoch":
        layers.append({"mark": {**dot, "size": 35}, "transform": [is_training]})
    told = {name: say(name) for name in (TRAINING, VALIDATION, GHOST_TRAINING, GHOST_VALIDATION)}
    return {
        "height": HEIGHT_PX,
        "transform": [{"calculate": f"{json.dumps(told)}[datum.series]", "as": "images"}],
        "encoding": {
            "x": {
                "field": "x",
                "type": "quantitative",
                "title": x_title,
                "scale": {"domain": [0, last_x], "nice": False},
                "axis": {"grid": False, "tickMinStep": 1, "labelExpr": TICKS_COUNT},
            },
            "y": {
                "field": "y",
                "type": "quantitative",
                "title": None,
                "scale": {"domain": [0, 1]} if share else {"zero": True},
                "axis": {"format": TICKS_PERCENT if share else "~g", "tickCount": 5},
            },
            "color": {
                "field": "series",
                "type": "nominal",
                "title": None,
                "scale": {"domain": [s[0] for s in series], "range": [s[1] for s in series]},
                # The page names both series beside the chart's title, in these colours.
                "legend": None,
            },
            "tooltip": [
                {"field": "images", "title": _("Images")},
                {"field": "x", "title": x_title, "type": "quantitative", "format": ",.0f"},
                {
                    "field": "y",
                    "title": say(MEASURES[measure]),
                    "type": "quantitative",
                    "format": ".1%" if share else ".4f",
                },
            ],
        },
        "layer": layers,
    }
