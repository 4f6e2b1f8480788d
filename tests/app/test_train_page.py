"""The Train page in every state that a run can be in."""

import re
import statistics
from dataclasses import replace

import pytest

from core.data.loading import DATASETS, DataError
from core.serving.limits import Limits
from core.spec.presets import DEFAULT, PRESETS
from core.training import check as check_module
from core.training.events import Diverged
from pages.shared.charts.curves_chart import TRAINING, VALIDATION
from pages.shared.palette import DARK, LIGHT
from tests.app.script import END, epoch_of, eventually, steps_to
from tests.app.tab import Tab, as_read, words

STEPS = 756  # 63 batches of 64 in each of 12 epochs


def text_of(tab: Tab) -> str:
    """All that can be read on the page, below the strip."""
    strip = tab.get_by_key("strip")
    return "\n".join(
        words(node) for node in tab.main.children.values() if node is not strip
    ).replace("\\", "")


def ended(run, script, *lines):
    """Say the last lines and wait for the end."""
    script.say(*lines)
    assert run.wait(20)
    return run.snapshot()


def test_with_nothing_trained_yet_the_page_says_how_to_begin(visit):
    tab = visit("train")
    assert not tab.get_by_key("train").disabled
    for key in ("shown_run", "axis", "panel_stop"):
        assert not tab.has(key)
    assert not tab.charts("loss")
    assert "run" not in tab.query_params


def test_its_button_trains_the_draft(visit, line, script):
    tab = visit("train", spec=PRESETS["lenet"].spec)
    tab.click("train")
    assert [run.spec for run in line.all()] == [PRESETS["lenet"].spec]
    assert tab.query_params["run"] == line.all()[0].id
    tab.click("train")
    assert len(line.all()) == 1


def test_a_draft_that_cannot_run_leaves_its_button_off(visit):
    tab = visit("train", spec=replace(DEFAULT, batch_size=8192))
    assert tab.get_by_key("train").disabled
    assert "Build" in tab.get_by_key("train").help


def test_a_running_run_shows_where_it_is(visit, running, script):
    run = running(100)
    script.say(epoch_of(DEFAULT, 1, val_accuracy=0.912))
    eventually(lambda: run.snapshot().val_accuracy == 0.912)
    tab = visit("train")
    assert tab.get_by_key("shown_run").value == run.id
    assert tab.query_params["run"] == run.id
    said = text_of(tab)
    for fact in ("Epoch 2 of 12", "step 100 of 756", "0.004", "Adam", "64", "seed 0", "CPU"):
        assert fact in said
    assert DATASETS["embedded"].title in said
    shown = tab.metrics()
    assert shown[0] == "91.2\xa0%"
    assert shown[1] == "75.0\xa0%"
    assert re.fullmatch(r"[\d.]+\s(s|min \d\d s)", shown[2])
    assert shown[3] == "64,000"
    assert [bar.value for bar in tab.progress] == [13, 13]  # the strip's and the page's
    assert tab.has("panel_pause")
    assert tab.has("panel_stop")
    assert not tab.has("panel_resume")
    assert not tab.success
    assert not tab.error


def test_before_the_first_step_nothing_is_made_up(visit, line, script):
    run = line.start(DEFAULT)
    eventually(lambda: run.status == "running")
    tab = visit("train")
    assert tab.metrics() == ["–", "–", "–", "–"]
    assert [bar.value for bar in tab.progress] == [0, 0]
    for name in ("loss", "accuracy"):
        assert len(tab.chart(name)[1]) == 0


def test_the_figures_move_on_and_the_charts_stay_as_they_are_described(visit, running, script):
    run = running(100)
    tab = visit("train")
    before = {name: tab.chart(name) for name in ("loss", "accuracy")}
    script.say(steps_to(160, 100, loss=0.25))
    eventually(lambda: run.snapshot().step == 160)
    tab.run()
    assert "step 160 of 756" in text_of(tab)
    for name, (chart, rows) in before.items():
        chart_now, rows_now = tab.chart(name)
        assert chart_now == chart
        assert len(rows_now) == len(rows) + 60
    x, y = rows_now.x.tolist(), tab.chart("loss")[1].y.tolist()
    assert (x[0], x[-1]) == (1, 160)
    assert (y[0], y[-1]) == (0.5, 0.25)


