"""The Runs page: find, name, compare, delete and take up again what was trained."""

import errno
import json
from dataclasses import replace

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df

from core.data.loading import load
from core.runs.new_record import new_record
from core.runs.store import Store, disk
from core.serving.limits import Limits
from core.spec import BlockSpec, RunSpec
from core.spec.presets import PRESETS
from pages.shared.words import plain
from tests.app.shelf import SPEC
from tests.app.tab import Tab, words


def said(tab: Tab) -> str:
    """All that can be read below the strip."""
    strip = tab.get_by_key("strip")
    parts = [words(node) for node in tab.main.children.values() if node is not strip]
    return "\n".join(parts).replace("\\", "").replace("\u00a0", " ")


def names(tab: Tab) -> list[str]:
    """The runs in the table."""
    return tab.get_by_key("runs_table").value["Name"].tolist()


def overlay(tab: Tab, measure: str):
    """The description and the rows of an overlay chart."""
    charts = [node.proto for node in tab.get("vega_lite_chart")]
    assert len(charts) == 2
    proto = charts[("loss", "accuracy").index(measure)]
    return json.loads(proto.spec), convert_arrow_bytes_to_pandas_df(proto.data.data)


def test_with_no_run_the_page_says_what_it_is_for_and_begins(visit, shelve, shelf):
    line = shelve()
    tab = visit("runs")
    assert "which one is better" in said(tab)
    assert not tab.has("runs_table")
    tab.click("train")
    assert len(line.rows()) == 1
    assert tab.query_params["run"] == line.rows()[0].id
    assert tab.has("shown_run")  # the Train page


def test_all_runs_are_listed_newest_first(visit, shelve, shelf):
    shelf.put(wrong=range(7))
    shelf.put(status="diverged", tested=False, tags=("odd",))
    shelf.put(starred=True)
    shelve()
    tab = visit("runs")
    table = tab.get_by_key("runs_table").value
    assert table["Name"].tolist() == ["3 · net", "2 · net", "1 · net"]
    assert table["★"].tolist() == ["★", "☆", "☆"]
    assert table["State"].tolist() == ["finished", "diverged", "finished"]
    assert table["Test"].tolist()[2] == pytest.approx(98.6)
    assert "3 runs" in said(tab)
    assert "on the disk" in said(tab)
    assert "Tick a run" in said(tab)


def test_a_made_name_is_read_in_ones_own_language_and_a_typed_one_as_it_stands(
    visit, shelve, shelf, monkeypatch
):
    monkeypatch.setattr("pages.shared.language.DEFAULT", "zh")  # as AppTest reads a page
    made = new_record(1, replace(PRESETS["small"].spec, optimizer="sgd")).name
    first = shelf.put(name=made)
    shelf.put(name="Small and fast")
    line = shelve()
    tab = visit("runs", query={"lang": "zh"})
    assert names(tab) == ["Small and fast", "1 · 小而快、SGD"]
    tab.get_by_key("runs_text").set_value("小而快").run()
    assert names(tab) == ["1 · 小而快、SGD"]
    field = tab.tick(0).get_by_key(f"run_name_{first}")
    assert field.value == "1 · 小而快、SGD"
    field.set_value("1 · 小而快、SGD ").run()  # nothing of it was changed
    assert line.get(first).name == made
    tab.get_by_key(f"run_name_{first}").set_value("我的").run()
    assert names(visit("runs", query={"lang": "zh"})) == ["Small and fast", "我的"]


def test_searching_and_filtering(visit, shelve, shelf):
    shelf.put(name="wide", tags=("keep",))
    shelf.put(name="deep", note="slow but sure", starred=True)
    shelf.put(name="odd", status="failed", tested=False)
    shelve()
    tab = visit("runs")
    tab.get_by_key("runs_text").set_value("sure").run()
    assert names(tab) == ["deep"]
    assert "1 of 3 runs" in said(tab)
    tab.click("all")
    assert len(names(tab)) == 3
    tab.get_by_key("runs_starred").set_value(True).run()
    assert names(tab) == ["deep"]
    tab.get_by_key("runs_starred").set_value(False).run()
    tab.get_by_key("runs_tags").set_value(["keep"]).run()
    assert names(tab) == ["wide"]
    tab.go("build").go("runs")  # and it stays
    assert names(tab) == ["wide"]
    tab.get_by_key("runs_states").set_value(["failed"]).run()
    assert not tab.has("runs_table")
    assert "No run is like that" in said(tab)
    tab.click("all")
    assert names(tab) == ["odd", "deep", "wide"]


