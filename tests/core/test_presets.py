import pytest

from core.check import check
from core.layers import lay_out
from core.presets import DEFAULT, PRESETS, preset_of
from core.spec import BlockSpec, RunSpec


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_runs_here(key):
    assert check(PRESETS[key].spec).problem is None


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_is_known_by_its_network(key):
    spec = PRESETS[key].spec
    assert preset_of(spec) == key
    assert preset_of(spec.with_value("seed", 7).with_value("data", "mnist")) == key
    assert preset_of(spec.with_value("blocks.0.channels", 99)) is None


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
    woken = spec.with_value("blocks.0.activation", "relu").with_value("blocks.0.batch_norm", True)
    assert check(woken).problem is None


def test_the_default_is_a_preset():
    assert preset_of(DEFAULT) == "small"
