"""How well a run does on its test images, looked at from four sides."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.data.loading import load
from core.judging.measures import Measures, measure
from core.runs.view import Run
from core.words.errors import UserError
from pages.shared.charts.confusion_figure import matrix_figure
from pages.shared.charts.curves_chart import TICKS_PERCENT
from pages.shared.data_words import class_titles
from pages.shared.language import _, n_, say
from pages.shared.palette import Palette
from pages.shared.words import percent, plain

# With these two classes are told apart as well as ten.
_ROW_PX, _AXIS_PX = 18, 96


def measures_panel(run: Run, colours: Palette) -> None:
    """Show the measures of a run that has been tested; nothing for any other.

    Args:
        run: has ended.
        colours: of the present theme.
    """
    now = run.snapshot()
    if now.test is None:
        return
    class_names = class_titles(now.spec.data)
    try:
        found = _measures(run, now.weights_version)
    except UserError as error:
        words = _("More about the test images cannot be told: {why}").format(why=plain(say(error)))
        st.caption(words)
        return
    if found is None:
        return
    found = _named(found, class_names)
    key = run.id
    by_class, confusion, calibration = st.tabs([_("By class"), _("Mistakes"), _("How sure it is")])
    with by_class:
        _averages(found)
        st.vega_lite_chart(class_rows(found), class_chart(found, colours), key=f"classes_{key}")
        st.caption(class_words(found))
    with confusion:
        st.plotly_chart(
            confusion_matrix(found, class_names, colours),
            key=f"confusion_{key}",
            config={"displayModeBar": False},
        )
        st.caption(confusion_words(found, class_names))
    with calibration:
        st.vega_lite_chart(bin_rows(found), bin_chart(colours), key=f"bins_{key}")
        st.caption(calibration_words(found))


@lru_cache(maxsize=8)
def _measures(run: Run, weights_version: int) -> Measures | None:
    """Measure a run; `weights_version` tells its parts from one another, should it have gone on."""
    logits = run.logits()
    if logits is None and run.trouble:
        raise UserError(run.trouble)  # for now; a measure that is None would be for good
    data = load(run.spec.data)
    labels = data.test.labels
    if logits is None or logits.shape != (len(labels), len(data.class_names)):
        return None
    return measure(logits, labels, data.class_names)


def _named(found: Measures, class_names: tuple[str, ...]) -> Measures:
    """Return the same measures with other names for the classes."""
    named = zip(found.classes, class_names, strict=True)
    return replace(found, classes=tuple(replace(one, name=name) for one, name in named))


def _averages(found: Measures) -> None:
    columns = st.columns(4)
    columns[0].metric(
        _("F1, mean of the classes"),
        percent(found.macro.f1),
        help=_(
            "F1 is the harmonic mean of precision and recall. Here every class counts alike "
            "(macro); each counting by its images (weighted) it is {share}."
        ).format(share=percent(found.weighted.f1)),
    )
    columns[1].metric(
        _("Precision"),
        percent(found.macro.precision),
        help=_(
            "Of the images that are called a 7, say, the share that are sevens; mean of all "
            "classes."
        ),
    )
    columns[2].metric(
        _("Recall"),
        percent(found.macro.recall),
        help=_("Of the sevens, say, the share that are called a 7; mean of all classes."),
    )
    columns[3].metric(
        _("Among the first two"),
        percent(found.top2),
        help=_(
            "Share of the images whose class is one of the two that the network finds most "
            "probable (top-2 accuracy)."
        ),
    )


def class_rows(found: Measures) -> pd.DataFrame:
    """Return columns name, measure, share, count and order, two rows a class."""
    rows = [
        {"name": one.name, "measure": kind, "share": value, "count": one.support, "order": i}
        for i, one in enumerate(found.classes)
        for kind, value in zip(_kinds(), (one.precision, one.recall), strict=True)
    ]
    return pd.DataFrame(rows).astype({"name": "str", "measure": "str"})


def _kinds() -> list[str]:
    return [_("Precision"), _("Recall")]


def class_chart(found: Measures, colours: Palette) -> dict[str, object]:
    """Describe each class's precision and recall as two dots on a line, worst values in view."""
    worst = min(min(one.precision, one.recall) for one in found.classes)
    y = {"field": "name", "type": "nominal", "title": None, "sort": {"field": "order"}}
    x = {
        "field": "share",
        "type": "quantitative",
        "title": None,
        "scale": {"domain": [max(0.0, np.floor(worst * 20) / 20 - 0.05), 1.0], "nice": False},
        "axis": {"format": TICKS_PERCENT},
    }
    mark = {"type": "point", "filled": True, "size": 90, "opacity": 1}
    return {
        "height": _AXIS_PX + _ROW_PX * len(found.classes),
        "encoding": {"y": y, "x": x},
        "layer": [
            {"mark": {"type": "line", "color": colours.quiet}, "encoding": {"detail": y}},
            {
                "mark": mark,
                "encoding": {
                    "color": {
                        "field": "measure",
                        "type": "nominal",
                        "title": None,
                        "scale": {
                            "domain": _kinds(),
                            "range": [colours.run_a, colours.run_b],
                        },
                        "legend": {"orient": "top", "symbolSize": 90},
                    },
                    "shape": {
                        "field": "measure",
                        "type": "nominal",
                        "title": None,
                        "scale": {
                            "domain": _kinds(),
                            "range": ["circle", "diamond"],
                        },
                    },
                    "tooltip": [
                        {"field": "name", "title": _("Class")},
                        {"field": "measure", "title": _("Measure")},
                        {
                            "field": "share",
                            "type": "quantitative",
                            "format": ".1%",
                            "title": _("Is"),
                        },
                        {"field": "count", "type": "quantitative", "title": _("Test images")},
                    ],
                },
            },
        ],
    }


