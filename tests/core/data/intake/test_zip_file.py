"""Zips as people make them: taken as they were meant, or refused with what mends them."""

import io
import struct
import zipfile
import zlib
from itertools import count

import numpy as np
import pytest
from PIL import Image

from core.data.intake.common import Intake, IntakeError
from core.data.intake.zip_file import read_zip
from core.data.own.parts import TEST, TRAIN, VALIDATION
from tests.core.data.intake.pictures import png, zipped

TEXT = b"These are the shapes that we drew in class 5b. " * 3


def read(data: bytes, how="centred") -> Intake:
    steps = read_zip(data, "mine.zip", how)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def pictures(*places: str) -> dict[str, bytes]:
    """Different pictures in folders: `ring` for four of them, `ring:2` for two, with rings."""
    files = {}
    number = count()
    for place in places:
        folder, _, many = place.partition(":")
        for i in range(int(many or 4)):
            n = next(number)
            shape = "bar" if "bar" in folder.lower() or "狗" in folder else "ring"
            body = png(shape, size=48 + 4 * (n % 9), shift=n % 3, wide=5 + 2 * (n // 9))
            files["/".join(part for part in (folder, f"{n}.{i}.png") if part)] = body
    return files


def taken(intake: Intake) -> dict[str, tuple[int, ...]]:
    """For each class its images in all; where parts are given, those to learn, validate, test."""
    own = intake.own
    found = {}
    for label, name in enumerate(own.class_names):
        mine = own.labels == label
        if own.parts is None:
            found[str(name)] = (int(mine.sum()),)
        else:
            found[str(name)] = tuple(
                int((own.parts[mine] == part).sum()) for part in (TRAIN, VALIDATION, TEST)
            )
    return found


TWO = pictures("ring", "bar")
# name: (the files, what is taken, words of what is left out or assumed).
TAKEN = {
    "plain": (TWO, {"bar": (4,), "ring": (4,)}, ()),
    "readme beside the common parent": (
        {"README.txt": TEXT, **pictures("shapes/ring", "shapes/bar")},
        {"bar": (4,), "ring": (4,)},
        ("README.txt", "a text file"),
    ),
    "labels and a licence in the parent": (
        {
            "shapes/labels.csv": b"file,label\n" + TEXT,
            "shapes/LICENSE": TEXT,
            **pictures("shapes/ring", "shapes/bar"),
        },
        {"bar": (4,), "ring": (4,)},
        ("labels.csv", "LICENSE"),
    ),
    "cover beside the common parent": (
        pictures(":1", "shapes/ring", "shapes/bar"),
        {"bar": (4,), "ring": (4,)},
        ("in no folder",),
    ),
    "cover beside the classes": (
        pictures("shapes:1", "shapes/ring", "shapes/bar"),
        {"bar": (4,), "ring": (4,)},
        ("in no folder",),
    ),
    "folder of one stray picture": (
        pictures("shapes/ring", "shapes/bar", "screenshots:1"),
        {"bar": (4,), "ring": (4,)},
        ("beside “shapes”",),
    ),
    "what systems leave": (
        {
            **dict.fromkeys(
                (
                    "__MACOSX/._shapes",
                    "__MACOSX/shapes/ring/._0.png",
                    ".DS_Store",
                    "shapes/.DS_Store",
                    "shapes/Thumbs.db",
                    "shapes/ring/desktop.ini",
                    "shapes/Icon\r",
                    "shapes/@eaDir/0.png/SYNOPHOTO_THUMB_M.png",
                    ".git/objects/ab/cd",
                    "shapes/ring/.ipynb_checkpoints/0-checkpoint.png",
                    "$RECYCLE.BIN/x.png",
                ),
                png("cross"),
            ),
            **pictures("shapes/ring", "shapes/bar"),
        },
        {"bar": (4,), "ring": (4,)},
        (),
    ),
    "parents of one folder each": (
        pictures("home/me/Desktop/data/ring", "home/me/Desktop/data/bar"),
        {"bar": (4,), "ring": (4,)},
        (),
    ),
    "spaces about the names": (
        pictures(" my shapes / ring ", " my shapes / bar "),
        {"bar": (4,), "ring": (4,)},
        (),
    ),
    "an empty folder": (
        {"shapes/cross/": b"", **pictures("shapes/ring", "shapes/bar")},
        {"bar": (4,), "ring": (4,)},
        ("cross", "empty"),
    ),
    "a class of one": (
        pictures("ring", "bar", "cross:1"),
        {"bar": (4,), "ring": (4,)},
        ("only 1 image",),
    ),
    "names that end as other kinds": (
        {
            **{path.replace(".png", ".txt"): body for path, body in TWO.items()},
            "ring/notes.png": TEXT,
        },
        {"bar": (4,), "ring": (4,)},
        ("notes.png", "a text file"),
    ),
    "pictures of many formats": (
        {
            **TWO,
            **{
                f"{shape}/{form}.x": png(shape, form=form, wide=16)
                for shape in ("ring", "bar")
                for form in ("WEBP", "GIF", "BMP", "TIFF")
            },
            "ring/phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        },
        {"bar": (8,), "ring": (8,)},
        ("phone.heic", "HEIC", "export it as PNG or JPEG"),
    ),
    "backslashes of old tools": (
        {path.replace("/", "\\"): body for path, body in TWO.items()},
        {"bar": (4,), "ring": (4,)},
        (),
    ),
    "parts by a word of their names, and pictures without labels": (
        pictures(
            *("seg_train/seg_train/ring", "seg_train/seg_train/bar", "seg_test/seg_test/ring"),
            *("seg_test/seg_test/bar", "seg_pred/seg_pred"),
        ),
        {"bar": (4, 0, 4), "ring": (4, 0, 4)},
        ("It lies beside “seg_train”, “seg_test”",),
    ),
    "things whose names have such a word": (
        pictures("steam train/by Ann", "steam train/by Ben", "test tube/by Cem", "test tube/by Di"),
        {"steam train": (8,), "test tube": (8,)},
        ("put together",),
    ),
    "train and test": (
        pictures("train/ring", "train/bar", "test/ring:2", "test/bar:1"),
        {"bar": (4, 0, 1), "ring": (4, 0, 2)},
        ("given test set stays as it is; its images: 3.",),
    ),
    "train, valid and test in a parent": (
        pictures(
            *("d/Train/ring", "d/Train/bar", "d/VALID/ring:1", "d/VALID/bar:1"),
            *("d/Test/bar:1", "d/Test/ring:2"),
        ),
        {"bar": (4, 1, 1), "ring": (4, 1, 2)},
        ("validate stays as it is; its images: 2.", "its images: 3."),
    ),
    "training set and development set": (
        pictures("training_set/ring", "training_set/bar", "dev/ring:1", "dev/bar:1"),
        {"bar": (4, 1, 0), "ring": (4, 1, 0)},
        ("No test set was given",),
    ),
    "parts in Chinese": (
        pictures("训练集/猫", "训练集/狗", "测试集/猫:1", "测试集/狗:1"),
        {"狗": (4, 0, 1), "猫": (4, 0, 1)},
        ("test set stays",),
    ),
    "parts in French": (
        pictures("entraînement/ring", "entraînement/bar", "Test/ring:1", "Test/bar:1"),
        {"bar": (4, 0, 1), "ring": (4, 0, 1)},
        (),
    ),
    "divided inside the classes": (
        pictures("ring/train", "ring/test:2", "bar/train", "bar/test:1"),
        {"bar": (4, 0, 1), "ring": (4, 0, 2)},
        (),
    ),
    "divided twice": (
        pictures(
            *("train/train/ring", "train/train/bar", "train/val/ring:1", "train/val/bar:1"),
            "test/bar:2",
        ),
        {"bar": (4, 1, 2), "ring": (4, 1, 0)},
        ("has no image of “ring”",),
    ),
    "a class missing where it is learned": (
        pictures("train/ring", "train/bar", "test/ring:1", "test/bar:1", "test/cross:4"),
        {"bar": (4, 0, 1), "ring": (4, 0, 1)},
        ("cross", "0 images are to learn from", "Put all images together"),
    ),
    "a test set without labels": (
        pictures("train/ring", "train/bar", "test:9"),
        {"bar": (4,), "ring": (4,)},
        ("in no folder",),
    ),
    "samples beside the parts": (
        pictures("train/ring", "train/bar", "test/ring:1", "test/bar:1", "samples:3"),
        {"bar": (4, 0, 1), "ring": (4, 0, 1)},
        ("beside “train”, “test”",),
    ),
    "a class called train": (
        pictures("car", "train", "ship"),
        {"car": (4,), "ship": (4,), "train": (4,)},
        (),
    ),
    "a folder for each writer in each class": (
        pictures("ring/anna", "ring/ben", "bar/anna", "bar/ben"),
        {"bar": (8,), "ring": (8,)},
        ("put together",),
    ),
    "other cases in the test set": (
        pictures("train/ring", "train/bar", "test/Ring:1", "test/BAR:1"),
        {"bar": (4, 0, 1), "ring": (4, 0, 1)},
        (),
    ),
}


@pytest.mark.parametrize(("files", "classes", "told"), TAKEN.values(), ids=TAKEN)
def test_a_zip_is_taken_as_it_was_meant(files, classes, told):
    intake = read(zipped(files))
    assert taken(intake) == classes
    said = " ".join([*intake.notes, *(f"{one.name} {one.reason}" for one in intake.left_out)])
    for words in told:
        assert words in said
    if not told:
        assert intake.left_out == ()


REFUSED = {
    "all in one folder": (pictures("shapes:9"), "only one class.*two classes"),
    "classes in the names of files": (
        {f"train/{'cat' if i % 2 else 'dog'}.{i}.png": png("ring", wide=4 + i) for i in range(8)},
        "only one class.*“train”.*put the pictures of each into a folder of its own",
    ),
    "classes in a table": (
        {"set/labels.csv": b"file,label\n" + TEXT, **pictures("set/images:9")},
        "only one class.*“images”.*put the pictures of each into a folder of its own",
    ),
    "no folders": (pictures(":9"), "put it into one that is called as its class is"),
    "parts without classes": (pictures("train:9", "test:5"), "a folder for each class"),
    "archives in the archive": (
        {"ring.zip": zipped(TWO), "bar.zip": zipped(TWO)},
        "no class of enough images.*a ZIP archive",
    ),
    "documents": ({f"ring/{i}.pdf": b"%PDF-1.7\n" for i in range(5)}, "It is a PDF document"),
    "raw photos": (
        {f"{c}/{i}.cr2": b"II*\0\x10\0\0\0CR\2\0" + bytes(99) for c in "ab" for i in range(5)},
        "raw photo",
    ),
}


@pytest.mark.parametrize(("files", "words"), REFUSED.values(), ids=REFUSED)
def test_a_zip_of_which_nothing_can_be_used_says_what_mends_it(files, words):
    with pytest.raises(IntakeError, match=f"^'mine.zip' .*{words}"):
        read(zipped(files))


OTHERS = {
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(99), "an archive"),
    "7z": (b"7z\xbc\xaf'\x1c" + bytes(99), "an archive"),
    "picture": (png("ring"), "a picture"),
}


@pytest.mark.parametrize(("data", "words"), OTHERS.values(), ids=OTHERS)
def test_another_file_is_called_what_it_is(data, words):
    with pytest.raises(IntakeError, match=rf"not a zip archive but {words}.*as \.zip"):
        read(data)


def test_given_parts_can_be_put_together_and_taken_apart_again():
    data = zipped(pictures("train/ring", "train/bar", "test/ring:2", "test/bar:1"))
    intake = read(data)
    assert intake.has_parts
    merged = intake.settled(merged=True)
    assert taken(merged) == {"bar": (5,), "ring": (6,)}
    assert any("put together" in note for note in merged.notes)
    assert taken(merged.settled(merged=False)) == taken(intake)


def test_classes_can_be_called_otherwise_and_so_put_together():
    intake = read(zipped(pictures("ring", "bar", "rings:1")))
    assert taken(intake) == {"bar": (4,), "ring": (4,)}
    renamed = intake.settled(called={"rings": "ring", "bar": " a  bar\n", "ring": ""})
    assert taken(renamed) == {"a bar": (4,), "ring": (5,)}
    with pytest.raises(IntakeError, match="only one class"):
        intake.settled(called={"bar": "ring"})


def test_copies_of_one_picture_are_told_with_their_classes():
    files = pictures("ring:5", "bar:5")
    first = next(iter(files.values()))
    files |= {"ring/again.png": first, "bar/wrong.png": first}
    intake = read(zipped(files))
    assert taken(intake) == {"bar": (6,), "ring": (6,)}
    said = " ".join(intake.notes)
    assert "Copies of other images: 2, in “bar”, “ring”" in said
    assert "under two classes at once" in said
    assert "wrong.png (“bar”)" in said


def test_what_is_learned_from_and_given_to_test_is_left_out_of_what_is_learned_from():
    files = pictures("train/ring:5", "train/bar:5", "test/bar:1")
    files["test/ring/same.png"] = files["train/ring/0.0.png"]
    intake = read(zipped(files))
    assert taken(intake) == {"bar": (5, 0, 1), "ring": (4, 0, 1)}
    assert (
        "train/ring/0.0.png",
        "It is a copy of test/ring/same.png, which is given to test.",
    ) in [(one.name, one.reason) for one in intake.left_out]
    assert any("copies of given images that validate or test: 1" in note for note in intake.notes)


def test_a_class_of_copies_alone_is_no_class():
    files = pictures("ring", "bar")
    files |= {f"same/{i}.png": png("cross") for i in range(9)}
    intake = read(zipped(files))
    assert taken(intake) == {"bar": (4,), "ring": (4,)}
    assert intake.left_out[-1].reason.startswith("This class has only 1 picture, 9 times")


def packed(names: dict[str, bytes], *, mark: bool = False, extra: bool = False) -> bytes:
    """Pack pictures in folders of raw names, as tools of other systems write them."""
    stand_in = {name: f"{i:0{len(raw)}d}" for i, (name, raw) in enumerate(names.items())}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, (name, raw) in enumerate(names.items()):
            for i in range(4):
                path = f"{stand_in[name]}/{i}.png"
                entry = zipfile.ZipInfo(path)
                if extra:
                    whole = f"{name}/{i}.png".encode()
                    crc = zlib.crc32(raw + path[len(raw) :].encode())
                    body = struct.pack("<BI", 1, crc) + whole
                    entry.extra = struct.pack("<HH", 0x7075, len(body)) + body
                picture = png(("ring", "bar", "cross")[number % 3], wide=4 + i, size=50 + number)
                archive.writestr(entry, picture)
    data = file.getvalue()
    for name, raw in names.items():
        data = data.replace(stand_in[name].encode() + b"/", raw + b"/")
    if mark:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert not any(entry.flag_bits & 0x800 for entry in archive.infolist())
        data = bytes(data).replace(b"PK\x03\x04\x14\0\0\0", b"PK\x03\x04\x14\0\0\x08")
        data = data.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\0\x08")
    return data


ALPHABETS = {
    "Chinese on Windows": ("gbk", ["猫", "狗"]),
    "Chinese shapes": ("gbk", ["圆形", "方形", "三角形"]),
    "traditional Chinese": ("big5", ["貓", "狗"]),
    "Japanese": ("cp932", ["ねこ", "いぬ"]),
    "Japanese with a backslash inside": ("cp932", ["表示", "ソース"]),
    "Korean": ("cp949", ["고양이", "개"]),
    "Russian": ("cp866", ["Кошка", "Собака"]),
    "Russian by Windows": ("cp1251", ["Кошка", "Собака"]),
    "German": ("cp850", ["Bär", "Löwe"]),
    "German in capitals": ("cp437", ["Größe", "Äpfel"]),
    "French": ("cp850", ["chêne", "érable"]),
    "Portuguese": ("cp850", ["maçã", "limão"]),
    "Czech": ("cp852", ["kočka", "kůň"]),
    "Greek": ("cp1253", ["γάτα", "σκύλος"]),
    "UTF-8 without its mark": ("utf-8", ["猫", "狗"]),
    "umlauts of a Mac": ("utf-8", ["Bär", "Löwe"]),
}


@pytest.mark.parametrize(("encoding", "names"), ALPHABETS.values(), ids=ALPHABETS)
def test_names_of_other_alphabets_are_read_together(encoding, names):
    intake = read(packed({name: name.encode(encoding) for name in names}))
    assert set(intake.own.class_names) == set(names)


def test_a_name_that_says_how_it_is_written_is_believed():
    names = {"猫": "猫".encode("gbk"), "狗": "狗".encode("gbk")}
    assert set(read(packed(names, extra=True)).own.class_names) == {"猫", "狗"}
    names = {name: name.encode() for name in ("猫", "è")}
    marked = read(packed(names, mark=True))
    assert set(marked.own.class_names) == {"猫", "è"}
    assert marked.readings == ()


def test_where_names_stay_doubtful_the_likely_readings_are_offered():
    intake = read(packed({"猫": "猫".encode("gbk"), "dog": b"dog"}))
    offered = {tuple(called.values()) for _, called in intake.readings}
    assert {("猫", "dog"), ("è", "dog")} <= offered
    (first, *_) = intake.own.class_names
    for _, called in intake.readings:
        again = intake.settled(called=called)
        assert set(again.own.class_names) == set(called.values())
    assert first == "dog"


def test_of_a_name_that_is_there_twice_the_last_counts():
    file = io.BytesIO(zipped(pictures("ring", "bar")))
    with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ring/0.0.png", png("ring", wide=15))
    intake = read(file.getvalue())
    assert taken(intake) == {"bar": (4,), "ring": (4,)}
    assert "more than once" in intake.left_out[0].reason


def test_every_image_knows_its_picture_and_no_part_loses_one():
    data = zipped(pictures("train/ring:6", "train/bar:6", "test/ring:2", "test/bar:2"))
    intake = read(data, "as_is")
    assert intake.left_out == ()
    own = intake.own
    assert own.images.shape == (16, 28, 28)
    assert np.bincount(own.parts, minlength=3).tolist() == [12, 0, 4]


def test_classes_that_centring_makes_the_same_are_refused_with_the_way_out():
    files = {}
    for side in ("left", "right"):
        for row in range(5):
            page = np.full((60, 60), 255, np.uint8)
            page[10 + 4 * row : 20 + 4 * row, (4 if side == "left" else 46) :][:, :10] = 0
            file = io.BytesIO()
            Image.fromarray(page).save(file, "PNG")
            files[f"{side}/{row}.png"] = file.getvalue()
    with pytest.raises(IntakeError, match=r"1 picture, 5 times.*prepare them “as they are”"):
        read(zipped(files))
    assert taken(read(zipped(files), "as_is")) == {"left": (5,), "right": (5,)}
