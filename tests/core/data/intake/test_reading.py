"""A file read in the background: progress, an end at any time, and no budget that can be got round.

The archives hold what is costly to decode and small to send. Memory is the whole process's.
"""

import io
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data.intake import reading
from core.data.intake import zip_file as intake_zip
from core.data.intake.common import IntakeError
from core.data.intake.reading import Reading
from core.data.intake.zip_file import MAX_ARCHIVE_PIXELS, read_zip
from core.serving.memory_budget import MemoryBudget
from tests.core.data.intake.pictures import png, shapes, zipped
from tests.core.data.intake.test_common import result


def blank(width: int, height: int, form: str = "PNG", mode: str = "L", **options) -> bytes:
    file = io.BytesIO()
    colour = (255, 9, 9) if mode == "RGB" else 255
    Image.new(mode, (width, height), colour).save(file, form, **options)
    return file.getvalue()


def many(picture: bytes, count: int) -> bytes:
    """An archive of two classes of one costly picture, packed once more."""
    return zipped({f"{'ab'[i % 2]}/{i}.png": picture for i in range(count)})


def test_a_file_is_read_in_the_background_with_its_progress():
    reader = Reading(zipped(shapes(40)), "mine.zip", "centred")
    shares = []
    while (intake := reader.result(0.02)) is None:
        shares.append(reader.share)
    assert intake.counts == (40, 40)
    assert all(a <= b for a, b in pairwise(shares))
    assert not reader.is_cancelled
    assert Reading(zipped(shapes(4)), "x", "as_is").result(20).counts == (4, 4)


def test_what_is_left_is_told_once_something_is_known(monkeypatch):
    monkeypatch.setattr(reading, "_TELLING_S", 0.05)
    slow = threading.Event()
    monkeypatch.setattr(
        intake_zip, "digit_from_picture", lambda data: slow.wait(0.05) or _digit(data)
    )
    reader = Reading(zipped(shapes(20)), "mine.zip", "centred")
    left = []
    while reader.result(0.05) is None:
        left.append(reader.remaining_s)
    known = [one for one in left if one is not None]
    assert known
    assert known[-1] < known[0]


def _digit(data: bytes):
    from core.drawing.picture import digit_from_picture

    return digit_from_picture(data)


def test_a_cancelled_file_is_left_after_the_picture_that_is_being_read(monkeypatch):
    read: list[int] = []
    monkeypatch.setattr(
        intake_zip,
        "digit_from_picture",
        lambda data: read.append(1) or time.sleep(0.05) or _digit(data),
    )
    reader = Reading(zipped(shapes(40)), "mine.zip", "centred")
    while not read:
        time.sleep(0.01)
    reader.cancel()
    assert reader.result(5) is None
    assert reader.is_cancelled
    assert len(read) < 10


def test_a_file_that_nobody_waits_for_is_left(monkeypatch):
    monkeypatch.setattr(reading, "_FORGOTTEN_S", 0.1)
    monkeypatch.setattr(
        intake_zip, "digit_from_picture", lambda data: time.sleep(0.05) or _digit(data)
    )
    reader = Reading(zipped(shapes(40)), "mine.zip", "centred")
    time.sleep(0.5)
    assert reader.result(5) is None
    assert reader.is_cancelled


def test_a_few_files_are_read_at_once_and_others_wait_for_their_turn(monkeypatch):
    hold = threading.Event()
    monkeypatch.setattr(
        intake_zip, "digit_from_picture", lambda data: hold.wait(20) and _digit(data)
    )
    readers = [Reading(zipped(shapes(4)), f"{i}.zip", "centred") for i in range(4)]
    time.sleep(0.5)
    assert [one.is_waiting for one in readers].count(True) == 2
    hold.set()
    assert [one.result(20).counts for one in readers] == [(4, 4)] * 4


def test_arrays_which_are_unpacked_whole_are_read_one_file_at_a_time(monkeypatch):
    hold, inside = threading.Event(), []

    def slow(*args):
        inside.append(1)
        hold.wait(20)
        raise IntakeError("nothing")
        yield 0.0

    monkeypatch.setattr(reading, "read_npz_file", slow)
    readers = [Reading(b"x", f"{i}.npz", "centred") for i in range(3)]
    time.sleep(0.5)
    assert [one.is_waiting for one in readers].count(True) == 2
    # Those that wait for that take no place of an archive of pictures.
    assert Reading(zipped(shapes(4)), "mine.zip", "centred").result(20).counts == (4, 4)
    readers[2].cancel()
    assert readers[2].result(5) is None
    hold.set()
    for one in readers[:2]:
        with pytest.raises(IntakeError):
            one.result(20)
    assert len(inside) == 2


