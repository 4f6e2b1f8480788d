"""What can be told of each data set without loading it: its words, sizes, classes and spread."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.data.info import DIGITS as DIGITS
from core.data.info import DatasetInfo as DatasetInfo
from core.data.own.kept import info_of_own, is_own, num_classes_of_own
from core.words.message import N_

LETTERS: Final = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
# Small letters that are written in another way than the large ones; the others count as one class.
SMALL_LETTERS: Final = tuple("abdefghnqrt")


_MNIST_CREDIT: Final = N_("Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0.")
_EMNIST_CREDIT: Final = N_(
    "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, “EMNIST: an extension of MNIST to handwritten "
    "letters” (2017); from NIST’s Special Database 19, public domain."
)
# Means and deviations are those of the training images, as their users publish them: any numbers
# near them serve as well, as long as training and drawing share them.
_ALL: Final = (
    DatasetInfo(
        key="embedded",
        title=N_("5,000 digits (built in)"),
        short_title=N_("5,000 digits"),
        description=N_(
            "5,000 handwritten digits from MNIST’s training images, 500 of each; "
            "ready at once, without a network."
        ),
        train=4_000,
        validation=500,
        test=500,
        # Those of the whole of MNIST, so that a network trained on either reads a drawing in the
        # same way.
        mean=0.1307,
        std=0.3081,
        credit=_MNIST_CREDIT,
    ),
    DatasetInfo(
        key="mnist",
        title=N_("Full MNIST (70,000 digits)"),
        short_title=N_("Full MNIST"),
        description=N_("All 70,000 handwritten digits of MNIST, tested on its usual 10,000."),
        train=55_000,
        validation=5_000,
        test=10_000,
        mean=0.1307,
        std=0.3081,
        source="mnist",
        credit=_MNIST_CREDIT,
    ),
    DatasetInfo(
        key="fashion",
        title=N_("Fashion-MNIST (70,000 garments)"),
        short_title="Fashion-MNIST",
        description=N_(
            "Photos of clothes, shoes and bags of a shop, made as small and grey as "
            "MNIST’s digits. Harder: a shirt, a coat and a pullover look much alike."
        ),
        train=55_000,
        validation=5_000,
        test=10_000,
        class_names=(
            N_("T-shirt"),
            N_("Trousers"),
            N_("Pullover"),
            N_("Dress"),
            N_("Coat"),
            N_("Sandal"),
            N_("Shirt"),
            N_("Sneaker"),
            N_("Bag"),
            N_("Ankle boot"),
        ),
        noun=N_("garment"),
        mean=0.2860,
        std=0.3530,
        source="fashion",
        credit=N_("H. Xiao, K. Rasul, R. Vollgraf, Zalando SE (2017); MIT License."),
    ),
    DatasetInfo(
        key="kmnist",
        title=N_("KMNIST (70,000 hiragana)"),
        short_title="KMNIST",
        description=N_(
            "Ten hiragana as they were brushed in old Japanese books, each in several shapes."
        ),
        train=55_000,
        validation=5_000,
        test=10_000,
        class_names=(
            "お o",
            "き ki",
            "す su",
            "つ tsu",
            "な na",
            "は ha",
            "ま ma",
            "や ya",
            "れ re",
            "を wo",
        ),
        noun=N_("character"),
        mean=0.1918,
        std=0.3483,
        source="kmnist",
        credit=N_(
            "T. Clanuwat and others, “Deep Learning for Classical Japanese Literature” (2018), "
            "from the Kuzushiji dataset of NIJL and CODH; CC BY-SA 4.0."
        ),
    ),
    DatasetInfo(
        key="emnist_digits",
        title=N_("EMNIST digits (280,000)"),
        short_title=N_("EMNIST digits"),
        description=N_("280,000 digits of NIST’s writers, prepared much as MNIST’s were."),
        train=220_000,
        validation=20_000,
        test=40_000,
        mean=0.1733,
        std=0.3317,
        source="emnist",
        credit=_EMNIST_CREDIT,
    ),
    DatasetInfo(
        key="emnist_letters",
        title=N_("EMNIST letters (145,600)"),
        short_title=N_("EMNIST letters"),
        description=N_("Handwritten letters from A to Z, large and small ones as one class."),
        train=114_400,
        validation=10_400,
        test=20_800,
        class_names=LETTERS,
        noun=N_("letter"),
        mean=0.1722,
        std=0.3309,
        source="emnist",
        credit=_EMNIST_CREDIT,
    ),
    DatasetInfo(
        key="emnist_balanced",
        title=N_("EMNIST balanced (131,600)"),
        short_title=N_("EMNIST balanced"),
        description=N_(
            "Digits, large letters, and the 11 small letters that do not look like large "
            "ones: 47 classes of 2,800 images."
        ),
        train=103_400,
        validation=9_400,
        test=18_800,
        class_names=(*DIGITS, *LETTERS, *SMALL_LETTERS),
        noun=N_("character"),
        mean=0.1751,
        std=0.3332,
        source="emnist",
        credit=_EMNIST_CREDIT,
    ),
    DatasetInfo(
        key="qmnist",
        title=N_("QMNIST (120,000 digits)"),
        short_title="QMNIST",
        description=N_(
            "MNIST made anew from NIST’s forms, with all 60,000 test digits, of which "
            "MNIST kept 10,000."
        ),
        train=55_000,
        validation=5_000,
        test=60_000,
        mean=0.1307,
        std=0.3081,
        source="qmnist",
        credit=N_("C. Yadav, L. Bottou, “Cold Case: The Lost MNIST Digits” (2019); BSD 3-Clause."),
    ),
    DatasetInfo(
        key="usps",
        title=N_("USPS (9,298 digits)"),
        short_title="USPS",
        description=N_(
            "Digits of post codes on American envelopes, of 16 × 16 pixels. They are "
            "enlarged to 20 × 20 and given a black rim of 4, as MNIST’s digits have one."
        ),
        train=6_562,
        validation=729,
        test=2_007,
        mean=0.126,
        std=0.243,
        source="usps",
        credit=N_(
            "J. J. Hull, “A database for handwritten text recognition research” (1994), from "
            "the LIBSVM collection; no licence is stated."
        ),
    ),
)

DATASETS: Final[Mapping[str, DatasetInfo]] = MappingProxyType({info.key: info for info in _ALL})


def info_of(key: str) -> DatasetInfo:
    """Return what is known of the data set that a spec names."""
    return info_of_own(key) if is_own(key) else DATASETS[key]


def class_names_of(key: str) -> tuple[str, ...]:
    """Return the names of a data set's classes, in the order of a network's outputs."""
    return info_of(key).class_names


def num_classes_of(key: str) -> int:
    """Return the number of a data set's classes: that of a network's outputs."""
    return num_classes_of_own(key) if is_own(key) else len(DATASETS[key].class_names)
