"""The layers of a network as a table."""

from dataclasses import replace

import pytest

from core.network.layers import lay_out
from core.spec import BlockSpec, RunSpec
from core.spec.presets import DEFAULT, PRESETS

COLUMNS = [
    "Part",
    "Layer",
    "Operation",
    "Output shape",
    "Kernel",
    "Parameters",
    "Multiply-adds",
    "Receptive field",
]


@pytest.mark.parametrize("key", PRESETS)
def test_it_has_a_row_for_every_layer_and_sums_to_the_totals(visit, key):
    spec = PRESETS[key].spec
    network, table = lay_out(spec), visit(spec=spec).layers()
    assert [name.replace("–", "-") for name in table.columns] == COLUMNS
    assert len(table) == len(network.layers)
    assert table.iloc[:, 5].sum() == network.params
    assert table.iloc[:, 6].sum() == network.multiply_adds


def test_it_tells_each_layer_s_shape_and_cost(visit):
    table = visit(spec=PRESETS["article"].spec).layers()
    first = table.iloc[0].tolist()
    assert first[0] == "Block 1"
    assert first[2:] == [
        "Conv2d",
        "64 × 28 × 28",
        "3 × 3",
        64 * 9 + 64,
        64 * 9 * 28 * 28,
        "3 × 3\xa0px",
    ]
    linear = table[table["Operation"] == "Linear"]
    assert linear["Part"].tolist() == ["Dense layer 1", "Output"]
    assert linear["Parameters"].tolist() == [128 * 512 + 512, 512 * 10 + 10]
    assert linear["Output shape"].tolist() == ["512", "10"]


def test_it_ends_where_the_network_breaks(visit):
    spec = RunSpec(blocks=(BlockSpec(pool_size=3),) * 5)
    table = visit(spec=spec).layers()
    assert table["Part"].tolist()[-1] == "Block 4"
    assert "Linear" not in table["Operation"].tolist()


def test_what_is_switched_on_gets_a_row(visit):
    plain = visit(spec=RunSpec()).layers()["Operation"].tolist()
    block = replace(DEFAULT.blocks[0], norm="batch", dropout=0.5, activation="gelu")
    full = visit(spec=RunSpec(blocks=(block,))).layers()["Operation"].tolist()
    assert plain == ["Conv2d", "ReLU", "MaxPool2d", "Flatten", "Linear"]
    assert full[:3] == ["Conv2d", "BatchNorm2d", "GELU"]
    assert "Dropout2d" in full


def test_it_follows_the_order_of_a_block_and_shows_both_layers_of_a_separable_one(visit):
    block = BlockSpec(
        channels=8,
        norm="group",
        convolution="depthwise_separable",
        order="pool-act-norm-drop",
        dropout=0.1,
    )
    table = visit(spec=RunSpec(blocks=(block, replace(block, norm="layer")))).layers()
    assert table["Operation"].tolist()[:8] == [
        "Conv2d, depthwise",
        "Conv2d",
        "MaxPool2d",
        "ReLU",
        "GroupNorm, 4 groups",
        "Dropout2d",
        "Conv2d, depthwise",
        "Conv2d",
    ]
    assert table["Operation"].tolist()[10] == "GroupNorm, layer norm"
    assert table["Kernel"].tolist()[:2] == ["3 × 3", "1 × 1"]


def test_it_says_where_the_input_of_a_block_is_added(visit):
    around = BlockSpec(channels=4, pool="none", residual=True, dropout=0.1)
    table = visit(spec=RunSpec(blocks=(BlockSpec(channels=4), around))).layers()
    operations = dict(zip(table["Layer"], table["Operation"], strict=True))
    assert operations["drop2"] == "Dropout2d, + input"
    assert [name for name, words in operations.items() if "+" in words] == ["drop2"]
