"""The Chinese catalogue has every text that the code marks, none besides, and is compiled.

`make translations` brings it up to date; what it leaves empty is to be translated by hand.
"""

import io
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from core.words.translation import DOMAIN, FOLDER, tell

ROOT = Path(__file__).resolve().parents[3]
PO = FOLDER / "zh_CN" / "LC_MESSAGES" / f"{DOMAIN}.po"
KEYWORDS = {"_": None, "N_": None, "message": None, "n_": (1, 2)}


def marked() -> set[str | tuple[str, ...]]:
    """Every text that the code marks."""
    found = set()
    for folder in ("core", "pages"):
        for _, _, text, *_ in extract_from_dir(ROOT / folder, keywords=KEYWORDS):
            found.add(text)
    for _, text, *_ in extract_from_file("python", ROOT / "app.py", keywords=KEYWORDS):
        found.add(text)
    return found


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with PO.open("rb") as file:
        return read_po(file)


def told(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def in_english(message: Message) -> str:
    """The text, or its form for many."""
    return message.id if isinstance(message.id, str) else message.id[1]


def in_chinese(message: Message) -> str:
    return message.string if isinstance(message.string, str) else "".join(message.string)


def test_every_text_that_the_code_marks_is_in_the_catalogue_and_no_other(catalogue):
    listed = {message.id for message in told(catalogue)}
    assert marked() - listed == set(), "new in the code: run `make translations`"
    assert listed - marked() == set(), "no longer in the code: run `make translations`"
    assert not catalogue.obsolete


def test_every_text_is_translated_and_none_is_a_guess(catalogue):
    assert [message.id for message in told(catalogue) if not in_chinese(message)] == []
    assert [message.id for message in told(catalogue) if message.fuzzy] == []


def test_a_translation_has_the_fields_of_its_text(catalogue):
    def fields(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    def templates(text: str) -> bool:
        try:
            return bool(fields(text))
        except ValueError:  # a formula or a piece of code with braces of its own
            return False

    wrong = [
        message.id
        for message in told(catalogue)
        if templates(in_english(message))
        and fields(in_english(message)) != fields(in_chinese(message))
    ]
    assert wrong == []


def test_markup_and_icons_are_kept(catalogue):
    def marks(text: str) -> list[int]:
        return [text.count(mark) for mark in ("**", "`", "$", ":material/", "](", "<")]

    wrong = [m.id for m in told(catalogue) if marks(in_english(m)) != marks(in_chinese(m))]
    assert wrong == []


def test_it_is_compiled_as_it_stands(catalogue):
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    assert PO.with_suffix(".mo").read_bytes() == compiled.getvalue(), "run `make translations`"


def test_what_is_translated_is_chinese(catalogue):
    few = [m.id for m in told(catalogue) if any("\u4e00" <= c <= "\u9fff" for c in in_chinese(m))]
    # Names such as PyTorch or ReLU stay as they are, but they are not many.
    assert len(few) > 0.9 * len(told(catalogue))


def test_a_page_s_word_is_told():
    assert tell("Train", "zh") == "训练"
    assert tell("Train", "en") == "Train"
