"""How training images are changed each time they are looked at."""

from dataclasses import dataclass

from core.spec.settings import Number, setting
from core.words.message import N_, message


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings:
    """The part of a `RunSpec` that says what happens to images before they are learned from."""

    shift: int = setting(
        0,
        Number(
            label=N_("Shift"),
            help=N_(
                "Moves every training digit by up to this many pixels, anew each time it is "
                "looked at, so that its place stops mattering. 0 switches it off."
            ),
            low=0,
            high=8,
            unit=N_("pixels"),
        ),
    )
    rotation: int = setting(
        0,
        Number(
            label=N_("Rotation"),
            help=N_(
                "Turns every training digit by up to this many degrees, either way, so that its "
                "slant stops mattering. 10 suits handwriting; 0 switches it off."
            ),
            low=0,
            high=45,
            unit=N_("degrees"),
        ),
    )
    scale: float = setting(
        0.0,
        Number(
            label=N_("Scale"),
            help=message(
                "Makes every training digit larger or smaller by up to this share: 0.1 is from "
                "90 % to {largest} of its size. 0 switches it off.",
                # “% o” would be taken for a field by whoever checks a translation.
                largest="110 %",
            ),
            low=0.0,
            high=0.5,
            whole=False,
        ),
    )
    elastic: float = setting(
        0.0,
        Number(
            label=N_("Elastic"),
            help=N_(
                "Bends every training digit as if drawn on rubber, by so many pixels on average, "
                "like the strokes of another hand. 1 is plenty; 0 switches it off."
            ),
            low=0.0,
            high=4.0,
            whole=False,
            unit=N_("pixels"),
        ),
    )
