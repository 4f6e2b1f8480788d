"""Images that a person brings in: what is taken, what is left out, and what is refused."""

import io
import stat
import struct
import zipfile
import zlib
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.data.intake import array_file as intake_npz
from core.data.intake import common as intake_module
from core.data.intake import zip_archive
from core.data.intake.array_file import read_npz_file
from core.data.intake.common import Intake, IntakeError, Progress
from core.data.intake.zip_file import read_zip
from core.data.own.kept import MAX_CLASSES
from core.drawing.picture import digit_from_picture
from tests.core.data.intake.pictures import npz, png, shapes, zipped

RNG = np.random.default_rng(0)
TWO = np.array([0, 1] * 6)


def result(steps: Progress) -> Intake:
    shares = []
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as done:
            assert shares == sorted(shares)
            assert all(0 <= share < 1 for share in shares)
            return done.value


def from_zip(files, how="centred") -> Intake:
    return result(read_zip(files if isinstance(files, bytes) else zipped(files), "mine.zip", how))


def from_npz(how="as_is", **arrays) -> Intake:
    return result(read_npz_file(npz(**arrays), "mine.npz", how))


def grey(count: int, side: int = 28) -> np.ndarray:
    return RNG.integers(0, 256, (count, side, side), dtype=np.uint8)


def reasons(intake: Intake) -> dict[str, str]:
    return {one.name.strip("'"): one.reason for one in intake.left_out}


def test_each_folder_is_a_class_and_its_pictures_are_prepared_as_drawings_are():
    intake = from_zip(shapes())
    assert intake.own.class_names == ("bar", "ring")
    assert intake.counts == (4, 4)
    assert intake.own.title == "mine"
    assert intake.left_out == ()
    expected = digit_from_picture(shapes()["ring/0.png"])
    row = intake.own.labels.tolist().index(1)
    assert np.array_equal(intake.own.images[row], expected[0, 0].numpy())
    assert intake.own.images.dtype == np.uint8


def test_as_they_are_pictures_keep_their_place_and_brightness():
    intake = from_zip(shapes(), "as_is")
    assert (intake.own.images[:, 0, 0] == 245).all()


@pytest.mark.parametrize("around", ["", "my digits/", "a/b/c/"])
def test_folders_around_all_classes_do_not_matter(around):
    assert from_zip(shapes(around=around)).own.class_names == ("bar", "ring")


def test_what_systems_add_is_passed_over_in_silence():
    extra = {
        "__MACOSX/ring/._0.png": b"x",
        ".DS_Store": b"x",
        "ring/.DS_Store": b"x",
        "ring/Thumbs.db": b"x",
        "ring/": b"",
    }
    intake = from_zip({**extra, **shapes()})
    assert intake.counts == (4, 4)
    assert intake.left_out == ()


def link(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


def test_what_cannot_be_used_is_left_out_by_name():
    file = io.BytesIO(zipped(shapes()))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link("ring/link.png"), "/etc/passwd")
        archive.writestr("/etc/passwd", png("ring"))
        archive.writestr("../../up.png", png("ring"))
        archive.writestr("C:/windows/x.png", png("ring"))
        archive.writestr("ring/notes.txt", "Nothing to see here, only text.")
        archive.writestr("ring/anim.gif", b"GIF89a" + bytes(30))
        archive.writestr("ring/blank.png", _blank())
        archive.writestr("ring/huge.png", _huge())
        archive.writestr("ring/half.png", png("ring")[:200])
        archive.writestr("ring/deep/er.png", png("ring"))
        archive.writestr("loose.png", png("ring"))
        archive.writestr("   /x.png", png("ring"))
        archive.writestr("rare/0.png", png("ring"))
    intake = from_zip(file.getvalue())
    assert intake.counts == (4, 4)
    told = reasons(intake)
    for name, words in {
        "ring/link.png": "a link",
        "/etc/passwd": "out of the archive",
        "../../up.png": "out of the archive",
        "C:/windows/x.png": "out of the archive",
        "ring/notes.txt": "a text file",
        "ring/anim.gif": "damaged",
        "ring/blank.png": "no digit that stands out",
        "ring/huge.png": "too many pixels",
        "ring/half.png": "damaged",
        "ring/deep/er.png": "deeper than",
        "loose.png": "in no folder",
        "/x.png": "no name",
        "rare": "only 1 image",
    }.items():
        assert words in told[name], (name, told.get(name))


def _blank() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (50, 50), 255).save(file, "PNG")
    return file.getvalue()


