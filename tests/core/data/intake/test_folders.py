"""Archives that are costly before one picture is decoded: by directories, names and headers."""

import io
import struct
import time
import zipfile

import pytest
from PIL import Image

from core.data.intake import zip_archive
from core.data.intake.array_file import read_npz_file
from core.data.intake.arrays import is_arrays
from core.data.intake.common import IntakeError
from core.data.intake.zip_file import read_zip
from tests.core.data.intake.pictures import png, shapes, zipped
from tests.core.data.intake.test_common import result
from tests.core.data.intake.test_reading import growth

# The fixed part of an entry in an archive's directory, its name behind it.
ENTRY = struct.Struct("<4s4B4HL2L5H2L")
NAME = b"%05x"


def directory_of(count: int) -> bytes:
    """An archive that is nothing but entries."""
    fixed = ENTRY.pack(b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 5, *(0,) * 6)
    entries = b"".join(fixed + NAME % i for i in range(count))
    few = min(count, 0xFFFF)
    return entries + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, few, few, len(entries), 0, 0)


def named(*names: str) -> bytes:
    return zipped({**dict.fromkeys(names, png("ring")), **shapes(3)})


def scattered(tags: int) -> bytes:
    """A TIFF whose header leads to the end of a long file, and back, for each of its tags."""
    file = io.BytesIO()
    info = dict.fromkeys(range(40_000, 40_000 + tags), "x" * 8)
    Image.new("L", (64, 64), 99).save(file, "TIFF", tiffinfo=info)
    data = bytearray(file.getvalue()) + bytes(9_000_000)
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for at in range(place + 2, place + 2 + 12 * count, 12):
        if struct.unpack_from("<H", data, at)[0] >= 40_000:
            struct.pack_into("<I", data, at + 8, len(data) - 1_000)
    return bytes(data)


def read(data: bytes):
    began_s = time.process_time()
    try:
        return result(read_zip(data, "mine.zip", "as_is"))
    finally:
        assert time.process_time() - began_s < 5


def test_neither_entries_nor_folders_without_end_take_memory(tmp_path):
    names = [f"{i}" + "/a" * 30_000 + "/x.png" for i in range(2)]
    said, grown = growth(tmp_path, {"entries": directory_of(400_000), "names": named(*names)})
    assert said == ["'mine.zip' holds 400,000 files, more than 50,000.", "(3, 3)"]
    assert grown < 60e6


def test_entries_are_counted_before_anything_is_made_of_them():
    data = directory_of(400_000)
    began_s = time.process_time()
    assert not is_arrays(data)
    with pytest.raises(IntakeError, match=r"not an .npz file or is damaged"):
        result(read_npz_file(data, "mine.npz", "as_is"))
    assert time.process_time() - began_s < 1


def test_a_few_thousand_entries_are_as_many_as_they_are():
    with pytest.raises(IntakeError, match="no class of enough images"):
        read(directory_of(5_000))


def test_a_header_that_leads_to_and_fro_is_read_once():
    intake = read(zipped({"ring/0.tif": scattered(200), **shapes(3)}))
    assert intake.counts == (3, 4)


def test_long_names_of_an_unknown_alphabet_are_not_weighed_letter_by_letter():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for i in range(60):
            archive.writestr(f"{i:05}" + "~" * 60_000 + ".png", b"")
        for name, body in shapes(3).items():
            archive.writestr(name, body)
    # Without the mark of UTF-8: any byte above 127 could be of any alphabet.
    intake = read(file.getvalue().replace(b"~" * 60_000, b"\x84" * 60_000))
    assert intake.counts == (3, 3)
    assert "more than 1,000 letters" in intake.left_out[0].reason


def test_names_that_fill_an_archive_are_refused(monkeypatch):
    monkeypatch.setattr(zip_archive, "_MAX_LETTERS", 2_000)
    with pytest.raises(IntakeError, match=r"names in 'mine.zip' have 2,1\d\d letters in all"):
        read(named(*(f"{i}/{'n' * 96}.png" for i in range(20))))


def test_an_empty_folder_is_told_and_no_other():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("empty/", "ring/", "ring-two/", "outer/", "outer/inner/", "ring/0.png"):
            archive.writestr(name, png("ring") if name.endswith("png") else b"")
        for name, body in shapes(3).items():
            archive.writestr(name, body) if name != "ring/0.png" else None
    told = {one.name for one in read(file.getvalue()).left_out}
    assert told == {"empty/", "ring-two/", "outer/inner/"}
