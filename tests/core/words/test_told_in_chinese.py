"""What core says of settings, networks, data sets and files, in Chinese from end to end."""

import json
import re

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.data.catalogue import DATASETS
from core.data.formats import FormatError, read_idx, read_libsvm, unpacked
from core.data.intake.array_file import read_npz_file
from core.data.intake.common import Intake, IntakeError, Progress
from core.data.intake.zip_file import read_zip
from core.data.npz import read_npz
from core.data.own.kept import info_of_own
from core.drawing.picture import PictureError, digit_from_picture
from core.machine.device import resolve
from core.runs.how_it_runs import how_it_runs
from core.spec import BlockSpec, DenseSpec, RunSpec, SpecError, place, walk
from core.spec.codec import from_dict, from_json, from_query, to_dict, to_query
from core.spec.presets import PRESETS
from core.spec.settings import Choice
from core.training.check import check
from core.training.events import Diverged
from core.training.stopping import Best
from core.words.errors import UserError
from core.words.message import shown
from core.words.translation import tell
from tests.core.data.intake.pictures import npz, zipped

LATIN = re.compile("[A-Za-z]")
# What Chinese textbooks leave as it is: names of functions, rules, formats and collections.
NAMES = re.compile(
    r"GroupNorm|norm-act-pool-drop|norm, act, pool, drop|PostScript|RAW|BigTIFF|Netpbm|DICOM"
    r"|Krita|Git LFS"
    r"|LeakyReLU|ReLU|GELU|ELU|SiLU|Sigmoid|Tanh|RNN|LSTM|GRU|SGD|AdamW|Adam|RMSprop|Adagrad"
    r"|Nesterov|Kaiming|Xavier|PyTorch|Dropout|bfloat16|LeNet|NetSketch|JSON|CPU|CUDA|GPU|MPS|Apple"
    r"|[EKQ]?MNIST|Fashion-|USPS|NIST|[KMG]B|PNG|JPEG( 2000| XL)?|GIF|WebP|BMP|TIFF|AVIF|HEIC"
    r"|ICO|Photoshop|GIMP|PDF|ZIP|SVG|XML|Python|idx|\.npz|\.zip|zip|channels last|fused|foreach"
    r"|\.npy|np\.savez\(file, images=images, labels=labels\)|\(N(, 高, 宽)?\)|从 A 到 Z|T 恤"
    r"|\d+e[-+]\d+"
)
MANY = hypothesis_settings(max_examples=300, deadline=None)
FULL = RunSpec(blocks=(BlockSpec(), BlockSpec()), dense=(DenseSpec(), DenseSpec()))
SETTINGS = {path: record for path, record, _ in walk(FULL)}
# Without Latin letters, so that each of those in a sentence is ours.
WORDS = st.text(max_size=50).map(lambda text: re.sub("[A-Za-z]", "é", text))
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    WORDS,
    st.lists(st.integers(), max_size=3),
    st.dictionaries(WORDS, st.integers(), max_size=3),
)


# As an address and a file have them, which know no language.
KEYS = [
    ", ".join(map(str, record.options))
    for record in SETTINGS.values()
    if isinstance(record, Choice)
]


def assert_chinese(said: str, *quoted: str) -> None:
    """Whether a text is Chinese from end to end, apart from names and what it quotes."""
    rest = told = tell(said, "zh")
    for value in sorted(filter(LATIN.search, quoted), key=len, reverse=True):
        rest = rest.replace(value, "")
    assert not LATIN.search(NAMES.sub("", rest)), told
    assert re.search("[一-鿿]", told), told


def assert_refused(error: UserError | FormatError, *quoted: str) -> None:
    # Where a page tells it, a number and its unit stay on one line.
    assert tell(error.message, "en").replace("\xa0", " ") == str(error).replace("\xa0", " ")
    assert_chinese(error.message, *quoted)


def result(steps: Progress) -> Intake:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


@pytest.mark.parametrize("path", SETTINGS)
def test_the_words_of_a_setting(path):
    record = SETTINGS[path]
    assert_chinese(record.label)
    assert_chinese(record.help)
    for name in getattr(record, "options", {}).values():
        if LATIN.search(NAMES.sub("", name)):
            assert_chinese(name)
    for note in getattr(record, "notes", {}).values():
        assert_chinese(note)
    assert_chinese(place(path))


@pytest.mark.parametrize("path", SETTINGS)
@given(value=ANYTHING)
@example(value=10**5000)
@example(value="Data")
def test_a_wrong_value(path, value):
    assume(SETTINGS[path].complaint(value) is not None)
    with pytest.raises(SpecError) as refused:
        FULL.with_value(path, value)
    assert_refused(refused.value, shown(value), *KEYS)
    # Whatever it may mean as a word.
    assert tell(shown(value), "zh") in tell(refused.value.message, "zh")


@given(blocks=st.one_of(ANYTHING, st.lists(st.just(BlockSpec()), min_size=7).map(tuple)))
def test_a_wrong_list_of_parts(blocks):
    with pytest.raises(SpecError) as refused:
        RunSpec(blocks=blocks)
    assert_refused(refused.value, "blocks")


@MANY
@given(st.data())
def test_a_configuration_with_a_fault(data):
    raw = to_dict(FULL)
    path = data.draw(st.sampled_from([(), ("blocks",), ("dense", 0), ("blocks", 1)]), label="path")
    node: object = raw
    for step in path:
        node = node[step]  # type: ignore[index]
    keys = list(range(len(node))) if isinstance(node, list) else [*node, "ключ", ""]
    key, value = data.draw(st.sampled_from(keys)), data.draw(ANYTHING)
    node[key] = value  # type: ignore[index]
    try:
        from_dict(raw)
    except SpecError as error:
        assert_refused(error, shown(value), shown(key), "blocks", "dense", *KEYS)
    else:
        assume(False)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"lr": 1, "lr": 2}', "[" * 10_000, '{"lr": ' + "9" * 9_999, " " * 99_999]
)
def test_text_that_is_no_configuration(text):
    with pytest.raises(SpecError) as refused:
        from_json(text)
    assert_refused(refused.value, "lr")