def _huge() -> bytes:
    """A PNG whose header claims 60,000 x 60,000 pixels."""
    body = bytearray(png("ring"))
    body[16:24] = struct.pack(">II", 60_000, 60_000)
    body[29:33] = struct.pack(">I", zlib.crc32(bytes(body[12:29])))
    return bytes(body)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no class of enough images"),
        ({"ring/1.png": b"x"}, "holds no class of enough images.*Left out: ring/1.png"),
        ({f"ring/{i}.png": png("ring", wide=4 + i) for i in range(5)}, "only one class.*“ring”"),
        ({f"{i}/1.png": png("ring") for i in range(5)}, "has only 1 image"),
        (b"", "is empty"),
        (b"PK\x03\x04 and nothing", "not a zip archive"),
        (zipped(shapes())[:-30], "not a zip archive"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_is_refused_by_name(files, words):
    with pytest.raises(IntakeError, match=rf"^'mine.zip' .*{words}|^'mine.zip' {words}"):
        from_zip(files)


def test_too_much_is_refused_before_it_is_read(monkeypatch):
    bomb = zipped({"ring/big.png": bytes(30_000_000), **shapes()})
    assert len(bomb) < 100_000
    monkeypatch.setattr(zip_archive, "MAX_UNPACKED_BYTES", 20 * 2**20)
    with pytest.raises(IntakeError, match="would unpack to 29 MB, more than 20 MB"):
        from_zip(bomb)
    monkeypatch.setattr(intake_module, "MAX_ARCHIVE_BYTES", 1_000)
    with pytest.raises(IntakeError, match="more than 0 MB"):
        from_zip(shapes())
    monkeypatch.setattr(intake_module, "MAX_ARCHIVE_BYTES", 10**8)
    monkeypatch.setattr(intake_module, "MAX_IMAGES", 7)
    with pytest.raises(IntakeError, match="holds 8 images, more than 7"):
        from_zip(shapes())
    many = {
        f"c{i}/{j}.png": png("bar", size=30 + i, wide=4 + 2 * j)
        for i in range(MAX_CLASSES + 1)
        for j in range(3)
    }
    monkeypatch.setattr(intake_module, "MAX_IMAGES", 1_000)
    with pytest.raises(IntakeError, match="51 classes, more than 50"):
        from_zip(many)


def test_an_entry_that_lies_about_its_size_is_left_out():
    packed = bytearray(zipped({"ring/big.png": png("ring", 300) + bytes(500_000), **shapes()}))
    # Both places at which the archive tells the first entry's size once it is unpacked.
    for place in (22, packed.index(b"PK\x01\x02") + 24):
        packed[place : place + 4] = struct.pack("<I", 300)
    intake = from_zip(bytes(packed))
    assert "damaged" in reasons(intake)["ring/big.png"]
    assert intake.counts == (4, 4)


def test_a_locked_picture_is_left_out():
    packed = bytearray(zipped({"ring/locked.png": png("ring"), **shapes()}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in reasons(from_zip(bytes(packed)))["ring/locked.png"]


def test_classes_are_sorted_as_people_do_and_their_names_are_made_plain():
    files = {
        f"{name}/{i}.png": png("bar", size=40 + 5 * number, wide=4 + 2 * i)
        for number, name in enumerate(("10", "2", "a\x07b", " two  words ", "e\u0301", "x" * 90))
        for i in range(3)
    }
    names = from_zip(files, "as_is").own.class_names
    assert names[:2] == ("2", "10")
    assert "two words" in names
    assert "é" in names
    assert max(map(len, names)) == 40
    assert all(name.isprintable() for name in names)


@pytest.mark.parametrize(
    ("images", "side"),
    [
        (grey(12), 28),
        (grey(12, 56), 56),
        (grey(12)[:, None], 28),
        (grey(12)[..., None], 28),
        (np.repeat(grey(12)[..., None], 3, axis=3), 28),
        (grey(12).astype(np.int32), 28),
        (grey(12).astype(np.float64), 28),
        (grey(12) > 128, 28),
        (grey(12).astype(np.float32) / 255, 28),
    ],
)
@pytest.mark.parametrize("labels", [TWO, TWO.astype(float), TWO.astype(str), TWO.astype("S")])
def test_arrays_of_every_usual_form_are_read(images, side, labels):
    intake = from_npz(x=images, y=labels)
    assert intake.own.class_names == ("0", "1")
    assert intake.counts == (6, 6)
    if side == 28:
        plain = images.reshape(12, 28, 28, -1)[..., 0]
        scale = 255 if images.max() <= 1 else 1
        assert np.array_equal(intake.own.images, (plain * float(scale)).round().astype(np.uint8))
    else:
        means = images.reshape(12, 28, 2, 28, 2).mean(axis=(2, 4))
        assert np.abs(intake.own.images - means).max() <= 1


def test_labels_may_be_words_and_arrays_may_be_in_any_order():
    words = np.array(["cat", "dog"] * 6)
    intake = from_npz(a=words, b=grey(12))
    assert intake.own.class_names == ("cat", "dog")
    assert intake.own.labels.tolist() == [0, 1] * 6


def test_an_array_may_be_centred_too():
    images = np.zeros((12, 40, 40), np.uint8)
    for i, image in enumerate(images):
        image[2 : 12 + i, 3:6] = 255
    intake = from_npz("centred", x=images, y=TWO)
    columns = intake.own.images[0].sum(axis=0).nonzero()[0]
    assert 12 <= columns.mean() <= 15


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": grey(12)}, "“x” alone; its images need labels"),
        ({"x": grey(12), "y": TWO[:5]}, "12 images in “x” but 5 labels in “y”"),
        ({"x": grey(12), "y": grey(12)}, "Which are the images"),
        ({"x": TWO, "y": TWO}, "Which are the images"),
        ({"x": grey(12) + np.nan, "y": TWO}, "“x” holds values that are no grey levels"),
        ({"x": grey(12).astype(complex), "y": TWO}, "holds no numbers"),
        ({"x": grey(12).astype(str), "y": TWO}, "holds no numbers"),
        ({"x": grey(12).astype(object), "y": TWO}, "“x” holds Python objects"),
        ({"x": grey(12), "y": TWO.astype(object)}, "“y” holds Python objects"),
        ({"x": grey(12), "y": TWO + 0.5}, "“y” must hold whole numbers"),
        ({"x": grey(12), "y": TWO + np.nan}, "“y” must hold whole numbers"),
        ({"x": grey(12, 4), "y": TWO}, r"\(12, 4, 4\).*from 8 to 512"),
        ({"x": np.zeros((12, 28, 28, 5)), "y": TWO}, r"\(12, 28, 28, 5\)"),
        ({"x": np.zeros((0, 28, 28)), "y": TWO}, "is empty"),
        ({"x": grey(12), "y": TWO * 0}, "only one class"),
        ({"x": grey(12), "y": np.array([""] * 12)}, "Its label is empty"),
    ],
)
def test_arrays_that_cannot_be_used_are_refused_by_name(arrays, words):
    with pytest.raises(IntakeError, match=f"^'mine.npz'.*{words}"):
        from_npz(**arrays)


def test_an_array_that_claims_more_than_it_has_takes_no_memory():
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|u1", "fortran_order": False, "shape": (2**40, 28, 28)}
    )
    labels = io.BytesIO()
    np.save(labels, TWO)
    packed = zipped({"x.npy": file.getvalue() + bytes(100), "y.npy": labels.getvalue()})
    with pytest.raises(IntakeError, match="damaged"):
        result(read_npz_file(packed, "mine.npz", "as_is"))
    bomb = zipped({"x.npy": bytes(30_000_000), "y.npy": labels.getvalue()})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake_npz, "MAX_UNPACKED_BYTES", 10**6)
        with pytest.raises(IntakeError, match="“x” would unpack to 29 MB"):
            result(read_npz_file(bomb, "mine.npz", "as_is"))


