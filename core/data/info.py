"""What can be told of a data set without loading it."""

from dataclasses import dataclass
from typing import Final, Literal

from core.words.message import N_

DIGITS: Final = tuple("0123456789")

# How images were made what a network sees: what stands out, centred, light on dark; or the whole of
# each, only made grey and 28 x 28.
Preparation = Literal["centred", "as_is"]


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What can be told of a data set without loading it.

    Attributes:
        key: stands for it in a spec.
        title: its name for people.
        short_title: the same without the number of images; empty where the title tells none.
        description: a sentence or two.
        train, validation, test: numbers of images.
        class_names: what the images show, one name a class, in the order of the labels.
        noun: what one image shows, such as `digit`.
        mean: of the training pixels on a scale of 0 to 1. A drawing is normalised by it too, so
            that it is a fixed number and not what some computer rounded.
        std: their standard deviation on the same scale.
        source: the key of what is downloaded for it; empty where nothing is.
        credit: whose it is, and its licence.
        copies_together: some images are there more than once, and no copies may be parted.
        preparation: of its images, and so of whatever its networks are shown.
        paper: the grey, 0 to 255, that surrounds what its images show.
        ink: the grey of what they show.
    """

    key: str
    title: str
    short_title: str = ""
    description: str
    train: int
    validation: int
    test: int
    class_names: tuple[str, ...] = DIGITS
    noun: str = N_("digit")
    mean: float
    std: float
    source: str = ""
    credit: str
    copies_together: bool = False
    preparation: Preparation = "centred"
    paper: int = 0
    ink: int = 255
