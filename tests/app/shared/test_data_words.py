"""Names of data sets and classes are told, but for those that a person gave."""

import pytest

from core.message import message
from pages.shared import data_words
from pages.shared.data_words import class_titles, data_title

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