def test_an_npz_that_would_run_code_is_refused():
    class Harm:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    array = np.array([Harm()] * 12, dtype=object)
    with pytest.raises(IntakeError, match="Python objects"):
        from_npz(x=grey(12), y=array)


@settings(max_examples=60)
@given(st.data())
def test_no_bytes_break_the_readers(data):
    whole = data.draw(st.sampled_from([zipped(shapes(3)), npz(x=grey(6, 8), y=TWO[:6])]))
    changed = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(changed[: data.draw(st.integers(0, len(changed)))])
    name = data.draw(st.text(max_size=20))
    for read in (read_zip, read_npz_file):
        with suppress(IntakeError):
            found = result(read(content, name, "as_is")).own
            assert found.images.shape == (len(found.labels), 28, 28)
            assert 2 <= len(found.class_names) <= MAX_CLASSES


PARTS = st.sampled_from(["a", "b", "..", ".", "", "C:", "\\", "é", "圆", "x" * 50, " ", "\x07"])


@settings(max_examples=60)
@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), max_size=12, unique=True))
def test_no_names_break_the_reader_of_archives(names):
    picture = png("bar")
    with suppress(IntakeError):
        found = from_zip({name or "-": picture for name in names}, "as_is")
        assert all(count >= 3 for count in found.counts)
        assert all(name and name == name.strip() for name in found.own.class_names)


@settings(max_examples=80)
@given(
    hnp.arrays(
        hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.byte_string_dtypes(),
        hnp.array_shapes(min_dims=0, max_dims=4, max_side=12),
    ),
    hnp.arrays(
        hnp.scalar_dtypes() | hnp.unicode_string_dtypes() | hnp.byte_string_dtypes(),
        hnp.array_shapes(min_dims=0, max_dims=2, max_side=12),
    ),
)
def test_no_arrays_break_the_reader(first, second):
    with suppress(IntakeError):
        found = from_npz(a=first, b=second)
        assert found.own.images.dtype == np.uint8
        assert torch.from_numpy(found.own.labels).bincount().min() >= 3
