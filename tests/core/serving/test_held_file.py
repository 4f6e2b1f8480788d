import gc
import io
import zipfile
from tempfile import SpooledTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.serving import held_file
from core.serving.held_file import HeldFile
from tests.core.data.intake.pictures import shapes, zipped


def on_disk(data: bytes) -> HeldFile:
    file = SpooledTemporaryFile(max_size=10)  # noqa: SIM115
    file.write(data)
    return HeldFile(file, len(data))


@given(st.binary(max_size=200), st.integers(0, 250), st.integers(0, 250))
def test_any_part_is_read_as_it_is(data, start, count):
    for held in (on_disk(data), HeldFile.of(data)):
        assert held.size == len(data)
        assert held.read() == data
        assert held.read(start, count) == data[start : start + count]


@given(st.lists(st.sampled_from([b"PK\x01\x02", b"PK", b"\x01", b"x", b"\x02"]), max_size=40))
def test_a_pattern_is_counted_once_wherever_the_pieces_are_cut(parts):
    data = b"".join(parts)
    with pytest.MonkeyPatch.context() as patch:
        for piece in (1, 3, 4, 5, 64):
            patch.setattr(held_file, "_PIECE", piece)
            assert on_disk(data).count(b"PK\x01\x02") == data.count(b"PK\x01\x02")


def test_two_streams_of_one_file_have_their_own_places():
    held = on_disk(bytes(range(100)))
    one, other = held.opened(), held.opened()
    assert one.read(3) == b"\0\1\2"
    assert other.read(2) == b"\0\1"
    assert one.read(1) == b"\3"
    assert other.seek(-1, io.SEEK_END) == 99
    assert other.read() == b"c"
    with pytest.raises(OSError, match="before"):
        one.seek(-1)


def test_an_archive_is_read_from_it():
    files = shapes(3)
    with zipfile.ZipFile(on_disk(zipped(files)).opened()) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_disk_has_it_back_when_nobody_holds_it():
    held = on_disk(bytes(100))
    file, stream = held._file, held.opened()
    del held
    gc.collect()
    assert not file.closed
    del stream
    gc.collect()
    assert file.closed
