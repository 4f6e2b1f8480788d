"""Names of data sets and classes are told, but for those that a person gave."""

import pytest

from core.data.loading import DATASETS, short_title_of
from core.words.message import message
from core.words.translation import LANGUAGES, tell
from pages.shared import data_words
from pages.shared.data_words import class_titles, data_title, short_data_title

OWN = "own:0123456789ab-2"


@pytest.fixture(autouse=True)
def other_language(monkeypatch):
    monkeypatch.setattr(data_words, "say", str.upper)


def test_what_comes_with_netsketch_is_told():
    assert data_title("fashion").startswith("FASHION-MNIST")
    assert class_titles("fashion")[0] == "T-SHIRT"


def test_a_persons_own_words_stay(monkeypatch):
    monkeypatch.setattr(data_words, "title_of", lambda key: "Bag")
    monkeypatch.setattr(data_words, "class_names_of", lambda key: ("Shirt", "Bag"))
    assert data_title(OWN) == "Bag"
    assert class_titles(OWN) == ("Shirt", "Bag")


def test_what_is_said_about_a_persons_own_is_told(monkeypatch):
    gone = message("{title} (gone)", title="Bag")
    monkeypatch.setattr(data_words, "title_of", lambda key: gone)
    assert data_title(OWN) == "BAG (GONE)"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", DATASETS)
def test_a_short_title_is_how_the_title_begins(key, language):
    short, long = tell(short_title_of(key), language), tell(DATASETS[key].title, language)
    bracket = " (" if language == "en" else "\uff08"
    assert short == long.split(bracket)[0]


def test_brackets_in_a_persons_own_title_are_theirs(monkeypatch):
    monkeypatch.setattr(data_words, "short_title_of", lambda key: "Birds (blue)")
    assert short_data_title(OWN) == "Birds (blue)"


def test_a_data_set_of_a_later_version_is_called_by_its_key():
    assert short_title_of("tomorrow") == "tomorrow"
