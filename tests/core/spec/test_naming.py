"""A new spec is named by what differs from what a person knows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spec import BlockSpec, DenseSpec, RunSpec, setting_at, settings
from core.spec.naming import MAX_WORDS, Known, naming
from core.spec.presets import PRESETS
from core.spec.settings import Choice, Flag
from core.words.translation import tell

SMALL, BAD, DENSE = (PRESETS[key].spec for key in ("small", "bad", "dense"))
OWN = RunSpec(blocks=(BlockSpec(channels=16, pool="none"),) * 4, dense=(DenseSpec(units=64),))


def everywhere(spec, **changes):
    """The same spec with other settings in each of its blocks."""
    return replace(spec, blocks=tuple(replace(block, **changes) for block in spec.blocks))


def first_block(spec, **changes):
    return replace(spec, blocks=(replace(spec.blocks[0], **changes), *spec.blocks[1:]))


BAD_RELU = replace(
    everywhere(BAD, activation="relu"), dense=(replace(BAD.dense[0], activation="relu"),)
)

NAMED = {
    "preset": (SMALL, "Small and fast"),
    "optimizer": (replace(SMALL, optimizer="sgd"), "Small and fast, SGD"),
    "rate": (replace(SMALL, lr=0.1), "Small and fast, lr 0.1"),
    "loss": (replace(SMALL, loss="mse"), "Small and fast, MSE"),
    "seed": (replace(SMALL, seed=3), "Small and fast, seed 3"),
    "data": (replace(SMALL, data="mnist"), "Small and fast, Full MNIST"),
    "folds": (replace(SMALL, folds=5), "Small and fast, 5 folds"),
    "switched-off": (replace(SMALL, shift=0), "Small and fast, no shift"),
    "flag": (replace(SMALL, keep_best=True), "Small and fast, best epoch"),
    "all-layers": (BAD_RELU, "Bad on purpose, ReLU"),
    "one-layer": (first_block(SMALL, activation="tanh"), "Small and fast, block 1 Tanh"),
    "no-norm": (everywhere(SMALL, norm="none"), "Small and fast, no norm"),
    "another-block": (
        replace(SMALL, blocks=(*SMALL.blocks, BlockSpec(channels=64))),
        "Small and fast, conv 16–32–64–64",
    ),
    "no-hidden-layer": (replace(DENSE, dense=()), "Plain dense network, no dense layer"),
    "two": (replace(SMALL, optimizer="sgd", lr=0.1), "Small and fast, SGD, lr 0.1"),
    "more-than-fit": (
        replace(SMALL, optimizer="sgd", lr=0.1, shift=0, rotation=0, seed=4),
        "Small and fast, SGD, lr 0.1 +3",
    ),
    "own": (OWN, "conv 4 × 16 + 64"),
}


@pytest.mark.parametrize(("spec", "words"), NAMED.values(), ids=NAMED.keys())
def test_a_spec_is_named_by_what_it_does_otherwise_than_a_preset(spec, words):
    assert naming(spec) == words


def test_what_differs_from_the_last_run_is_told_first():
    last = replace(SMALL, optimizer="sgd", num_epochs=3)
    assert naming(replace(last, lr=0.1), last=last) == "Small and fast, lr 0.1, SGD +1"


def test_a_network_like_no_preset_is_told_from_the_last_run():
    assert naming(replace(OWN, optimizer="sgd"), last=OWN) == "conv 4 × 16 + 64, SGD"
    assert naming(everywhere(OWN, norm="batch"), last=OWN) == "conv 4 × 16 + 64, batch norm"
    assert naming(OWN, last=SMALL) == "conv 4 × 16 + 64"
    assert naming(OWN, last=PRESETS["recurrent"].spec) == "conv 4 × 16 + 64"


def test_a_name_that_a_person_gave_is_passed_on_with_what_differs():
    known = Known(spec=BAD, called="deep sigmoid")
    assert naming(BAD_RELU, known=known) == "deep sigmoid + ReLU"
    assert naming(BAD, known=known) == "deep sigmoid"
    assert naming(SMALL, known=known) == "Small and fast"
    long = Known(spec=BAD, called="a very long name that I gave to it yesterday evening")
    assert naming(BAD_RELU, known=long) == "a very long name… + ReLU"


def test_a_name_that_a_person_gave_is_never_translated():
    known = Known(spec=BAD, called="Small and fast")
    assert tell(naming(BAD_RELU, known=known), "zh") == "Small and fast + ReLU"
    assert tell(naming(replace(SMALL, lr=0.1)), "zh") == "小而快、学习率 0.1"


def all_changes():
    """Every other value of a setting, or some, of the whole and of the first block."""
    places = [*settings(RunSpec), *(f"blocks.0.{name}" for name in settings(BlockSpec))]
    for path in places:
        record, now = setting_at(path), SMALL.value(path)
        if isinstance(record, Choice):
            others = list(record.options)
        elif isinstance(record, Flag):
            others = [True, False]
        else:
            others = [record.nearest(each, now) for each in (record.low, record.high, 1, 0.25)]
        yield from ((path, other) for other in others if other != now)


@given(st.sampled_from(list(all_changes())))
def test_each_change_of_a_preset_has_a_short_name_of_its_own(change):
    path, value = change
    spec = SMALL.with_value(path, value)
    name = naming(spec)
    assert len(name) <= 46
    assert name.isprintable()
    if spec.family == SMALL.family and not path.startswith(("cell", "rnn_", "bidirectional")):
        assert name != naming(SMALL)


@given(st.lists(st.sampled_from(list(all_changes())), min_size=2, max_size=8))
def test_a_name_of_many_changes_is_still_short(changes):
    spec = SMALL
    for path, value in changes:
        if path != "family":
            spec = spec.with_value(path, value)
    assert len(naming(spec, last=SMALL)) <= MAX_WORDS + 14
