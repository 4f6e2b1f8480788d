"""Readers of files from elsewhere: what they wrote comes back, all else is refused in words."""

import bz2
import gzip
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.data.formats import FormatError, read_idx, read_libsvm, unpacked


def idx(values: np.ndarray) -> bytes:
    kind = {"uint8": 0x08, "int32": 0x0C}[str(values.dtype)]
    head = bytes([0, 0, kind, values.ndim]) + np.array(values.shape, ">i4").tobytes()
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


ARRAYS = hnp.arrays(
    st.sampled_from([np.uint8, np.int32]), hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)
)


@given(ARRAYS)
def test_idx_comes_back_as_it_was(values):
    found = read_idx(idx(values))
    assert found.dtype == values.dtype
    assert np.array_equal(found, values)


@given(ARRAYS, st.data())
def test_a_changed_idx_is_refused_or_as_long_as_it_says(values, data):
    content = idx(values)
    place = data.draw(st.integers(0, len(content) - 1))
    changed = content[:place] + data.draw(st.binary(max_size=9)) + content[place + 1 :]
    try:
        found = read_idx(changed)
    except FormatError:
        return
    assert len(changed) == 4 + 4 * found.ndim + found.size * found.dtype.itemsize


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=50).map(lambda b: b"\0\0\x08" + b)))
def test_no_bytes_break_the_readers(content):
    for read in (read_idx, lambda c: read_libsvm(c, 256), lambda c: unpacked(c, 100)):
        with suppress(FormatError):
            read(content)


@given(st.text("0123456789:.+-eEinfa \n", max_size=200))
def test_no_text_breaks_the_reader_of_lines(text):
    with suppress(FormatError):
        values, labels = read_libsvm(text.encode(), 16)
        assert values.shape == (len(labels), 16)
        assert np.isfinite(values).all()


def test_lines_are_read_by_the_numbers_of_their_values():
    values, labels = read_libsvm(b"7 1:-1 3:0.5 \n10 2:1\n", 3)
    assert values.tolist() == [[-1, 0, 0.5], [0, 1, 0]]
    assert labels.tolist() == [7, 10]


@pytest.mark.parametrize("line", [b"1 0:1", b"1 4:1", b"x 1:1", b"1 1", b"1 1:nan", b"1 1:1:1"])
def test_a_line_of_another_form_is_refused(line):
    with pytest.raises(FormatError):
        read_libsvm(b"1 1:1\n" + line, 3)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_what_grows_beyond_its_limit_is_refused(pack):
    bomb = pack(bytes(10_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(FormatError, match="larger than it should be"):
        unpacked(bomb, 1_000_000)
    assert len(unpacked(bomb, 10_000_000)) == 10_000_000
    with pytest.raises(FormatError, match="cannot be unpacked"):
        unpacked(bomb[: len(bomb) // 2], 10_000_000)
