import json

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.spec import (
    MAX_BLOCKS,
    MAX_DENSE,
    BlockSpec,
    DenseSpec,
    RunSpec,
    SpecError,
    default_of,
    settings,
    walk,
)
from core.spec.codec import (
    MAX_JSON_BYTES,
    MAX_QUERY_KEYS,
    from_dict,
    from_json,
    from_query,
    to_dict,
    to_json,
    to_query,
)
from core.spec.presets import DEFAULT, PRESETS
from core.spec.settings import Choice, Number

KEYS = ["v", "blocks", "dense", *settings(RunSpec)]
KEYS += [f"b{i}.{name}" for i in range(8) for name in settings(BlockSpec)]
KEYS += [f"d{i}.{name}" for i in range(5) for name in settings(DenseSpec)]
HOSTILE = [
    "",
    "--5",
    "-",
    "9" * 5000,
    "-" + "9" * 5000,
    "1e999",
    "nan",
    "-inf",
    "٣",
    "²",
    "0x10",
    "1_0",
    " 3 ",
    "3\x00",
    "\ud800",
    "<script>alert(1)</script>",
    "![](https://example.org/a.png)",
    "../../etc/passwd",
    "on",
    "True",
    "None",
    "{}",
    "same\nvalid",
    "💥" * 200,
]
WORDS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["0", "1", "2", "3", "max", "sgd", "valid", "gelu"]),
)
QUERIES = st.dictionaries(st.one_of(st.sampled_from(KEYS), st.text()), WORDS, max_size=30)


def checked_anew(spec: RunSpec) -> RunSpec:
    """The same spec made anew, which checks every value again."""
    return RunSpec(blocks=spec.blocks, dense=spec.dense, **_values(spec))


def _values(spec: RunSpec) -> dict[str, object]:
    return {name: getattr(spec, name) for name in settings(RunSpec)}


@given(st.data())
@hypothesis_settings(max_examples=200)
def test_an_address_gives_back_the_spec_that_wrote_it(specs, data):
    spec = data.draw(specs())
    query = to_query(spec)
    assert all(isinstance(text, str) for text in query.values())
    assert from_query(query, DEFAULT) == (spec, [])


@given(st.data())
@hypothesis_settings(max_examples=200)
def test_json_gives_back_the_spec_that_wrote_it(specs, data):
    spec = data.draw(specs())
    assert from_json(to_json(spec)) == spec
    assert from_dict(to_dict(spec)) == spec


@pytest.mark.parametrize("key", PRESETS)
def test_the_presets_have_short_addresses(key):
    spec = PRESETS[key].spec
    assert from_query(to_query(spec), DEFAULT) == (spec, [])
    assert len("&".join(f"{k}={v}" for k, v in to_query(spec).items())) < 600


@given(QUERIES)
@hypothesis_settings(max_examples=1000)
def test_any_address_gives_a_network_and_sentences(query):
    before = dict(query)
    spec, mended = from_query(query, DEFAULT)
    assert checked_anew(spec) == spec
    assert query == before
    for sentence in mended:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert len(sentence) < 500
    assert from_query(to_query(spec), DEFAULT) == (spec, [])


@pytest.mark.parametrize("text", HOSTILE)
def test_every_setting_survives_hostile_words(text):
    for path, record, _ in walk(RunSpec(dense=(DenseSpec(),))):
        head, *rest = path.split(".")
        key = f"{head[0]}{int(rest[0]) + 1}.{rest[1]}" if rest else head
        spec, mended = from_query({"blocks": "1", "dense": "1", key: text}, DEFAULT)
        assert record.complaint(spec.value(path)) is None
        if isinstance(record, Choice) and text.strip() not in ("3", "٣", "1_0"):  # int() knows them
            assert len(mended) == 1
            assert record.label.lower() in mended[0]