def test_by_step_and_by_epoch(visit, running, script):
    run = running(126)
    script.say(*[epoch_of(DEFAULT, n, val_accuracy=n / 4) for n in (1, 2)])
    eventually(lambda: run.snapshot().val_accuracy == 0.5)
    tab = visit("train")
    chart, rows = tab.chart("accuracy")
    assert chart["encoding"]["x"]["scale"]["domain"] == [0, STEPS]
    assert (rows.series == TRAINING).sum() == 126
    assert rows[rows.series == VALIDATION].x.tolist() == [63, 126]
    tab.get_by_key("axis").set_value("epoch").run()
    chart, rows = tab.chart("accuracy")
    assert chart["encoding"]["x"]["scale"]["domain"] == [0, 12]
    assert rows[rows.series == TRAINING].y.tolist() == [0.8, 0.8]
    assert rows[rows.series == VALIDATION].x.tolist() == [1, 2]
    assert rows[rows.series == VALIDATION].y.tolist() == [0.25, 0.5]
    tab.run()
    assert tab.get_by_key("axis").value == "epoch"


def test_pause_resume_and_stop(visit, running, script):
    run = running()
    tab = visit("train")
    tab.click("panel_pause")
    eventually(lambda: run.status == "paused")
    tab.run()
    assert "paused" in text_of(tab)
    assert tab.has("panel_resume")
    assert not tab.has("panel_pause")
    tab.click("panel_resume")
    eventually(lambda: run.status == "running")
    tab.run()
    assert tab.has("panel_pause")
    tab.click("panel_stop")
    assert run.wait(20)
    tab.run()
    assert run.status == "stopped"
    for key in ("panel_pause", "panel_resume", "panel_stop"):
        assert not tab.has(key)


def test_a_paused_run_can_be_stopped(visit, running):
    run = running()
    run.pause()
    eventually(lambda: run.status == "paused")
    tab = visit("train")
    tab.click("panel_stop")
    assert run.wait(20)
    assert run.status == "stopped"


def test_a_stopped_run_keeps_what_it_learned_and_says_so(visit, running):
    run = running(200)
    run.stop()
    assert run.wait(20)
    tab = visit("train")
    told = tab.success[0].value
    assert "450 of 500 right" in told.replace("\\", "")
    assert "90.0\xa0%" in told.replace("\\", "")
    assert "topped" in told
    assert tab.metrics()[2] != "–"
    assert run.weights() is not None


def test_the_rate_of_a_running_run_is_changed_by_a_click_or_typed(visit, running, script):
    run = running(100)
    tab = visit("train")
    tab.click("rate_0")
    script.say(steps_to(101))
    eventually(lambda: run.snapshot().lr_changes)
    tab.run()
    ((_, lr),) = run.snapshot().lr_changes
    assert lr == pytest.approx(DEFAULT.lr / 10)
    assert f"changed by hand: to {lr:.3g} after step" in text_of(tab)
    field = f"rate_wanted_{lr}"
    assert tab.get_by_key(field).form_id  # so that Enter sets it, as the button does
    tab.get_by_key(field).set_value("0,1,5")
    tab.click("rate_set")
    assert "“0,1,5” cannot be read as a number" in text_of(tab)
    assert len(run.snapshot().lr_changes) == 1
    tab.get_by_key(field).set_value("0,25")
    tab.click("rate_set")
    assert "cannot be read" not in text_of(tab)
    script.say(steps_to(102))
    eventually(lambda: len(run.snapshot().lr_changes) == 2)
    assert run.snapshot().base_lr == 0.25


def test_clicks_during_a_pause_add_up_and_are_told_before_they_hold(visit, running, script):
    run = running(100)
    run.pause()
    script.say(steps_to(101))
    eventually(lambda: run.status == "paused")
    tab = visit("train")
    tab.click("rate_1")
    tab.click("rate_1")
    lr = DEFAULT.lr / 4
    assert f"From the next step on: {lr:.3g}" in [caption.value for caption in tab.caption]
    assert run.snapshot().lr_changes == ()
    tab.click("rate_3")
    run.resume()
    script.say(steps_to(102))
    eventually(lambda: run.snapshot().lr_changes)
    ((_, taken_up),) = run.snapshot().lr_changes
    assert taken_up == pytest.approx(10 * lr)
    assert "From the next step on" not in text_of(visit("train"))


def test_a_rate_out_of_range_is_a_sentence_and_changes_nothing(visit, running, script):
    run = running(100, spec=replace(DEFAULT, lr=50.0))
    tab = visit("train")
    tab.click("rate_3")
    assert "The learning rate must be from 1e-06 to 100, not 500" in tab.error[0].value.replace(
        "\\", ""
    )
    script.say(steps_to(101))
    eventually(lambda: run.snapshot().step == 101)
    assert run.snapshot().lr_changes == ()


def test_a_run_that_has_ended_offers_no_other_rate(visit, running, script):
    run = running(100)
    ended(run, script, END)
    assert not visit("train").has("rate_0")


