"""Weights come back as they went; whatever else a file holds is refused before it is used."""

import json
import pickle
import struct
import tracemalloc
from dataclasses import replace

import pytest
import torch

from core.bring_in import MAX_BYTES, BringInError, weights
from core.network.model import build
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.codec import to_dict
from core.spec.presets import PRESETS
from core.take_home.weights import weights_file
from core.words.errors import UserError
from tests.core.bring_in.mutants import SMALL, weights_of
from tests.core.take_home.conftest import untrained


def taken_apart(data: bytes) -> tuple[dict, bytes]:
    """Header and bytes of a file."""
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def put_together(header: object, rest: bytes) -> bytes:
    """A file of any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def refusal(data: bytes, spec: RunSpec | None = None) -> str:
    with pytest.raises(UserError) as caught:
        weights(data, spec)
    return str(caught.value)


@pytest.fixture
def file() -> bytes:
    return weights_of(SMALL)


@pytest.mark.parametrize("key", PRESETS)
def test_weights_come_back_as_they_went(key):
    spec = PRESETS[key].spec
    kept = build(spec).state_dict()
    brought = weights(weights_file(replace(untrained(spec), weights=kept)))
    assert brought.spec == spec
    assert brought.weights.keys() == kept.keys()
    for name, value in kept.items():
        assert torch.equal(brought.weights[name], value), name
        assert brought.weights[name].dtype == value.dtype
        assert brought.weights[name].shape == value.shape


def test_what_was_brought_in_does_not_lie_in_the_file(file):
    data = bytearray(file)
    brought = weights(bytes(data))
    before = brought.weights["conv1.weight"].clone()
    brought.weights["conv1.weight"].add_(1)
    assert torch.equal(weights(file).weights["conv1.weight"], before)


def test_a_run_of_a_device_that_is_not_here_uses_the_best_one():
    spec = replace(SMALL, device="cuda")
    if torch.cuda.is_available():
        spec = replace(SMALL, device="mps")
    assert weights(weights_of(spec)).spec == replace(SMALL, device="auto")
    assert weights(weights_of(replace(SMALL, device="cpu"))).spec.device == "cpu"


def test_weights_without_a_network_need_its_configuration(file):
    header, rest = taken_apart(file)
    del header["__metadata__"]
    bare = put_together(header, rest)
    assert "do not say which network" in refusal(bare)
    assert weights(bare, SMALL).spec == SMALL


def test_the_configuration_that_is_given_counts(file):
    other = replace(SMALL, dense=(DenseSpec(units=6),))
    assert "“fc1.weight” must have the shape 6 × 196" in refusal(file, other)


CUTS = [0, 1, 7, 8, 20, 300]


@pytest.mark.parametrize("size", CUTS)
def test_a_file_that_is_cut_off_is_told(file, size):
    assert "cut off" in refusal(file[:size])


def test_every_shorter_file_is_refused(file):
    for size in range(0, len(file), 37):
        assert refusal(file[:size])
    size = f"{len(file):,}"
    assert f"cut off: {len(file) - 1:,} of {size} bytes are here" in refusal(file[:-1])
    assert f"end after {size} bytes, but the file has {len(file) + 1:,}" in refusal(file + b"x")


def with_entry(file: bytes, name: str, **changes: object) -> bytes:
    header, rest = taken_apart(file)
    header[name] |= changes
    return put_together(header, rest)


def test_every_tensor_must_be_what_the_network_has(file):
    assert "“conv1.weight” must be F32, not F64" in refusal(
        with_entry(file, "conv1.weight", dtype="F64")
    )
    assert "“norm1.num_batches_tracked” must be I64, not F32" in refusal(
        with_entry(file, "norm1.num_batches_tracked", dtype="F32")
    )
    assert "“fc1.bias” must have the shape 5, not 5 × 1" in refusal(
        with_entry(file, "fc1.bias", shape=[5, 1])
    )
    assert "“norm1.num_batches_tracked” must have the shape a single number, not 1" in refusal(
        with_entry(file, "norm1.num_batches_tracked", shape=[1])
    )
    header, rest = taken_apart(file)
    gone = {name: entry for name, entry in header.items() if "fc1" not in name}
    assert "another network: “fc1.weight” is missing, and 1 more" in refusal(
        put_together(gone, rest)
    )
    more = header | {"fc9.weight": header["fc1.weight"]}
    assert "this one has no “fc9.weight”" in refusal(put_together(more, rest))


def test_bytes_must_lie_one_after_the_other(file):
    header = taken_apart(file)[0]
    first = next(name for name in header if name != "__metadata__")
    begin, end = header[first]["data_offsets"]
    assert "overlap or leave a gap" in refusal(
        with_entry(file, first, data_offsets=[begin + 4, end + 4])
    )
    assert "should be" in refusal(with_entry(file, first, data_offsets=[begin, end + 4]))
    assert "where its bytes begin and end" in refusal(
        with_entry(file, first, data_offsets=[end, begin])
    )
    assert "where its bytes begin and end" in refusal(with_entry(file, first, data_offsets=[-4, 0]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_refused(value):
    state = build(SMALL).state_dict()
    state["fc1.weight"].view(-1)[-1] = value
    data = weights_file(replace(untrained(SMALL), weights=state))
    assert (
        refusal(data) == "The weights are spoilt: “fc1.weight” holds what is not a finite number."
    )


def test_a_spread_below_nothing_is_refused():
    state = build(SMALL).state_dict()
    state["norm1.running_var"][1] = -0.5
    data = weights_file(replace(untrained(SMALL), weights=state))
    assert "“norm1.running_var” cannot be below 0" in refusal(data)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": NaN}', "NaN stands where a number belongs"),
        (b'{"a": {}, "a": {}}', "has “a” twice"),
        (b'{"a": {"dtype": "F32", "dtype": "F64"}}', "has “dtype” twice"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a": 3}', "damaged at “a”: it needs dtype, shape and data_offsets"),
        (b'{"a": {"dtype": "F32", "shape": [1]}}', "damaged at “a”: it needs dtype"),
        (b'{"__metadata__": 3}', "must hold text only"),
        (b'{"__metadata__": {"netsketch": 3}}', "must hold text only"),
        (b'{"__metadata__": {"netsketch": "{}"}}', "own configuration cannot be used. Settings:"),
        (
            b'{"a": {"dtype": 3, "shape": [], "data_offsets": [0, 4]}}',
            "“a”: its dtype must be a word",
        ),
        (
            b'{"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}',
            "“a”: its shape must be",
        ),
        (
            b'{"a": {"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}}',
            "“a”: its shape must be",
        ),
        (
            b'{"a": {"dtype": "F32", "shape": [99999999999999999999], "data_offsets": [0, 4]}}',
            "“a”: its shape must be",
        ),
        (
            b'{"a": {"dtype": "F32", "shape": [1,1,1,1,1,1,1,1,1], "data_offsets": [0, 4]}}',
            "“a”: its shape must be",
        ),
        (
            json.dumps({f"t{i}": {} for i in range(401)}).encode(),
            "lists 401 tensors; a network here has at most 400",
        ),
    ],
)
def test_a_damaged_header_is_told(header, words):
    assert words in refusal(put_together(header, b""))


def test_a_bomb_takes_no_memory():
    bombs = [
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 2**20) + b" " * 2**20,
        put_together({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**40]}}, b""),
    ]
    huge = to_dict(
        RunSpec(
            blocks=(BlockSpec(channels=512, pool="none"),) * 2,
            dense=(DenseSpec(units=4096),) * 3,
        )
    )
    bombs.append(put_together({"__metadata__": {"netsketch": json.dumps(huge)}}, b""))
    tracemalloc.start()
    try:
        for bomb in bombs:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            assert refusal(bomb)
            assert tracemalloc.get_traced_memory()[1] - before < 4 * 2**20
    finally:
        tracemalloc.stop()
    assert "parameters; weights of at most" in refusal(bombs[-1])
    assert "it claims a header of 9223372036854775808 bytes" in refusal(bombs[0])


def test_too_large_a_file_is_not_looked_into():
    assert refusal(bytes(MAX_BYTES + 1)) == "Weights have at most 101 MB; this file has 101 MB."


def test_a_network_that_cannot_work_is_refused():
    broken = RunSpec(blocks=(BlockSpec(pool_size=3),) * 4)
    header = {"__metadata__": {"netsketch": json.dumps(to_dict(broken))}}
    assert "The weights’ network cannot work. Block 4:" in refusal(put_together(header, b""))


class Trap:
    """What a pickle of this would do when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was read')",)


def test_a_pickle_is_never_read():
    for protocol in range(6):
        with pytest.raises(BringInError):
            weights(pickle.dumps(Trap(), protocol))
