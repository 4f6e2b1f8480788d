"""What a person is told of a file's images: what was done with them, and why some are left out."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from core.data.info import Preparation
from core.data.intake.safe_names import natural
from core.data.intake.taken import LeftOut, Taken
from core.data.own.kept import MIN_PER_CLASS, OwnImages
from core.data.own.parts import TEST, VALIDATION, Labels, Parts
from core.words.message import N_, Quoted, message

# How many pictures that lie in two classes are named.
_MOST_NAMED: Final = 3


def notes_on_parts(own: OwnImages, *, file_gives_parts: bool) -> list[str]:
    """Say which images learn, validate and test, as far as a file gives parts.

    Args:
        own: the images that stay.
        file_gives_parts: the file puts some into another part than the one to learn from.
    """
    told: list[str] = []
    if file_gives_parts and own.parts is None:
        told.append(
            N_("All images were put together; those to validate and to test are drawn anew.")
        )
    if own.parts is None:
        return told
    counts = np.bincount(own.parts, minlength=3).tolist()
    if counts[TEST]:
        told.append(
            message("The given test set stays as it is; its images: {count:,}.", count=counts[TEST])
        )
    else:
        told.append(N_("No test set was given: some of the images to learn from test instead."))
    if counts[VALIDATION]:
        told.append(
            message(
                "What was given to validate stays as it is; its images: {count:,}.",
                count=counts[VALIDATION],
            )
        )
    for part, words in (
        (TEST, N_("The given test set has no image of {classes}: some others test them.")),
        (
            VALIDATION,
            N_("No image is given to validate {classes}: some others validate them."),
        ),
    ):
        here = set(own.labels[own.parts == part].tolist())
        lacks = [name for label, name in enumerate(own.class_names) if label not in here]
        if here and lacks:
            told.append(message(words, classes=_listed(lacks)))
    return told


def notes_on_copies(
    taken: Taken, classes: Sequence[str], copies: Labels, kept: Labels
) -> list[str]:
    """Say which images that stay are the same picture.

    Args:
        taken: the images of the file.
        classes: what the class of each is called now.
        copies: a number for each image, the same for those that show the same picture.
        kept: the rows of the images that stay.
    """
    told: list[str] = []
    by_picture: dict[int, list[int]] = {}
    for row in kept.tolist():
        by_picture.setdefault(int(copies[row]), []).append(row)
    several = [found for found in by_picture.values() if len(found) > 1]
    if several:
        names = {classes[row] for found in several for row in found}
        told.append(
            message(
                "Copies of other images: {count:,}, in {classes}. Copies stay together, so "
                "that none is learned from and tested, too.",
                count=sum(len(found) - 1 for found in several),
                classes=_listed(sorted(names, key=natural)),
            )
        )
    shared = [found for found in several if len({classes[row] for row in found}) > 1]
    if shared:
        told.append(_same_under_two(taken, classes, shared))
    return told


def _same_under_two(taken: Taken, classes: Sequence[str], shared: Sequence[Sequence[int]]) -> str:
    pairs = []
    for found in shared[:_MOST_NAMED]:
        first = found[0]
        other = next(row for row in found if classes[row] != classes[first])
        pairs.append(
            f"{taken.names[first]} (“{classes[first]}”) = {taken.names[other]} (“{classes[other]}”)"
        )
    listed = Quoted("; ".join(pairs) + (" …" if len(shared) > _MOST_NAMED else ""))
    if taken.preparation == "centred":
        return message(
            "Pictures under two classes at once, which no network can tell apart: {count:,}. "
            "{pairs}. If only place or size differ, prepare them “as they are”.",
            count=len(shared),
            pairs=listed,
        )
    return message(
        "Pictures under two classes at once, which no network can tell apart: {count:,}. {pairs}.",
        count=len(shared),
        pairs=listed,
    )


def why_too_few(copies: Labels, given: Parts | None, preparation: Preparation) -> str:
    """Say why a class has too few images to be one.

    Args:
        copies: a number for each of its images, the same for those that show the same picture.
        given: where the file puts each of them; None where it gives no parts.
        preparation: how the images were prepared.
    """
    count, different = len(copies), len(set(copies.tolist()))
    if given is not None and different >= MIN_PER_CLASS:
        train, validation, test = np.bincount(given, minlength=3).tolist()
        return message(
            "Of this class {train:,} images are to learn from, {validation:,} to validate and "
            "{test:,} to test, and too few different ones to learn from. Put all images "
            "together to use it.",
            train=train,
            validation=validation,
            test=test,
        )
    if different >= MIN_PER_CLASS:
        return N_("Other classes have the same pictures: too few are its own.")
    images = N_("1 image") if count == 1 else message("{count} images", count=count)
    if different < count:
        images = (
            message("1 picture, {count} times", count=count)
            if different == 1
            else message(
                "{different} different pictures among {count} images",
                different=different,
                count=count,
            )
        )
    few = message(
        "This class has only {images}; at least {least} are needed, one each to learn from, to "
        "validate and to test.",
        images=images,
        least=MIN_PER_CLASS,
    )
    if different < count and preparation == "centred":
        return message("{few} If only place or size differ, prepare them “as they are”.", few=few)
    return few


def _listed(names: Sequence[str]) -> Quoted:
    """Name a few classes, and tell whether there are more."""
    some = ", ".join(f"“{name}”" for name in names[:4])
    return Quoted(some + (" …" if len(names) > 4 else ""))


def not_two(file: str, enough: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Say that there are not two classes of enough images, and what most were left out for.

    Args:
        file: its name, fit for a sentence.
        enough: the classes that have enough images: one, or none.
        left_out: what was not taken, and why.
    """
    need = message(
        "A network needs at least two classes of {least} images each.", least=MIN_PER_CLASS
    )
    if enough:
        refused = message(
            "{file} holds only one class of enough images, “{name}”. {need}",
            file=file,
            name=Quoted(enough[0]),
            need=need,
        )
    else:
        refused = message("{file} holds no class of enough images. {need}", file=file, need=need)
    if not left_out:
        return refused
    # The reason for which most were left out is the one to mend.
    (common, _), *_rest = Counter(one.reason for one in left_out).most_common(1)
    example = next(one for one in left_out if one.reason == common)
    refused = message(
        "{refused} Left out: {name}: {reason}",
        refused=refused,
        name=example.name,
        reason=example.reason,
    )
    if len(left_out) == 1:
        return refused
    return message("{refused} (and {count:,} more)", refused=refused, count=len(left_out) - 1)
