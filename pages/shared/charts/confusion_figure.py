"""How the mistakes of two networks differ, as a Plotly heatmap."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.words.palette import DARK, LIGHT, Palette
from pages.shared.charts.figure_text import figure_text
from pages.shared.language import _

SIDE_PX = 430
# With more classes than this a number is wider than its cell.
_MOST_NUMBERS = 15
# Of a cell without a difference. Opaque, for Plotly chooses a number's ink by its cell's colour.
_MIDDLE = {LIGHT: "#F1EFE8", DARK: "#22262F"}


def confusion_difference(
    first: NDArray[np.int64], second: NDArray[np.int64], class_names: Sequence[str]
) -> NDArray[np.int64]:
    """Return by how many images the first does better in each cell, negative where it does worse.

    On the diagonal that is more right answers; elsewhere it is fewer mistakes of that kind.
    """
    better = second - first
    return np.where(np.eye(len(class_names), dtype=bool), -better, better)


def confusion_figure(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    names: tuple[str, str],
    class_names: Sequence[str],
    colours: Palette,
) -> go.Figure:
    """Draw two confusion matrices' difference: what the image is down, what is said across.

    Args:
        first: counts (classes, classes) of the first network, rows what the image is.
        second: of the second one, on the same images.
        names: of the two, short.
        class_names: of the rows and columns.
        colours: of the present theme.
    """
    better = confusion_difference(first, second, class_names)
    return matrix_figure(
        better,
        max(1, int(abs(better).max())),
        _signed(first - second),
        _sentences(first, second, names, class_names),
        class_names,
        colours,
    )


def matrix_figure(
    good: NDArray[np.float64] | NDArray[np.int64],
    limit: float,
    words: list[list[str]],
    sentences: list[list[str]],
    class_names: Sequence[str],
    colours: Palette,
) -> go.Figure:
    """Draw a matrix of what images are (down) and what is said of them (across).

    Args:
        good: (classes, classes) from -limit, drawn as wrong, to limit, drawn as right.
        limit: more than 0.
        words: what stands in each cell, numbers; left out where there is no room.
        sentences: what each cell says when the mouse is over it, as plain text.
        class_names: of the rows and columns.
        colours: of the present theme.
    """
    ticks = [figure_text(name) for name in class_names]
    figure = go.Figure(
        go.Heatmap(
            z=good,
            x=ticks,
            y=ticks,
            text=words if len(class_names) <= _MOST_NUMBERS else [[""] * len(row) for row in words],
            texttemplate="%{text}",
            hovertext=[[figure_text(words) for words in row] for row in sentences],
            hoverinfo="text",
            zmin=-limit,
            zmax=limit,
            colorscale=[(0, colours.wrong), (0.5, _MIDDLE[colours]), (1, colours.right)],
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    axis = {"type": "category", "fixedrange": True, "showgrid": False, "ticks": ""}
    figure.update_layout(
        height=SIDE_PX,
        margin={"l": 50, "r": 10, "t": 10, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours.ink, "size": 13},
        xaxis={**axis, "title": _("What is said")},
        yaxis={**axis, "title": _("What it is"), "autorange": "reversed", "scaleanchor": "x"},
    )
    return figure


def _signed(counts: NDArray[np.int64]) -> list[list[str]]:
    """Write each number with its sign; 0 is left out."""
    return [[f"{n:+d}".replace("-", "–") if n else "" for n in row] for row in counts.tolist()]


def _sentences(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    names: tuple[str, str],
    class_names: Sequence[str],
) -> list[list[str]]:
    """Say each cell in words."""
    totals = first.sum(axis=1)
    right = _("{true} named rightly: {first} {count:,}, {second} {other:,} of {total:,}")
    wrong = _("{true} taken for {said}: {first} {count:,} times, {second} {other:,} times")
    return [
        [
            (right if row == column else wrong).format(
                true=class_names[row],
                said=class_names[column],
                first=names[0],
                count=first[row, column],
                second=names[1],
                other=second[row, column],
                total=totals[row],
            )
            for column in range(len(class_names))
        ]
        for row in range(len(class_names))
    ]
