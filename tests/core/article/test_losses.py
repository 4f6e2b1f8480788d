"""The losses over the probability of the right class."""

import math
from itertools import pairwise

import pytest
import torch

from core.article.losses import CHANCES, CLASSES, curve, losses, point, score_of
from core.spec import RunSpec, setting_at
from core.spec.settings import Choice
from core.training.learning import loss_of

SOME = (0.001, 0.05, 0.1, 0.5, 0.9, 0.999)


def scores(chance, by=0.0):
    score = score_of(chance)
    made = torch.full((1, CLASSES), -score, dtype=torch.float64)
    made[0, 0] = score + by
    return made


def test_every_loss_of_a_spec_is_drawn():
    record = setting_at("loss")
    assert isinstance(record, Choice)
    assert losses() == tuple(record.options)


@pytest.mark.parametrize("chance", SOME)
def test_softmax_gives_the_probability_on_the_slider(chance):
    assert float(scores(chance).softmax(1)[0, 0]) == pytest.approx(chance, rel=1e-9)


@pytest.mark.parametrize("chance", SOME)
@pytest.mark.parametrize("loss", losses())
def test_value_and_gradient_are_those_that_training_uses(loss, chance):
    found = point(loss, chance)
    spec, label = RunSpec(loss=loss), torch.tensor([0])
    assert found.value == pytest.approx(float(loss_of(spec, scores(chance), label)))
    by = 1e-6
    slope = (
        loss_of(spec, scores(chance, by), label) - loss_of(spec, scores(chance, -by), label)
    ) / (2 * by)
    assert found.gradient == pytest.approx(float(slope), abs=1e-6)


@pytest.mark.parametrize("chance", SOME)
def test_cross_entropy_is_minus_the_log_and_pulls_by_what_is_missing(chance):
    found = point("cross_entropy", chance)
    assert found.value == pytest.approx(-math.log(chance))
    assert found.gradient == pytest.approx(chance - 1)
    assert point("nll", chance).value == pytest.approx(found.value)


def test_mean_squared_error_hardly_pulls_who_is_sure_and_wrong():
    wrong = abs(point("mse", 0.001).gradient)
    assert wrong < abs(point("mse", 0.3).gradient) / 10
    assert wrong < abs(point("cross_entropy", 0.001).gradient) / 1000


@pytest.mark.parametrize("loss", losses())
def test_a_curve_falls_as_the_right_class_is_given_more(loss):
    values = [at.value for at in curve(loss)]
    assert [at.chance for at in curve(loss)] == list(CHANCES)
    assert all(a >= b - 1e-12 for a, b in pairwise(values))
    assert list(CHANCES) == sorted(CHANCES)
