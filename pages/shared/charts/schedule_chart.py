"""The learning rate over a run as a small curve, as Vega-Lite, with a mark where the run is now."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.spec import RunSpec
from core.training.learning import rate_at
from core.training.length import length_of
from pages.shared.language import _
from pages.shared.palette import Palette, palette

HEIGHT_PX = 130
PLAN = "plan"
NOW = "now"
_POINTS = 240


def schedule_line(spec: RunSpec) -> None:
    """Show how the learning rate of a spec will move."""
    per_epoch = length_of(spec).steps_per_epoch
    st.caption(_("Learning rate over the run"))
    st.vega_lite_chart(
        schedule_rows(spec, per_epoch),
        schedule_chart(spec.num_epochs, palette()),
        key="schedule",
        width="stretch",
    )


def schedule_rows(
    spec: RunSpec,
    steps_per_epoch: int,
    now: int | None = None,
    changes: Sequence[tuple[int, float]] = (),
) -> pd.DataFrame:
    """Return columns epoch, lr and series, one row a point of the curve and one for now.

    Args:
        spec: of the run.
        steps_per_epoch: training steps in one epoch.
        now: steps done so far, where the run is under way.
        changes: after how many steps the rate was changed by hand, and to what.
    """
    num_steps = steps_per_epoch * spec.num_epochs
    # A change is a jump from one step to the next.
    jumps = {step + before for step, _lr in changes for before in (-1, 0)}
    points = {i * (num_steps - 1) // (_POINTS - 1) for i in range(_POINTS)} | jumps
    rows = [
        (step / steps_per_epoch, rate_at(spec, step, num_steps, changes), PLAN)
        for step in sorted(points & set(range(num_steps)))
    ]
    # A curve of a single step is a line too.
    rows.append((float(spec.num_epochs), rows[-1][1], PLAN))
    if now is not None:
        step = min(max(now, 1), num_steps) - 1
        rows.append((step / steps_per_epoch, rate_at(spec, step, num_steps, changes), NOW))
    return pd.DataFrame(rows, columns=["epoch", "lr", "series"]).astype(
        {"epoch": "float64", "lr": "float64", "series": "str"}
    )


def schedule_chart(num_epochs: int, colours: Palette) -> dict[str, object]:
    """Describe the chart of the learning rate over a run; only its data change while it trains.

    Args:
        num_epochs: where the x axis ends.
        colours: of the present theme.
    """
    is_plan = {"filter": f"datum.series === '{PLAN}'"}
    is_now = {"filter": f"datum.series === '{NOW}'"}
    return {
        "height": HEIGHT_PX,
        "encoding": {
            "x": {
                "field": "epoch",
                "type": "quantitative",
                "title": _("Epoch"),
                "scale": {"domain": [0, num_epochs], "nice": False},
                "axis": {"grid": False, "tickMinStep": 1, "tickCount": 6, "format": "~s"},
            },
            "y": {
                "field": "lr",
                "type": "quantitative",
                "title": None,
                "scale": {"zero": True},
                "axis": {"tickCount": 3, "format": "~g", "labelOverlap": True},
            },
            "tooltip": [
                {"field": "epoch", "title": _("Epoch"), "type": "quantitative", "format": ".2f"},
                {
                    "field": "lr",
                    "title": _("Learning rate"),
                    "type": "quantitative",
                    "format": ".3g",
                },
            ],
        },
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 2, "color": colours.quiet},
                "transform": [is_plan],
            },
            {
                "mark": {"type": "point", "filled": True, "size": 70, "color": colours.lit},
                "transform": [is_now],
            },
        ],
    }
