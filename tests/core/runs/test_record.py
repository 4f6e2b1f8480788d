import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.machine.device import Device
from core.runs.new_record import named_by, new_record
from core.runs.record import MAX_NAME, MAX_NOTE, RecordError, RunRecord, from_plain, to_plain
from core.spec.codec import to_dict
from core.spec.presets import PRESETS
from core.words.errors import UserError
from core.words.message import message
from core.words.translation import tell

RECORD = RunRecord(
    id="3-a1b2c3",
    number=3,
    name="3 · Small and fast",
    spec=PRESETS["small"].spec,
    status="finished",
    created_at=1_790_000_000.25,
    ended_at=1_790_000_009.5,
    elapsed_s=9.25,
    device=Device("cpu", cores=2),
    precision="bfloat16",
    step=504,
    num_steps=504,
    epoch=8,
    val_accuracy=0.986,
    best_epoch=7,
    test_correct=493,
    test_total=500,
    test_loss=0.05,
    params=24_000,
    tags=("homework", "数字"),
    note="Two lines\nof a note",
    starred=True,
    rival="2-ffffff",
)
SENTENCE = message("Lower it from {lr:.1f}.", lr=0.5)


def test_a_record_comes_back_from_json_as_it_was():
    assert from_plain(json.loads(json.dumps(to_plain(RECORD)))) == RECORD


def test_the_accuracy_is_the_share_of_test_images():
    assert RECORD.test_accuracy == 0.986
    assert replace(RECORD, test_correct=None).test_accuracy is None


@pytest.mark.parametrize(
    ("status", "step", "resumable"),
    [
        ("interrupted", 100, True),
        ("stopped", 100, True),
        ("failed", 0, True),
        ("interrupted", 504, False),
        ("finished", 504, False),
        ("diverged", 100, False),
        ("running", 100, False),
    ],
)
def test_what_can_go_on(status, step, resumable):
    assert replace(RECORD, status=status, step=step).resumable is resumable


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "  "}, "1 to 80"),
        ({"name": "x" * (MAX_NAME + 1)}, "1 to 80"),
        ({"name": "two\nlines"}, "one line"),
        ({"note": "x" * (MAX_NOTE + 1)}, "2,001"),
        ({"tags": ("",)}, "tags"),
        ({"tags": tuple("abcdefghi")}, "At most 8"),
    ],
)
def test_words_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(RecordError, match=words):
        replace(RECORD, **changes)


@given(
    key=st.sampled_from([*to_plain(RECORD), "surplus"]),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none()),
)
def test_a_damaged_record_is_refused_or_valid(key, value):
    plain = to_plain(RECORD) | {key: value}
    try:
        record = from_plain(plain)
    except UserError:
        return
    assert from_plain(to_plain(record)) == record


@pytest.mark.parametrize("key", to_plain(RECORD))
def test_a_missing_entry_is_refused(key):
    plain = to_plain(RECORD)
    del plain[key]
    with pytest.raises(UserError):
        from_plain(plain)


def test_a_record_of_a_later_version_is_refused():
    with pytest.raises(RecordError, match="later"):
        from_plain(to_plain(RECORD) | {"version": 7})


def before_5(record=RECORD, **changes):
    """A record as earlier versions wrote it, a device in words."""
    words = record.device.name if record.device else ""
    return to_plain(record) | {"version": 4, "device": words} | changes


def test_a_record_of_the_first_version_is_read():
    first = before_5(version=1)
    del first["lr_changes"], first["precision"], first["stretches"]
    assert from_plain(first) == replace(RECORD, precision="float32")


def test_a_record_from_before_there_was_a_choice_of_floats_is_read():
    second = before_5(version=2)
    del second["precision"], second["stretches"]
    assert from_plain(second) == replace(RECORD, precision="float32")
    new = replace(RECORD, status="queued", device=None, precision="")
    second = {name: value for name, value in before_5(new).items() if name != "precision"}
    assert from_plain(second | {"version": 2}) == new


@pytest.mark.parametrize("precision", ["float16", None, 32, True])
def test_a_precision_that_no_run_has_is_refused(precision):
    with pytest.raises(RecordError, match="precision"):
        from_plain(to_plain(RECORD) | {"precision": precision})


def test_changes_of_the_learning_rate_come_back():
    changed = replace(RECORD, lr_changes=((0, 0.1), (120, 0.01)))
    assert from_plain(json.loads(json.dumps(to_plain(changed)))) == changed


@pytest.mark.parametrize(
    "changes", [None, {}, [1], [[1]], [[1, 0.0]], [[1.5, 0.1]], [[9, 0.1], [3, 0.1]], [[1, "x"]]]
)
def test_changes_that_nobody_can_have_made_are_refused(changes):
    with pytest.raises(RecordError, match="lr_changes"):
        from_plain(to_plain(RECORD) | {"lr_changes": changes})


def test_the_threads_of_each_stretch_come_back():
    kept = replace(RECORD, stretches=((0, 2), (120, 1)))
    assert from_plain(json.loads(json.dumps(to_plain(kept)))) == kept
    third = before_5(version=3)
    del third["stretches"]
    assert from_plain(third) == RECORD


