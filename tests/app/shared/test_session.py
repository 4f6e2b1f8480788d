"""The address and the draft, without a page around them."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drawing.strokes import Drawing
from core.spec import BlockSpec, DenseSpec, RunSpec, settings, walk
from core.spec.codec import to_query
from core.spec.presets import DEFAULT, PRESETS
from pages.shared import session as state

KEYS = ["v", "blocks", "dense", "run", "compare", *settings(RunSpec)]
KEYS += [f"b{i}.{name}" for i in range(8) for name in settings(BlockSpec)]
KEYS += [f"d{i}.{name}" for i in range(5) for name in settings(DenseSpec)]
HOSTILE = ["", "-1", "9" * 5000, "1e999", "nan", "٣", "\x00", "<script>", "![](https://a.b/c)"]
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["0", "1", "2", "3", "5", "max", "sgd", "valid", "gelu", "cuda"]),
)
QUERIES = st.dictionaries(
    st.one_of(st.sampled_from(KEYS), st.text(max_size=10)), VALUES, max_size=25
)


class Address(dict):
    """What `st.query_params` can do."""

    def from_dict(self, query):
        self.clear()
        self.update(query)


class Session:
    """One session: its state and its address, as `state` sees them through Streamlit."""

    def __init__(self, patch, query=None):
        self.session_state, self.query_params = {}, Address(query or {})
        seen = SimpleNamespace(session_state=self.session_state, query_params=self.query_params)
        patch.setattr(state, "st", seen)

    def rerun(self):
        """What app.py does around a page."""
        state.read_address()
        state.write_address()

    def navigate(self, query):
        """A person opens another address in the same tab."""
        self.query_params.from_dict(query)


@pytest.fixture
def session(monkeypatch):
    return lambda query=None: Session(monkeypatch, query)


def test_an_empty_address_is_the_default_network(session):
    here = session()
    here.rerun()
    assert state.draft() == DEFAULT
    assert state.mended() == []
    assert here.query_params == to_query(DEFAULT)


def test_an_address_is_read_and_stays_as_it_was_written(session):
    spec = PRESETS["lenet"].spec
    here = session(to_query(spec))
    here.rerun()
    assert state.draft() == spec
    assert here.query_params == to_query(spec)


@given(data=st.data())
def test_whatever_is_drafted_comes_back_from_its_address(specs, data):
    spec = data.draw(specs())
    with pytest.MonkeyPatch.context() as patch:
        here = Session(patch)
        here.rerun()
        state.adopt(spec)
        here.rerun()
        there = Session(patch, dict(here.query_params))
        there.rerun()
        assert state.draft() == spec
        assert state.mended() == []


@given(QUERIES)
def test_any_address_gives_a_network_and_a_clean_address(query):
    with pytest.MonkeyPatch.context() as patch:
        here = Session(patch, query)
        here.rerun()
        spec = state.draft()
        assert isinstance(spec, RunSpec)
        assert dict(here.query_params) == to_query(spec) | (
            {"run": query["run"]} if query.get("run") else {}
        ) | ({"compare": ",".join(state.compared())} if state.compared() else {})
        told = state.mended()
        assert all(sentence.endswith(".") and len(sentence) < 500 for sentence in told)
        here.rerun()
        assert state.draft() == spec
        assert state.mended() == told  # a rerun for another reason does not hide them


def test_a_changed_draft_is_not_taken_back_by_the_address_of_before(session):
    here = session(to_query(PRESETS["lenet"].spec))
    here.rerun()
    state.change("lr", 0.3)
    here.rerun()
    assert state.draft().lr == 0.3
    assert here.query_params["lr"] == "0.3"


def test_another_address_in_the_same_tab_is_another_draft(session):
    here = session()
    here.rerun()
    state.change("lr", 0.3)
    here.rerun()
    here.navigate(to_query(PRESETS["bad"].spec))
    here.rerun()
    assert state.draft() == PRESETS["bad"].spec


def test_a_page_switch_that_empties_the_address_keeps_the_draft(session):
    here = session(to_query(PRESETS["bad"].spec))
    here.rerun()
    here.navigate({})
    here.rerun()
    assert state.draft() == PRESETS["bad"].spec
    assert here.query_params == to_query(PRESETS["bad"].spec)


def test_mended_sentences_go_once_something_is_changed(session):
    here = session(to_query(DEFAULT) | {"lr": "fast"})
    here.rerun()
    assert len(state.mended()) == 1
    state.change("num_epochs", 3)
    assert state.mended() == []


@pytest.mark.parametrize(
    ("path", "value"),
    [("lr", -1.0), ("num_epochs", 0), ("loss", "none"), ("blocks.0.channels", 10**9)],
)
def test_a_value_that_is_not_allowed_changes_nothing_and_is_explained(session, path, value):
    session().rerun()
    state.change(path, value)
    assert state.draft() == DEFAULT
    assert len(state.mended()) == 1


def test_a_widget_is_given_the_draft_s_value_and_gives_its_own(session):
    here = session()
    here.rerun()
    for path, _, value in walk(DEFAULT):
        assert here.session_state[state.widget_key(path)] == value
    here.session_state[state.widget_key("blocks.1.pool")] = "avg"
    state.take_widget("blocks.1.pool")
    assert state.draft() == replace(
        DEFAULT,
        blocks=(DEFAULT.blocks[0], replace(DEFAULT.blocks[1], pool="avg"), DEFAULT.blocks[2]),
    )
    state.adopt(DEFAULT)
    assert here.session_state[state.widget_key("blocks.1.pool")] == "max"


def test_a_refusal_is_shown_once(session):
    session()
    assert state.take_refusal() is None
    state.refuse("No.")
    assert state.take_refusal() == "No."
    assert state.take_refusal() is None


def test_the_part_being_edited_is_one_that_exists(session):
    session().rerun()
    assert state.lit(DEFAULT) == "blocks.0"
    state.light("blocks.2")
    assert state.lit(DEFAULT) == "blocks.2"
    fewer = replace(DEFAULT, blocks=DEFAULT.blocks[:2])
    assert state.lit(fewer) == "blocks.0"
    state.light("dense.0")
    assert state.lit(DEFAULT) == "blocks.0"
    assert state.lit(replace(DEFAULT, dense=(DenseSpec(),))) == "dense.0"


def test_the_newest_drawing_is_kept(session):
    session()
    assert state.drawing().strokes == ()
    newest = Drawing(seq=7, strokes=((200, 1, 1),))
    state.keep_drawing(newest)
    state.keep_drawing(Drawing(seq=6, strokes=()))
    assert state.drawing() == newest
    state.keep_drawing(Drawing(seq=8, strokes=()))
    assert state.drawing().strokes == ()


def test_the_run_that_is_looked_at_stands_in_the_address(session):
    here = session({"run": "7-abc"})
    here.rerun()
    assert state.chosen_run() == "7-abc"
    assert state.draft() == DEFAULT
    state.choose_run("8-def")
    here.rerun()
    assert here.query_params["run"] == "8-def"


def ticked(here, *rows):
    """What a browser sends when rows are ticked, before the script runs."""
    here.session_state["runs_table"] = {"selection": {"rows": list(rows), "columns": []}}
    state.take_table()


def test_chosen_runs_stand_in_the_address_and_come_back_from_it(session):
    here = session()
    here.rerun()
    state.compare(["2-b", "1-a", "2-b"])
    here.rerun()
    assert here.query_params["compare"] == "2-b,1-a"
    again = session(here.query_params)
    again.rerun()
    assert state.compared() == ("2-b", "1-a")
    assert state.draft() == DEFAULT
    assert state.mended() == []


def test_an_address_that_was_written_before_a_choice_does_not_undo_it(session):
    here = session({"compare": "1-a"})
    here.rerun()
    state.compare(["1-a", "2-b"])
    here.rerun()
    assert state.compared() == ("1-a", "2-b")
    state.compare([])
    here.rerun()
    assert state.compared() == ()
    assert "compare" not in here.query_params


def test_another_choice_in_the_address_is_taken(session):
    here = session({"compare": "1-a"})
    here.rerun()
    here.navigate({**here.query_params, "compare": "3-c,1-a"})
    here.rerun()
    assert state.compared() == ("3-c", "1-a")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", ()),
        (",,,", ()),
        ("a,a,b", ("a", "b")),
        ("1,2,3,4,5,6,7", ("1", "2", "3", "4", "5")),
        ("x" * 5000, ()),
        ("../../etc,💥", ("../../etc", "💥")),
    ],
)
def test_whatever_an_address_calls_a_choice_is_a_few_short_names(session, text, ids):
    here = session({"compare": text})
    here.rerun()
    assert state.compared() == ids


def test_more_than_can_be_compared_is_chosen_but_not_written(session):
    here = session()
    here.rerun()
    state.compare("abcdef")
    here.rerun()
    assert "compare" not in here.query_params
    assert state.compared() == tuple("abcdef")


def test_the_table_shows_the_choice_wherever_its_runs_stand(session):
    here = session()
    here.rerun()
    state.compare(["b", "d"])
    key = state.table_key(["a", "b", "c", "d"])
    assert here.session_state[key]["selection"]["rows"] == [1, 3]
    state.table_key(["new", "a", "b", "c", "d"])
    assert here.session_state[key]["selection"]["rows"] == [2, 4]


def test_ticks_are_taken_in_the_order_of_the_clicks(session):
    here = session()
    here.rerun()
    key = state.table_key(["a", "b", "c"])
    ticked(here, 2)
    ticked(here, 2, 0)
    assert state.compared() == ("c", "a")
    state.table_key(["a", "b", "c"])
    assert here.session_state[key]["selection"]["rows"] == [2, 0]  # nothing is sent back
    ticked(here, 0)
    assert state.compared() == ("a",)


def test_what_a_filter_hides_stays_chosen(session):
    here = session()
    here.rerun()
    state.table_key(["a", "b", "c"])
    ticked(here, 1)
    state.table_key(["a", "c"])
    ticked(here, 0)
    assert state.compared() == ("b", "a")
    ticked(here)
    assert state.compared() == ("b",)


def test_rows_that_no_longer_exist_are_no_error(session):
    here = session()
    here.rerun()
    state.table_key(["a"])
    ticked(here, 0, 7)
    assert state.compared() == ("a",)
    assert state.listed_run(0) == "a"
    assert state.listed_run(7) is None


def test_deleted_runs_are_chosen_no_more_and_can_be_undone_once(session):
    here = session()
    here.rerun()
    state.compare(["a", "b", "c"])
    state.note_deleted(["a", "c"], "2 runs")
    assert state.compared() == ("b",)
    assert state.last_deleted() == (("a", "c"), "2 runs")
    state.forget_deleted()
    assert state.last_deleted() == ((), "")


def test_a_value_is_put_again_where_its_words_are_of_another_language(session, monkeypatch):
    here = session()
    here.rerun()
    state.put("choice", "max")
    state.all_shown()

    def written():
        """Whether the widget is given its value, which a browser then takes over."""
        monkeypatch.setitem(here.session_state, "unseen", set())
        state.put("choice", "max")
        return here.session_state["unseen"] == {"choice"}

    assert not written()
    monkeypatch.setattr(state, "language", lambda: "zh")
    assert written()
    assert written()  # until a run of the script has come to its end
    state.all_shown()
    assert not written()


def test_the_open_tab_is_the_same_one_by_another_name(session):
    here = session()
    assert state.labelled("listing", ["Layers", "PyTorch code"]) == "listing"
    assert "listing" not in here.session_state
    here.session_state["listing"] = "PyTorch code"
    state.labelled("listing", ["各层", "PyTorch 代码"])
    assert here.session_state["listing"] == "PyTorch 代码"
    state.labelled("listing", ["Layers", "PyTorch code"])
    assert here.session_state["listing"] == "PyTorch code"
