"""The order of a block is free, and only what differs is offered."""

import pytest

from core.spec import BlockSpec, RunSpec, SpecError
from core.spec.codec import from_json, from_query
from core.spec.order import DEFAULT_ORDER, ORDERS, orders_that_differ
from core.spec.presets import DEFAULT


def test_every_order_can_be_chosen():
    assert len(ORDERS) == 24
    assert ORDERS["pool-act-norm-drop"] == "pooling → activation → norm → dropout"
    for order in ORDERS:
        assert RunSpec(blocks=(BlockSpec(order=order),)).blocks[0].order == order


def test_a_block_that_says_nothing_has_the_order_of_old():
    assert BlockSpec().order == DEFAULT_ORDER == "norm-act-pool-drop"
    spec, mended = from_query({"blocks": "1", "b1.norm": "batch"}, DEFAULT)
    assert (spec.blocks[0].order, mended) == (DEFAULT_ORDER, [])


@pytest.mark.parametrize("order", ["norm-act-pool", "act-act-pool-drop", "", "pool,act,norm,drop"])
def test_another_order_is_refused_with_an_example(order):
    words = "must name norm, act, pool, drop once each, such as norm-act-pool-drop, not"
    with pytest.raises(SpecError, match=words):
        RunSpec(blocks=(BlockSpec(order=order),))
    with pytest.raises(SpecError, match=words):
        from_json(f'{{"blocks": [{{"order": "{order}"}}]}}')
    spec, (said,) = from_query({"blocks": "1", "b1.order": order}, DEFAULT)
    assert spec.blocks[0].order == DEFAULT_ORDER
    assert words in said


def test_orders_that_come_to_the_same_are_offered_once():
    both = frozenset({"act", "pool"})
    assert orders_that_differ(DEFAULT_ORDER, both) == {
        "norm-act-pool-drop": "activation → pooling",
        "norm-pool-act-drop": "pooling → activation",
    }
    # The block's own stands for those that are the same.
    assert list(orders_that_differ("drop-pool-act-norm", both)) == [
        "norm-act-pool-drop",
        "drop-pool-act-norm",
    ]
    assert len(orders_that_differ(DEFAULT_ORDER, frozenset({"act"}))) == 1
    assert len(orders_that_differ(DEFAULT_ORDER, both | {"norm"})) == 6
    assert list(orders_that_differ(DEFAULT_ORDER, both | {"norm", "drop"})) == list(ORDERS)
