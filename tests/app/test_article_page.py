"""The Article page: every section, what it shows, and what a person does there."""

import json
import re
from html import unescape

import pytest
import torch
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from torch import nn

from core.article.advice import ADVICE
from core.article.detector import counts, little_chances
from core.article.digits import picture
from core.article.falling import Losses
from core.article.journey import travel
from core.article.little import weights_of
from core.article.losses import losses, point
from core.article.printed import FAULTS, run
from core.data.loading import DataError, load
from core.spec import RunSpec
from core.spec.presets import PRESETS
from pages.parts.article.sections import SECTIONS
from pages.parts.article.tiles import grey
from pages.shared.pictures import data_uri
from tests.app.conftest import IdleRuns
from tests.app.shelf import Shelf
from tests.app.tab import Tab, words
from tests.app.test_chinese import ALONE, WORD, english
from tests.app.test_chinese import NAMES as NAMES_OF_PEOPLE

NAMES = list(SECTIONS)
# Code, what PyTorch says of it, formulas, names of layers, and abbreviations.
CODE = re.compile(
    r"<pre.*?</pre>|<code.*?</code>|\$\$.*?\$\$|\b(?:conv\d|out|TP|FP|FN|TN)\b", re.DOTALL
)


@pytest.fixture
def read(visit):
    """Open the page at a section."""

    def open_at(section: str, **query: str) -> Tab:
        return visit("article", query={"section": section, **query})

    return open_at


@pytest.fixture
def shelve(tmp_path, monkeypatch):
    """Serve finished runs; return the shelf."""
    shelf = Shelf(tmp_path / "kept")
    opened = []

    def serve() -> IdleRuns:
        made = IdleRuns(shelf.store)
        monkeypatch.setattr("core.runs.manager._runs", made)
        opened.append(made)
        return made

    yield shelf, serve
    for made in opened:
        made.close()


def written(tab: Tab) -> str:
    """All that the page writes in HTML, without its style."""
    return "\n".join(one.value for one in tab.html if "<style" not in one.value)