def test_images_that_pages_look_at_have_a_budget_of_memory_together(monkeypatch):
    # Room for five such files of 8 kB, and for the 24 kB that reading one may take.
    budget = MemoryBudget(3 * 60_000)
    monkeypatch.setattr(reading, "memory_budget", lambda: budget)
    archive = zipped(shapes(4))
    looked_at = [Reading(archive, "mine.zip", "as_is").result(10) for _ in range(5)]
    with pytest.raises(IntakeError, match="The server holds as many images as it can"):
        Reading(archive, "mine.zip", "as_is").result(10)
    looked_at.pop()
    again = Reading(archive, "mine.zip", "as_is").result(10)
    assert again is not None
    assert again.counts == (4, 4)


def test_whatever_goes_wrong_is_a_sentence(monkeypatch):
    def broken(*args):
        raise RuntimeError("a fault of ours")
        yield 0.0

    monkeypatch.setattr(reading, "read_zip", broken)
    with pytest.raises(IntakeError, match=r"'mine.zip' cannot be read: pack it again"):
        Reading(b"x", "mine.zip", "as_is").result(5)


def test_an_archive_of_costly_pictures_is_refused_before_one_is_decoded(monkeypatch):
    monkeypatch.setattr(intake_zip, "digit_from_picture", lambda data: pytest.fail("decoded"))
    data = many(blank(7_000, 7_000, mode="1"), 60)
    assert len(data) < 2_000_000
    began_s = time.process_time()
    with pytest.raises(IntakeError, match=r"2,940 million pixels in all, more than 2,000 million"):
        result(read_zip(data, "mine.zip", "centred"))
    assert time.process_time() - began_s < 5


BOMBS = {
    "PNG with a bomb of text": lambda w, h: _with_chunk(
        blank(w, h), b"zTXt", b"x\0\0" + zlib.compress(bytes(9_000_000))
    ),
    "PNG with a bomb of colours": lambda w, h: _with_chunk(
        blank(w, h), b"iCCP", b"x\0\0" + zlib.compress(bytes(9_000_000))
    ),
}
COSTLY = {
    "interlaced PNG": lambda w, h: _interlaced(w, h),
    "PNG": lambda w, h: blank(w, h),
    "PNG of three colours": lambda w, h: blank(w, h, mode="RGB"),
    "JPEG": lambda w, h: blank(w, h, "JPEG"),
    "progressive JPEG": lambda w, h: blank(w, h, "JPEG", mode="RGB", progressive=True),
    "GIF": lambda w, h: blank(w, h, "GIF"),
    "WebP": lambda w, h: blank(w, h, "WEBP", mode="RGB", lossless=True),
    "BMP": lambda w, h: blank(w, h, "BMP"),
    "TIFF": lambda w, h: blank(w, h, "TIFF", compression="tiff_adobe_deflate"),
    **BOMBS,
}


def _with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + chunk + data[33:]


def _interlaced(width: int, height: int) -> bytes:
    """A PNG whose rows come in seven passes, as no tool of ours writes them."""
    rows = []
    for x0, y0, dx, dy in (
        *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
        *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
    ):
        across, down = -(-(width - x0) // dx), -(-(height - y0) // dy)
        rows.append((b"\0" + b"\xff" * across) * down if across > 0 else b"")
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 1)
    body = zlib.compress(b"".join(rows))
    data = b"\x89PNG\r\n\x1a\n"
    for kind, content in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b"")):
        data += struct.pack(">I", len(content)) + kind + content
        data += struct.pack(">I", zlib.crc32(kind + content))
    return data


# Reads archives as the server does, and tells by how many bytes the process grew at most.
GROWTH = """
import sys, threading, psutil
from core.data.intake.common import IntakeError
from core.data.intake.zip_file import read_zip
process, ended = psutil.Process(), threading.Event()
def read(path):
    steps = read_zip(open(path, "rb").read(), "mine.zip", "as_is")
    while True:
        try:
            next(steps)
        except IntakeError as error:
            return str(error)
        except StopIteration as done:
            return str(done.value.counts)
def watch():
    while not ended.wait(0.004):
        peaks.append(process.memory_info().rss)
read(sys.argv[1])
peaks = [process.memory_info().rss]
watcher = threading.Thread(target=watch)
watcher.start()
for path in sys.argv[2:]:
    print(read(path))
ended.set()
watcher.join()
print(max(peaks) - peaks[0])
"""


