"""Files that were altered by chance or by intent, the same ones every time, and what to ask of one.

A mutant is a function of its number alone.
"""

import json
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal

import torch

from core.bring_in import configuration, weights
from core.network.model import build
from core.spec import BlockSpec, DenseSpec, RunSpec
from core.spec.codec import from_json, to_json
from core.spec.presets import PRESETS
from core.take_home.weights import weights_file
from core.words.errors import UserError
from tests.core.take_home.conftest import untrained

Kind = Literal["configuration", "weights"]

SMALL = RunSpec(
    blocks=(BlockSpec(channels=3, norm="batch"), BlockSpec(channels=4)),
    dense=(DenseSpec(units=5),),
)
HOSTILE = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1",
    "0",
    "1.5",
    "18446744073709551616",
    "9" * 400,
    "9" * 5000,
    "null",
    "true",
    '""',
    '"F64"',
    '"x"',
    '"\\ud800"',
    '"\\u0000"',
    "[]",
    "{}",
    "[" * 2000 + "]" * 2000,
    '"' + "a" * 3000 + '"',
    "\ufeff",
    "🙂",
]
NUMBERS = [
    b"\x00\x00\xc0\x7f",  # not a number
    b"\x00\x00\x80\x7f",  # infinity
    b"\x00\x00\x80\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x80\xbf",  # -1
    b"\xff\xff\x7f\x7f",  # the largest number
]


def mutant(number: int) -> tuple[Kind, bytes]:
    """Make the mutant of this number: half of them configurations, half weights."""
    chance = random.Random(number)
    if number % 2:
        return "configuration", _altered(chance, chance.choice(_configurations()), _TEXT)
    return "weights", _altered(chance, chance.choice(_weights()), _FILE)


def ask(kind: Kind, data: bytes) -> str:
    """Bring a file in; return `refused` or `valid`, having seen that it is so.

    Raises:
        AssertionError: what came back is no refusal that a person can read, and no sound result.
    """
    try:
        if kind == "configuration":
            spec = configuration(data)
            assert from_json(to_json(spec)) == spec
            return "valid"
        brought = weights(data)
    except UserError as error:
        sentence = str(error)
        assert sentence.endswith("."), sentence
        assert sentence[0].isupper(), sentence
        assert sentence.isprintable(), sentence
        assert len(sentence) < 600, sentence
        return "refused"
    model = build(brought.spec)
    model.load_state_dict(dict(brought.weights), strict=True)
    for name, value in brought.weights.items():
        assert value.isfinite().all(), name
        assert value.is_contiguous(), name
        assert value.dtype == model.state_dict()[name].dtype, name
    return "valid"


def weights_of(spec: RunSpec) -> bytes:
    """A sound file of weights."""
    torch.manual_seed(0)
    return weights_file(replace(untrained(spec), weights=build(spec).state_dict()))


@cache
def _configurations() -> list[bytes]:
    return [to_json(spec).encode() for spec in (SMALL, *(p.spec for p in PRESETS.values()))]


@cache
def _weights() -> list[bytes]:
    tiny = RunSpec(blocks=(BlockSpec(channels=1, pool_size=3),))
    return [weights_of(SMALL), weights_of(tiny), weights_of(PRESETS["small"].spec)]


def _altered(chance: random.Random, data: bytes, ways: list[Callable[..., bytes]]) -> bytes:
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        data = chance.choice(ways)(chance, data)
    return data


def _place(chance: random.Random, data: bytes) -> int:
    """Anywhere, but every other time where the header is."""
    size = len(data) if chance.random() < 0.5 else min(len(data), 2500)
    return chance.randrange(size + 1)


def _flip(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8, 64])):
        if changed:
            changed[min(_place(chance, data), len(changed) - 1)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: _place(chance, data)]


def _longer(chance: random.Random, data: bytes) -> bytes:
    more = chance.choice([b"\x00", b"}", b" ", chance.randbytes(9), data[:200]])
    return data + more * chance.choice([1, 4, 1000])


def _inserted(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.randbytes(chance.choice([1, 2, 8, 100])) + data[at:]


def _without(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + data[at + chance.choice([1, 4, 8, 100]) :]


def _twice(chance: random.Random, data: bytes) -> bytes:
    start, end = sorted((_place(chance, data), _place(chance, data)))
    return data[:end] + data[start:end] + data[end:]


def _blank(chance: random.Random, data: bytes) -> bytes:
    at, size = _place(chance, data), chance.choice([4, 512, 4096])
    return (
        data[:at] + bytes([chance.choice([0, 255])]) * min(size, len(data) - at) + data[at + size :]
    )


def _number(chance: random.Random, data: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + chance.choice(NUMBERS) + data[at + 4 :]


def _word(chance: random.Random, data: bytes) -> bytes:
    """Put something hostile in place of a number or a word of the JSON."""
    text = data.decode("utf-8", "replace")
    places = [i for i, letter in enumerate(text) if letter in ":,["]
    if not places:
        return data
    at = chance.choice(places) + 1
    end = at
    while end < len(text) and text[end] not in ",]}":
        end += 1
    return (text[:at] + chance.choice(HOSTILE) + text[end:]).encode("utf-8", "replace")


def _length(chance: random.Random, data: bytes) -> bytes:
    claimed = chance.choice([0, 1, 7, len(data), len(data) - 8, 2**17, 2**31, 2**63, 2**64 - 1])
    return struct.pack("<Q", claimed % 2**64) + data[8:]


def _header(chance: random.Random, data: bytes) -> bytes:
    """Change the header as JSON, and keep the file's form."""
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + size])
        names = [name for name in header if name != "__metadata__"]
        name = chance.choice(names)
        entry = header[name]
        match chance.randrange(9):
            case 0:
                entry["dtype"] = chance.choice(["F64", "F16", "BF16", "I64", "F32", "", 3, None])
            case 1:
                entry["shape"] = chance.choice(
                    [entry["shape"][::-1], [*entry["shape"], 1], [], [2**40], [-1], [1.0], "3"]
                )
            case 2:
                entry["data_offsets"] = chance.choice(
                    [[0, 0], [0, 2**62], [4, 0], [-4, 0], [0], [0, 4, 8], [True, 4], None]
                )
            case 3:
                other = header[chance.choice(names)]
                entry["data_offsets"], other["data_offsets"] = (
                    other["data_offsets"],
                    entry["data_offsets"],
                )
            case 4:
                header[chance.choice(["", "conv9.weight", "x" * 500, "\n", "../../a"])] = entry
            case 5:
                del header[name]
            case 6:
                settings = json.loads(header["__metadata__"]["netsketch"])
                settings[chance.choice(list(settings))] = json.loads(
                    chance.choice(["3", '"mnist"', "[]", "null", "[{}]", "0.5", '"relu"'])
                )
                header["__metadata__"]["netsketch"] = json.dumps(settings)
            case 7:
                header["__metadata__"] = chance.choice([{}, [], {"netsketch": 3}, "x", None])
            case _:
                header |= {f"more{i}": entry for i in range(chance.choice([3, 1000]))}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        return data
    packed = json.dumps(header).encode()
    if chance.random() < 0.2:  # a name that stands there twice
        packed = packed[:-1] + b"," + json.dumps({name: entry}).encode()[1:]
    return struct.pack("<Q", len(packed)) + packed + data[8 + size :]


_BOTH = [_flip, _cut, _longer, _inserted, _without, _twice, _blank, _word]
_TEXT = [*_BOTH, _word, _word, _word]
_FILE = [*_BOTH, _number, _number, _length, _header, _header, _header, _header]