def test_a_filter_whose_last_run_is_gone_is_no_error(visit, shelve, shelf):
    run_id = shelf.put(tags=("alone",))
    shelf.put()
    line = shelve()
    tab = visit("runs")
    tab.get_by_key("runs_tags").set_value(["alone"]).run()
    line.change(run_id, tags=())
    tab.run()
    assert "No run is like that" in said(tab)
    tab.click("all")
    assert len(names(tab)) == 2


def test_a_ticked_run_is_shown_and_stands_in_the_address(visit, shelve, shelf):
    first, second = shelf.put(wrong=range(10)), shelf.put()
    shelve()
    tab = visit("runs").tick(1)
    assert tab.query_params["compare"] == first
    facts = said(tab)
    for fact in ("490 of 500 right", "98.0 %", "1 · net", "conv 4", "parameters", "torch"):
        assert fact in facts
    assert not tab.has("card_resume")
    again = visit("runs", query=dict(tab.query_params))
    assert again.get_by_key(f"run_name_{first}").value == "1 · net"
    tab.tick(0)
    assert tab.query_params["compare"] == second
    assert "500 of 500 right" in said(tab)


def test_a_new_run_above_does_not_change_the_choice(visit, shelve, shelf):
    first = shelf.put()
    shelf.put()
    line = shelve()
    tab = visit("runs").tick(1)
    line.start(replace(SPEC, seed=9))
    tab.run()
    assert len(names(tab)) == 3
    assert tab.query_params["compare"] == first
    assert tab.session_state["runs_table"]["selection"]["rows"] == [2]


def test_name_tags_note_and_star_are_kept_on_the_disk(visit, shelve, shelf):
    run_id = shelf.put()
    shelf.put(tags=("known",))
    shelve()
    tab = visit("runs", query={"compare": run_id})
    tab.get_by_key(f"run_name_{run_id}").set_value("  Mine ").run()
    tags = tab.get_by_key(f"run_tags_{run_id}")
    assert "known" in tags.options
    tags.set_value(["known"]).run()
    tab.get_by_key(f"run_note_{run_id}").set_value("Two lines,\nboth kept.").run()
    tab.click("star")
    assert names(tab) == ["2 · net", "Mine"]
    assert "★ Starred" in tab.get_by_key("star").label
    kept = Store(shelf.root).get(run_id)
    assert (kept.name, kept.tags, kept.starred) == ("Mine", ("known",), True)
    assert kept.note == "Two lines,\nboth kept."
    tab.click("star")
    assert not Store(shelf.root).get(run_id).starred


def test_a_name_of_blanks_is_refused_with_a_sentence(visit, shelve, shelf):
    run_id = shelf.put()
    shelve()
    tab = visit("runs", query={"compare": run_id})
    tab.get_by_key(f"run_name_{run_id}").set_value("   ").run()
    assert "1 to 80 characters" in tab.error[0].value
    assert tab.get_by_key(f"run_name_{run_id}").value == "1 · net"
    assert not tab.run().error


def test_words_of_people_are_shown_as_they_are(visit, shelve, shelf):
    name = "<b>x</b> ![a](http://b.c/d.png) *s* :red[r]"
    first, second = shelf.put(name=name), shelf.put(wrong=range(9))
    shelve()
    tab = visit("runs", query={"compare": first})
    (heading,) = tab.subheader
    assert "![" not in heading.value
    assert heading.value == plain(name)
    tab = visit("runs", query={"compare": f"{first},{second}"})
    legend = next(node.value for node in tab.html if "run-legend" in node.value)
    assert "&lt;b&gt;x&lt;/b&gt;" in legend
    assert "<b>" not in legend


def test_a_deleted_run_is_gone_until_it_is_undone(visit, shelve, shelf):
    first, second = shelf.put(), shelf.put()
    line = shelve()
    tab = visit("runs", query={"compare": first})
    tab.click("delete")
    assert names(tab) == ["2 · net"]
    assert "compare" not in tab.query_params
    assert "Deleted 1 · net" in said(tab)
    assert Store(shelf.root).get(first).deleted_at is not None
    tab.click("undo_delete")
    assert names(tab) == ["2 · net", "1 · net"]
    assert tab.query_params["compare"] == first
    assert not tab.has("undo_bar")
    assert line.get(second) is not None


