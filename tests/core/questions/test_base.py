"""What every kind of question does, shown by one whose answers cost nothing."""

import threading
from functools import partial

import pytest
import torch

from core.questions.base import Questions
from core.words.errors import UserError
from tests.app.script import eventually


class Lengths(Questions[str, int, int]):
    """How long a word is, counted letter by letter, once it has been read."""

    MOST_KNOWN = 3
    MOST_WAITING = 4
    BROKE_OFF = "It broke off."

    def __init__(self, **args) -> None:
        super().__init__(lambda: self.woken.append(1), **args)
        self.woken: list[int] = []
        self.counted: list[str] = []
        self.let_go: list[str] = []
        self.unreadable: dict[str, Exception] = {}
        self.failing: dict[str, Exception] = {}
        self.read_by: set[str] = set()

    def ask(self, asker: str, word: str, address: str = "", place: str = "") -> int | None:
        known = self._ask(place or asker, word, asker, address)
        return known.answer if known else None

    def trouble(self, word: str) -> str:
        return self._known[word].trouble

    def said(self, word: str) -> list[int] | None:
        return self._said(word)

    def read(self) -> None:
        eventually(lambda: self._reader is None)

    def finish(self) -> None:
        self.read()
        while self.waits:
            self.advance()

    def _prepare(self, word):
        self.read_by.add(threading.current_thread().name)
        if word in self.unreadable:
            raise self.unreadable[word]
        return partial(self._count, word)

    def _count(self, word):
        torch.rand(3)
        try:
            for i, _ in enumerate(word):
                if word in self.failing:
                    raise self.failing[word]
                self.counted.append(word)
                yield i
        except GeneratorExit:
            self.let_go.append(word)
            raise
        return len(word)


class Quick(Lengths):
    """Likewise, but there is nothing to read."""

    READS = False


@pytest.fixture(params=[Lengths, Quick])
def kind(request):
    return request.param


def test_a_question_is_answered_once_for_all_who_ask_it(kind):
    lengths = kind()
    assert [lengths.ask(asker, "tree") for asker in ("ann", "ben")] == [None, None]
    assert lengths.pending("ann")
    lengths.read()
    assert lengths.woken
    assert lengths.waits
    lengths.advance()
    lengths.advance()
    assert lengths.said("tree") == [0, 1]
    assert lengths.said("leaf") is None
    lengths.finish()
    assert [lengths.ask(asker, "tree") for asker in ("ann", "ben", "cleo")] == [4, 4, 4]
    assert not any(lengths.pending(asker) for asker in ("ann", "ben", "cleo"))
    assert not lengths.waits
    assert lengths.counted == ["tree"] * 4


def test_what_is_read_is_read_in_a_thread_of_its_own():
    reading, quick = Lengths(), Quick()
    for kind in (reading, quick):
        kind.ask("ann", "tree")
        kind.finish()
    mine = threading.current_thread().name
    assert mine not in reading.read_by
    assert quick.read_by == {mine}


def test_the_newest_question_of_a_place_takes_the_place_of_the_one_before(kind):
    lengths = kind()
    lengths.ask("ann", "tree")
    lengths.read()
    lengths.advance()
    lengths.ask("ann", "leaf")
    lengths.finish()
    assert lengths.let_go == ["tree"]
    assert lengths.counted == ["tree"] + ["leaf"] * 4


def test_one_asker_may_have_several_places(kind):
    lengths = kind()
    for word in ("tree", "leaf", "root"):
        lengths.ask("ann", word, place=word)
    lengths.finish()
    assert {word: lengths.ask("ben", word) for word in ("tree", "leaf", "root")} == {
        "tree": 4, "leaf": 4, "root": 4
    }  # fmt: skip


def test_whoever_stops_leaves_nothing_behind_and_others_their_own(kind):
    lengths = kind()
    lengths.ask("ann", "tree")
    lengths.ask("ben", "leaf")
    lengths.read()
    lengths.advance()
    lengths.stop("ann")
    assert not lengths.pending("ann")
    lengths.finish()
    assert lengths.let_go == ["tree"]
    assert lengths.ask("cleo", "leaf") == 4


def test_what_is_dropped_begins_anew(kind):
    lengths = kind()
    lengths.ask("ann", "tree")
    lengths.read()
    lengths.advance()
    lengths.drop()
    assert lengths.pending("ann")
    lengths.finish()
    assert lengths.counted == ["tree"] * 5
    assert lengths.ask("ann", "tree") == 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(UserError("It is too long."), "It is too long.", id="told"),
        pytest.param(RuntimeError("segment 7"), "It broke off.", id="a fault"),
    ],
)
def test_work_that_fails_is_told_in_a_sentence_and_tried_again_when_asked(
    kind, error, words, caplog
):
    lengths = kind()
    lengths.failing["tree"] = error
    lengths.ask("ann", "tree")
    lengths.ask("ben", "leaf")
    lengths.finish()
    assert lengths.trouble("tree") == words
    assert ("segment 7" in caplog.text) == isinstance(error, RuntimeError)
    assert lengths.ask("cleo", "leaf") == 4  # it keeps nobody else from an answer
    lengths.failing.clear()
    assert lengths.ask("ann", "tree") is None
    lengths.finish()
    assert lengths.ask("ann", "tree") == 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(UserError("It is gone."), "It is gone.", id="told"),
        pytest.param(OSError("disk 3"), "Its images cannot be read.", id="a fault"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(error, words):
    lengths = Lengths()
    lengths.unreadable["tree"] = error
    lengths.ask("ann", "tree")
    lengths.ask("ben", "leaf")
    lengths.finish()
    assert lengths.trouble("tree") == words
    assert not lengths.pending("ann")
    assert lengths.ask("ben", "leaf") == 4


def test_of_too_many_the_oldest_go_but_not_what_is_worked_on(kind):
    lengths = kind()
    lengths.ask("first", "tree")
    lengths.read()
    lengths.advance()
    for i in range(6):
        lengths.ask(f"later {i}", "word" + str(i))
    assert [i for i in range(6) if lengths.pending(f"later {i}")] == [2, 3, 4, 5]
    assert lengths.pending("first")
    crowded = kind(most_each=1)
    for i in range(3):
        crowded.ask(f"cookie {i}", "word" + str(i), "10.0.0.7")
    assert [crowded.pending(f"cookie {i}") for i in range(3)] == [False, False, True]


def test_the_oldest_answers_are_forgotten_and_used_ones_kept(kind):
    lengths = kind()
    for word in ("one", "two", "three"):
        lengths.ask("ann", word)
        lengths.finish()
    assert lengths.ask("ann", "one") == 3
    lengths.ask("ann", "four")
    lengths.finish()
    assert lengths.ask("ann", "one") == 3
    assert lengths.ask("ann", "two") is None


def test_each_asker_gets_the_same_time_however_much_they_ask(kind):
    lengths = kind()
    lengths.MOST_WAITING = 50
    for i in range(9):
        lengths.ask("ann", "word" + str(i), place=str(i))
    lengths.ask("ben", "tree")
    lengths.read()
    while lengths.pending("ben"):
        lengths.advance()
    assert len([word for word in set(lengths.counted) if word != "tree"]) <= 2


def test_whatever_the_work_draws_a_run_finds_its_generator_as_it_was(kind):
    lengths = kind()
    before = torch.get_rng_state()
    lengths.ask("ann", "tree")
    lengths.finish()
    assert torch.equal(torch.get_rng_state(), before)
