"""Arrays as people make them: taken as what they are, or refused with the line that mends them."""

import io
import tracemalloc
import zipfile
from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from core.data.catalogue import info_of
from core.data.intake import array_file as intake_npz
from core.data.intake.array_file import read_npz_file
from core.data.intake.arrays import is_arrays
from core.data.intake.common import Intake, IntakeError
from core.data.own.kept import keep
from core.data.own.parts import TEST, VALIDATION
from tests.core.data.intake.pictures import npz, zipped
from tests.core.data.intake.test_common import result

RNG = np.random.default_rng(0)
DIGITS = load_digits()
# Six images each of scikit-learn's first four digits, all different.
ROWS = np.concatenate([np.flatnonzero(DIGITS.target == digit)[:6] for digit in range(4)])
SMALL = DIGITS.images[ROWS]
LABELS = DIGITS.target[ROWS]
X = np.kron(SMALL, np.ones((1, 3, 3))) * 255 / 16
X = np.pad(X, ((0, 0), (2, 2), (2, 2))).round().astype(np.uint8)
TALL = np.pad(X, ((0, 0), (4, 4), (0, 0)))
WORDS = np.array(["zero", "one", "two", "three"])
FLAT = X.reshape(24, -1)
COLOURS = np.stack([X, X // 2, X // 3], axis=1)


def take(content: bytes, name: str = "mine.npz", how="as_is") -> Intake:
    return result(read_npz_file(content, name, how))


def arrays(**given: np.ndarray) -> Intake:
    return take(npz(**given))


def alike(found: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether images show the same, whatever their grey levels."""
    pairs = zip(found.reshape(len(found), -1), wanted.reshape(len(wanted), -1), strict=True)
    return min(np.corrcoef(one, other)[0, 1] for one, other in pairs) > 0.99


TAKEN: Mapping[str, dict[str, np.ndarray]] = {
    "images, labels": {"images": X, "labels": LABELS},
    "x, y": {"x": X, "y": LABELS},
    "labels first": {"y": LABELS, "X": X},
    "data, target": {"data": FLAT, "target": LABELS},
    "arr_0, arr_1": {"arr_0": X, "arr_1": LABELS},
    "names that say nothing": {"foo": X, "bar": LABELS},
    "train only": {"x_train": X, "y_train": LABELS},
    "trainX": {"trainX": X, "trainY": LABELS},
    "flat rows": {"images": FLAT, "labels": LABELS},
    "flat rows with an axis of 1": {"images": FLAT[:, None], "labels": LABELS},
    "flat columns": {"images": FLAT.T, "labels": LABELS},
    "channel first": {"images": X[:, None], "labels": LABELS},
    "channel last": {"images": X[..., None], "labels": LABELS},
    "a batch of batches": {"images": X[None], "labels": LABELS[None]},
    "images last": {"images": np.moveaxis(X, 0, -1), "labels": LABELS},
    "columns first in memory": {"images": np.asfortranarray(X), "labels": LABELS},
    "labels in a column": {"images": X, "labels": LABELS[:, None]},
    "labels in a row": {"images": X, "labels": LABELS[None]},
    "one-hot": {"images": X, "labels": np.eye(4)[LABELS]},
    "one-hot, bool": {"images": X, "labels": np.eye(4, dtype=bool)[LABELS]},
    "one-hot, turned": {"images": X, "labels": np.eye(4, dtype=np.uint8)[LABELS].T},
    "labels as floats": {"images": X, "labels": LABELS.astype(np.float32)},
    "labels as words": {"images": X, "labels": LABELS.astype(str)},
    "labels as bytes": {"images": X, "labels": LABELS.astype("S3")},
    "big-endian": {"images": X.astype(">u2"), "labels": LABELS.astype(">i4")},
    "colours last": {"images": np.moveaxis(COLOURS, 1, -1), "labels": LABELS},
    "colours first": {"images": COLOURS, "labels": LABELS},
    "colours and opacity": {
        "images": np.concatenate([COLOURS, np.full_like(COLOURS[:, :1], 255)], axis=1),
        "labels": LABELS,
    },
    "opacity alone": {
        "images": np.stack([np.zeros_like(X)] * 3 + [X], axis=-1),
        "labels": LABELS,
    },
    "images and their rows": {"data": FLAT, "images": X, "target": LABELS},
    "with a description": {"images": X, "labels": LABELS, "DESCR": np.array("Digits.")},
}


@pytest.mark.parametrize("name", TAKEN)
def test_every_usual_form_is_taken_as_what_it_is(name):
    found = arrays(**TAKEN[name])
    assert found.own.class_names == ("0", "1", "2", "3")
    assert found.counts == (6, 6, 6, 6)
    assert found.own.labels.tolist() == LABELS.tolist()
    assert alike(found.own.images, X)
    assert found.own.parts is None
    assert not found.left_out


@pytest.mark.parametrize(
    ("width", "height"),
    [(28, 28), (28, 36), (64, 64), (48, 20)],
    ids=["square", "tall", "large", "flat"],
)
def test_other_sizes_keep_their_proportions(width, height):
    images = RNG.integers(0, 256, (24, height, width), dtype=np.uint8)
    assert arrays(images=images, labels=LABELS).own.images.shape == (24, 28, 28)


SPELLED = {
    "Keras": ("x_train", "y_train", "x_test", "y_test"),
    "capitals": ("X_train", "Y_train", "X_test", "Y_test"),
    "words": ("train_images", "train_labels", "test_images", "test_labels"),
    "words, turned": ("images_train", "labels_train", "images_test", "labels_test"),
    "stuck together": ("xtrain", "ytrain", "xtest", "ytest"),
    "camels": ("TrainImages", "TrainLabels", "TestImages", "TestLabels"),
    "short": ("X_tr", "y_tr", "X_te", "y_te"),
    "long": ("training_data", "training_targets", "testing_data", "testing_targets"),
    "no word for training": ("images", "labels", "images_test", "labels_test"),
    "Chinese": ("训练_图像", "训练_标签", "测试_图像", "测试_标签"),
    "in folders": ("train/x", "train/y", "test/x", "test/y"),
    "numbers, pair after pair": ("arr_0", "arr_1", "arr_2", "arr_3"),
    "numbers, images before labels": ("arr_0", "arr_2", "arr_1", "arr_3"),
}
IN_TRAIN = np.tile([True, True, True, True, False, False], 4)


@pytest.mark.parametrize("spelling", SPELLED)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 1, 3)], ids=["pairs", "images first"])
def test_given_test_images_stay_the_test_images(spelling, order):
    values = (X[IN_TRAIN], LABELS[IN_TRAIN], X[~IN_TRAIN], LABELS[~IN_TRAIN])
    named = list(zip(SPELLED[spelling], values, strict=True))
    found = arrays(**dict(sorted(named) if "arr_" in named[0][0] else [named[i] for i in order]))
    tested = found.own.parts == TEST
    assert tested.sum() == 8
    assert alike(found.own.images[tested], X[~IN_TRAIN])
    assert found.own.labels[tested].tolist() == LABELS[~IN_TRAIN].tolist()
    assert any("given test set stays as it is" in note for note in found.notes)
    info = info_of(keep(found.own))
    assert info.test == 8
    if "arr_" in named[0][0]:
        assert any("names do not say" in note for note in found.notes)


def test_a_validation_set_stays_one_too():
    values = {"x_train": X, "y_train": LABELS, "x_val": X + 0, "y_val": LABELS}
    values |= {"x_test": X[:, ::-1], "y_test": LABELS}
    values["x_val"] = X[:, :, ::-1]
    parts = arrays(**values).own.parts
    assert (parts == VALIDATION).sum() == (parts == TEST).sum() == 24


@pytest.mark.parametrize("kind", ["U", "S"], ids=["words", "bytes"])
@pytest.mark.parametrize("name", ["class_names", "label_names", "target_names", "names"])
@pytest.mark.parametrize("first", [0, 1], ids=["from 0", "from 1"])
def test_classes_are_called_as_another_array_says(name, kind, first):
    named = {"images": X, "labels": LABELS + first, name: WORDS.astype(kind)}
    found = arrays(**named)
    assert set(found.own.class_names) == set(WORDS)
    assert [found.own.class_names[i] for i in found.own.labels] == WORDS[LABELS].tolist()


def test_names_that_do_not_fit_are_told_and_not_used():
    found = arrays(images=X, labels=LABELS, class_names=WORDS[:2])
    assert found.own.class_names == ("0", "1", "2", "3")
    assert any("2 names do not fit the labels 0 to 3" in note for note in found.notes)


def test_an_array_a_class_is_taken_and_told():
    found = arrays(ring=X[:6], bar=X[6:12], cross=X[12:18])
    assert found.own.class_names == ("bar", "cross", "ring")
    assert found.counts == (6, 6, 6)
    assert any("Each array is taken for a class" in note for note in found.notes)


def test_what_is_not_used_is_told():
    found = arrays(images=X, labels=LABELS, sample_weights=np.ones(24))
    assert found.counts == (6, 6, 6, 6)
    assert any("Not used: “sample_weights” (24,)" in note for note in found.notes)


def test_scikit_learns_digits_as_they_are_handed_out(tmp_path):
    np.savez(
        tmp_path / "digits.npz",
        data=DIGITS.data[:400],
        target=DIGITS.target[:400],
        target_names=DIGITS.target_names,
        images=DIGITS.images[:400],
    )
    found = take((tmp_path / "digits.npz").read_bytes(), how="centred")
    assert len(found.own.class_names) == 10
    assert not found.left_out
    assert found.own.images.max(axis=(1, 2)).min() == 255
    assert any("from 0 to 16" in note and "16 for white" in note for note in found.notes)


# Of each: the images, black and white in them, and a word of what is told; nothing for 0 to 255.
SHARE = X / 255
RANGES = {
    "0 to 255": (X, ""),
    "0 to 255, floats": (X.astype(np.float64), ""),
    "0 to 255, wide": (X.astype(np.int64), ""),
    "0 to 16": (np.rint(SHARE * 16), "16 for white"),
    "0 to 16, bytes": (np.rint(SHARE * 16).astype(np.uint8), "16 for white"),
    "0 to 15": (np.rint(SHARE * 15).astype(np.int8), "15 for white"),
    "0 and 1, bytes": ((X > 100).astype(np.uint8), "1 for white"),
    "0 and 1, floats": ((X > 100).astype(np.float32), "1 for white"),
    "yes and no": (X > 100, "yes is taken for white"),
    "0 to 1": (SHARE, "1 for white"),
    "0 to 1, half precision": (SHARE.astype(np.float16), "1 for white"),
    "0 to 0.06": (SHARE * 16 / 255, "no usual range"),
    "0 to 100": (np.rint(SHARE * 100).astype(np.uint8), "100 for white"),
    "-1 to 1": (SHARE * 2 - 1, "-1 is taken for black and 1 for white"),
    "-0.5 to 0.5": (SHARE - 0.5, "-0.5 is taken for black"),
    "-128 to 127": (X.astype(np.int16) - 128, "-128 is taken for black"),
    "-128 to 127, bytes": ((X.astype(np.int16) - 128).astype(np.int8), "-128 is taken for black"),
    "bytes that went over": (X.view(np.int8), ""),
    "standardised": ((SHARE - 0.1307) / 0.3081, "no usual range"),
    "0 to 65535": (X.astype(np.uint16) * 257, "65535 for white"),
    "12 bits": (X.astype(np.uint16) * 16, "4080 for white"),
    "16 bits, small": (X.astype(np.uint16) * 2, "510 for white"),
    "far from 0": (X.astype(np.int32) + 30_000, "30000 is taken for black"),
    "huge": (X.astype(np.float64) * 1e6, "no usual range"),
}


@pytest.mark.parametrize("how", ["as_is", "centred"])
@pytest.mark.parametrize("name", RANGES)
def test_the_range_is_looked_at_and_told(name, how):
    images, told = RANGES[name]
    found = take(npz(images=images, labels=LABELS), how=how)
    assert not found.left_out
    assert found.own.images.max() == 255
    assert found.own.images.min() == 0
    wanted = X > 100 if np.unique(images).size == 2 else X
    if how == "as_is":
        levels = wanted * 255.0 if wanted.dtype == bool else X.astype(float)
        assert np.abs(found.own.images - levels).max() < 20
    notes = " ".join(found.notes)
    assert told in notes
    assert bool(notes) == bool(told)


def test_one_range_serves_for_training_and_test_images():
    found = arrays(x_train=X, y_train=LABELS, x_test=X // 4, y_test=LABELS)
    tested = found.own.parts == TEST
    assert found.own.images[tested].max() == 255 // 4
    assert found.own.images[~tested].max() == 255


def test_one_hot_pixel_does_not_make_all_else_black():
    images = X.astype(np.uint16) * 4
    images[0, 0, 0] = 65_535
    found = arrays(images=images, labels=LABELS)
    assert np.median(found.own.images.max(axis=(1, 2))) > 200


def test_dark_on_light_is_turned_where_images_are_centred():
    light = take(npz(images=255 - X, labels=LABELS), how="centred").own.images
    dark = take(npz(images=X, labels=LABELS), how="centred").own.images
    assert alike(light, dark)


def test_images_with_numbers_that_are_none_are_left_out_by_name():
    images = X.astype(np.float32)
    images[3, 0, 0], images[9, 5, 5], images[14, 1, 1] = np.nan, np.inf, -np.inf
    found = arrays(images=images, labels=LABELS)
    assert [one.name for one in found.left_out] == ["image 3", "image 9", "image 14"]
    assert "none, or endless" in found.left_out[0].reason
    assert sum(found.counts) == 21


def test_images_of_one_grey_are_told():
    images = X.copy()
    images[[2, 8]] = 0
    assert any("2 images are of one grey" in note for note in arrays(x=images, y=LABELS).notes)
    centred = take(npz(x=images, y=LABELS), how="centred")
    assert ["nothing that stands out" in one.reason for one in centred.left_out] == [True, True]


def table() -> np.ndarray:
    kind = [("picture", np.uint8, (28, 28)), ("digit", np.int64)]
    made = np.zeros(24, kind)
    made["picture"], made["digit"] = X, LABELS
    return made


def many(times: int) -> np.ndarray:
    """The images several times, no two alike."""
    images = np.tile(X, (times, 1, 1))
    images[:, 0, :8] = RNG.integers(0, 256, (len(images), 8))
    return images


WITH_LABELS = np.concatenate([LABELS[:, None], FLAT], axis=1)
SOFT = np.full((24, 4), 0.1) + 0.6 * np.eye(4)[LABELS]
MENDED: Mapping[str, tuple[str, Mapping[str, np.ndarray]]] = {
    "labels as Python objects": (
        "Python objects",
        {"images": X, "labels": LABELS.astype(str).astype(object)},
    ),
    "images as Python objects": ("Python objects", {"images": X.astype(object), "labels": LABELS}),
    "rows that are no squares": (
        "If each is 28 high and 36 wide",
        {"images": TALL.swapaxes(1, 2).reshape(24, -1), "labels": LABELS},
    ),
    "colours in rows": (
        "If red, green and blue come one after the other",
        {"images": COLOURS.reshape(24, -1), "labels": LABELS},
    ),
    "columns that are no squares": (
        "wide",
        {"images": TALL.reshape(24, -1).T, "labels": LABELS},
    ),
    "the label in the first column": ("If the first of each is its label", {"data": WITH_LABELS}),
    "the label in the first column, and alone": (
        "If the first of each is its label",
        {"arr_0": WITH_LABELS},
    ),
    "layers": ("If the first picture counts", {"x": np.stack([X] * 5, 1), "y": LABELS}),
    "films of colours": (
        "If the first picture counts",
        {"x": np.stack([COLOURS] * 5, 1), "y": LABELS},
    ),
    "tiny": ("from 8 to 512 a side", {"x": X[:, 4:24:5, 4:24:5], "y": LABELS}),
    "tiny, of colours": ("a side", {"x": COLOURS[:, :, 4:24:5, 4:24:5], "y": LABELS}),
    "large": ("a side", {"x": np.kron(X, np.ones((1, 19, 19), np.uint8)), "y": LABELS}),
    "shares of classes": ("If the largest of each row counts", {"x": X, "y": SOFT}),
    "several labels": (
        "If the first of each row counts",
        {"x": X, "y": np.stack([LABELS, LABELS + 5, LABELS + 9], 1)},
    ),
    "fewer labels": ("If they begin alike", {"x": X, "y": LABELS[:20]}),
    "more labels": ("If they begin alike", {"x": X[:20], "y": LABELS}),
    "labels that are no whole numbers": ("whole numbers or words", {"x": X, "y": LABELS + 0.25}),
    "complex": ("holds no numbers but complex", {"x": X.astype(complex), "y": LABELS}),
    "numbers as words": ("holds no numbers but", {"x": X.astype(str), "y": LABELS}),
    "NaN around": (
        "If those are black",
        {"x": np.where(X == 0, np.nan, X.astype(float)), "y": LABELS},
    ),
    "which labels": ("If it is “x” and “a”", {"x": X, "a": LABELS, "b": LABELS[::-1]}),
    "a table": ("If its columns “picture” and “digit”", {"arr_0": table()}),
    "classes without names": ("class of its own", {"arr_0": X[:6], "arr_1": X[6:12]}),
    "too many classes": (
        "100 classes, more than 50",
        {"x": RNG.integers(0, 256, (400, 28, 28), np.uint8), "y": np.arange(400) % 100},
    ),
    "too many images": (
        "20,400 images, more than 20,000",
        {
            "x_train": many(800),
            "y_train": np.tile(LABELS, 800),
            "x_test": many(50),
            "y_test": np.tile(LABELS, 50),
        },
    ),
    "too many images, sorted": (
        "21,600 images, more than 20,000",
        {"x": many(900), "y": np.tile(LABELS, 900)},
    ),
}


def mended(said: str, folder) -> bytes:
    """Do what the sentence says, as its reader would: beside the file."""
    line = said[said.index("import numpy as np; ") :]
    assert "\n" not in line
    exec(line, {})
    return (folder / "mended.npz").read_bytes()


@pytest.mark.parametrize("name", MENDED)
def test_what_is_ambiguous_is_refused_with_the_line_that_mends_it(name, tmp_path, monkeypatch):
    words, given = MENDED[name]
    monkeypatch.chdir(tmp_path)
    np.savez("my own.npz", **given)
    with pytest.raises(IntakeError) as refused:
        take((tmp_path / "my own.npz").read_bytes(), "my own.npz")
    said = refused.value.message
    assert words in said
    assert said.startswith("'my own.npz'")
    found = take(mended(said, tmp_path), "mended.npz")
    assert len(found.own.class_names) >= 2
    assert len(found.own.images) >= 12
    pixels = found.own.images.reshape(len(found.own.images), -1)
    assert (pixels.max(axis=1) > pixels.min(axis=1)).all()


@pytest.mark.parametrize("name", ["rows that are no squares", "colours in rows", "NaN around"])
def test_a_mended_file_shows_what_was_meant(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("mine.npz", **MENDED[name][1])
    with pytest.raises(IntakeError) as refused:
        take((tmp_path / "mine.npz").read_bytes())
    found = take(mended(refused.value.message, tmp_path)).own
    assert found.labels.tolist() == LABELS.tolist()
    wanted = {"rows that are no squares": TALL.swapaxes(1, 2)}.get(name, X)
    assert alike(found.images, arrays(images=wanted, labels=LABELS).own.images)


def test_a_lone_array_is_told_how_to_come_with_its_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", X)
    np.save("labels.npy", LABELS)
    content = (tmp_path / "images.npy").read_bytes()
    assert is_arrays(content)
    with pytest.raises(IntakeError, match="is one array; images and their labels come") as refused:
        take(content, "images.npy")
    assert take(mended(refused.value.message, tmp_path)).counts == (6, 6, 6, 6)


def test_a_dictionary_that_was_saved_as_an_array_is_told_how_to_come(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("all.npy", {"x_train": X, "y_train": LABELS})
    with pytest.raises(IntakeError, match="Python objects") as refused:
        take((tmp_path / "all.npy").read_bytes(), "all.npy")
    assert take(mended(refused.value.message, tmp_path)).counts == (6, 6, 6, 6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "not an .npz file or is damaged"),
        ({"x": X}, "“x” alone; its images need labels"),
        ({"y": LABELS}, "“y” alone|Which are the images"),
        ({"x": X[:0], "y": LABELS[:0]}, "is empty"),
        ({"x": np.full((24, 28, 28), 7), "y": LABELS}, "all numbers in “x” are the same"),
        ({"x": np.full((24, 28, 28), np.nan), "y": LABELS}, "NaN, or endless"),
        ({"x": X, "y": np.full(24, np.nan)}, "whole numbers or words"),
        ({"x": X, "y": LABELS * 0}, "only one class"),
    ],
    ids=["nothing", "no labels", "no images", "empty", "one grey", "all NaN", "no label", "one"],
)
def test_what_no_line_can_mend_is_refused_by_name(given, words):
    with pytest.raises(IntakeError, match=f"^'mine.npz'.*(?:{words})"):
        arrays(**given)


def test_what_is_not_wanted_is_never_executed_nor_read():
    class Harm:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was run",))

    found = arrays(images=X, labels=LABELS, extra=np.array([Harm()], dtype=object))
    assert found.counts == (6, 6, 6, 6)


def test_arrays_in_an_ordinary_zip_are_arrays():
    files = {}
    for name, array in {"images": X, "labels": LABELS}.items():
        file = io.BytesIO()
        np.save(file, array)
        files[f"{name}.npy"] = file.getvalue()
    packed = zipped({**files, "__MACOSX/._images.npy": b"x", ".DS_Store": b"x"})
    assert is_arrays(packed)
    assert not is_arrays(zipped({"ring/1.png": b"x"}))
    assert not is_arrays(b"PK\x03\x04")
    assert take(packed, "mine.zip").counts == (6, 6, 6, 6)


def test_all_arrays_together_take_little_memory():
    """What is packed small may be large; it is refused by what its beginning says."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("x_train", "x_test"):
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array_header_1_0(
                    stream, {"descr": "<f8", "fortran_order": False, "shape": (900, 128, 128)}
                )
                for _ in range(900):
                    stream.write(bytes(128 * 128 * 8))
        for name in ("y_train", "y_test"):
            with archive.open(f"{name}.npy", "w") as stream:
                np.save(stream, np.arange(900) % 3)
    assert len(file.getvalue()) < 2**20
    tracemalloc.start()
    try:
        with pytest.raises(IntakeError, match=r"would unpack to 225 MB, more than 200 MB.*::2\]"):
            take(file.getvalue())
        assert tracemalloc.get_traced_memory()[1] < 5 * 2**20
    finally:
        tracemalloc.stop()


NAMES = st.sampled_from(
    ["x", "y", "images", "labels", "x_train", "y_test", "arr_0", "class_names", "a/b", "é", ""]
)
ARRAYS = st.sampled_from(
    [
        *(X, FLAT, LABELS, COLOURS, WORDS, WORDS[LABELS], SOFT, SMALL, SHARE, X[:0], X > 9),
        *(np.full((24, 9, 9), np.inf), np.full(24, np.nan), np.zeros((1, 1, 1)), table()),
        *(np.zeros((24, 9, 9), "U4"), LABELS.astype("M8[s]"), LABELS.astype(object)),
        np.float64(3),
    ]
)


@settings(max_examples=150)
@given(st.dictionaries(NAMES, ARRAYS, max_size=5), st.sampled_from(["as_is", "centred"]))
def test_no_set_of_arrays_breaks_the_reader(given_arrays, how):
    file = io.BytesIO()
    np.savez(file, **given_arrays)
    with suppress(IntakeError):
        found = take(file.getvalue(), how=how)
        assert found.own.images.dtype == np.uint8
        assert min(found.counts) >= 3


def test_the_limit_is_that_of_all_arrays(monkeypatch):
    monkeypatch.setattr(intake_npz, "MAX_UNPACKED_BYTES", 15_000)
    with pytest.raises(IntakeError, match="would unpack to 0 MB"):
        arrays(images=X, labels=LABELS)
