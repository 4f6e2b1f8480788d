"""Networks of every kind as ONNX: the same probabilities as PyTorch's."""

import pytest
import torch

from core.network.model import build
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.take_home.onnx_graph import graph, largest_difference
from tests.core.take_home.conftest import untrained


def difference(spec: RunSpec) -> float:
    """By how much onnxruntime and PyTorch differ on some noise."""
    contents, weights = untrained(spec), build(spec).state_dict()
    written = graph(contents, weights).SerializeToString()
    pixels = torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8)
    return largest_difference(contents, weights, written, pixels)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_are_written_with_their_gates_in_order(cell, layers, bidirectional):
    spec = RunSpec(
        family="recurrent",
        cell=cell,
        rnn_units=9,
        rnn_layers=layers,
        bidirectional=bidirectional,
        dense=(DenseSpec(units=7),),
    )
    assert difference(spec) < 1e-6


@pytest.mark.parametrize("order", ["norm-act-pool-drop", "pool-drop-act-norm"])
@pytest.mark.parametrize("norm", ["none", "batch", "group", "layer"])
def test_separable_blocks_are_written_with_every_norm_and_order(norm, order):
    block = BlockSpec(
        channels=12,
        kernel_size=5,
        norm=norm,
        convolution="depthwise_separable",
        order=order,
        dropout=0.3,
    )
    assert difference(RunSpec(blocks=(block, block))) < 1e-5


@pytest.mark.parametrize("dense", [(), (DenseSpec(units=32, activation="elu"),)])
def test_dense_networks_are_written(dense):
    assert difference(RunSpec(family="dense", dense=dense)) < 1e-5
