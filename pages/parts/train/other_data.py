"""How a run's network does on other data sets of the same classes: bars and a sentence."""

from collections.abc import Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.data.loading import is_available
from core.questions.other_data import OnOtherData, others_of
from core.runs.manager import runs
from core.runs.view import Run
from pages.shared import live
from pages.shared.data_words import data_title
from pages.shared.language import _, say
from pages.shared.launch import attempt
from pages.shared.palette import Palette, palette
from pages.shared.person import address, person
from pages.shared.words import percent, plain

_LIVE_S = 0.5
_BAR_PX, _AXIS_PX = 30, 50


def other_data_panel(run: Run) -> None:
    """Show the panel of a run that has been tested; nothing where no other data would fit.

    It lives by itself: the page needs no rerun for it.
    """
    others = others_of(run.spec.data)
    now = run.snapshot()
    if now.test is None or not now.ended or not others:
        return
    with st.expander(_("On other data"), icon=":material/travel_explore:", key="other_data"):
        live.live("other_data", partial(_panel, run))


def _panel(run: Run) -> float | None:
    share = runs().other_data_progress(run.id)
    test = run.snapshot().test
    assert test is not None
    own = OnOtherData(data=run.spec.data, correct=test.correct, total=test.total)
    found = runs().on_other_data(run.id)
    measured = [own, *(one for one in found if not one.trouble)]
    others = others_of(run.spec.data)
    here = [data for data in others if is_available(data)]
    if share is not None:
        st.progress(share, text=_("Testing this network on other people’s images"))
    elif here and {one.data for one in found if not one.trouble} < set(here):
        st.button(
            _("Test this network on other data"),
            icon=":material/play_arrow:",
            key="other_data_start",
            on_click=_start,
            args=(run.id,),
            disabled=not runs().may_change(run.id, person()),
            help=_("On all test images of each data set below that is on this computer."),
        )
    if len(measured) > 1:
        rows = other_data_rows(measured)
        st.vega_lite_chart(rows, other_data_chart(palette(), len(rows)), key=f"other_data_{run.id}")
        for one in measured[1:]:
            st.markdown(sentence(own, one))
    for one in found:
        if one.trouble:
            words = _("{data}: {trouble}").format(
                data=plain(data_title(one.data)), trouble=plain(say(one.trouble))
            )
            st.warning(words, icon=":material/block:")
    missing = [plain(data_title(data)) for data in others if data not in here]
    if missing:
        words = _("Not on this computer yet, to be had on the Build page: {data}.")
        st.caption(words.format(data=_(", ").join(missing)))
    return None if share is None else _LIVE_S


def _start(run_id: str) -> None:
    attempt(lambda: runs().measure_on_other_data(run_id, person(), address()))


def other_data_rows(measured: Sequence[OnOtherData]) -> pd.DataFrame:
    """Return columns name, accuracy, low, high, own and words, one row a data set."""
    return pd.DataFrame(
        {
            "name": [data_title(one.data) for one in measured],
            "accuracy": [one.accuracy for one in measured],
            "low": [one.interval[0] for one in measured],
            "high": [one.interval[1] for one in measured],
            "own": [i == 0 for i in range(len(measured))],
            "words": [
                _("{share} of {total:,}").format(share=percent(one.accuracy), total=one.total)
                for one in measured
            ],
        }
    ).astype({"name": "str", "words": "str"})


def other_data_chart(colours: Palette, num_bars: int) -> dict[str, object]:
    """Describe a bar for each data set, the run's own in colour, with its interval."""
    y = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"labelLimit": 240, "ticks": False, "domain": False},
    }
    x = {
        "field": "accuracy",
        "type": "quantitative",
        "title": _("Right of its test images"),
        # Room beside a full bar for its words.
        "scale": {"domain": [0, 1.3], "nice": False},
        "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    colour = {"condition": {"test": "datum.own", "value": colours.right}, "value": colours.quiet}
    tooltip = [
        {"field": "name", "title": _("Data")},
        {"field": "accuracy", "title": _("Right"), "type": "quantitative", "format": ".2%"},
        {"field": "low", "title": _("From"), "type": "quantitative", "format": ".2%"},
        {"field": "high", "title": _("To"), "type": "quantitative", "format": ".2%"},
    ]
    return {
        "height": _AXIS_PX + _BAR_PX * num_bars,
        "encoding": {"y": y, "tooltip": tooltip},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": 15},
                "encoding": {"x": x, "color": colour},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": colours.ink},
                "encoding": {
                    "x": {"field": "low", "type": "quantitative"},
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 6, "color": colours.ink},
                "encoding": {
                    "x": {"field": "high", "type": "quantitative"},
                    "text": {"field": "words"},
                },
            },
        ],
    }


def sentence(own: OnOtherData, other: OnOtherData) -> str:
    """Say how a network does on other images, against its own test images."""
    low, high = other.interval
    points = 100 * (other.accuracy - own.accuracy)
    own_low, own_high = own.interval
    if own_low <= high and low <= own_high:
        words = _(
            "On **{data}** it is right on {share} of {total:,} images (19 times of 20 between "
            "{low} and {high}): about as good as on its own test images."
        )
    elif points > 0:
        words = _(
            "On **{data}** it is right on {share} of {total:,} images (19 times of 20 between "
            "{low} and {high}): {points:.1f} points more than on its own test images."
        )
    else:
        words = _(
            "On **{data}** it is right on {share} of {total:,} images (19 times of 20 between "
            "{low} and {high}): {points:.1f} points fewer than on its own test images."
        )
    return words.format(
        data=plain(data_title(other.data)),
        share=percent(other.accuracy),
        total=other.total,
        low=percent(low),
        high=percent(high),
        points=abs(points),
    )
