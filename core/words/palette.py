"""What each colour means, on every page, chart and picture; told apart by the colour-blind.

M. Okabe, K. Ito, "Color Universal Design" (2008); darkened or lightened for contrast.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Palette:
    """Hex colours by meaning; the last five are runs that are compared, whichever they are."""

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
    run_a: str
    run_b: str
    run_c: str
    run_d: str
    run_e: str

    @property
    def runs(self) -> tuple[str, ...]:
        """The colours of the runs that are compared, in order."""
        return self.run_a, self.run_b, self.run_c, self.run_d, self.run_e


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
    run_a="#6B3FA0",
    run_b="#A87B00",
    run_c="#2B2F3A",
    run_d="#3C93C9",
    run_e="#7B3B1B",
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
    run_a="#B79AF0",
    run_b="#E8CB5A",
    run_c="#F3F1EC",
    run_d="#4773AB",
    run_e="#B8862E",
)