def growth(tmp_path, archives: dict[str, bytes]) -> tuple[list[str], int]:
    """Read archives in a process of their own: what each gave, and by how much it grew."""
    paths = []
    for number, data in enumerate([zipped(shapes()), *archives.values()]):
        paths.append(tmp_path / f"{number}.zip")
        paths[-1].write_bytes(data)
    found = subprocess.run(
        [sys.executable, "-c", GROWTH, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    *said, grown = found.stdout.splitlines()
    return said, int(grown)


@settings(max_examples=20, deadline=None)
@given(
    kind=st.sampled_from(sorted(set(COSTLY) - set(BOMBS))),
    width=st.integers(8, 900),
    height=st.integers(8, 900),
    count=st.integers(2, 9),
    budget=st.integers(10_000, 4_000_000),
)
def test_no_kind_of_picture_gets_round_the_budget(kind, width, height, count, budget):
    data = many(COSTLY[kind](width, height), count)
    decoded: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_zip, "MAX_ARCHIVE_PIXELS", budget)
        nothing = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
        patch.setattr(intake_zip, "digit_from_picture", lambda _: decoded.append(1) or nothing)
        with pytest.raises(IntakeError) as refused:
            result(read_zip(data, "mine.zip", "centred"))
    over = width * height * count > budget
    assert ("million pixels in all" in str(refused.value)) == over
    assert len(decoded) == (0 if over else count)


def test_the_largest_pictures_of_every_kind_keep_memory_in_bounds(tmp_path):
    archives = {
        kind: zipped({f"ring/{kind}": make(7_000, 7_000)} | shapes(3))
        for kind, make in COSTLY.items()
    }
    said, grown = growth(tmp_path, archives)
    assert len(said) == len(COSTLY)
    assert all(counts in ("(3, 3)", "(3, 4)") for counts in said)
    assert grown < 300e6


def test_packed_bytes_that_grow_beyond_what_they_say_take_no_memory(tmp_path):
    file = io.BytesIO()
    bomb = png("ring") + bytes(30_000_000)
    with zipfile.ZipFile(file, "w") as archive:
        for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED):
            archive.writestr(f"ring/{method}.png", bomb, method)
        for name, body in shapes(3).items():
            archive.writestr(name, body)
    small = struct.pack("<I", 9_000_000)
    data = file.getvalue().replace(struct.pack("<I", len(bomb)), small)
    said, grown = growth(tmp_path, {"bomb": data})
    assert said == ["(3, 3)"]
    assert grown < 100e6


def test_overlapping_entries_are_left_out():
    whole = zipped({"ring/0.png": png("ring"), **shapes(3)})
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        first = archive.infolist()[0]
    data = bytearray(whole)
    # Each entry of the directory points at the first file.
    place = data.index(b"PK\x01\x02")
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        data[place + 42 : place + 46] = struct.pack("<I", first.header_offset)
    with pytest.raises(IntakeError, match="no class of enough images"):
        result(read_zip(bytes(data), "mine.zip", "as_is"))


def test_the_budget_leaves_room_for_what_people_have():
    # Twenty thousand pictures of a small camera, or a hundred and sixty photos of a phone.
    assert MAX_ARCHIVE_PIXELS >= 20_000 * 300 * 300
    assert MAX_ARCHIVE_PIXELS >= 160 * 12_000_000


def test_files_that_take_long_let_others_have_their_turn(monkeypatch):
    monkeypatch.setattr(reading, "_TURN_S", 0.2)
    ended = threading.Event()

    class Slow:
        """Steps that go on until the test has ended."""

        def close(self) -> None:
            pass

        def __next__(self) -> float:
            if ended.wait(0.06):
                raise IntakeError("nothing")
            return 0.5

    monkeypatch.setattr(
        reading,
        "read_zip",
        lambda held, *how: Slow() if held.read() == b"slow" else read_zip(held, *how),
    )
    slow = [Reading(b"slow", f"{i}.zip", "centred") for i in range(3)]
    try:
        found = Reading(zipped(shapes(4)), "mine.zip", "centred").result(10)
        assert found is not None
        assert found.counts == (4, 4)
        assert not any(one.is_waiting for one in slow)
        slow[0].cancel()
        assert slow[0].result(5) is None
    finally:
        ended.set()
    for one in slow[1:]:
        with pytest.raises(IntakeError):
            one.result(10)
    assert Reading(zipped(shapes(4)), "mine.zip", "centred").result(10) is not None
    assert reading._turns._free == 2
