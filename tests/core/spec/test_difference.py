"""What differs between specs: complete, in order, and in words."""

from dataclasses import fields, replace

import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.spec import BlockSpec, DenseSpec, RunSpec, in_use, setting_at, walk
from core.spec.difference import (
    ALIKE,
    differences,
    in_words,
    loss_in_words,
    same_loss,
    sentence,
)
from core.spec.presets import DEFAULT, PRESETS
from core.spec.settings import Choice, Flag, Number

ONE = RunSpec(blocks=(BlockSpec(kernel_size=3),), lr=0.001)


def labels(*specs: RunSpec) -> list[str]:
    return [difference.label for difference in differences(specs)]


def test_equal_specs_differ_in_nothing():
    assert differences((ONE, RunSpec(blocks=(BlockSpec(kernel_size=3),)))) == ()
    assert sentence(ONE, ONE) == ALIKE


def test_each_value_stands_in_words_beside_its_label():
    other = replace(ONE, blocks=(BlockSpec(kernel_size=5, norm="batch"),), lr=0.01)
    found = differences((ONE, other))
    assert [(d.path, d.label, d.values) for d in found] == [
        ("blocks.0.kernel_size", "Block 1: kernel size", ("3 × 3", "5 × 5")),
        ("blocks.0.norm", "Block 1: norm", ("None", "Batch norm")),
        ("lr", "Learning rate", ("0.001", "0.01")),
    ]
    assert not any(difference.part for difference in found)


def test_a_part_that_is_missing_is_one_difference_that_says_what_it_is():
    other = replace(
        ONE,
        blocks=(*ONE.blocks, BlockSpec(channels=64, pool="none")),
        dense=(DenseSpec(dropout=0.5),),
    )
    found = differences((other, ONE))
    assert [(d.label, d.values) for d in found] == [
        ("Block 2", ("channels 64, pooling None", None)),
        ("Dense layer 1", ("units 64, dropout 0.5", None)),
    ]
    assert all(difference.part for difference in found)


def test_several_specs_are_compared_at_once():
    specs = (
        ONE,
        replace(ONE, lr=0.02),
        replace(ONE, blocks=(BlockSpec(), BlockSpec(channels=8))),
        replace(ONE, blocks=(BlockSpec(), BlockSpec(channels=9))),
    )
    found = differences(specs)
    assert [(d.label, d.values) for d in found] == [
        ("Block 2", (None, None, "channels 8", "channels 9")),
        ("Learning rate", ("0.001", "0.02", "0.001", "0.001")),
    ]


def test_the_network_comes_first_however_the_specs_are_ordered():
    wide = replace(ONE, blocks=(BlockSpec(), BlockSpec()), seed=1)
    tall = replace(ONE, dense=(DenseSpec(), DenseSpec()), lr=0.1)
    wanted = ["Block 2", "Dense layer 1", "Dense layer 2", "Learning rate", "Seed"]
    assert labels(wide, tall) == labels(tall, wide) == wanted
    assert labels(ONE, tall, wide) == wanted


def test_a_sentence_says_the_first_of_the_two():
    other = replace(ONE, blocks=(BlockSpec(kernel_size=5),), lr=0.01)
    assert sentence(other, ONE) == (
        "Kernel size of block 1: 5 × 5, not 3 × 3; learning rate: 0.01, not 0.001."
    )
    assert sentence(ONE, other) == (
        "Kernel size of block 1: 3 × 3, not 5 × 5; learning rate: 0.001, not 0.01."
    )


def test_a_sentence_tells_which_one_has_a_part():
    other = replace(ONE, dense=(DenseSpec(units=128),))
    assert sentence(other, ONE) == "There is a dense layer 1 (units 128)."
    assert sentence(ONE, other) == "There is no dense layer 1 (units 128)."


