"""Which of a file's arrays are the images, which their labels, and which of both are for the test.

The names of the arrays tell, where people use the usual words; where names tell nothing, shapes and
order do. Where two arrays would do, nothing is guessed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.data.intake.arrays import Stored
from core.data.own.kept import MAX_CLASSES
from core.data.own.parts import TEST, TRAIN, VALIDATION
from core.drawing.picture import MIN_PICTURE_SIDE

_PART_WORDS: Final = {
    TEST: ("testing", "test", "tst", "te", "ts", "t10k", "heldout", "测试"),
    VALIDATION: ("validation", "valid", "val", "dev", "验证"),
    TRAIN: ("training", "train", "trn", "tr", "训练"),
}
_IMAGES: Final = frozenset(
    (
        *("x", "xs", "image", "images", "img", "imgs", "picture", "pictures", "pixel", "pixels"),
        *("data", "feature", "features", "input", "inputs", "sample", "samples"),
        *("photo", "photos", "图像", "图片"),
    )
)
_LABELS: Final = frozenset(
    (
        *("y", "ys", "label", "labels", "lbl", "lbls", "target", "targets", "class", "classes"),
        *("category", "categories", "output", "outputs", "answer", "answers", "标签", "类别"),
    )
)
# Words in the name of an array that holds the names of the classes.
_NAMED: Final = frozenset(("name", "names", "word", "words", "名称"))
_NUMBERED: Final = re.compile(r"arr_[0-9]+")
_MIN_PIXELS: Final = MIN_PICTURE_SIDE**2


@dataclass(frozen=True)
class Pair:
    """Images and the labels that belong to them, for a part of `core.data.own.parts`."""

    part: int
    images: Stored
    labels: Stored


@dataclass(frozen=True)
class Roles:
    """What a file's arrays are.

    Attributes:
        pairs: of images and labels; empty where none were found.
        class_names: what numbered classes are called.
        classes: each array the images of one class, where it is so.
        unused: the rest.
        in_order: no name said which is for the test; the order of the arrays did.
    """

    pairs: tuple[Pair, ...] = ()
    class_names: Stored | None = None
    classes: tuple[Stored, ...] = ()
    unused: tuple[Stored, ...] = ()
    in_order: bool = False


def roles_of(arrays: Sequence[Stored]) -> Roles:
    """Tell arrays apart. Those of Python objects are told apart too, but cannot be read."""
    names = next((one for one in arrays if is_names(one)), None)
    rest = [one for one in arrays if one is not names and one.shape]
    found: list[Pair] = []
    for part in (TRAIN, VALIDATION, TEST):
        some = [one for one in rest if part_of(one.key) == part]
        pair = _pair(part, some) if some else None
        found += [pair] if pair else []
    in_order = False
    if not any(pair.part == TRAIN for pair in found):
        plain = [one for one in rest if part_of(one.key) is None]
        pairs = _pairs_in_order(plain)
        in_order = len(pairs) > 1 and not found
        found = [*(pairs if in_order else pairs[:1]), *found]
    used = {id(one) for pair in found for one in (pair.images, pair.labels)} | {id(names)}
    unused = tuple(one for one in arrays if id(one) not in used)
    if not found and (classes := _classes(rest)):
        return Roles(classes=classes, unused=tuple(one for one in unused if one not in classes))
    return Roles(tuple(found), names, (), unused, in_order)


def part_of(key: str) -> int | None:
    """Return the part of a data set that an array's name tells, or None."""
    words = _words(key)
    return next((part for part, some in _split(words)[0]), None) if words else None


def role_of(key: str) -> str:
    """Return what an array's name tells: `images`, `labels` or nothing."""
    _, rest = _split(_words(key))
    if any(word in _LABELS for word in rest):
        return "labels"
    return "images" if any(word in _IMAGES for word in rest) else ""


def is_names(one: Stored) -> bool:
    """Tell whether an array holds what classes are called."""
    if one.kind.kind not in "USO" or len(one.shape) != 1 or not 1 <= one.length <= 10 * MAX_CLASSES:
        return False
    words = _words(one.key)
    return bool(set(words) & _NAMED) and (bool(set(words) & _LABELS) or len(words) == 1)