@pytest.mark.parametrize(
    "stretches",
    [None, {}, [1], [[1]], [[0, 0]], [[1.5, 2]], [[9, 1], [3, 2]], [[1, "x"]], [[0, True]]],
)
def test_stretches_that_cannot_be_are_refused(stretches):
    with pytest.raises(RecordError, match="stretches"):
        from_plain(to_plain(RECORD) | {"stretches": stretches})


def test_a_message_can_still_be_translated_after_it_was_kept():
    kept = from_plain(json.loads(json.dumps(to_plain(replace(RECORD, message=SENTENCE)))))
    assert kept.message == "Lower it from 0.5."
    assert kept.message.template == SENTENCE.template


@pytest.mark.parametrize(
    ("words", "device"),
    [
        ("", None),
        ("CPU, 2 cores", Device("cpu", cores=2)),
        ("CPU, 1 core", Device("cpu", cores=1)),
        ("CPU, 128 cores", Device("cpu", cores=128)),
        ("CPU", Device("cpu")),
        ("Apple GPU", Device("mps")),
        ("NVIDIA H100 80GB HBM3", Device("cuda", "NVIDIA H100 80GB HBM3")),
    ],
    ids=["none", "cores", "core", "many-cores", "cpu", "apple", "cuda"],
)
def test_a_device_in_words_becomes_what_it_was(words, device):
    read = from_plain(before_5(device=words))
    assert read == replace(RECORD, device=device)
    assert (read.device.name if read.device else "") == words
    assert from_plain(json.loads(json.dumps(to_plain(read)))) == read


@given(
    words=st.text(min_size=1, max_size=40) | st.from_regex(r"CPU, \d+ cores?|.* \d+ cores?"),
    wanted=st.sampled_from(["auto", "cpu", "cuda", "mps"]),
)
def test_whatever_an_old_record_calls_a_device_is_told_as_it_was(words, wanted):
    spec = to_dict(replace(RECORD.spec, device=wanted))
    device = from_plain(before_5(device=words, spec=spec)).device
    assert device.name == words
    assert wanted in ("auto", device.key)


@pytest.mark.parametrize(
    "device",
    [
        "CPU, 2 cores",
        {},
        {"key": "tpu", "model": "", "cores": 0},
        {"key": "cpu", "model": "", "cores": -1},
        {"key": "cpu", "model": "", "cores": True},
        {"key": "cpu", "model": None, "cores": 1},
        {"key": "cpu", "model": "", "cores": 1, "clock": 3},
    ],
    ids=["words", "nothing", "kind", "negative", "bool", "no-model", "surplus"],
)
def test_a_device_that_cannot_be_is_refused(device):
    with pytest.raises(RecordError, match="device"):
        from_plain(to_plain(RECORD) | {"device": device})


@pytest.mark.parametrize("device", [None, 2, {"key": "cpu", "model": "", "cores": 2}])
def test_an_old_record_whose_device_is_no_words_is_refused(device):
    with pytest.raises(RecordError, match="device"):
        from_plain(before_5(device=device))


@pytest.mark.parametrize(
    ("status", "words", "kept"),
    [
        ("interrupted", "NetSketch ended while this run was going on.", ""),
        ("interrupted", "NetSketch ended before this run began.", ""),
        ("interrupted", "NetSketch was ended before this run began.", ""),
        ("interrupted", "The disk is full.", "The disk is full."),
        ("failed", "NetSketch ended before this run began.", None),
    ],
    ids=["going-on", "orphan-before", "ended-before", "another", "another-status"],
)
def test_an_old_sentence_that_says_what_the_status_says_is_left_out(status, words, kept):
    read = from_plain(before_5(replace(RECORD, status=status), message=words))
    assert read.message == (words if kept is None else kept)


NAMES = {
    "typed": "my best",
    "like-a-preset": "Small and fast",
    "made": message("{number} · {what}", number=3, what=message("{a}, {b}", a="SGD", b="seed 3")),
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_comes_back_as_what_it_was(name):
    record = replace(RECORD, name=name)
    again = from_plain(json.loads(json.dumps(to_plain(record))))
    assert (again.name, type(again.name)) == (name, type(record.name))


def test_a_typed_name_is_told_as_it_stands_and_a_made_one_in_the_readers_language():
    typed = replace(RECORD, name="Small and fast")
    assert tell(typed.name, "zh") == tell(from_plain(to_plain(typed)).name, "zh") == typed.name
    made = new_record(3, replace(RECORD.spec, optimizer="sgd"))
    assert made.name == "3 · Small and fast, SGD"
    assert tell(from_plain(to_plain(made)).name, "zh") == "3 · 小而快、SGD"


def test_an_old_name_stays_and_is_taken_for_nobodys():
    old = from_plain(to_plain(RECORD) | {"version": 5})
    assert tell(old.name, "zh") == "3 · Small and fast"
    mine = replace(RECORD, id="2-b", number=2, name="mine")
    assert named_by([old, new_record(4, RECORD.spec), mine]).called == "mine"
    assert named_by([old]) is None


@pytest.mark.parametrize(
    "name",
    [7, None, ["a"], {"text": "a"}, {}],
    ids=["number", "nothing", "list", "half", "empty"],
)
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(UserError):
        from_plain(to_plain(RECORD) | {"name": name})
