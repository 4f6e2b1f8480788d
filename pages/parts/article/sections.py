"""The sections of the Article page, in the article's order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.words.message import N_
from pages.parts.article.activations import activations
from pages.parts.article.advice import advice_checked
from pages.parts.article.architectures import architectures
from pages.parts.article.losses import loss_functions
from pages.parts.article.measures import measures
from pages.parts.article.one_digit import one_digit
from pages.parts.article.pooling import pooling
from pages.parts.article.printed_code import printed_code


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section: its name among the steps, its heading, and what shows it."""

    name: str
    heading: str
    show: Callable[[], None]


SECTIONS: Final[dict[str, Section]] = {
    "digit": Section(name=N_("One digit"), heading=N_("One digit, there and back"), show=one_digit),
    "architectures": Section(
        name=N_("Architectures"), heading=N_("Three ways of reading a picture"), show=architectures
    ),
    "activations": Section(
        name=N_("Activations"), heading=N_("The bend between two layers"), show=activations
    ),
    "pooling": Section(name=N_("Pooling"), heading=N_("Many pixels, one value"), show=pooling),
    "losses": Section(
        name=N_("Losses"), heading=N_("What training makes small"), show=loss_functions
    ),
    "code": Section(
        name=N_("The code"), heading=N_("The program as printed, and mended"), show=printed_code
    ),
    "measures": Section(name=N_("Measures"), heading=N_("How good is it?"), show=measures),
    "advice": Section(
        name=N_("The advice"), heading=N_("The advice, put to the test"), show=advice_checked
    ),
}
