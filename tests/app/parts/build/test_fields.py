from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spec import BlockSpec, DenseSpec, RunSpec, walk
from core.spec.presets import DEFAULT
from pages.parts.build.fields import _GRIDS, _amount, _grid

GRIDDED = {
    path.rpartition(".")[2]: record
    for path, record, _ in walk(RunSpec(dense=(DenseSpec(),)))
    if path.rpartition(".")[2] in _GRIDS
}


@pytest.mark.parametrize("name", _GRIDS)
def test_a_slider_s_stops_are_allowed_values_in_order(name):
    record = GRIDDED[name]
    stops = _GRIDS[name]
    assert stops == sorted(set(stops))
    assert [record.complaint(stop) for stop in stops] == [None] * len(stops)
    assert stops[-1] == record.high
    assert len({_amount(stop) for stop in stops}) == len(stops)


@pytest.mark.parametrize("name", _GRIDS)
@given(data=st.data())
def test_the_present_value_is_among_the_stops_and_none_is_beyond_the_limits(fields_of, name, data):
    cls = next(c for c in (RunSpec, DenseSpec, BlockSpec) if name in fields_of(c))
    value = data.draw(fields_of(cls)[name])
    stops = _grid(name, value)
    assert value in stops
    assert set(_GRIDS[name]) <= set(stops)
    assert len(stops) <= len(_GRIDS[name]) + 1
    assert stops == sorted(stops)
    record = GRIDDED[name]
    assert record.low <= stops[0]
    assert stops[-1] <= record.high


@given(st.decimals("0.000001", 100, places=6).map(float))
def test_no_two_stops_read_the_same(lr):
    words = [_amount(stop) for stop in _grid("lr", lr)]
    assert len(set(words)) == len(words)
    assert [float(word) for word in words] == _grid("lr", lr)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1024, "1,024"),
        (0.0, "0"),
        (0.00001, "0.00001"),
        (0.01, "0.01"),
        (1.0, "1"),
        (100.0, "100"),
        (1e-07, "1e-07"),
    ],
)
def test_an_amount_is_written_without_needless_figures(value, words):
    assert _amount(value) == words


def test_a_device_that_is_not_here_is_shown_where_it_can_be_changed(visit):
    tab = visit(spec=replace(DEFAULT, device="mps"))
    widget = tab.field("device")
    assert widget.value == "mps"
    assert len(widget.options) == 3  # best, CPU, and the one that the address names