def test_a_second_run_waits_with_its_place_in_line(visit, running, line):
    running()
    waiting = [line.start(replace(DEFAULT, seed=seed)) for seed in (1, 2)]
    for place, run in enumerate(waiting, start=1):
        tab = visit("train", query={"run": run.id})
        assert tab.get_by_key("shown_run").value == run.id
        assert f"number {place} in line" in text_of(tab)
        assert tab.metrics() == ["–", "–", "–", "–"]
        assert tab.has("panel_stop")
        assert not tab.has("panel_pause")
        assert "2 in line" in tab.strip()
    tab.click("panel_stop")
    assert waiting[1].status == "stopped"
    assert "number" not in text_of(tab)
    assert [info.value for info in tab.info] != []
    assert not tab.success


def test_the_next_in_line_begins_by_itself(visit, running, line, script):
    first = running()
    second = line.start(replace(DEFAULT, seed=1))
    script.finish()
    assert first.wait(20)
    eventually(lambda: second.status == "running")
    tab = visit("train")
    assert tab.get_by_key("shown_run").value == second.id


def test_a_finished_run_says_how_many_are_right(visit, running, script):
    run = running(STEPS)
    script.say(epoch_of(DEFAULT, 8, val_accuracy=0.984))
    script.finish(correct=482, total=500)
    assert run.wait(20)
    tab = visit("train")
    told = tab.success[0].value.replace("\\", "")
    assert "482 of 500 right" in told
    assert "96.4\xa0%" in told
    assert "Stopped" not in told
    assert [bar.value for bar in tab.progress] == [100]
    assert tab.metrics()[0] == "98.4\xa0%"
    assert not tab.error
    assert "finished" in text_of(tab)


def test_a_real_run_ends_with_its_own_figures(visit, quick, line):
    tab = visit("train")
    tab.click("train")
    run = line.all()[0]
    assert run.wait(60)
    tab.run()
    now = run.snapshot()
    assert now.status == "finished"
    assert now.test.total == 30
    assert now.test.correct >= 25  # each digit is a bright bar in a place of its own
    assert f"{now.test.correct} of 30 right" in tab.success[0].value
    rows = tab.chart("loss")[1]
    assert (rows.series == TRAINING).sum() == now.num_steps == now.step
    assert (rows.series == VALIDATION).sum() == DEFAULT.num_epochs
    losses = rows[rows.series == TRAINING].y.tolist()
    assert losses == pytest.approx(run.curves().loss.tolist())
    assert losses[-1] < losses[0]


def test_a_cross_validation_shows_every_fold_and_what_they_say_together(visit, quick, line):
    spec = replace(DEFAULT, folds=3, num_epochs=2)
    tab = visit("train", spec=spec)
    tab.click("train")
    run = line.all()[0]
    assert run.wait(60)
    tab.run()
    found = run.folds()
    assert len(found.accuracies) == 3
    said = text_of(tab)
    mean, spread = 100 * statistics.mean(found.accuracies), 100 * statistics.stdev(found.accuracies)
    assert f"{mean:.2f}\xa0% ± {spread:.2f}\xa0%" in said
    assert "3 of 3 folds" in said
    assert "Fold 3 of 3 · epoch 2 of 2" in said
    for measure, per_fold in (("loss", 6), ("accuracy", 2)):
        rows = tab.chart(measure)[1]
        assert rows.groupby("fold").size().to_dict() == {1: per_fold, 2: per_fold, 3: per_fold}
    ends = tab.chart("accuracy")[1].groupby("fold").tail(1).y.tolist()
    assert ends == pytest.approx(found.accuracies)
    assert tab.chart("held back, right")[1].x.tolist() == pytest.approx(found.accuracies)
    assert f"{run.snapshot().test.correct} of 30 right" in tab.success[0].value


def test_a_diverged_run_says_at_which_step_and_what_to_change(visit, running, script):
    run = running()
    now = ended(run, script, Diverged(101, 3.0))
    assert now.status == "diverged"
    tab = visit("train")
    told = tab.error[0].value.replace("\\", "")
    for word in ("step 101", "learning rate", "3"):
        assert word in told
    assert not tab.success
    assert "diverged" in text_of(tab)


