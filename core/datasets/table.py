"""What can be told of each data set without loading it: its words, sizes, classes and spread."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DIGITS: Final = tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What can be told of a data set without loading it.

    Attributes:
        key: stands for it in a spec.
        title: its name for people.
        description: a sentence or two.
        train, validation, test: numbers of images.
        class_names: what the images show, one name a class, in the order of the labels.
        noun: what one image shows, such as `digit`.
        mean: of the training pixels on a scale of 0 to 1. A drawing is normalised by it too.
        std: their standard deviation on the same scale.
    """

    key: str
    title: str
    description: str
    train: int
    validation: int
    test: int
    class_names: tuple[str, ...] = DIGITS
    noun: str = "digit"
    mean: float
    std: float


DATASETS: Final[Mapping[str, DatasetInfo]] = MappingProxyType(
    {
        info.key: info
        for info in (
            DatasetInfo(
                key="embedded",
                title="5,000 digits (built in)",
                description="5,000 handwritten digits from MNIST’s training images, 500 of each; "
                "ready at once, without a network.",
                train=4_000,
                validation=500,
                test=500,
                # Those of the whole of MNIST, so that a network trained on either reads a drawing
                # in the same way.
                mean=0.1307,
                std=0.3081,
            ),
            DatasetInfo(
                key="mnist",
                title="Full MNIST (70,000 digits)",
                description="All 70,000 handwritten digits of MNIST, tested on its usual 10,000; "
                "downloaded once (12 MB).",
                train=55_000,
                validation=5_000,
                test=10_000,
                mean=0.1307,
                std=0.3081,
            ),
        )
    }
)


def info_of(key: str) -> DatasetInfo:
    """Return what is known of the data set that a spec names."""
    return DATASETS[key]


def class_names_of(key: str) -> tuple[str, ...]:
    """Return the names of a data set's classes, in the order of a network's outputs."""
    return info_of(key).class_names


def num_classes_of(key: str) -> int:
    """Return the number of a data set's classes: that of a network's outputs."""
    return len(class_names_of(key))