@pytest.mark.parametrize(
    ("query", "path", "value", "words"),
    [
        ({"b1.kernel_size": "4"}, "blocks.0.kernel_size", 3, "Block 1: kernel size must be one of"),
        ({"b1.channels": "1000"}, "blocks.0.channels", 512, "from 1 to 512, not 1000; 512 used."),
        ({"b1.channels": "9" * 25}, "blocks.0.channels", 512, "512 used."),
        ({"lr": "-1"}, "lr", 1e-6, "Settings: learning rate must be from 1e-06 to 100"),
        ({"lr": "1e999"}, "lr", 100.0, "not inf; 100.0 used."),
        ({"b1.pool": "median"}, "blocks.0.pool", "max", "not “median”; max used."),
        ({"b1.batch_norm": "maybe"}, "blocks.0.norm", "none", "not “maybe”; 0 used."),
        ({"v": "2"}, "lr", 0.001, "version “2”"),
        ({"blocks": "0"}, "blocks.0.channels", 16, "not “0”; 1 used."),
    ],
)
def test_the_nearest_network_is_taken_and_told(query, path, value, words):
    spec, mended = from_query({"blocks": "1", "dense": "0"} | query, DEFAULT)
    assert spec.value(path) == value
    assert len(mended) == 1
    assert words in mended[0]


@pytest.mark.parametrize(("text", "norm"), [("1", "batch"), ("0", "none")])
def test_the_batch_norm_of_an_earlier_version_keeps_its_meaning(text, norm):
    address = {"v": "1", "blocks": "2", "dense": "0", "b2.batch_norm": text}
    wanted = RunSpec(blocks=(BlockSpec(), BlockSpec(norm=norm)))
    assert from_query(address, DEFAULT) == (wanted, [])
    on = "true" if text == "1" else "false"
    assert from_json(f'{{"blocks": [{{}}, {{"batch_norm": {on}}}]}}') == wanted
    assert "batch_norm" not in {**to_query(wanted), **to_dict(wanted)["blocks"][1]}


def test_of_an_old_and_a_new_name_the_new_one_counts():
    spec, mended = from_query({"blocks": "1", "b1.batch_norm": "1", "b1.norm": "layer"}, DEFAULT)
    assert spec.blocks[0].norm == "layer"
    assert mended == ["Not a setting of this network, so ignored: “b1.batch_norm”."]
    with pytest.raises(SpecError, match="Block 1: “batch_norm” is not a setting"):
        from_json('{"blocks": [{"batch_norm": true, "norm": "layer"}]}')


def test_too_many_blocks_become_six():
    spec, mended = from_query({"blocks": "1000000000", "dense": "7"}, DEFAULT)
    assert (len(spec.blocks), len(spec.dense)) == (6, 3)
    assert [sentence.split(", not")[0] for sentence in mended] == [
        "A network has 1 to 6 convolution blocks",
        "A network has 0 to 3 dense layers",
    ]


def test_an_address_that_says_nothing_of_a_network_gives_the_default():
    assert from_query({}, DEFAULT) == (DEFAULT, [])
    spec, mended = from_query({"utm_source": "mail", "b9.pool": "max"}, DEFAULT)
    assert spec == DEFAULT
    assert mended == ["Not a setting of this network, so ignored: “utm_source”, “b9.pool”."]


def test_settings_of_blocks_that_are_not_there_are_told():
    _, mended = from_query({"blocks": "1", "b2.channels": "8"}, DEFAULT)
    assert mended == ["Not a setting of this network, so ignored: “b2.channels”."]


def test_an_endless_address_is_read_in_part():
    query = {"lr": "0.1"} | {f"x{i}": "1" for i in range(10_000)}
    spec, mended = from_query(query, DEFAULT)
    assert spec.lr == 0.1
    assert len(mended) == 2
    assert f"only the first {MAX_QUERY_KEYS} were read" in mended[0]


def changed(cls: type) -> dict[str, object]:
    """A value for each setting of a class that is not its default."""
    values = {}
    for name, record in settings(cls).items():
        default = default_of(cls, name)
        options = [*getattr(record, "options", ()), True, 1, 2, 0.5]
        values[name] = next(
            value for value in options if value != default and record.complaint(value) is None
        )
    return values


