from dataclasses import replace

import pytest

from core.data.loading import load
from core.network.layers import lay_out
from core.spec import BlockSpec, RunSpec
from core.spec.presets import DEFAULT, PRESETS, preset_of
from core.training.check import check
from core.training.events import Epoch
from core.training.trainer import Trainer


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_runs_here(key):
    assert check(PRESETS[key].spec).problem is None


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_is_known_by_its_network(key):
    spec = PRESETS[key].spec
    assert preset_of(spec) == key
    assert preset_of(spec.with_value("seed", 7).with_value("data", "mnist")) == key
    width = {"conv": "blocks.0.channels", "dense": "dense.0.units", "recurrent": "rnn_units"}
    assert preset_of(spec.with_value(width[spec.family], 99)) is None
    if spec.family != "conv":  # what its kind of network does not use makes no difference
        assert preset_of(spec.with_value("blocks.0.channels", 99)) == key


def test_a_network_of_ones_own_is_no_preset():
    assert preset_of(RunSpec(blocks=(BlockSpec(channels=3),))) is None


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_says_in_whole_sentences_why_it_is_there(key):
    preset = PRESETS[key]
    assert preset.sentence.endswith(".")
    assert 0 < len(preset.title) < 40


def test_the_article_is_what_the_article_prints():
    spec = PRESETS["article"].spec
    assert [block.channels for block in spec.blocks] == [64, 64, 128, 128]
    assert {(b.kernel_size, b.activation, b.pool, b.pool_size) for b in spec.blocks} == {
        (3, "relu", "max", 2)
    }
    assert [layer.units for layer in spec.dense] == [512]


def test_lenet_has_the_sizes_of_the_paper():
    shapes = [layer.shape for layer in lay_out(PRESETS["lenet"].spec).layers]
    for shape in [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]:
        assert shape in shapes


def test_the_bad_one_can_wake_up_as_its_sentence_says():
    spec = PRESETS["bad"].spec
    assert {b.activation for b in spec.blocks} | {d.activation for d in spec.dense} == {"sigmoid"}
    assert len(spec.blocks) + len(spec.dense) == 7
    woken = spec.with_value("blocks.0.activation", "relu").with_value("blocks.0.norm", "batch")
    assert check(woken).problem is None


@pytest.mark.parametrize("key", ["fast", "accurate"])
def test_a_preset_made_for_full_mnist_brings_it_along(key):
    assert PRESETS[key].spec.data == "mnist"
    assert "full MNIST" in PRESETS[key].sentence


def test_the_fast_one_does_less_than_half_the_work_of_the_small_one():
    fast, small = (lay_out(PRESETS[key].spec).multiply_adds for key in ("fast", "small"))
    assert fast < small / 2
    assert PRESETS["fast"].spec.num_epochs == 1


def test_the_fast_one_learns_from_one_look_at_a_few_thousand_digits():
    spec = replace(PRESETS["fast"].spec, data="embedded", device="cpu")
    epoch = next(e for e in Trainer(spec, load("embedded")).fit() if isinstance(e, Epoch))
    assert epoch.val_accuracy > 0.9


def test_the_accurate_one_changes_every_digit_in_every_way():
    spec = PRESETS["accurate"].spec
    assert all(spec.value(name) for name in ("shift", "rotation", "scale", "elastic"))


def test_the_default_is_a_preset():
    assert preset_of(DEFAULT) == "small"
