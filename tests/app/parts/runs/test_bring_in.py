"""Files that come back: a configuration is the draft, weights are a run, the rest a sentence."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.runs.manager import Runs
from core.runs.store import Store
from core.spec.codec import to_json
from core.spec.presets import DEFAULT, PRESETS
from tests.app.conftest import PricedRuns
from tests.core.bring_in.mutants import SMALL, weights_of
from tests.core.bring_in.test_weights import put_together, taken_apart

JSON = ("net.json", to_json(PRESETS["lenet"].spec).encode(), "application/json")
WEIGHTS = ("my net.safetensors", weights_of(SMALL), "application/octet-stream")


@pytest.fixture
def kept(tmp_path, monkeypatch: pytest.MonkeyPatch, line) -> Runs:
    """Runs that are kept on the disk, none of which is ever trained."""
    made = PricedRuns(Store(tmp_path))
    monkeypatch.setattr(made, "_ensure_worker", lambda: None)
    monkeypatch.setattr("core.runs.manager._runs", made)
    yield made
    made.close()


def page() -> AppTest:
    def script() -> None:
        import streamlit as st

        from core.spec.presets import DEFAULT
        from pages.parts.runs.bring_in import bring_in
        from pages.shared import session

        if "draft" not in st.session_state:
            session.adopt(DEFAULT)
        bring_in()

    return AppTest.from_function(script, default_timeout=30).run()


def upload(tab: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    tab.file_uploader[0].set_value(list(files)).run()
    assert not tab.exception
    return tab


def refusal(tab: AppTest) -> str:
    assert not tab.success
    return tab.error[0].value.replace("\\", "").replace(":color[:]", ":")


def test_a_configuration_becomes_the_draft(kept):
    tab = upload(page(), JSON)
    assert tab.session_state["draft"] == PRESETS["lenet"].spec
    assert tab.success[0].value.replace("\\", "").startswith("net.json is the draft now.")
    assert not kept.all()


def test_weights_become_a_run_that_waits_for_its_test(kept):
    tab = upload(page(), WEIGHTS)
    (run,) = kept.all()
    assert (run.name, run.status, run.spec) == ("my net", "imported", SMALL)
    assert run.weights().keys() == {*run.weights()}
    assert tab.session_state["run"] == run.id
    assert tab.session_state["draft"] == DEFAULT
    assert tab.success[0].value.replace("\\", "").startswith("my net is a run now.")


def test_a_file_is_brought_in_once(kept):
    tab = upload(page(), WEIGHTS)
    for _ in range(3):
        tab.run()
    assert len(kept.all()) == 1
    assert tab.file_uploader[0].value in (None, [])
    upload(tab, WEIGHTS)
    assert len(kept.all()) == 2


def test_weights_that_name_no_network_need_its_configuration(kept):
    header, rest = taken_apart(WEIGHTS[1])
    del header["__metadata__"]
    bare = ("bare.safetensors", put_together(header, rest), "")
    tab = upload(page(), bare)
    assert refusal(tab).startswith("bare.safetensors: The weights do not say which network")
    own = ("net.json", to_json(SMALL).encode(), "")
    upload(tab, bare, own)
    assert [run.spec for run in kept.all()] == [SMALL]
    assert not tab.error
    other = ("net.json", to_json(replace(SMALL, dense=())).encode(), "")
    upload(tab, bare, other)
    assert "The weights are of another network" in refusal(tab)
    assert len(kept.all()) == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("a.json", b"{", "")], "a.json: The configuration is not JSON: line 1"),
        ([("a.json", b"\xff", "")], "a.json: The configuration is not text"),
        ([("a.safetensors", b"\x80\x04K\x01.", "")], "a.safetensors: These weights are cut off"),
        ([("w.safetensors", WEIGHTS[1][:-9], "")], "w.safetensors: These weights are cut off"),
        ([JSON, JSON], "one network at a time"),
        ([WEIGHTS, WEIGHTS, JSON], "one network at a time"),
        ([("![x](http://a.b).json", b"{", "")], "![x](http://a.b).json: The configuration"),
    ],
)
def test_what_is_wrong_is_said_in_place(kept, files, words):
    tab = upload(page(), *files)
    assert words in refusal(tab)
    assert "](http" not in tab.error[0].value
    assert not kept.all()
    assert tab.session_state["draft"] == DEFAULT
    upload(tab, JSON)
    assert not tab.error


def test_where_runs_are_not_kept_weights_are_refused(line):
    assert "not kept on the disk" in refusal(upload(page(), WEIGHTS))


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("x" * 200 + ".safetensors", "x" * 80),
        (".safetensors", "Brought in"),
        ("a\nb\u202e.safetensors", "a b"),
        ("../../etc/passwd.safetensors", "../../etc/passwd"),
    ],
)
def test_a_files_name_is_only_a_name(kept, name, called):
    upload(page(), (name, WEIGHTS[1], ""))
    assert kept.all()[0].name == called