def test_an_address_that_says_every_setting_is_read_whole():
    blocks = (BlockSpec(**changed(BlockSpec)),) * MAX_BLOCKS
    spec = RunSpec(
        **changed(RunSpec), blocks=blocks, dense=(DenseSpec(**changed(DenseSpec)),) * MAX_DENSE
    )
    query = to_query(spec)
    assert len(query) == 3 + len(list(walk(spec)))
    assert from_query(query, DEFAULT) == (spec, [])


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON: line 1, column 1"),
        ("{", "not JSON: line 1, column 2"),
        ("[]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ("3", "must be a JSON object"),
        ("{}", "“blocks” holds 1 to 6 entries"),
        ('{"blocks": {}}', "“blocks” must be a list"),
        ('{"blocks": "abc"}', "“blocks” must be a list"),
        ('{"blocks": [[]]}', "Block 1: must be a JSON object"),
        ('{"blocks": [{}], "dense": [{}, null]}', "Dense layer 2: must be a JSON object"),
        ('{"blocks": [{}, {"chanels": 3}]}', "Block 2: “chanels” is not a setting"),
        ('{"blocks": [{}], "dense": [{"pool": "max"}]}', "Dense layer 1: “pool” is not a setting"),
        ('{"blocks": [{}], "speed": 1}', "Settings: “speed” is not a setting"),
        ('{"blocks": [{}], "lr": 0.1, "lr": 0.2}', "has “lr” twice"),
        ('{"blocks": [{"channels": 1, "channels": 2}]}', "has “channels” twice"),
        ('{"blocks": [{}], "lr": NaN}', "learning rate must be from 1e-06 to 100, not nan"),
        ('{"blocks": [{}], "lr": Infinity}', "not inf"),
        ('{"blocks": [{}], "lr": 1e999}', "not inf"),
        ('{"blocks": [{}], "seed": NaN}', "Settings: seed must be a whole number"),
        ('{"blocks": [{}], "seed": 1.0}', "Settings: seed must be a whole number"),
        ('{"blocks": [{}], "seed": "1"}', "Settings: seed must be a whole number"),
        ('{"blocks": [{"kernel_size": NaN}]}', "Block 1: kernel size"),
        ('{"blocks": [{"kernel_size": 3.0}]}', "Block 1: kernel size"),
        ('{"blocks": [{"kernel_size": [3]}]}', "Block 1: kernel size"),
        ('{"blocks": [{"batch_norm": 1}]}', "Block 1: batch norm must be on or off"),
        ('{"blocks": [{}], "version": 2}', "is of version “2”; this NetSketch reads 1"),
        ('{"blocks": [{}], "version": true}', "is of version “True”"),
        ('{"blocks": [{}], "version": null}', "is of version “None”"),
        ('{"blocks": [{}], "seed": ' + "9" * 5000 + "}", "a number that is too long"),
        ('{"blocks": [{}], "lr": ' + nested(30_000) + "}", "nested too deeply"),
        ('{"blocks": ' + nested(500) + "}", "Block 1: must be a JSON object"),
        ('{"blocks": [{}], "data": "' + "x" * MAX_JSON_BYTES + '"}', "larger than 64 KB"),
        ("\ud800", "not JSON"),
    ],
)
def test_json_is_read_strictly(text, words):
    with pytest.raises(SpecError) as caught:
        from_json(text)
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


def test_seven_blocks_are_refused():
    data = to_dict(DEFAULT) | {"blocks": [{}] * 7}
    with pytest.raises(SpecError, match="“blocks” holds 1 to 6 entries"):
        from_dict(data)


def test_json_may_leave_out_what_is_default():
    assert from_json('{"blocks": [{}]}') == RunSpec()


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_no_text_brings_from_json_down(text):
    with pytest.raises(SpecError):
        from_json(text)


def test_many_keys_are_read_in_no_time():
    pairs = ", ".join(f'"k{i}": 1' for i in range(5000))
    pairs += ', "k4999": 2'
    with pytest.raises(SpecError, match="has “k4999” twice"):
        from_json("{" + pairs + "}")


def test_every_value_of_the_json_is_spelled_out():
    spec = RunSpec(dense=(DenseSpec(),))
    data = json.loads(to_json(spec))
    assert set(data) == {"version", "blocks", "dense", *settings(RunSpec)}
    assert set(data["blocks"][0]) == set(settings(BlockSpec))
    assert set(data["dense"][0]) == set(settings(DenseSpec))
    numbers = [r for _, r, _ in walk(spec) if isinstance(r, Number)]
    assert len(numbers) > 5
