"""A configuration comes back as it went, or is refused in a sentence."""

import pytest

from core.bring_in import configuration
from core.spec.codec import MAX_JSON_BYTES, to_json
from core.spec.presets import PRESETS
from core.words.errors import UserError


@pytest.mark.parametrize("key", PRESETS)
def test_a_configuration_comes_back_as_it_went(key):
    spec = PRESETS[key].spec
    assert configuration(to_json(spec).encode()) == spec


def test_a_mark_at_the_beginning_that_some_editors_write_does_no_harm():
    spec = PRESETS["small"].spec
    assert configuration(b"\xef\xbb\xbf" + to_json(spec).encode()) == spec


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON: line 1"),
        (b"\xff\xfe{\x00}\x00", "not text: it must be JSON in UTF-8"),
        (b"\x80\x04\x95pickle", "not text"),
        (b'{"blocks": [{}], "speed": 3}', "“speed” is not a setting"),
        (b'{"blocks": [{}], "lr": 1, "lr": 2}', "has “lr” twice"),
        (b"[" * 60_000, "nested too deeply"),
        (b" " * (MAX_JSON_BYTES + 1), "at most 64 KB; this file has 64 KB"),
    ],
)
def test_anything_else_is_refused(data, words):
    with pytest.raises(UserError, match=words):
        configuration(data)
