"""Live curves of a run.

The chart's description never changes while a run trains, only its data do, so that the browser
updates it in place and a zoom is kept.
"""

from typing import Literal

import altair as alt
import pandas as pd

from core.history import Curves
from pages.shared.palette import Palette

Axis = Literal["step", "epoch"]
Measure = Literal["loss", "accuracy"]
TRAINING = "Training"
VALIDATION = "Validation"
HEIGHT_PX = 260


def curves_chart(
    curves: Curves, measure: Measure, axis: Axis, colours: Palette
) -> alt.LayerChart | alt.FacetChart:
    """Draw training and validation over steps or epochs.

    Args:
        curves: of the run so far; may be empty.
        measure: what the y axis shows.
        axis: `step` draws every batch, `epoch` the means of whole epochs.
        colours: of the present theme.
    """
    rows = _rows(curves, measure, axis)
    share = measure == "accuracy"
    base = alt.Chart(rows).encode(
        x=alt.X(
            "x:Q",
            title="Step" if axis == "step" else "Epoch",
            axis=alt.Axis(tickMinStep=1, format="~s", grid=False),
            scale=alt.Scale(zero=axis == "step", nice=False),
        ),
        y=alt.Y(
            "y:Q",
            title="Accuracy" if share else "Loss",
            axis=alt.Axis(format=".0%" if share else "~g", tickCount=5),
            scale=alt.Scale(domain=[0, 1]) if share else alt.Scale(zero=True),
        ),
        color=alt.Color(
            "series:N",
            title=None,
            scale=alt.Scale(
                domain=[TRAINING, VALIDATION], range=[colours.training, colours.validation]
            ),
            legend=alt.Legend(orient="top", direction="horizontal", symbolType="stroke"),
        ),
        tooltip=[
            alt.Tooltip("series:N", title="Images"),
            alt.Tooltip("x:Q", title="Step" if axis == "step" else "Epoch", format=",.0f"),
            alt.Tooltip("y:Q", title=measure.capitalize(), format=".1%" if share else ".4f"),
        ],
    )
    training = base.transform_filter(alt.datum.series == TRAINING)
    validation = base.transform_filter(alt.datum.series == VALIDATION)
    trained = training.mark_line(strokeWidth=1.5, opacity=0.9)
    layers = [trained, validation.mark_line(strokeWidth=2.5)]
    if axis == "epoch":
        layers.append(training.mark_point(filled=True, size=40, opacity=1))
    layers.append(validation.mark_point(filled=True, size=55, opacity=1))
    zoom = alt.selection_interval(bind="scales", name="zoom")
    return alt.layer(*layers).properties(height=HEIGHT_PX).add_params(zoom)


def _rows(curves: Curves, measure: Measure, axis: Axis) -> pd.DataFrame:
    """Return columns x, y, series; long form, one row a point."""
    by_epoch = [epoch.epoch if axis == "epoch" else epoch.step for epoch in curves.epochs]
    val = [e.val_loss if measure == "loss" else e.val_accuracy for e in curves.epochs]
    if axis == "epoch":
        x = by_epoch
        y = [e.train_loss if measure == "loss" else e.train_accuracy for e in curves.epochs]
    else:
        x = curves.step.tolist()
        y = (curves.loss if measure == "loss" else curves.accuracy).tolist()
    return pd.DataFrame(
        {
            "x": [float(value) for value in (*x, *by_epoch)],
            "y": [float(value) for value in (*y, *val)],
            "series": [TRAINING] * len(x) + [VALIDATION] * len(by_epoch),
        }
    ).astype({"x": "float64", "y": "float64", "series": "str"})
