"""The verdict on two networks, against what can be worked out by hand."""

from fractions import Fraction
from math import comb

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from core.judging.verdict import (
    ALPHA,
    Answers,
    chance_in_words,
    holm,
    mcnemar,
    verdict,
    verdicts,
)
from core.words.errors import UserError


def answers(name: str, right: str, data: str = "embedded") -> Answers:
    """Logits that are right where the text says `1`; every image is a 3, wrong answers are 8."""
    logits = torch.zeros(len(right), 10)
    for i, mark in enumerate(right):
        logits[i, 3 if mark == "1" else 8] = 1.0
    return Answers(name=name, data=data, logits=logits)


def labels(count: int) -> torch.Tensor:
    return torch.full((count,), 3)


def tail_by_hand(only_first: int, only_second: int) -> Fraction:
    """Twice the share of all ways in which coins fall at least as unevenly."""
    thrown, fewer = only_first + only_second, min(only_first, only_second)
    ways = sum(comb(thrown, heads) for heads in range(fewer + 1))
    return min(Fraction(1), 2 * Fraction(ways, 2**thrown))


@pytest.mark.parametrize(
    ("only_first", "only_second", "by_hand"),
    [
        (0, 0, 1),
        (1, 0, 1),
        (5, 0, Fraction(1, 16)),  # both sides of 1/32
        (0, 6, Fraction(1, 32)),
        (1, 9, 2 * Fraction(1 + 10, 1024)),
        (4, 4, 1),
        (2, 3, 1),
    ],
)
def test_small_cases_by_hand(only_first, only_second, by_hand):
    assert mcnemar(only_first, only_second) == pytest.approx(float(by_hand), rel=1e-12)


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_test_is_exact(only_first, only_second):
    chance = mcnemar(only_first, only_second)
    assert chance == pytest.approx(float(tail_by_hand(only_first, only_second)), rel=1e-9)
    assert chance == mcnemar(only_second, only_first)


@pytest.mark.parametrize(("only_first", "only_second"), [(31, 12), (3, 4), (100, 70), (900, 400)])
def test_the_test_is_scipys_binomial_test(only_first, only_second):
    known = binomtest(only_first, only_first + only_second, 0.5).pvalue
    assert mcnemar(only_first, only_second) == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("thrown", [1, 6, 20, 43, 200])
def test_of_two_equally_good_ones_one_is_called_better_in_5_of_100_cases_at_most(thrown):
    called = sum(
        comb(thrown, heads) for heads in range(thrown + 1) if mcnemar(heads, thrown - heads) < ALPHA
    )
    assert Fraction(called, 2**thrown) <= Fraction(5, 100)


def test_the_counts_are_of_the_same_images():
    found = verdict(answers("A", "1110010"), answers("B", "1100101"), labels(7))
    assert (found.both, found.only_first, found.only_second, found.total) == (2, 2, 2, 7)
    assert found.chance == 1
    assert found.pairs == 1


def test_one_is_better_and_the_numbers_say_why():
    first = answers("A", "1" * 31 + "0" * 12 + "1" * 50 + "0" * 7)
    second = answers("B", "0" * 31 + "1" * 12 + "1" * 50 + "0" * 7)
    found = verdict(first, second, labels(100))
    assert found.chance == pytest.approx(float(tail_by_hand(31, 12)))
    assert found.better == "A"
    assert found.headline == "A is better."
    assert found.reason == (
        "A is right on 31 images that B misses, B on 12 that A misses; of 100. Such a difference "
        "by luck alone, were both equally good: 0.5\u00a0%."
    )
    turned = verdict(second, first, labels(100))
    assert turned.better == "A"
    assert turned.reason.startswith("B is right on 12 images that A misses, A on 31 that B")


def test_a_small_difference_is_within_noise():
    found = verdict(answers("A", "11111000"), answers("B", "00000000"), labels(8))
    assert found.chance == pytest.approx(1 / 16)
    assert found.better is None
    assert "noise" in found.headline
    assert "6.2\u00a0%" in found.reason
    assert "1 image that" in verdict(answers("A", "10"), answers("B", "00"), labels(2)).reason


def test_one_image_more_tells_them_apart():
    found = verdict(answers("A", "1111110"), answers("B", "0000000"), labels(7))
    assert found.chance == pytest.approx(1 / 32)
    assert found.better == "A"


def test_the_same_answers_are_no_difference():
    found = verdict(answers("A", "1101"), answers("B", "1101"), labels(4))
    assert found.better is None
    assert found.headline == "No difference at all."
    assert "the very same 3 of 4 test images" in found.reason


def test_other_wrong_answers_make_no_difference():
    first, second = answers("A", "1100"), answers("B", "1100")
    second.logits[3] = torch.eye(10)[5]
    assert verdict(first, second, labels(4)).only_first == 0


def test_runs_of_other_data_are_not_compared():
    first, second = answers("A", "11"), answers("B", "11", data="mnist")
    with pytest.raises(UserError, match=r"A on those of “5,000 digits.*B on those of “Full MNIST"):
        verdict(first, second, labels(2))


def test_answers_to_fewer_images_are_not_compared():
    with pytest.raises(UserError, match="B has answers to 2 test images, not to all 3"):
        verdict(answers("A", "111"), answers("B", "11"), labels(3))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_correction_lowers_nothing_and_keeps_the_order(chances):
    corrected = holm(chances)
    assert all(0 <= before <= after <= 1 for before, after in zip(chances, corrected, strict=True))
    order = sorted(range(len(chances)), key=chances.__getitem__)
    assert [corrected[i] for i in order] == sorted(corrected)
    assert min(corrected) == min(1.0, len(chances) * min(chances))


def test_several_are_compared_with_the_best():
    marks = {"A": "1" * 12 + "0" * 8, "B": "1" * 20, "C": "1" * 19 + "0"}
    found = verdicts([answers(name, right) for name, right in marks.items()], labels(20))
    assert [(v.first, v.second) for v in found] == [("B", "A"), ("B", "C")]
    # Three pairs: B-A 8 to 0, C-A 7 to 0, B-C 1 to 0.
    raw = [2 / 2**8, 2 / 2**7, 1.0]
    assert found[0].chance == pytest.approx(3 * raw[0])
    assert found[1].chance == 1
    assert [v.better for v in found] == ["B", None]
    assert "corrected for all 3 pairs" in found[0].reason


def test_what_is_better_alone_may_be_noise_among_five():
    wide = "1" * 7 + "0" * 20
    crowd = [answers("A", wide)] + [answers(name, "0" * 27) for name in "BCDE"]
    assert verdict(crowd[0], crowd[1], labels(27)).better == "A"
    found = verdicts(crowd, labels(27))
    assert [v.pairs for v in found] == [10] * 4
    assert [v.better for v in found] == [None] * 4


@pytest.mark.parametrize(
    ("chance", "words"),
    [
        (1.0, "100 %"),
        (0.324, "32 %"),
        (0.0512, "5.1 %"),
        (0.0052, "0.5 %"),
        (0.00052, "0.05 %"),
        (3e-9, "under 0.01 %"),
    ],
)
def test_chances_in_words(chance, words):
    assert chance_in_words(chance) == words.replace(" %", "\u00a0%")