def _words(key: str) -> list[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.rpartition("/")[2])
    return re.findall(r"t10k|[^\W\d_]+", apart.lower())


def _split(words: Sequence[str]) -> tuple[list[tuple[int, str]], list[str]]:
    """Take the words for a part out of a name, also where they are stuck to another word."""
    parts: list[tuple[int, str]] = []
    rest: list[str] = []
    for word in words:
        for part, some in _PART_WORDS.items():
            stuck = next((w for w in some if _without(word, w) is not None), None)
            if stuck is not None:
                parts.append((part, stuck))
                rest += [_without(word, stuck) or ""]
                break
        else:
            rest.append(word)
    return parts, [word for word in rest if word]


def _without(word: str, part: str) -> str | None:
    """Return what is left of a word without a part's, if that is a word of ours or nothing."""
    if word == part:
        return ""
    for left in (word.removeprefix(part), word.removesuffix(part)):
        if left != word and (left in _IMAGES or left in _LABELS):
            return left
    return None


def _could_be_labels(one: Stored) -> bool:
    long = [side for side in one.shape if side != 1]
    if len(long) <= 1:
        return True
    return len(long) == 2 and one.kind.kind in "buif" and min(long) <= MAX_CLASSES


def _could_be_images(one: Stored) -> bool:
    if one.has_objects or one.fields:
        return True
    long = [side for side in one.shape if side != 1]
    # Also rows of pixels, and sides that are too short: `core.data.intake.refusals` tells of those.
    return len(long) >= 3 or (len(long) == 2 and min(long[1], max(long)) >= _MIN_PIXELS)


def _pair(part: int, arrays: Sequence[Stored]) -> Pair | None:
    """Find the images and their labels among arrays, or None where two would do, or none."""
    images = _sole([one for one in arrays if _is(one, "images") and not _is_flat(one)])
    images = images or _sole([one for one in arrays if _free(one) and _could_be_images(one)])
    if images is None:
        return None
    others = [one for one in arrays if one is not images and _could_be_labels(one)]
    fitting = [one for one in others if set(one.shape) & set(images.shape)] or others
    labels = _sole([one for one in fitting if _is(one, "labels")])
    labels = labels or _sole([one for one in fitting if not role_of(one.key)])
    return Pair(part, images, labels) if labels else None


def _is(one: Stored, role: str) -> bool:
    return role_of(one.key) == role


def _free(one: Stored) -> bool:
    return not role_of(one.key)


def _is_flat(one: Stored) -> bool:
    return not one.has_objects and len([side for side in one.shape if side != 1]) < 2


def _sole(arrays: Sequence[Stored]) -> Stored | None:
    """Return the only array; of the same images as rows and with sides, those with sides."""
    if len(arrays) == 2:
        first, second = sorted(arrays, key=lambda one: len(one.shape))
        if (first.length, first.size) == (second.length, second.size) and len(second.shape) >= 3:
            return second if len(first.shape) == 2 else None
    return arrays[0] if len(arrays) == 1 else None


def _pairs_in_order(arrays: Sequence[Stored]) -> list[Pair]:
    """Find one pair, or two of which the second is for the test."""
    one = _pair(TRAIN, arrays)
    if one is not None:
        return [one]
    images = [a for a in arrays if _could_be_images(a) and not _is(a, "labels")]
    labels = [a for a in arrays if a not in images and _could_be_labels(a)]
    if len(images) != 2 or len(labels) != 2:
        return []
    if not all(a.length == b.length for a, b in zip(images, labels, strict=True)):
        labels.reverse()
    if not all(a.length == b.length for a, b in zip(images, labels, strict=True)):
        return []
    return [Pair(TRAIN, images[0], labels[0]), Pair(TEST, images[1], labels[1])]


def _classes(arrays: Sequence[Stored]) -> tuple[Stored, ...]:
    """Return arrays that each hold the images of one class, by whose name they are called."""
    images = tuple(one for one in arrays if one.kind.kind in "buif" and len(one.shape) >= 3)
    named = all(
        not _NUMBERED.fullmatch(one.key) and not role_of(one.key) and part_of(one.key) is None
        for one in images
    )
    alike = len({one.shape[1:] for one in images}) == 1 and len(images) == len(arrays)
    return images if named and alike and len(images) >= 2 else ()