def test_several_are_deleted_at_once_and_it_can_be_left_at_that(visit, shelve, shelf):
    ids = [shelf.put() for _ in range(7)]
    shelve()
    tab = visit("runs").tick(*range(6))
    assert "At most 5 runs can be compared. Untick 1." in said(tab)
    assert not tab.get("vega_lite_chart")
    tab.click("delete")
    assert names(tab) == ["1 · net"]
    assert "Deleted 6 runs" in said(tab)
    tab.click("undo_close")
    assert not tab.has("undo_bar")
    assert [row.id for row in Store(shelf.root).rows()] == ids[:1]


def test_a_run_that_goes_on_is_not_deleted(visit, shelve, shelf):
    shelf.put()
    line = shelve()
    run = line.start(replace(SPEC, seed=4))
    tab = visit("runs", query={"compare": run.id})
    assert tab.get_by_key("delete").disabled
    assert "stop it first" in tab.get_by_key("delete").help.replace("\\", "")


def test_only_those_that_ended_early_offer_to_go_on(visit, shelve, shelf):
    ended = shelf.put()
    early = shelf.put(status="interrupted", epochs=1, tested=False)
    line = shelve()
    tab = visit("runs", query={"compare": ended})
    assert not tab.has("card_resume")
    tab = visit("runs", query={"compare": early})
    tab.click("card_resume")
    assert line.get(early).status == "queued"
    assert tab.get_by_key("shown_run").value == early  # on the Train page


def test_a_run_whose_checkpoint_cannot_be_read_says_why_it_waits(visit, shelve, shelf, monkeypatch):
    run_id = shelf.put(status="running", epochs=1, tested=False)
    read = disk.read

    def busy(path, most=-1):
        if path.name.startswith("state-"):
            raise OSError(errno.EMFILE, "Too many open files", str(path))
        return read(path, most)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "read", busy)
        line = shelve()
    assert line.get(run_id).snapshot().step > 0
    tab = visit("train", query={"run": run_id})
    (why,) = [str(box.value).replace("\\", "") for box in tab.warning]
    assert "Run 1 cannot be read now" in why
    assert "too many files open" in why
    visit("runs", query={"compare": run_id}).click("card_resume")
    assert line.get(run_id).status == "queued"


def test_its_settings_are_opened_trained_again_and_looked_at(visit, shelve, shelf):
    spec = replace(SPEC, blocks=(BlockSpec(channels=7, kernel_size=5),), lr=0.02)
    run_id = shelf.put(spec)
    line = shelve()
    query = {"compare": run_id}
    tab = visit("runs", query=query).click("card_build")
    assert tab.draft == spec
    assert tab.has("network")  # the Build page
    tab = visit("runs", query=query).click("card_train")
    assert tab.get_by_key("shown_run").value == run_id
    tab = visit("runs", query=query).click("card_again")
    assert line.all()[0].spec == spec
    assert line.all()[0].id == tab.query_params["run"] != run_id


def test_a_run_is_drawn_with(visit, shelve, shelf, canvas):
    shelf.put()
    run_id = shelf.put()
    shelf.put()
    shelve()
    tab = visit("runs", query={"compare": run_id}).click("card_draw")
    assert tab.get_by_key("draw_with").value == run_id


def test_two_runs_are_told_apart_with_the_numbers(visit, shelve, shelf):
    # A alone is right on 31 images, B alone on 12; both miss 7.
    first = shelf.put(SPEC, wrong=range(19))
    second = shelf.put(replace(SPEC, lr=0.01, num_epochs=5), wrong=range(12, 50))
    shelve()
    tab = visit("runs", query={"compare": f"{first},{second}"})
    facts = said(tab)
    assert "A is better." in facts
    assert "A is right on 31 images that B misses, B on 12 that A misses; of 500." in facts
    assert "equally good: 0.5 %" in facts
    differing = tab.dataframe[1].value
    assert differing.to_dict("records") == [
        {"Setting": "Learning rate", "A": "0.001", "B": "0.01"},
        {"Setting": "Epochs", "A": "3", "B": "5"},
    ]
    legend = next(node.value for node in tab.html if "run-legend" in node.value)
    for fact in ("1 · net", "481 of 500 right (96.20\xa0%)", "462 of 500 right (92.40\xa0%)"):
        assert fact in legend


