"""What a network makes of a digit: the picture it sees, its answer and ten bars."""

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from torch import Tensor

from pages.shared.palette import Palette
from pages.shared.words import percent

SEEN_PX = 140


def enlarged(digit: Tensor, scale: int = 10) -> NDArray[np.uint8]:
    """Return a digit uint8 (1, 1, 28, 28) as an image (28 * scale, 28 * scale), pixels visible."""
    pixels: NDArray[np.uint8] = digit[0, 0].numpy()
    return np.kron(pixels, np.ones((scale, scale), dtype=np.uint8))


def answer(digit: Tensor, chances: Tensor, colours: Palette) -> None:
    """Show the digit as the network sees it, the answer in large, and how sure it is."""
    best = int(chances.argmax())
    seen, said = st.columns([1, 1])
    with seen:
        st.markdown("**What the network sees**", help="28 × 28 pixels, prepared as MNIST was.")
        st.image(enlarged(digit), width=SEEN_PX)
    with said:
        st.markdown("**Its answer**")
        with st.container(key="answer"):
            st.markdown(str(best))
        st.markdown(_sureness(chances, best))
    st.vega_lite_chart(chance_rows(chances), chance_chart(colours), key="chances")


def chance_rows(chances: Tensor) -> pd.DataFrame:
    """Return columns digit, chance, best and words, one row a digit."""
    values = chances.tolist()
    return pd.DataFrame(
        {
            "digit": [str(i) for i in range(10)],
            "chance": values,
            "best": [value == max(values) for value in values],
            "words": [percent(value) for value in values],
        }
    ).astype({"digit": "str", "words": "str"})


def chance_chart(colours: Palette) -> dict[str, object]:
    """Describe ten probabilities as bars, the largest in colour."""
    x = {
        "field": "chance",
        "type": "quantitative",
        "title": "Probability",
        # Room beside the longest bar for its number.
        "scale": {"domain": [0, 1.12], "nice": False},
        "axis": {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]},
    }
    y = {
        "field": "digit",
        "type": "nominal",
        "title": None,
        "sort": None,
        "axis": {"labelFontSize": 14, "ticks": False, "labelOverlap": False, "domain": False},
    }
    colour = {"condition": {"test": "datum.best", "value": colours.right}, "value": colours.quiet}
    tooltip = [
        {"field": "digit", "title": "Digit"},
        {"field": "chance", "title": "Probability", "type": "quantitative", "format": ".2%"},
    ]
    return {
        "height": 310,
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


def _sureness(chances: Tensor, best: int) -> str:
    first, second = chances.topk(2).values.tolist()
    other = int(chances.topk(2).indices[1])
    if first >= 0.95:
        return f"Quite sure: **{percent(first)}**"
    if first >= 0.6:
        return f"Fairly sure: **{percent(first)}**; perhaps {other} ({percent(second)})"
    return f"Unsure: **{percent(first)}** for {best}, {percent(second)} for {other}"