def test_a_long_sentence_counts_the_rest():
    four = replace(ONE, lr=0.01, seed=1, num_epochs=9, batch_size=32)
    assert sentence(four, ONE).count(";") == 3
    assert "more" not in sentence(four, ONE)
    six = replace(four, momentum=0.5, loss="mse")
    said = sentence(six, ONE)
    assert said.startswith("Loss: Mean squared error, not Cross entropy; ")
    assert said.endswith("; and 3 more.")
    assert said.count(", not ") == 3


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("lr", 1e-6, "0.000001"),
        ("lr", 100.0, "100"),
        ("lr", 0.02, "0.02"),
        ("weight_decay", 0.0, "0"),
        ("weight_decay", 1e-9, "1e-09"),
        ("batch_size", 8192, "8,192 images"),
        ("rotation", 10, "10 degrees"),
        ("optimizer", "adamw", "AdamW"),
        ("blocks.0.norm", "batch", "Batch norm"),
        ("blocks.0.kernel_size", 7, "7 × 7"),
    ],
)
def test_values_read_as_people_write_them(path, value, words):
    assert in_words(setting_at(path), value) == words


def different(record: object, value: object) -> object:
    """Another value that the setting allows."""
    match record:
        case Flag():
            return not value
        case Choice(options=options):
            return next(option for option in options if option != value)
        case Number(low=low, high=high, whole=whole):
            other = high if value == low else low
            return int(other) if whole else float(other)
    raise TypeError(record)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (key, path)
        for key in ("fast", "recurrent")
        for path, _, _ in walk(PRESETS[key].spec)
        if path != "family" and in_use(PRESETS[key].spec, path)
    ],
)
def test_every_setting_of_the_table_is_compared(key, path):
    spec = PRESETS[key].spec
    other = spec.with_value(path, different(setting_at(path), spec.value(path)))
    (found,) = differences((spec, other))
    assert found.path == path
    assert found.label.lower().endswith(setting_at(path).label.lower())
    assert found.values[0] != found.values[1]
    assert sentence(other, spec) != ALIKE


def test_another_kind_of_network_is_told_with_the_parts_that_it_lacks():
    conv, recurrent = PRESETS["fast"].spec, replace(PRESETS["fast"].spec, family="recurrent")
    found = differences((conv, recurrent))
    assert [(d.path, d.values[1]) for d in found] == [
        ("blocks.0", None),
        ("blocks.1", None),
        ("family", "Recurrent"),
    ]
    assert "There is a block 1" in sentence(conv, recurrent)


def test_a_field_that_is_added_is_known():
    covered = {path.split(".")[-1] for path, _, _ in walk(PRESETS["fast"].spec)}
    for cls in (RunSpec, BlockSpec, DenseSpec):
        described = {f.name for f in fields(cls) if "setting" in f.metadata}
        assert described <= covered


@given(st.data())
@hypothesis_settings(max_examples=60)
def test_nothing_is_left_out_and_nothing_made_up(specs, data):
    first, second = data.draw(specs()), data.draw(specs())
    found = differences((first, second))
    mirrored = differences((second, first))
    assert [(d.path, d.values[::-1]) for d in mirrored] == [(d.path, d.values) for d in found]
    assume((first.family, bool(first.folds)) == (second.family, bool(second.folds)))
    here, there = ({p: v for p, _, v in walk(spec) if in_use(spec, p)} for spec in (first, second))
    differing = {path for path in here.keys() & there.keys() if here[path] != there[path]}
    assert {d.path for d in found if not d.part} == differing
    lacking = {path.rpartition(".")[0] for path in here.keys() ^ there.keys()}
    assert {d.path for d in found if d.part} == lacking
    assert bool(found) == (here != there)


def test_the_default_and_its_presets_all_read_well():
    for preset in PRESETS.values():
        said = sentence(preset.spec, DEFAULT)
        assert said.endswith(".")
        assert said[0].isupper()


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"lr": 0.5, "num_epochs": 3}, True),
        ({"label_smoothing": 0.1}, False),
        ({"loss": "mse"}, False),
        ({"loss": "bce"}, False),
        ({"loss": "multi_margin"}, False),
    ],
    ids=["rate", "smoothing", "squares", "binary", "margin"],
)
def test_losses_are_the_same_where_the_same_is_made_small(changes, same):
    other = replace(ONE, **changes)
    assert same_loss(ONE, other) == same_loss(other, ONE) == same
    assert (loss_in_words(ONE) == loss_in_words(other)) == same


def test_a_smoothing_that_a_loss_does_not_use_changes_nothing():
    assert same_loss(ONE, replace(ONE, loss="nll"))
    first = replace(ONE, loss="mse")
    assert same_loss(first, replace(first, label_smoothing=0.1))
    assert loss_in_words(replace(ONE, label_smoothing=0.1)).endswith("labels smoothed by 0.1")