def test_their_curves_lie_over_each_other(visit, shelve, shelf):
    first, second = shelf.put(), shelf.put(replace(SPEC, num_epochs=5), wrong=range(50))
    shelve()
    tab = visit("runs", query={"compare": f"{second},{first}"})
    chart, rows = overlay(tab, "accuracy")
    assert rows[rows.run == "A"].x.tolist() == [1, 2, 3, 4, 5]
    assert rows[rows.run == "B"].y.tolist() == pytest.approx([0.9, 0.95, 1 - 0.1 / 3])
    assert set(rows[rows.run == "A"].name) == {"2 · net"}
    assert chart["encoding"]["x"]["title"] == "Epoch"
    tab.get_by_key("overlay_images").set_value("training").run()
    tab.get_by_key("overlay_axis").set_value("step").run()
    _, rows = overlay(tab, "loss")
    assert rows[rows.run == "A"].x.max() == 5 * 63
    assert 60 < len(rows[rows.run == "B"]) <= 120


def test_their_confusions_are_drawn_against_each_other(visit, shelve, shelf):
    labels = load("embedded").test.labels
    fives = (labels == 5).nonzero().flatten().tolist()
    first, second = shelf.put(wrong=fives[:2]), shelf.put(wrong=fives[:9])
    shelve()
    tab = visit("runs", query={"compare": f"{first},{second}"})
    heat = json.loads(tab.get_by_key("confusion_difference").proto.spec)["data"][0]
    assert heat["text"][5] == ["", "", "", "", "", "+7", "–7", "", "", ""]
    assert f"5 named rightly: A {len(fives) - 2}, B {len(fives) - 9}" in heat["hovertext"][5][5]
    assert heat["hovertext"][5][6] == "5 taken for 6: A 2 times, B 9 times"


def test_a_small_difference_is_called_noise(visit, shelve, shelf):
    first, second = shelf.put(wrong=range(5)), shelf.put(wrong=range(3, 10))
    shelve()
    facts = said(visit("runs", query={"compare": f"{first},{second}"}))
    assert "Within noise" in facts
    assert "A is right on 5 images that B misses, B on 3 that A misses; of 500." in facts
    assert "equally good: 73 %" in facts


def test_equal_settings_are_said_to_be_equal(visit, shelve, shelf):
    first, second = shelf.put(), shelf.put()
    shelve()
    tab = visit("runs", query={"compare": f"{first},{second}"})
    assert "All settings are the same" in said(tab)
    assert len(tab.dataframe) == 1  # that of the runs
    assert "No difference at all" in said(tab)


def test_runs_of_other_data_have_no_verdict_and_a_sentence_says_why(visit, shelve, shelf):
    first, second = shelf.put(), shelf.put(replace(SPEC, data="mnist"))
    shelve()
    tab = visit("runs", query={"compare": f"{first},{second}"})
    assert "Only answers to the same images can be compared" in said(tab)
    assert not tab.has("confusion_difference")
    assert tab.dataframe[1].value["Setting"].tolist() == ["Data"]
    assert len(overlay(tab, "loss")[1]) == 6


def test_a_run_that_was_not_tested_has_no_verdict_yet(visit, shelve, shelf):
    first, second = shelf.put(), shelf.put(status="failed", epochs=1, tested=False)
    shelve()
    facts = said(visit("runs", query={"compare": f"{first},{second}"}))
    assert "There is no verdict before B has been tested." in facts


def test_three_are_compared_with_the_best_of_them(visit, shelve, shelf):
    ids = [shelf.put(wrong=range(40)), shelf.put(), shelf.put(wrong=[0]), shelf.put(tested=False)]
    shelve()
    tab = visit("runs", query={"compare": ",".join(ids)})
    facts = said(tab)
    assert "B against A: B is better." in facts
    assert "B against C: within noise." in facts
    assert facts.count("corrected for all 3 pairs") == 2
    assert "Not tested, so left out: D." in facts
    assert not tab.has("confusion_difference")