def class_words(found: Measures) -> str:
    """Say which class is found least, and which is most often wrong when it is said, if any is."""
    lost = min(found.classes, key=lambda one: one.recall)
    said = min(found.classes, key=lambda one: one.precision)
    if lost.recall == said.precision == 1:
        return _("Not one mistake on {total:,} test images.").format(total=found.total)
    return _(
        "Hardest to find: “{lost}”, of whose {images:,} images {recall} are named rightly "
        "(recall). Least to be trusted: the answer “{said}”, right {precision} of the time "
        "(precision)."
    ).format(
        lost=plain(lost.name),
        images=lost.support,
        recall=percent(lost.recall),
        said=plain(said.name),
        precision=percent(said.precision),
    )


def confusion_matrix(found: Measures, class_names: tuple[str, ...], colours: Palette) -> go.Figure:
    """Draw what each image is (down) against what is said (across): mistakes stand out."""
    counts = found.confusion
    diagonal = np.eye(len(class_names), dtype=bool)
    mistakes = np.where(diagonal, 0, counts)
    totals = np.maximum(1, counts.sum(axis=1, keepdims=True))
    right = _("{true} named rightly: {count:,} of {total:,}")
    wrong = _("{true} taken for {said}: {count:,} of {total:,}")
    return matrix_figure(
        # Right answers by their share of the row, to the one side; mistakes, to the other, by
        # the most frequent one.
        np.where(diagonal, 0.75 * counts / totals, -mistakes / max(1, int(mistakes.max()))),
        1.0,
        [[f"{n:,}" if n else "" for n in row] for row in counts.tolist()],
        [
            [
                (right if i == j else wrong).format(
                    true=class_names[i],
                    said=class_names[j],
                    count=int(counts[i, j]),
                    total=int(totals[i, 0]),
                )
                for j in range(len(class_names))
            ]
            for i in range(len(class_names))
        ],
        class_names,
        colours,
    )


def confusion_words(found: Measures, class_names: tuple[str, ...]) -> str:
    """Say which mistake is made most."""
    mistakes = np.where(np.eye(len(class_names), dtype=bool), 0, found.confusion)
    if not mistakes.any():
        return _("Not one mistake on {total:,} test images.").format(total=found.total)
    i, j = np.unravel_index(int(mistakes.argmax()), mistakes.shape)
    return n_(
        "{n:,} mistake on {total:,} test images. The most frequent: {true} taken for {said}, "
        "{times:,} of {images:,} times.",
        "{n:,} mistakes on {total:,} test images. The most frequent: {true} taken for {said}, "
        "{times:,} of {images:,} times.",
        int(mistakes.sum()),
        total=found.total,
        true=plain(class_names[i]),
        said=plain(class_names[j]),
        times=int(mistakes[i, j]),
        images=int(found.confusion[i].sum()),
    )


def bin_rows(found: Measures) -> pd.DataFrame:
    """Return columns low, high, confidence, accuracy and count, one row a bin."""
    return pd.DataFrame([vars(one) for one in found.bins])


def bin_chart(colours: Palette) -> dict[str, object]:
    """Describe the reliability curve: how often right, by how sure, against what it should be."""
    scale = {"domain": [0, 1], "nice": False}
    axis = {"format": TICKS_PERCENT}
    tooltip = [
        {
            "field": "confidence",
            "type": "quantitative",
            "format": ".1%",
            "title": _("Mean certainty"),
        },
        {"field": "accuracy", "type": "quantitative", "format": ".1%", "title": _("Right")},
        {"field": "count", "type": "quantitative", "format": ",", "title": _("Test images")},
    ]
    ideal = {"values": [{"at": 0}, {"at": 1}]}
    edge = {"field": "at", "type": "quantitative"}
    return {
        "height": 300,
        "layer": [
            {
                "data": ideal,
                "mark": {"type": "line", "color": colours.quiet, "strokeDash": [4, 4]},
                "encoding": {"x": edge, "y": edge},
            },
            {
                "mark": {"type": "bar", "color": colours.right, "opacity": 0.75},
                "encoding": {
                    "x": {
                        "field": "low",
                        "type": "quantitative",
                        "scale": scale,
                        "axis": axis,
                        "title": _("How sure the network was of its answer"),
                    },
                    "x2": {"field": "high"},
                    "y": {
                        "field": "accuracy",
                        "type": "quantitative",
                        "scale": scale,
                        "axis": axis,
                        "title": _("How often it was right"),
                    },
                    "y2": {"datum": 0},
                    "tooltip": tooltip,
                },
            },
        ],
    }


def calibration_words(found: Measures) -> str:
    """Say whether the network is as often right as it believes."""
    gap = found.confidence - found.accuracy
    if abs(gap) < 0.005:
        words = _(
            "On average it gave its answers {confidence} and was right on {accuracy}: just as sure "
            "as it may be."
        )
    elif gap > 0:
        words = _(
            "On average it gave its answers {confidence} and was right on {accuracy}: too sure of "
            "itself."
        )
    else:
        words = _(
            "On average it gave its answers {confidence} and was right on {accuracy}: more often "
            "right than it believes."
        )
    verdict = words.format(confidence=percent(found.confidence), accuracy=percent(found.accuracy))
    return _(
        "{verdict} On the dashed line a network is right as often as it is sure; the mean distance "
        "from it (expected calibration error) is {error}, n = {total:,}."
    ).format(verdict=verdict, error=percent(found.calibration_error), total=found.total)
