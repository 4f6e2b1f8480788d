"""What a network makes of an image: what it sees, its answer and a bar for each class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from core.data.info import DatasetInfo
from core.judging.sureness import Sureness
from pages.shared.language import _
from pages.shared.palette import Palette
from pages.shared.pictures import data_uri
from pages.shared.words import percent, plain

SEEN_PX = 140
# More classes than these are not all drawn: the likeliest are.
MAX_BARS = 15
# With these two bars are told apart as well as ten.
_BAR_PX, _AXIS_PX = 22, 90
# From these shares of right answers on, an answer counts as quite or fairly sure.
QUITE_SURE, FAIRLY_SURE = 0.95, 0.6
# Longer names are written smaller.
_LARGE_LETTERS = 2


def enlarged(digit: Tensor, scale: int = 10) -> NDArray[np.uint8]:
    """Return a digit uint8 (1, 1, 28, 28) as an image (28 * scale, 28 * scale), pixels visible."""
    pixels: NDArray[np.uint8] = digit[0, 0].numpy()
    return np.kron(pixels, np.ones((scale, scale), dtype=np.uint8))


def answer(
    digit: Tensor,
    chances: Tensor,
    class_names: Sequence[str],
    colours: Palette,
    info: DatasetInfo,
    sureness: Sureness | None = None,
    picture: str = "",
) -> None:
    """Show the image as the network sees it, the answer in large, and how sure it is.

    Args:
        digit: uint8 (1, 1, 28, 28).
        chances: float (classes,).
        class_names: of the run's data set.
        colours: of the present theme.
        info: of the run's data set, by whose preparation the image was made.
        sureness: what the network's probabilities mean, or None where that is not known.
        picture: address of the picture out of which it was made; empty where it was drawn.
    """
    best = int(chances.argmax())
    with st.container(key="answered"):
        if picture:
            with st.container(key="verdict_picture"):
                st.markdown(_("**Your picture**"))
                st.image(picture, width=SEEN_PX)
        with st.container(key="verdict_seen"):
            centred = info.preparation == "centred"
            st.markdown(
                _("**What it sees**"),
                help=_("28 × 28 pixels, prepared as MNIST was.") if centred else None,
            )
            st.image(data_uri(enlarged(digit)), width=SEEN_PX)
        with st.container(key="verdict_said"):
            st.markdown(_("**Its answer**"))
            name = class_names[best]
            with st.container(key="answer" if len(name) <= _LARGE_LETTERS else "answer_in_words"):
                st.markdown(plain(name))
            sure = sureness.of(chances) if sureness else float(chances.max())
            st.markdown(_in_words(sure, chances, class_names))
            _how_it_is_known(sureness, sure)
    as_learned(info)
    rows = chance_rows(chances, class_names)
    st.vega_lite_chart(rows, chance_chart(colours, len(rows)), key="chances")
    if len(rows) < len(chances):
        st.caption(
            _("The {shown} likeliest of {total} classes.").format(
                shown=len(rows), total=len(chances)
            )
        )


def as_learned(info: DatasetInfo) -> None:
    """Say how an image is prepared for a network, where that is not as MNIST was."""
    if info.preparation == "as_is":
        st.caption(
            _(
                "As this network’s own images were: the whole picture, neither centred nor "
                "enlarged, 28 × 28 pixels."
            )
        )


def chance_rows(chances: Tensor, class_names: Sequence[str]) -> pd.DataFrame:
    """Return columns name, chance, best and words, one row a class, in the order of the classes.

    Of more than MAX_BARS classes, the likeliest.
    """
    shown = sorted(chances.topk(min(MAX_BARS, len(chances))).indices.tolist())
    values = [float(chances[i]) for i in shown]
    return pd.DataFrame(
        {
            "name": [class_names[i] for i in shown],
            "chance": values,
            "best": [value == max(values) for value in values],
            "words": [percent(value) for value in values],
        }
    ).astype({"name": "str", "words": "str"})


def chance_chart(colours: Palette, num_bars: int) -> dict[str, object]:
    """Describe probabilities as bars, the largest in colour."""
    x = {
        "field": "chance",
        "type": "quantitative",
        "title": _("Probability"),
        # Room beside the longest bar for its number, on a phone too.
        "scale": {"domain": [0, 1.2], "nice": False},
        "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    y = {
        "field": "name",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"labelFontSize": 14, "ticks": False, "labelOverlap": False, "domain": False},
    }
    colour = {"condition": {"test": "datum.best", "value": colours.right}, "value": colours.quiet}
    tooltip = [
        {"field": "name", "title": _("Class")},
        {"field": "chance", "title": _("Probability"), "type": "quantitative", "format": ".2%"},
    ]
    return {
        "height": _AXIS_PX + _BAR_PX * num_bars,
        "encoding": {"x": x, "y": y, "tooltip": tooltip},
        "layer": [
            {
                "mark": {"type": "bar", "cornerRadiusEnd": 3, "height": 15},
                "encoding": {"color": colour},
            },
            {
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dx": 4,
                    "fontSize": 12,
                    "color": colours.ink,
                },
                "encoding": {"text": {"field": "words"}},
            },
        ],
    }


def _in_words(sure: float, chances: Tensor, class_names: Sequence[str]) -> str:
    first, second = chances.topk(2).values.tolist()
    best, other = (plain(class_names[i]) for i in chances.topk(2).indices.tolist())
    if sure >= QUITE_SURE:
        words = _("Quite sure: **{first}**")
    elif sure >= FAIRLY_SURE:
        words = _("Fairly sure: **{first}**; perhaps {other} ({second})")
    else:
        words = _("Unsure: **{first}** for {best}, {second} for {other}")
    return words.format(first=percent(first), second=percent(second), best=best, other=other)


def _how_it_is_known(sureness: Sureness | None, sure: float) -> None:
    """Say what the network's probability is worth."""
    if sureness is None:
        return
    if sureness.temperature is None:
        words = _(
            "Its {images:,} validation images are too few to tell what its probabilities are worth."
        )
    else:
        words = _(
            "Of its answers with such a probability about {share} are right, by its {images:,} "
            "validation images."
        )
    st.caption(words.format(share=percent(sure), images=sureness.images))
