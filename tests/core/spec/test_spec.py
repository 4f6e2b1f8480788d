import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spec import (
    BlockSpec,
    DenseSpec,
    RunSpec,
    SpecError,
    default_of,
    place,
    setting_at,
    settings,
    walk,
)
from core.spec.settings import Choice, Number
from core.words.errors import UserError
from core.words.message import shown

TWO = RunSpec(blocks=(BlockSpec(), BlockSpec(channels=8)), dense=(DenseSpec(), DenseSpec()))


def test_the_defaults_are_valid():
    assert RunSpec().value("lr") == 0.001
    assert TWO.value("blocks.1.channels") == 8


@pytest.mark.parametrize(
    ("change", "where", "start"),
    [
        ({"lr": math.nan}, "lr", "Settings: learning rate"),
        ({"lr": math.inf}, "lr", "Settings: learning rate"),
        ({"lr": "fast"}, "lr", "Settings: learning rate"),
        ({"lr": True}, "lr", "Settings: learning rate"),
        ({"lr": 0.0}, "lr", "Settings: learning rate"),
        ({"batch_size": 0}, "batch_size", "Settings: batch size"),
        ({"batch_size": 2.0}, "batch_size", "Settings: batch size"),
        ({"num_epochs": 10**5000}, "num_epochs", "Settings: epochs"),
        ({"seed": -1}, "seed", "Settings: seed"),
        ({"loss": "mae"}, "loss", "Settings: loss"),
        ({"loss": None}, "loss", "Settings: loss"),
        ({"blocks": ()}, "blocks", "Settings: a network has 1 to 6 convolution blocks"),
        ({"blocks": (BlockSpec(),) * 7}, "blocks", "Settings: a network has 1 to 6"),
        ({"blocks": [BlockSpec()]}, "blocks", "Settings: blocks must be a list"),
        ({"blocks": (DenseSpec(),)}, "blocks", "Settings: blocks must be a list"),
        ({"dense": (DenseSpec(),) * 4}, "dense", "Settings: a network has 0 to 3 dense layers"),
        (
            {"blocks": (BlockSpec(), BlockSpec(kernel_size=4))},
            "blocks.1.kernel_size",
            "Block 2: kernel size must be one of 1, 3, 5, 7, not “4”",
        ),
        (
            {"blocks": (BlockSpec(kernel_size=True),)},
            "blocks.0.kernel_size",
            "Block 1: kernel size",
        ),
        (
            {"blocks": (BlockSpec(norm=True),)},
            "blocks.0.norm",
            "Block 1: norm must be one of none, batch, group, layer, not “True”",
        ),
        (
            {"dense": (DenseSpec(), DenseSpec(), DenseSpec(units=4097))},
            "dense.2.units",
            "Dense layer 3: units must be from 1 to 4096, not 4097",
        ),
        (
            {"dense": (DenseSpec(dropout=0.95),)},
            "dense.0.dropout",
            "Dense layer 1: dropout must be from 0 to 0.9",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(change, where, start):
    with pytest.raises(SpecError) as caught:
        RunSpec(**change)
    assert caught.value.where == where
    assert str(caught.value).startswith(start)
    assert isinstance(caught.value, UserError)


def test_the_limits_themselves_are_allowed():
    for path, record, _ in walk(TWO):
        if isinstance(record, Number):
            kind = int if record.whole else float
            for edge in (kind(record.low), kind(record.high)):
                assert TWO.with_value(path, edge).value(path) == edge


def test_with_value_changes_one_value_and_leaves_the_original():
    for path, record, before in walk(TWO):
        other = next(
            value
            for value in (*(record.options if isinstance(record, Choice) else ()), True, 1, 0.5, 2)
            if value != before and record.complaint(value) is None
        )
        changed = TWO.with_value(path, other)
        differing = [p for p, _, value in walk(changed) if value != TWO.value(p)]
        assert differing == [path]
        assert TWO.value(path) == before


@pytest.mark.parametrize(
    "path", ["nonsense", "blocks.0.units", "dense.0.channels", "blocks.2.pool"]
)
def test_with_value_knows_no_other_paths(path):
    with pytest.raises(KeyError):
        TWO.with_value(path, 1)


def test_with_value_refuses_what_the_spec_refuses():
    with pytest.raises(SpecError, match=r"^Block 2: channels must be from 1 to 512, not 0\.$"):
        TWO.with_value("blocks.1.channels", 0)


def test_a_spec_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TWO.lr = 1.0


def test_every_field_has_words_and_an_allowed_default():
    for cls in (BlockSpec, DenseSpec, RunSpec):
        described = settings(cls)
        undescribed = {f.name for f in dataclasses.fields(cls)} - set(described)
        assert undescribed == ({"blocks", "dense"} if cls is RunSpec else set())
        for name, record in described.items():
            assert record.complaint(default_of(cls, name)) is None
            assert record.label[0].isupper()
            assert record.help.endswith(".")


def test_walk_and_setting_at_agree():
    for path, record, value in walk(TWO):
        assert setting_at(path) is record
        assert TWO.value(path) == value


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("blocks.0.pool", "Block 1"),
        ("blocks.4", "Block 5"),
        ("dense.2.units", "Dense layer 3"),
        ("blocks", "Blocks"),
        ("dense", "Dense layers"),
        ("lr", "Settings"),
        ("", "Settings"),
    ],
)
def test_place_speaks_as_people_do(path, words):
    assert place(path) == words


@given(st.data())
def test_every_setting_reads_back_what_it_writes(fields_of, data):
    for cls in (BlockSpec, DenseSpec, RunSpec):
        for name, values in fields_of(cls).items():
            record, value = settings(cls)[name], data.draw(values)
            read = record.parse(record.format(value))
            assert (read, type(read)) == (value, type(value))
            assert record.complaint(value) is None


@given(st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans()))
def test_the_nearest_value_is_always_allowed(value):
    for cls in (BlockSpec, DenseSpec, RunSpec):
        for name, record in settings(cls).items():
            assert record.complaint(record.nearest(value, default_of(cls, name))) is None


def test_the_nearest_value_is_near():
    assert setting_at("blocks.0.kernel_size").nearest(6, 3) == 5
    assert setting_at("blocks.0.kernel_size").nearest(99, 3) == 7
    assert setting_at("blocks.0.channels").nearest(10**30, 16) == 512
    assert setting_at("lr").nearest(-1.0, 0.001) == 1e-6
    assert setting_at("lr").nearest(math.nan, 0.001) == 0.001


def test_a_strangers_words_are_quoted_short_and_on_one_line():
    assert shown("a\nb\x00\u202ec") == "a·b··c"
    assert shown("x" * 41) == "x" * 40 + "…"
    assert len(shown(10**5000)) <= 41
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert len(shown(nested)) <= 41
