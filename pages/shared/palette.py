"""What each colour means, on every page and chart; told apart by the colour-blind (Okabe and Ito).

M. Okabe, K. Ito, "Color Universal Design" (2008); darkened or lightened for contrast.
"""

from dataclasses import dataclass
from typing import Final

import streamlit as st


@dataclass(frozen=True)
class Palette:
    """Hex colours by meaning."""

    training: str
    validation: str
    right: str
    wrong: str
    quiet: str
    ink: str
    convolution: str
    pooling: str
    dense: str
    lit: str


LIGHT: Final = Palette(
    training="#0B6BB3",
    validation="#C2570C",
    right="#00795A",
    wrong="#B0367E",
    quiet="#8A8F98",
    ink="#1F2430",
    convolution="#5B9BD1",
    pooling="#E3A04F",
    dense="#4FB296",
    lit="#0B6BB3",
)
DARK: Final = Palette(
    training="#63B3EE",
    validation="#F0994E",
    right="#3CC79D",
    wrong="#E58BC0",
    quiet="#8D93A1",
    ink="#E8E9ED",
    convolution="#4D8FC7",
    pooling="#D59546",
    dense="#3FA98B",
    lit="#8CCBFA",
)


def palette() -> Palette:
    """Return the colours for the theme that this browser shows."""
    return DARK if st.context.theme.type == "dark" else LIGHT
