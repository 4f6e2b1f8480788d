"""The little network: its first weights, its one epoch, and that it disturbs nobody."""

from dataclasses import replace

import pytest
import torch

from core.article.little import SPEC, batches, drawn, weights_of, with_weights
from core.data.loading import load
from core.network.model import build, initialise
from core.spec.presets import PRESETS
from core.training.batches import normalise


@pytest.mark.parametrize(
    "spec", [SPEC, replace(SPEC, seed=7), PRESETS["article"].spec, PRESETS["dense"].spec]
)
def test_its_first_weights_are_those_of_a_run(spec):
    model = build(spec)
    initialise(model, spec.seed)
    mine = drawn(spec).state_dict()
    assert mine.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(mine[name], value), name


def test_nothing_is_drawn_from_the_generators_that_a_run_may_be_using():
    before = torch.get_rng_state()
    drawn(SPEC)
    weights_of("trained")
    next(batches(SPEC, load("embedded").train, 1))
    assert torch.equal(torch.get_rng_state(), before)


def test_one_epoch_teaches_it_digits():
    data = load("embedded")
    x = normalise(data.test.images, data.mean, data.std)

    def right(start):
        with torch.inference_mode():
            return int((with_weights(weights_of(start))(x).argmax(1) == data.test.labels).sum())

    assert right("fresh") < 150
    assert right("trained") > 430


def test_the_kept_weights_stay_as_they_are():
    kept = {name: value.clone() for name, value in weights_of("fresh").items()}
    model = with_weights(weights_of("fresh"))
    with torch.no_grad():
        for value in model.parameters():
            value.add_(1)
    assert all(torch.equal(value, kept[name]) for name, value in weights_of("fresh").items())


def test_an_epoch_shows_every_image_once():
    spec = replace(SPEC, batch_size=100)
    train = load("embedded").train
    seen = torch.cat([y for _, y in batches(spec, train, 40)])
    assert torch.equal(seen.bincount(), train.labels.bincount())
    assert not torch.equal(seen, train.labels)
