"""How three kinds of network read a digit."""

import pytest
import torch
from torch import nn

from core.article.digits import picture
from core.article.reading import KINDS, ROWS, facts, read, window_side
from core.data.loading import load
from core.network.model import build, initialise
from core.spec.presets import PRESETS
from core.training.batches import normalise


def first_layer(kind):
    """The first layer of a run that has not begun."""
    spec = PRESETS[KINDS[kind]].spec
    model = build(spec)
    initialise(model, spec.seed)
    return next(layer for layer in model if any(True for _ in layer.parameters()))


def prepared(digit):
    data = load("embedded")
    return normalise(digit, data.mean, data.std)


@pytest.mark.parametrize("kind", KINDS)
def test_the_costs_are_those_of_the_network(kind):
    told = facts(kind)
    spec = PRESETS[told.preset].spec
    assert spec.family == kind
    assert told.params == sum(value.numel() for value in build(spec).parameters())
    first = first_layer(kind)
    assert told.first_weights == sum(v.numel() for v in first.parameters() if v.dim() > 1)


def test_a_weight_is_used_at_every_place_once_or_at_every_row():
    assert facts("conv").uses == 28 * 28
    assert facts("dense").uses == 1
    assert facts("recurrent").uses == ROWS
    assert window_side() == PRESETS["small"].spec.blocks[0].kernel_size


@pytest.mark.parametrize("rows", [1, 13, ROWS])
def test_what_has_been_read_so_far_is_what_the_first_layers_make_of_it(rows):
    digit = picture(9)
    found, x = read(digit, rows), prepared(digit)
    with torch.inference_mode():
        whole = first_layer("conv")(x)[0, 0]
        values = first_layer("dense")(x.flatten(1))[0]
        rnn = first_layer("recurrent")
        assert isinstance(rnn, nn.GRU)
        memory = rnn(x[:, 0])[0][0, rows - 1]
    torch.testing.assert_close(found.conv[:rows], whole[:rows])
    assert found.conv[rows:].isnan().all()
    torch.testing.assert_close(found.dense, values)
    torch.testing.assert_close(found.recurrent, memory)


def test_only_what_has_been_read_counts():
    digit = picture(1)
    changed = digit.clone()
    changed[..., 20:, :] = 255
    assert torch.equal(read(digit, 17).recurrent, read(changed, 17).recurrent)
    assert not torch.equal(read(digit, 21).recurrent, read(changed, 21).recurrent)
    assert not torch.equal(read(digit, 1).dense, read(changed, 1).dense)
