"""Adding, choosing and removing blocks and dense layers."""

from dataclasses import replace

from core.spec import MAX_BLOCKS, MAX_DENSE, BlockSpec, DenseSpec, RunSpec
from core.spec.presets import DEFAULT, PRESETS
from tests.app.built import parts_of, shows

SMALL_AND_DENSE = replace(DEFAULT, dense=(DenseSpec(units=32), DenseSpec(units=16)))


def test_blocks_are_added_and_removed_within_their_limits(visit):
    tab = visit(spec=RunSpec(blocks=(BlockSpec(channels=5, pool="none"),)))
    assert tab.get_by_key("blocks_less").disabled
    for count in range(2, MAX_BLOCKS + 1):
        tab.click("blocks_more")
        assert len(tab.draft.blocks) == count
        assert tab.draft.blocks[-1] == tab.draft.blocks[-2]  # the new one is like the one before
        assert tab.get_by_key("part").value == f"blocks.{count - 1}"
        assert tab.has(f"field:blocks.{count - 1}.channels")
    assert tab.get_by_key("blocks_more").disabled
    shows(tab, tab.draft)
    for count in range(MAX_BLOCKS - 1, 0, -1):
        tab.click("blocks_less")
        assert len(tab.draft.blocks) == count
    assert tab.get_by_key("blocks_less").disabled
    shows(tab, RunSpec(blocks=(BlockSpec(channels=5, pool="none"),)))


def test_dense_layers_are_added_and_removed_within_their_limits(visit):
    tab = visit()
    assert tab.get_by_key("dense_less").disabled
    for count in range(1, MAX_DENSE + 1):
        tab.click("dense_more")
        assert len(tab.draft.dense) == count
        assert tab.has(f"field:dense.{count - 1}.units")
    assert tab.get_by_key("dense_more").disabled
    shows(tab, replace(DEFAULT, dense=(DenseSpec(),) * MAX_DENSE))
    for count in range(MAX_DENSE - 1, -1, -1):
        tab.click("dense_less")
        assert len(tab.draft.dense) == count
    shows(tab, DEFAULT)


def test_the_same_for_all_blocks_but_for_their_channels(visit):
    tab = visit()
    tab.edit("blocks.1")
    for name, value in (("kernel_size", 1), ("activation", "tanh"), ("norm", "none")):
        tab.set(f"blocks.1.{name}", value)
    tab.click("apply_to_all")
    changed = {"kernel_size": 1, "activation": "tanh", "norm": "none"}
    shows(tab, replace(DEFAULT, blocks=tuple(replace(b, **changed) for b in DEFAULT.blocks)))


def test_with_a_single_block_there_is_nothing_to_apply_to(visit):
    assert visit(spec=RunSpec()).get_by_key("apply_to_all").disabled


def test_each_part_is_edited_on_its_own(visit):
    tab = visit(spec=SMALL_AND_DENSE)
    tab.edit("blocks.2").set("blocks.2.channels", 96)
    tab.edit("dense.1").set("dense.1.units", 84)
    tab.edit("blocks.0")
    assert tab.field("blocks.0.channels").value == DEFAULT.blocks[0].channels
    assert [block.channels for block in tab.draft.blocks] == [16, 32, 96]
    assert [dense.units for dense in tab.draft.dense] == [32, 84]


def test_the_same_for_all_dense_layers_but_for_their_units(visit):
    tab = visit(spec=SMALL_AND_DENSE)
    tab.edit("dense.1").set("dense.1.dropout", 0.5)
    tab.set("dense.1.activation", "gelu")
    tab.click("apply_to_all")
    changed = {"dropout": 0.5, "activation": "gelu"}
    dense = tuple(replace(layer, **changed) for layer in SMALL_AND_DENSE.dense)
    shows(tab, replace(SMALL_AND_DENSE, dense=dense))


def test_the_orders_offered_are_those_that_differ(visit):
    tab = visit(spec=RunSpec(blocks=(BlockSpec(channels=4),)))
    assert tab.field("blocks.0.order").options == ["activation → pooling", "pooling → activation"]
    tab.set("blocks.0.order", "norm-pool-act-drop")
    tab.set("blocks.0.norm", "group")
    assert len(tab.field("blocks.0.order").options) == 6
    assert tab.stands("blocks.0.order") == "norm-pool-act-drop"
    tab.set("blocks.0.pool", "none").set("blocks.0.norm", "none")
    assert not tab.has("field:blocks.0.order")
    assert tab.draft.blocks[0].order == "norm-pool-act-drop"


def test_every_part_has_a_tab_with_its_name(visit):
    tab = visit(spec=SMALL_AND_DENSE)
    names = tab.get_by_key("part").options
    assert names == ["Block 1", "Block 2", "Block 3", "Dense 1", "Dense 2"]
    assert len(names) == len(parts_of(SMALL_AND_DENSE))


def test_a_part_that_goes_is_no_longer_edited(visit):
    tab = visit(spec=SMALL_AND_DENSE)
    tab.edit("dense.1")
    tab.get_by_key("preset").set_value("small").run()
    assert tab.get_by_key("part").value == "blocks.0"
    shows(tab, DEFAULT)
    tab.edit("blocks.2").get_by_key("preset").set_value("lenet").run()
    shows(tab, PRESETS["lenet"].spec)