def test_a_run_of_data_that_are_missing_says_which(visit, running, script):
    run = running()
    sentence = "Data: the files of *full* MNIST cannot be read. [Check](http://a.b) the folder."
    assert ended(run, script, DataError(sentence)).status == "failed"
    tab = visit("train")
    told = tab.error[0].value
    assert as_read(told) == sentence
    assert "*full*" not in told
    assert "[Check](" not in told
    assert "failed" in text_of(tab)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't "
                                 "allocate memory: you tried to allocate 9000 bytes.")],
)  # fmt: skip
def test_a_run_out_of_memory_says_what_it_takes_and_what_to_change(visit, running, script, error):
    run = running()
    assert ended(run, script, error).status == "failed"
    told = visit("train").error[0].value.replace("\\", "")
    for word in ("memory", "MB", "64", "batch size"):
        assert word in told
    assert "alloc_cpu" not in told


class Vexed(Exception):
    pass


@pytest.mark.parametrize("error", [Vexed("shapes (3,4) and (5,) at 0x7f3a"), ZeroDivisionError()])
def test_a_fault_of_our_own_is_an_apology_and_no_traceback(visit, running, script, error, caplog):
    run = running()
    assert ended(run, script, error).status == "failed"
    tab = visit("train")
    said = text_of(tab) + tab.strip()
    assert "fault inside NetSketch" in tab.error[0].value.replace("\\", "")
    for word in ("Traceback", "Vexed", "ZeroDivision", "0x7f3a", "File", ".py"):
        assert word not in said
    assert any(record.exc_info for record in caplog.records)  # the server's log has it all
    assert tab.chart("loss")[1].shape[0] == 100  # what was learned so far is shown


@pytest.mark.parametrize("run_id", ["nonsense", "", "../../etc", "1-000000", "💥" * 50])
def test_an_unknown_run_in_the_address_is_no_error(visit, run_id):
    tab = visit("train", query={"run": run_id})
    assert not tab.error
    assert not tab.has("shown_run")


def test_an_unknown_run_in_the_address_falls_back_to_one_that_is_known(visit, running):
    run = running()
    tab = visit("train", query={"run": "nonsense"})
    assert tab.get_by_key("shown_run").value == run.id
    assert tab.query_params["run"] == run.id
    assert not tab.error


def test_a_run_is_found_again_from_its_address_with_its_whole_history(visit, running, line, script):
    first = running(150)
    tab = visit("train")
    address = dict(tab.query_params)
    ended(first, script, END)
    line.start(replace(DEFAULT, seed=3))
    again = visit("train", query=address)
    assert again.get_by_key("shown_run").value == first.id
    assert len(again.chart("loss")[1]) == 150
    assert len(again.get_by_key("shown_run").options) == 2


def test_names_of_runs_are_told_apart_in_the_list(visit, running, line):
    running()
    line.start(replace(DEFAULT, seed=1))
    options = visit("train").get_by_key("shown_run").options
    assert len(set(options)) == 2
    assert "queued" in options[0]
    assert "running" in options[1]


def test_the_train_page_does_not_start_what_the_machine_cannot_hold(visit, monkeypatch):
    monkeypatch.setattr(check_module, "free_memory", lambda key: 0)
    assert visit("train").get_by_key("train").disabled


@pytest.mark.parametrize(("theme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_the_curves_are_in_the_colours_of_the_theme(visit, running, theme, colours):
    running()
    tab = visit()
    tab.context["theme"] = theme
    tab.go("train")
    chart, _ = tab.chart("loss")
    assert chart["encoding"]["color"]["scale"]["range"] == [colours.training, colours.validation]


def test_one_chooses_among_runs(visit, running, line):
    first = running(150)
    second = line.start(replace(DEFAULT, seed=1))
    tab = visit("train")
    assert tab.get_by_key("shown_run").value == first.id
    for run, points in ((second, 0), (first, 150)):
        tab.get_by_key("shown_run").set_value(run.id).run()
        assert tab.get_by_key("shown_run").value == run.id
        assert tab.query_params["run"] == run.id
        assert len(tab.chart("loss")[1]) == points
        tab.run()  # and it stays
        assert tab.get_by_key("shown_run").value == run.id


def test_a_run_that_gave_its_place_up_in_a_pause_says_so_and_is_resumed(
    visit, line, running, script, monkeypatch
):
    monkeypatch.setattr("core.runs.executor.LOOK_S", 0.01)
    line.limits = Limits(max_pause_minutes=0.001)
    run = running()
    run.pause()
    other = line.start(DEFAULT.with_value("seed", 1))
    eventually(lambda: other.status == "running")
    tab = visit("train", query={"run": run.id})
    assert "paused and saved" in words(tab.main)
    assert any("another run has its place" in info.value for info in tab.info)
    tab.click("panel_resume")
    assert not run.held
    assert line.place_in_line(run) == 1
    tab.run()
    assert "number 1 in line" in words(tab.main)
    assert not any("another run has its place" in info.value for info in tab.info)
