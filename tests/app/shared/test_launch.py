"""What a Train button does, wherever it stands."""

from dataclasses import replace

import pytest

from core.serving.limits import Limits
from core.spec import SpecError
from core.spec.presets import DEFAULT, PRESETS
from core.training.check import require_runnable
from core.words.errors import UserError
from tests.app.script import eventually


@pytest.mark.parametrize(("name", "key"), [("build", "train"), ("train", "train")])
def test_it_trains_the_draft_and_looks_at_that_run(visit, line, script, name, key):
    tab = visit(name, spec=PRESETS["bad"].spec)
    tab.click(key)
    (run,) = line.all()
    assert run.spec == PRESETS["bad"].spec
    assert tab.query_params["run"] == run.id
    assert tab.get_by_key("shown_run").value == run.id


def test_from_build_it_goes_to_the_curves(visit, line, script):
    tab = visit()
    tab.click("train")
    assert tab.has("shown_run")
    assert not tab.has("network")
    tab.go("build")
    assert tab.has("network")  # once: a later visit stays where it is


def test_a_line_that_is_full_is_a_sentence(visit, running, line):
    running()
    for seed in range(1, Limits().max_waiting + 1):
        line.start(replace(DEFAULT, seed=seed))
    for name in ("build", "train"):
        tab = visit(name, spec=replace(DEFAULT, seed=99))
        tab.click("train")
        assert f"{Limits().max_waiting} runs" in tab.error[0].value.replace("\\", "")
        assert len(line.all()) == Limits().max_waiting + 1
        assert not tab.run().error


def test_what_cannot_run_by_now_is_refused_with_its_place(visit, line, monkeypatch):
    tab = visit()
    with pytest.raises(SpecError) as caught:
        require_runnable(replace(DEFAULT, batch_size=8192))
    sentence = str(caught.value)

    def start(spec, owner, address):
        raise UserError(sentence)

    monkeypatch.setattr(line, "start", start)
    tab.click("train")
    assert tab.error[0].value.replace("\\", "") == sentence
    assert tab.has("network")  # it stays where a person can change it


def test_a_run_that_waits_is_looked_at_too(visit, running, line):
    first = running()
    tab = visit(spec=PRESETS["lenet"].spec)
    tab.click("train")
    assert tab.get_by_key("shown_run").value == line.all()[0].id != first.id
    eventually(lambda: line.all()[0].status == "queued")


@pytest.mark.parametrize("name", ["build", "train"])
def test_after_the_first_run_it_looks_at_the_second(visit, line, running, name):
    first = running()
    tab = visit("train")
    assert tab.get_by_key("shown_run").value == first.id
    tab.go("build").set("seed", 5)
    tab.go(name).click("train")
    second = line.all()[0]
    assert second.spec.seed == 5
    assert tab.get_by_key("shown_run").value == second.id
    assert tab.query_params["run"] == second.id
