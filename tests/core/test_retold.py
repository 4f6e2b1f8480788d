"""Words that were kept become sentences again, without a change in English."""

import pytest

from core.device import devices
from core.glance import glance
from core.message import Message
from core.retold import retold
from core.spec import BlockSpec, DenseSpec, RunSpec

DENSE = (DenseSpec(units=128), DenseSpec(units=32))
NETWORKS = (
    RunSpec(blocks=(BlockSpec(channels=16), BlockSpec(channels=32)), dense=DENSE),
    RunSpec(),
    RunSpec(family="dense"),
    RunSpec(family="dense", dense=DENSE),
    RunSpec(family="recurrent", cell="lstm", rnn_layers=2, bidirectional=True, dense=DENSE),
    RunSpec(family="recurrent", bidirectional=True),
)


@pytest.mark.parametrize("spec", NETWORKS, ids=glance)
def test_a_network_is_told_as_a_list_keeps_it(spec):
    told = retold(glance(spec))
    assert told == glance(spec)
    assert isinstance(told, Message)
    assert glance(spec) not in (value for value in told.values.values())


def test_the_widths_are_apart_from_the_words():
    told = retold("2 × LSTM 64 both ways + 128")
    assert isinstance(told, Message)
    assert told.values == {"layers": "2 × LSTM 64", "dense": " + 128"}


@pytest.mark.parametrize("words", ["CPU, 1 core", "CPU, 16 cores", devices()[-1].name])
def test_a_processor_is_told(words):
    assert retold(words) == words
    assert isinstance(retold(words), Message)


@pytest.mark.parametrize("words", ["", "GRU 64 + 32", "NVIDIA H100", "deconv 16", "{widths}"])
def test_what_is_no_such_sentence_stays(words):
    assert retold(words) == words
    assert not isinstance(retold(words), Message)
