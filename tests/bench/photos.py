"""How many photographs of a digit are read, of each kind that people take.

Of each kind 30 pictures: 20 test digits of MNIST (the built-in ones where that is not at hand), two
of each class, and 10 drawn by strokes. The default network, trained on the built-in digits, reads
each as the Draw page does. Goals: all of the ordinary kinds, at least 27 of each of the others, in
at most a second of processor time at the largest size.
"""

import time
import zlib

import torch
from torch import Tensor

from core.data.loading import load
from core.drawing.picture import PictureError, digits_from_picture
from core.judging.prediction import logits_of
from core.runs.manager import Runs
from core.spec.presets import DEFAULT
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.photos.digits import sample
from tests.photos.kinds import HARD, ORDINARY, Kind
from tests.photos.sheet import Sheet, packed

SEED = 7


def main() -> None:
    """Train, photograph and read."""
    with data_folder_of_its_own() as data:
        runs = Runs()
        run = runs.start(DEFAULT)
        run.wait()
        weights = run.weights()
        assert weights is not None
        test = load(data).test
        written = sample(test.images, test.labels, SEED)

        def read(kind: Kind, name: str) -> tuple[int, int, float]:
            first = among = 0
            began = time.process_time()
            for i, digit in enumerate(written):
                sheet = Sheet(digit.pen, zlib.crc32(f"{SEED} {name} {i}".encode()))
                answers = _answers(kind(sheet), weights)
                first += answers[:1] == [digit.label]
                among += digit.label in answers
            return first, among, (time.process_time() - began) / len(written)

        def _answers(picture: bytes, weights: dict[str, Tensor]) -> list[int]:
            try:
                digits = torch.cat(digits_from_picture(picture))
            except PictureError:
                return []
            return logits_of(DEFAULT, weights, digits).argmax(1).tolist()

        for names, goal in ((ORDINARY, 30), (HARD, 27)):
            for name, kind in names.items():
                first, among, seconds = read(kind, name)
                what = f"photos read, {name.replace('_', ' ')}"
                report(what, first, "of 30", n=30, at_least=goal, among_those_offered=among)
                progress(f"{name}: {first}, {seconds:.2f} s a picture")
        runs.close()
    report("seconds for the largest photo of squares in a shadow", _slowest(), "s", n=5, at_most=1)


def _slowest() -> float:
    """Return the processor time of the slowest of five pictures of nearly 50 million pixels."""
    slowest = 0.0
    pen = sample(*_split())[0].pen
    for seed in range(5):
        sheet = Sheet(pen, seed, (600, 800))
        HARD["shadow_on_squares"](sheet)
        picture = packed(sheet.seen().resize((8_000, 6_000)), "JPEG", quality=70)
        began = time.process_time()
        digits_from_picture(picture)
        slowest = max(slowest, time.process_time() - began)
    return slowest


def _split() -> tuple[Tensor, Tensor]:
    test = load("embedded").test
    return test.images, test.labels


if __name__ == "__main__":
    main()
