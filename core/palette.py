"""What each colour means, on every page, chart and picture; told apart by the colour-blind.

M. Okabe, K. Ito, "Color Universal Design" (2008); darkened or lightened for contrast.
"""

from dataclasses import dataclass
from typing import Final


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
    training="#0B66B0",
    validation="#B54E06",
    right="#007D6E",
    wrong="#931037",
    quiet="#8A8F98",
    ink="#12161F",
    convolution="#4688C2",
    pooling="#B97A26",
    dense="#2E957B",
    lit="#2F3E94",
)
DARK: Final = Palette(
    training="#63B3EE",
    validation="#F0994E",
    right="#5CE0CB",
    wrong="#F2557F",
    quiet="#8D93A1",
    ink="#E8E6E1",
    convolution="#4D8FC7",
    pooling="#D59546",
    dense="#3FA98B",
    lit="#A3B2FF",
)