@MANY
@given(
    st.dictionaries(st.sampled_from([*to_query(FULL), "lr", "pool", "b1.pool", "data"]), WORDS),
    st.dictionaries(WORDS, WORDS, max_size=9),
)
def test_an_address_that_has_to_be_mended(known, unknown):
    spec, mended = from_query(known | unknown, RunSpec())
    used = [str(value) for _, record, value in walk(spec) if isinstance(record, Choice)]
    for sentence in mended:
        assert_chinese(sentence, *map(shown, known), *used, *KEYS)


@given(st.data())
@MANY
def test_a_network_that_cannot_run(specs, data):
    problem = check(data.draw(specs()), train_size=64).problem
    assume(problem)
    assert_chinese(problem.message, "cuda", "mps")
    for fix in problem.fixes:
        assert_chinese(fix.label)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_words_of_a_preset(preset):
    if preset.title != "LeNet-5 (1998)":
        assert_chinese(preset.title)
    assert_chinese(preset.sentence)


@pytest.mark.parametrize("info", [*DATASETS.values(), info_of_own("own:0123456789ab-3")])
def test_the_words_of_a_data_set(info):
    for words in (info.title, info.description, info.noun):
        assert_chinese(words)
    # Letters, digits and kana are the same in both languages.
    words = info.class_names if info.key.startswith(("fashion", "own")) else ()
    for name in words:
        assert_chinese(name)
    # Names of people, of their papers and of licences are not told.
    assert not info.credit or tell(info.credit, "zh") != info.credit


@given(data=st.binary(max_size=100), start=st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a"]))
@example(data=b"just a text", start=b"")
@example(data=b"xml", start=b"<?")
@example(data=b"-1.4", start=b"%PDF")
def test_a_picture_that_cannot_be_read(data, start):
    with pytest.raises(PictureError) as refused:
        digit_from_picture(start + data)
    assert_refused(refused.value)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"é/1.png": b"", "é/2.png": b"", "2.png": b""},
        {"../1.png": b"", "é/é/é/3.png": b"", "é/4.png": b"GIF89a"},
    ],
)
def test_an_archive_of_which_nothing_can_be_used(files):
    with pytest.raises(IntakeError) as refused:
        result(read_zip(zipped(files), "数字.zip", "centred"))
    assert_refused(refused.value, "数字.zip", *files)


@given(data=st.binary(max_size=100))
def test_bytes_that_are_no_archive(data):
    for read in (read_zip, read_npz_file):
        with pytest.raises(IntakeError) as refused:
            result(read(data, "", "centred"))
        assert_refused(refused.value)


IMAGES = np.zeros((4, 28, 28), np.uint8)


@pytest.mark.parametrize(
    "arrays",
    [
        {"é": IMAGES},
        {"é": IMAGES, "ö": np.zeros(3)},
        {"é": IMAGES, "ö": IMAGES},
        {"é": IMAGES, "ö": np.full(4, 0.5)},
        {"é": IMAGES, "ö": np.array([""] * 4)},
        {"é": IMAGES, "ö": np.array([None] * 4)},
        {"é": IMAGES[:0], "ö": np.zeros(0)},
        {"é": IMAGES[:, :2], "ö": np.zeros(4)},
        {"é": IMAGES - 1.0, "ö": np.zeros(4)},
        {"é": IMAGES.astype("U1"), "ö": np.zeros(4)},
        {"é": IMAGES, "ö": np.arange(4)},
        {"é": IMAGES, "ö": np.zeros(4)},
    ],
)
def test_arrays_of_which_nothing_can_be_used(arrays):
    with pytest.raises(IntakeError) as refused:
        result(read_npz_file(npz(**arrays), "数字.npz", "centred"))
    # A line of Python is the same in every language.
    assert_refused(refused.value, "<U1", *re.findall(r"import numpy as np; .*", str(refused.value)))


@given(st.binary(max_size=60))
def test_a_data_set_that_is_damaged(data):
    for read in (lambda: unpacked(data, 10), lambda: read_idx(data), lambda: read_libsvm(data, 4)):
        try:
            read()
        except FormatError as error:
            assert_refused(error)


def test_a_data_set_on_the_disk_that_is_damaged(tmp_path):
    path = tmp_path / "é.npz"
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError) as refused:
        read_npz(path, DATASETS["usps"])
    assert_refused(refused.value)


@pytest.mark.parametrize("keep_best", [False, True])
@pytest.mark.parametrize(
    ("change", "epoch"), [({"patience": 1}, 3), ({"patience": 4}, 6), ({"target_accuracy": 0.9}, 2)]
)
def test_a_run_that_ends_early(change, epoch, keep_best):
    reason = Best(epoch=2, accuracy=0.95).reason_to_stop(
        RunSpec(**change, keep_best=keep_best), epoch
    )
    assert_chinese(reason)


def test_a_run_on_this_machine():
    assert_refused(Diverged(1_234, 0.01))
    for precision in ("float32", "bfloat16"):
        assert_chinese(how_it_runs(RunSpec(), resolve("cpu"), precision))
    with pytest.raises(UserError) as refused:
        resolve("tpu")
    assert_refused(refused.value, "tpu")


def test_what_json_holds_is_english():
    with pytest.raises(SpecError) as refused:
        RunSpec(lr=0)
    assert json.dumps(refused.value.message) == json.dumps(str(refused.value))
