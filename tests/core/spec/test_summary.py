"""What a list tells of a network, as facts and in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.summary import Outline, from_plain, outline_of, to_plain
from core.words.message import Message
from core.words.translation import tell

DENSE = (DenseSpec(units=128), DenseSpec(units=32))
CONV = RunSpec(blocks=(BlockSpec(channels=16), BlockSpec(channels=32)), dense=DENSE)
NETWORKS = {
    "conv": (CONV, "conv 16–32 + 128 + 32"),
    "one-block": (RunSpec(), "conv 16"),
    "no-hidden-layer": (RunSpec(family="dense"), "dense, no hidden layer"),
    "dense": (RunSpec(family="dense", dense=DENSE), "dense 128–32"),
    "gru": (RunSpec(family="recurrent", dense=DENSE), "GRU 64 + 128 + 32"),
    "both-ways": (
        RunSpec(family="recurrent", cell="lstm", rnn_layers=2, bidirectional=True, dense=DENSE),
        "2 × LSTM 64 both ways + 128 + 32",
    ),
}
each_network = pytest.mark.parametrize(("spec", "words"), NETWORKS.values(), ids=NETWORKS.keys())


@each_network
def test_a_network_in_a_few_words(spec, words):
    assert outline_of(spec).words == words


@each_network
def test_an_outline_comes_back_from_json(spec, words):
    outline = outline_of(spec)
    assert from_plain(json.loads(json.dumps(to_plain(outline)))) == outline


def test_widths_stand_apart_from_the_words_and_are_told_in_chinese():
    told = outline_of(NETWORKS["both-ways"][0]).words
    assert isinstance(told, Message)
    assert told.values == {"layers": "2 × LSTM 64", "dense": " + 128 + 32"}
    assert tell(told, "zh") == "2 × LSTM 64 双向 + 128 + 32"


def test_what_a_network_does_not_use_is_not_in_its_outline():
    spec = RunSpec(family="dense", cell="lstm", bidirectional=True, blocks=CONV.blocks)
    assert outline_of(spec) == Outline(family="dense")


@given(
    key=st.sampled_from([*to_plain(Outline(family="conv")), "surplus"]),
    value=st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none(), min_size=1),
)
def test_what_is_no_outline_is_refused_or_one(key, value):
    try:
        found = from_plain(json.loads(json.dumps(to_plain(outline_of(CONV)))) | {key: value})
    except ValueError:
        return
    assert json.loads(json.dumps(to_plain(found)))[key] == value
