import copy
import pickle

import pytest

from core.words.message import N_, Message, Quoted, from_plain, joined, message, to_plain
from core.words.translation import language_of, tell, tell_number


def test_a_message_is_its_english_sentence():
    sentence = message("{where}: {count:,} images", where="a.zip", count=12_000)
    assert sentence == "a.zip: 12,000 images"
    assert f"{sentence}." == "a.zip: 12,000 images."


def test_a_message_holds_messages_and_names_in_lower_case():
    inner = message("Block {number}", number=2)
    outer = message("{place}: {label!l} is wrong.", place=inner, label=N_("Kernel size"))
    assert outer == "Block 2: kernel size is wrong."
    assert message("{what!u}.", what="a Dense layer") == "A Dense layer."


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_message_can_be_copied(copied):
    made = copied(message("{n} runs", n=3))
    assert (made, made.template, made.values) == ("3 runs", "{n} runs", {"n": 3})


def test_a_message_comes_back_from_plain_data():
    outer = message("{one} {two}", one=message("{n} runs", n=3), two="plain")
    back = from_plain(to_plain(outer))
    assert back == outer
    assert isinstance(back, Message)
    assert isinstance(back.values["one"], Message)
    assert from_plain(to_plain("plain")) == "plain"


@pytest.mark.parametrize("plain", [None, 3, [], {}, {"text": 1, "template": "", "values": {}}])
def test_what_is_no_message_is_refused(plain):
    with pytest.raises(ValueError, match="sentence"):
        from_plain(plain)


def test_a_template_that_does_not_make_its_text_is_only_its_text():
    plain = {"text": "Lower it.", "template": "{x.__class__}", "values": {"x": 1}}
    assert type(from_plain(plain)) is str
    assert from_plain({"text": "a", "template": "{missing}", "values": {}}) == "a"


def test_what_a_person_wrote_is_told_as_it_stands():
    assert tell(Quoted("Activation"), "zh") == "Activation"
    said = message("“{one}” and {two}", one=Quoted("Activation"), two=N_("Activation"))
    for each in (said, pickle.loads(pickle.dumps(said)), from_plain(to_plain(said))):
        assert each == "“Activation” and Activation"
        assert tell(each, "zh") == f"“Activation” and {tell('Activation', 'zh')}"


def test_sentences_are_joined():
    assert joined([message("{n} runs.", n=3), "Good."]) == "3 runs. Good."
    assert joined(["one", "two", "three"], ", ") == "one, two, three"
    assert joined(["one"]) == "one"
    assert joined([]) == ""


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh-CN", "zh"), ("zh_TW", "zh"), ("en-US", "en"), ("de", "en"), ("", "en"), (None, "en")],
)
def test_the_language_for_a_browser(locale, language):
    assert language_of(locale) == language


def test_a_text_in_no_catalogue_stays_as_it_is():
    assert tell("no such text anywhere", "zh") == "no such text anywhere"
    assert tell("", "zh") == ""
    assert tell_number("{n} of it", "{n} of them", 2, "en") == "{n} of them"