def test_a_choice_is_cleared(visit, shelve, shelf):
    ids = [shelf.put(), shelf.put()]
    shelve()
    tab = visit("runs", query={"compare": ",".join(ids)}).click("clear")
    assert "compare" not in tab.query_params
    assert tab.session_state["runs_table"]["selection"]["rows"] == []


def test_unknown_runs_in_the_address_are_named_as_missing(visit, shelve, shelf):
    run_id = shelf.put()
    shelve()
    tab = visit("runs", query={"compare": f"9-ffffff,{run_id},../../etc"})
    assert "2 runs of this choice cannot be found here" in said(tab)
    assert tab.has("run_card")
    assert tab.query_params["compare"] == run_id
    assert "cannot be found" not in said(tab.run())


def test_what_a_filter_hides_can_still_be_compared(visit, shelve, shelf):
    shelf.put(name="early"), shelf.put(name="late")
    shelve()
    tab = visit("runs")
    for name in ("early", "late"):
        tab.get_by_key("runs_text").set_value(name).run()
        tab.tick(0)
    assert "2 runs side by side" in said(tab)
    legend = next(node.value for node in tab.html if "run-legend" in node.value)
    assert legend.index("early") < legend.index("late")


def test_others_runs_can_be_looked_at_but_not_changed(visit, shelve, shelf):
    run_id = shelf.put(owner="somebody else")
    shelve(Limits(only_own_runs=True))
    tab = visit("runs", query={"compare": run_id})
    for key in (f"run_name_{run_id}", f"run_note_{run_id}", "star", "delete"):
        assert tab.get_by_key(key).disabled, key
    assert not tab.get_by_key("card_build").disabled


def test_a_damaged_list_is_made_anew_and_no_run_is_missed(visit, shelve, shelf):
    shelf.put()
    shelf.store.close()
    (shelf.root / "runs.list").write_bytes(b"not a list" * 300)
    shelf.store = Store(shelf.root)
    shelve()
    tab = visit("runs")
    assert names(tab) == ["1 · net"]
    assert not tab.warning


def test_a_run_whose_description_was_rebuilt_is_named_on_the_page(visit, shelve, shelf):
    shelf.put()
    hurt = shelf.put()
    shelf.store.close()
    (shelf.root / "runs" / hurt / "run.json").write_bytes(b"{")
    shelf.store = Store(shelf.root)
    shelve()
    tab = visit("runs")
    assert names(tab) == ["2 · net", "1 · net"]
    assert "description of run 2" in tab.warning[0].value
    assert "was damaged and has been rebuilt" in tab.warning[0].value


def test_where_nothing_can_be_kept_the_page_says_so(visit, line):
    tab = visit("runs")
    assert "cannot be kept" in tab.warning[0].value


def test_a_thousand_runs_are_listed(visit, shelve, shelf):
    first = shelf.put(RunSpec(blocks=(BlockSpec(),)))
    row = shelf.store.rows()[0]
    line = shelve()
    many = tuple(replace(row, id=f"{n}-0", number=n, name=f"{n}") for n in range(1000, 0, -1))
    line.rows = lambda: (*many, row)
    tab = visit("runs", query={"compare": first})
    assert len(names(tab)) == 1001
    assert "1,001 runs" in said(tab)
    assert tab.session_state["runs_table"]["selection"]["rows"] == [1000]


def test_a_run_can_be_taken_home_and_files_brought_in(visit, shelve, shelf):
    first, second = shelf.put(), shelf.put()
    shelve()
    tab = visit("runs")
    assert tab.has("bring_in")
    assert not tab.has("take_home")
    tab.tick(0)
    assert tab.query_params["compare"] == second
    assert tab.has("take_home")
    tab.tick(0, 1)
    assert tab.query_params["compare"] == f"{second},{first}"
    assert not tab.has("take_home")
    assert tab.has("bring_in")


def test_different_losses_are_not_passed_off_as_comparable(visit, shelve, shelf):
    first = shelf.put(replace(SPEC, loss="mse"))
    second = shelf.put(replace(SPEC, label_smoothing=0.1))
    third = shelf.put(replace(SPEC, lr=0.5, label_smoothing=0.1))
    shelve()
    facts = said(visit("runs", query={"compare": f"{first},{second}"}))
    assert "These losses are different ones (A: Mean squared error; B: Cross entropy" in facts
    facts = said(visit("runs", query={"compare": f"{second},{third}"}))
    assert "These losses" not in facts