def plain(html: str) -> str:
    """The words of some HTML."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html))).strip()


def said(tab: Tab) -> str:
    return f"{words(tab.main)}\n{plain(written(tab))}".replace("\\", "")


def charts(tab: Tab):
    """The description and the rows of every chart, in order."""
    protos = [node.proto for node in tab.get("vega_lite_chart")]
    return [(json.loads(p.spec), convert_arrow_bytes_to_pandas_df(p.data.data)) for p in protos]


@pytest.mark.parametrize("section", NAMES)
def test_every_section_can_be_reached_by_its_address(read, section):
    tab = read(section)
    assert tab.get_by_key("article_section").value == section
    assert tab.query_params.get("section", NAMES[0]) == section
    assert f"### {NAMES.index(section) + 1} · " in "\n".join(one.value for one in tab.markdown)
    assert tab.has("article_next") == (section != NAMES[-1])
    assert tab.has("article_back") == (section != NAMES[0])


@pytest.mark.parametrize("section", NAMES)
def test_whoever_reads_chinese_meets_no_english(read, section, monkeypatch):
    # What a browser sends of a box is the words that it shows.
    monkeypatch.setattr("pages.shared.language.DEFAULT", "zh")
    found = english(read(section, lang="zh"))
    told = {text: WORD.findall(NAMES_OF_PEOPLE.sub(" ", CODE.sub(" ", text))) for text in found}
    left = {text for text, said in told.items() if any(w.lower() not in ALONE for w in said)}
    assert left == set()


def test_an_unknown_section_is_the_first(read):
    tab = read("nowhere")
    assert tab.get_by_key("article_section").value == NAMES[0]
    assert "section" not in tab.query_params


def test_the_way_leads_through_all_sections_and_back(read):
    tab = read(NAMES[0])
    for name in NAMES[1:]:
        tab.click("article_next")
        assert tab.query_params["section"] == name
        assert any("scrollTo" in one.value for one in tab.html)  # it begins at its top
    tab.click("article_back")
    assert tab.query_params["section"] == NAMES[-2]
    tab.get_by_key("article_section").set_value("pooling").run()
    assert tab.query_params["section"] == "pooling"
    assert not any("scrollTo" in one.value for one in tab.html)


def test_the_address_says_the_section_on_this_page_only(read):
    tab = read("pooling")
    tab.go("build")
    assert "section" not in tab.query_params
    tab.go("article")
    assert tab.query_params["section"] == "pooling"


def test_without_digits_it_says_why(read, monkeypatch):
    def missing(key: str) -> None:
        raise DataError("Data: the built-in digits are missing.")

    tab = read("pooling")
    monkeypatch.setattr("core.data.loading.load", missing)
    tab.run()
    assert "built-in digits are missing" in tab.error[0].value.replace("\\", "")
    assert not tab.has("article_next")


# One digit


def shown_loss(tab: Tab) -> float:
    return float(re.search(r'class="loss">([\d.]+)<', written(tab))[1])


def test_a_digit_passes_through_the_network_and_back(read):
    tab = read("digit")
    for digit in (3, 8):
        tab.get_by_key("article_digit").set_value(digit).run()
        found = travel(weights_of("fresh"), picture(digit), digit)
        assert shown_loss(tab) == pytest.approx(found.loss, abs=6e-4)
        text = plain(written(tab))
        for gradient in found.score_gradients.tolist():
            assert f"{gradient:+.3f}" in text
        for layer, length in found.layer_gradients.items():
            assert f"{layer} {length:.3g}" in text
    assert data_uri(grey(picture(8)[0, 0].float(), 0, 255)) in written(tab)


def test_another_hand_is_another_picture_of_the_same_digit(read):
    tab = read("digit")
    tab.get_by_key("article_digit").set_value(6).run()
    tab.click("article_another")
    assert tab.get_by_key("article_digit").value == 6
    found = travel(weights_of("fresh"), picture(6, 1), 6)
    assert shown_loss(tab) == pytest.approx(found.loss, abs=6e-4)


def test_steps_are_taken_and_taken_back(read):
    tab = read("digit")
    first = shown_loss(tab)
    promised = float(tab.metrics()[0])
    tab.click("article_step")
    assert shown_loss(tab) == pytest.approx(promised, abs=2e-3)
    assert promised < first
    tab.click("article_step")
    assert "2 steps taken" in said(tab)
    assert shown_loss(tab) < promised
    tab.click("article_restart")
    assert shown_loss(tab) == first
    assert "taken" not in said(tab)


def test_a_trained_network_is_looked_through_too(read):
    tab = read("digit")
    tab.click("article_step")
    tab.get_by_key("article_start").set_value("trained").run()
    found = travel(weights_of("trained"), picture(3), 3)
    assert shown_loss(tab) == pytest.approx(found.loss, abs=6e-4)
    assert "taken" not in said(tab)


def test_the_chart_marks_the_chosen_rate(read):
    tab = read("digit")
    tab.get_by_key("article_rate").set_value(0.1).run()
    ((_, rows),) = charts(tab)
    marks = rows[rows.kind == "mark"]
    assert marks.x.tolist() == pytest.approx([0.1, 0.1])
    assert f"{marks.y.iloc[-1]:.3f}" == tab.metrics()[0]


# Architectures


def test_the_networks_are_told_by_their_layers_and_opened_on_build(read):
    tab = read("architectures")
    text = said(tab)
    for number in ("29,434", "235,146", "61,962", "784 times", "28 times"):
        assert number in text
    assert "after 14 rows" in text
    tab.get_by_key("article_rows").set_value(1).run()
    assert "after 1 row." in said(tab)
    tab.click("article_build_recurrent")
    assert tab.has("network")
    assert tab.draft == PRESETS["recurrent"].spec


# Activations


def test_an_activation_is_drawn_with_its_slope_at_the_chosen_value(read):
    tab = read("activations")
    tab.get_by_key("article_activation").set_value("sigmoid").run()
    tab.get_by_key("article_value").set_value(0.0).run()
    assert tab.metrics() == ["0.500", "0.250", f"{0.25**8:.2g}"]
    (_, rows), (_, depth) = charts(tab)
    marks = rows[rows.kind == "mark"].set_index("line").y
    assert marks["value"] == pytest.approx(0.5)
    assert marks["slope"] == pytest.approx(0.25)
    assert set(depth.line) > {"ReLU", "Sigmoid"}
    assert "0.0\xa0% of its values are exactly 0" in said(tab)


# Pooling


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(("size", "stride"), [(2, 0), (3, 2), (7, 0), (2, 1)])
def test_the_pooling_shown_is_pytorchs(read, kind, size, stride):
    tab = read("pooling")
    tab.get_by_key("article_digit").set_value(5).run()
    tab.get_by_key("article_pool_kind").set_value(kind).run()
    tab.get_by_key("article_pool_size").set_value(size).run()
    tab.get_by_key("article_pool_stride").set_value(stride).run()
    module = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}[kind](size, stride or size)
    expected = module(picture(5).float() / 255)[0, 0]
    side = len(expected)
    assert data_uri(grey(expected, 0, 1)) in written(tab)
    assert f"{side} × {side} values" in said(tab)
    assert tab.get_by_key("article_pool_place").max == side * side
    place = tab.get_by_key("article_pool_place").value
    assert f"→ {expected.flatten()[place - 1]:.2f}" in plain(written(tab))
    tab.get_by_key("article_pool_place").set_value(1).run()
    assert f"→ {expected[0, 0]:.2f}" in plain(written(tab))


# Losses


@pytest.mark.parametrize("share", [0.1, 10.0, 99.9])
def test_every_loss_is_told_at_the_chosen_probability(read, share):
    tab = read("losses")
    tab.get_by_key("article_chance").set_value(share).run()
    text = plain(written(tab))
    (_, values), (_, gradients) = charts(tab)
    for i, loss in enumerate(losses()):
        found = point(loss, share / 100)
        assert f"{found.value:.3f} {found.gradient:+.3f}" in text
        assert values[values.kind == "mark"].y.iloc[i] == pytest.approx(found.value)
        assert gradients[gradients.kind == "mark"].y.iloc[i] == pytest.approx(found.gradient)


def test_each_loss_can_be_read_about(read):
    tab = read("losses")
    tab.get_by_key("article_loss").set_value("mse").run()
    assert "squared distance" in said(tab)


# The code


@pytest.mark.parametrize("fault", FAULTS)
def test_the_error_shown_is_what_torch_raises_until_it_is_mended(read, fault):
    tab = read("code")
    error = run(fault, mended=False).error
    assert error in plain(written(tab))
    tab.get_by_key(f"article_run_{fault}").set_value("mended").run()
    assert error not in plain(written(tab))
    assert "Traceback" not in said(tab)


def test_the_batch_size_decides_how_the_third_mistake_is_met(read):
    tab = read("code")
    assert "batch_size (1)" in plain(written(tab))
    tab.get_by_key("article_batch").set_value(32).run()
    assert "invalid for input of size 4096" in plain(written(tab))


def test_the_shapes_are_drawn_for_other_pictures_too(read):
    tab = read("code")
    assert "From 28 × 28\xa0pixels, four poolings leave 1 × 1" in written(tab)
    tab.get_by_key("article_side").set_value(128).run()
    assert "From 128 × 128\xa0pixels, four poolings leave 8 × 8" in written(tab)


def test_both_loops_are_run_on_demand_and_kept(read, monkeypatch):
    told = [Losses(step=i, printed=2.3, mended=2.3 / i) for i in (1, 2, 3)]
    monkeypatch.setattr("core.article.falling.fall", lambda: iter(told))
    monkeypatch.setattr("pages.parts.article.printed_code.fall", lambda: iter(told))
    tab = read("code")
    assert "Nothing has been run yet" in said(tab)
    tab.click("article_fall")
    assert "At step 3 the loss is 2.30 as printed and 0.77 mended" in said(tab)
    tab.click("article_next").click("article_back")
    ((_, rows),) = charts(tab)
    assert rows.y.tolist() == pytest.approx([2.3, 2.3, 2.3, 2.3, 1.15, 2.3 / 3])


@pytest.mark.parametrize(
    ("key", "preset"), [("article_train", "article"), ("article_train_bad", "bad")]
)
def test_one_click_trains_and_goes_to_the_curves(read, line, script, key, preset):
    tab = read("code")
    tab.click(key)
    (started,) = line.all()
    assert started.spec == PRESETS[preset].spec
    assert tab.get_by_key("shown_run").value == started.id


def test_a_line_that_is_full_is_a_sentence(read, line, monkeypatch):
    tab = read("code")
    monkeypatch.setattr(line, "limits", line.limits.__class__(max_waiting=0))
    tab.click("article_train")
    assert "waiting already" in tab.error[0].value.replace("\\", "")
    assert not tab.run().error


def test_the_mended_network_can_be_read(read):
    tab = read("code")
    tab.session_state["fold_article_code"] = True
    tab.run()
    assert "class Net" in tab.code[0].value


# Measures


def test_without_a_run_the_little_network_answers(read):
    tab = read("measures")
    tab.get_by_key("article_asked").set_value(4).run()
    tab.get_by_key("article_threshold").set_value(90).run()
    found = counts(little_chances(), load("embedded").test.labels, 4, 0.9)
    assert tab.metrics()[0] == f"{100 * found.accuracy:.1f}\xa0%"
    text = plain(written(tab))
    for name, count in (
        ("TP", found.hits),
        ("FN", found.misses),
        ("FP", found.false_alarms),
        ("TN", found.rest),
    ):
        assert f"{count} {name}" in text
    assert not tab.has("article_measures")


def test_a_tested_run_answers_and_is_found_on_train(read, shelve):
    shelf, serve = shelve
    labels = load("embedded").test.labels
    wrong = (labels == 2).nonzero()[:5, 0].tolist()  # five twos taken for threes
    run_id = shelf.put(wrong=wrong)
    serve()
    tab = read("measures")
    assert tab.metrics() == ["99.0\xa0%", "90.9\xa0%", "100.0\xa0%"]
    assert "50 TP" in plain(written(tab))
    assert "5 FP" in plain(written(tab))
    assert written(tab).count("A 2; the network gives") == 2 * 5  # as alt and title of each
    tab.get_by_key("article_whose").set_value("").run()
    assert tab.metrics() != ["99.0\xa0%", "90.9\xa0%", "100.0\xa0%"]
    tab.get_by_key("article_whose").set_value(run_id).run()
    tab.click("article_measures")
    assert tab.get_by_key("shown_run").value == run_id


def test_folds_are_drawn_and_set_on_build(read):
    tab = read("measures")
    tab.get_by_key("article_folds").set_value(10).run()
    assert written(tab).count('class="judge"') == 10
    assert "learns from 4,050 and is judged by 450" in said(tab)
    tab.click("article_set_folds")
    assert tab.has("network")
    assert tab.draft.folds == 10


# The advice


def test_a_comparison_trains_both_and_shows_how_far_they_are(read, line, script):
    tab = read("advice")
    assert not tab.get("progress")
    tab.click("article_compare_kernels")
    assert {started.spec for started in line.all()} == {ADVICE[0].first, ADVICE[0].second}
    assert len(tab.get("progress")) >= 2
    assert tab.get_by_key("article_compare_kernels").disabled
    assert tab.query_params["section"] == "advice"  # it stays here
    # Whoever leaves and comes back finds it again.
    tab.go("build").go("article")
    assert len(tab.get("progress")) >= 2


def test_what_differs_in_one_setting_is_a_duel(read, line, script):
    tab = read("advice")
    tab.click("article_compare_adam")
    second, first = line.all()
    assert first.rival is second
    assert (first.spec, second.spec) == (ADVICE[2].first, ADVICE[2].second)


def test_a_duel_is_fought_by_both_though_one_has_been_trained(read, shelve, me, monkeypatch):
    shelf, serve = shelve
    shelf.put(ADVICE[2].second, owner=me)
    line = serve()
    monkeypatch.setattr("pages.shared.launch.person", lambda: me)
    read("advice").click("article_compare_adam")
    second, first = (started for started in line.all() if started.status == "queued")
    assert first.rival is second
    assert (first.spec, second.spec) == (ADVICE[2].first, ADVICE[2].second)


def put_pair(shelf, advice, seed, wrong, owner):
    for spec, which in zip(advice.with_seed(seed), wrong, strict=True):
        shelf.put(spec, wrong=which, owner=owner)


@pytest.fixture
def me(monkeypatch) -> str:
    monkeypatch.setattr("pages.parts.article.advice.person", lambda: "me")
    return "me"


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ((range(60), range(10)), "Here the advice holds. B is better."),
        ((range(10), range(60)), "Here the advice does not hold. A is better."),
        ((range(10), range(12)), "These images cannot tell. A is right on 2 images"),
    ],
)
def test_the_outcome_is_what_the_test_images_say(read, shelve, me, wrong, verdict):
    shelf, serve = shelve
    put_pair(shelf, ADVICE[0], 0, wrong, me)
    serve()
    tab = read("advice")
    text = said(tab).replace("*", "")
    assert verdict in text
    for count in wrong:
        assert f"{500 - len(count)} / 500" in text
    assert "105,866" in text
    assert not tab.get("progress")


def test_several_seeds_are_told_together(read, shelve, me):
    shelf, serve = shelve
    put_pair(shelf, ADVICE[1], 0, (range(20), range(10)), me)
    put_pair(shelf, ADVICE[1], 1, (range(5), range(10)), me)
    serve()
    text = said(read("advice"))
    assert "seed 0: 96.0\xa0% : 98.0\xa0% · seed 1: 99.0\xa0% : 98.0\xa0%" in text


def test_again_is_with_the_next_seed(read, shelve, me, monkeypatch):
    shelf, serve = shelve
    put_pair(shelf, ADVICE[0], 4, (range(20), range(10)), me)
    line = serve()
    monkeypatch.setattr("pages.shared.launch.person", lambda: "me")
    tab = read("advice")
    tab.click("article_compare_kernels")
    waiting = {started.spec for started in line.all() if started.status == "queued"}
    assert waiting == set(ADVICE[0].with_seed(5))


def test_a_comparison_that_was_stopped_is_no_outcome(read, shelve, me):
    shelf, serve = shelve
    first, second = ADVICE[0].with_seed(0)
    shelf.put(first, owner=me)
    shelf.put(second, owner=me, status="stopped", epochs=1)
    serve()
    tab = read("advice")
    assert "did not come to its end" in tab.info[0].value
    assert "Run the comparison" in tab.get_by_key("article_compare_kernels").label


def test_both_runs_are_shown_side_by_side(read, shelve, me):
    shelf, serve = shelve
    put_pair(shelf, ADVICE[0], 0, (range(20), range(10)), me)
    serve()
    tab = read("advice")
    tab.click("article_runs_kernels")
    assert tab.has("runs_table")
    assert len(tab.query_params["compare"].split(",")) == 2


def test_what_others_trained_is_theirs(read, shelve, me):
    shelf, serve = shelve
    put_pair(shelf, ADVICE[0], 0, (range(20), range(10)), "somebody else")
    serve()
    tab = read("advice")
    assert "/ 500" not in said(tab)
    assert "Run the comparison" in tab.get_by_key("article_compare_kernels").label


def test_nothing_on_the_page_draws_random_numbers(read):
    before = torch.get_rng_state()
    for name in NAMES:
        read(name)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_draft_stays_as_it_is(read):
    tab = read("digit")
    for _ in NAMES[1:]:
        tab.click("article_next")
    assert isinstance(tab.draft, RunSpec)
    assert tab.draft == read("digit").draft
