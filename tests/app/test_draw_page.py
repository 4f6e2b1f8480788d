"""The Draw page: a digit goes in, ten probabilities come out."""

import io
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from core.data.catalogue import info_of
from core.data.own.kept import OwnImages, keep
from core.data.preparation import all_from_picture, from_ink
from core.drawing.picture import MAX_PICTURE_BYTES, digit_from_picture, digits_from_picture
from core.judging.prediction import probabilities
from core.serving.held_file import HeldFile
from core.spec.presets import DEFAULT, PRESETS
from pages.parts.draw import picture_input
from tests.app.canvas import picture_of
from tests.app.script import END, eventually, steps_to
from tests.app.tab import Tab, words
from tests.photos.digits import drawn
from tests.photos.sheet import BLACK, Sheet
from tests.strokes import DIGITS, render


def answered(tab: Tab) -> tuple[int, list[float]]:
    """The answer in large, and the ten probabilities."""
    large = tab.get_by_key("answer").get("markdown")[0].value
    _, rows = tab.chart("chance")
    assert rows.name.tolist() == list("0123456789")
    return int(large), rows.chance.tolist()


def is_answer_of(run, digit: torch.Tensor, tab: Tab) -> None:
    """Whether the page shows what this run's weights make of this digit."""
    said, chances = answered(tab)
    expected = probabilities(run.spec, run.weights(), digit)
    assert chances == pytest.approx(expected.tolist(), abs=1e-6)
    assert sum(chances) == pytest.approx(1, abs=1e-5)
    assert said == int(expected.argmax())


@pytest.fixture
def trained(running, script, line):
    """A run that has ended with 96.4 % of the test images."""
    run = running(756)
    script.finish(correct=482, total=500)
    assert run.wait(20)
    return run


@pytest.fixture
def learned(quick, line):
    """A run that has really learned digits that are bars."""
    run = line.start(replace(DEFAULT, num_epochs=4))
    assert run.wait(60)
    assert run.status == "finished"
    return run


def test_with_no_network_one_button_trains_the_default(visit, canvas, line, script):
    tab = visit("draw", spec=PRESETS["lenet"].spec)
    assert not tab.has("draw_with")
    tab.click("train_default")
    assert [run.spec for run in line.all()] == [DEFAULT]
    eventually(lambda: line.all()[0].weights() is not None)
    tab.run()
    assert not tab.has("train_default")
    assert tab.get_by_key("draw_with").value == line.all()[0].id


def test_the_default_is_trained_here_on_the_digits_that_are_here(visit, canvas, line, script):
    tab = visit("draw", spec=replace(DEFAULT, data="mnist"))
    tab.click("train_default")
    assert line.all()[0].spec.data == "embedded"


def test_a_refusal_is_said_here_too(visit, canvas, monkeypatch):
    monkeypatch.setattr("core.training.check.free_memory", lambda key: 0)
    tab = visit("draw")
    tab.click("train_default")
    assert "0\xa0MB" in tab.error[0].value.replace("\\", "")


def test_an_empty_canvas_invites_and_guesses_nothing(visit, canvas, trained):
    tab = visit("draw")
    assert "Draw a digit" in words(tab.main)
    assert not tab.has("answer")
    assert not tab.charts("chance")


def test_the_canvas_is_told_its_words_and_what_has_arrived(visit, canvas, trained):
    tab = visit("draw")
    assert canvas.given["labels"]["undo"] == "Undo"
    assert canvas.given["seen"] == 0
    canvas.draw(DIGITS[4])
    tab.run().run()
    assert canvas.given["seen"] == 1


@pytest.mark.parametrize("digit", DIGITS)
def test_a_drawn_digit_is_answered_with_ten_probabilities(visit, canvas, trained, digit):
    tab = visit("draw")
    canvas.draw(DIGITS[digit])
    tab.run()
    seen = canvas.digit()
    is_answer_of(trained, seen, tab)
    assert len(tab.image) == 1


def test_a_learned_digit_is_named(visit, canvas, learned):
    tab = visit("draw")
    canvas.draw(DIGITS[3])
    tab.run()
    is_answer_of(learned, canvas.digit(), tab)


def test_the_answer_changes_with_the_drawing(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw(DIGITS[4][:1])
    one_stroke = answered(tab.run())
    canvas.draw(DIGITS[4][1:])
    whole = answered(tab.run())
    assert one_stroke != whole


def test_what_undo_leaves_is_answered(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw(DIGITS[4][:1])
    first = answered(tab.run())
    canvas.draw(DIGITS[4][1:])
    assert answered(tab.run()) != first
    canvas.undo()
    assert answered(tab.run()) == first
    canvas.undo()
    assert not tab.run().has("answer")


def test_an_older_drawing_never_takes_the_place_of_a_newer_one(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw(DIGITS[4])
    old = canvas.sent()
    canvas.draw(DIGITS[1])
    newest = answered(tab.run())
    canvas.forged = old
    assert answered(tab.run()) == newest
    assert canvas.given["seen"] == canvas.seq


def test_whoever_comes_back_is_answered_before_the_canvas_says_anything(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw(DIGITS[7])
    before = answered(tab.run())
    tab.go("build")
    canvas.seq = 0
    assert answered(tab.go("draw")) == before


def test_strokes_beside_the_canvas_are_not_answered(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw([[(-0.9, 0.2), (-0.9, 0.8)]])
    assert not tab.run().has("answer")


@pytest.mark.parametrize(
    "sent",
    [
        False,
        17,
        ["1|200,1,1"],
        {"raw": {"objects": []}, "data": "data:image/png;base64,iVBORw0KGgo="},
        "nothing",
        "1|200,1",
        "1|200,9999,1",
        "1|" + "200,1,1;" * 600 + "200,1,1",
    ],
    ids=["no", "number", "list", "old canvas", "words", "half a point", "far away", "too many"],
)
def test_what_no_canvas_sends_is_a_sentence_and_costs_the_drawing_nothing(
    visit, canvas, trained, sent
):
    tab = visit("draw")
    canvas.draw(DIGITS[3])
    before = answered(tab.run())
    canvas.forged = sent
    tab.run()
    assert "no drawing" in tab.error[0].value
    assert not tab.has("answer")
    canvas.forged = None
    assert answered(tab.run()) == before
    assert not tab.error


def test_a_finished_run_is_chosen_by_its_result(visit, canvas, trained):
    tab = visit("draw")
    assert tab.get_by_key("draw_with").value == trained.id
    assert "96.4\xa0%" in tab.get_by_key("draw_with").options[0]


def test_a_run_in_training_answers_with_its_weights_of_now(visit, canvas, running, monkeypatch):
    run = running(100)
    tab = visit("draw")
    assert "running" in tab.get_by_key("draw_with").options[0]
    canvas.draw(DIGITS[2])
    tab.run()
    seen = canvas.digit()
    is_answer_of(run, seen, tab)
    before = answered(tab)
    other = {name: value * 1.7 for name, value in run.weights().items()}
    monkeypatch.setattr(run, "weights", lambda: other)
    tab.run()
    is_answer_of(run, seen, tab)
    assert answered(tab)[1] != before[1]


def test_the_page_waits_for_a_run_that_has_not_begun_to_learn(visit, canvas, line, script):
    blocker = line.start(replace(DEFAULT, seed=1))
    eventually(lambda: blocker.weights() is not None)
    waiting = line.start(replace(DEFAULT, seed=2))
    tab = visit("draw", query={"run": waiting.id})
    assert tab.get_by_key("draw_with").value == blocker.id
    assert len(tab.get_by_key("draw_with").options) == 1
    assert not tab.error


def test_one_chooses_among_runs(visit, canvas, trained, line, script):
    other = line.start(replace(PRESETS["lenet"].spec, seed=4))
    script.say(steps_to(10))
    script.finish(correct=300)
    assert other.wait(20)
    tab = visit("draw")
    assert len(tab.get_by_key("draw_with").options) == 2
    canvas.draw(DIGITS[7])
    tab.run()
    seen = canvas.digit()
    is_answer_of(other, seen, tab)  # the newest, as long as nothing else was chosen
    for run in (trained, other):
        tab.get_by_key("draw_with").set_value(run.id).run()
        assert tab.query_params["run"] == run.id
        is_answer_of(run, seen, tab)
    here = visit("draw", query={"run": trained.id})
    canvas.draw(DIGITS[7])
    is_answer_of(trained, seen, here.run())


def test_a_stopped_run_can_draw_too(visit, canvas, running):
    stopped = running()
    stopped.stop()
    assert stopped.wait(20)
    tab = visit("draw")
    canvas.draw(DIGITS[0])
    is_answer_of(stopped, canvas.digit(), tab.run())


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("light_on_dark", [True, False])
def test_a_picture_is_answered(visit, canvas, trained, kind, light_on_dark):
    grey = render(DIGITS[5])[..., 0]
    stream = io.BytesIO()
    Image.fromarray(grey if light_on_dark else 255 - grey).save(stream, kind)
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    name = "five.png" if kind == "PNG" else "five.jpg"
    tab.get_by_key("picture").upload(name, stream.getvalue()).run()
    is_answer_of(trained, digit_from_picture(stream.getvalue()), tab)
    assert len(tab.image) == 2  # the picture, and what the network sees of it
    assert not tab.error


def png(size: tuple[int, int], mode: str = "L") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture at all",
        png((1, 1)),
        png((100, 100)),
        png((12_000, 12_000), "1"),
        picture_of(3)[:200],
    ],
    ids=["empty", "text", "one pixel", "blank", "bomb", "cut off"],
)
def test_a_picture_without_a_digit_is_a_sentence(visit, canvas, trained, content):
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    tab.get_by_key("picture").upload("digit.png", content).run()
    assert len(tab.error) == 1
    said = tab.error[0].value.replace("\\", "")
    assert len(said) > 20
    assert said.endswith(".")
    for word in ("Traceback", "Error", "PIL", "0x"):
        assert word not in said
    assert not tab.has("answer")
    tab.get_by_key("picture").clear()
    tab.run()
    assert not tab.error


def test_many_peoples_pictures_are_looked_at_one_after_the_other(monkeypatch):
    now, most = [0], [0]

    def look(data, info):
        now[0] += 1
        most[0] = max(most[0], now[0])
        time.sleep(0.02)
        now[0] -= 1
        return all_from_picture(data, info)

    monkeypatch.setattr(picture_input, "all_from_picture", look)
    args = (HeldFile.of(picture_of(3)), info_of("embedded"))
    threads = [threading.Thread(target=picture_input._look, args=args) for _ in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(20)
    assert most == [1]


def test_only_pictures_of_a_sensible_size_are_taken(visit, canvas, trained):
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    picture = tab.get_by_key("picture")
    assert not list(picture.allowed_type)  # any name: what is in it decides
    assert picture.proto.max_upload_size_mb * 2**20 <= MAX_PICTURE_BYTES


def test_a_picture_and_a_drawing_do_not_mix(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw(DIGITS[8])
    tab.run()
    assert tab.has("answer")
    tab.get_by_key("input").set_value("Picture").run()
    assert not tab.has("answer")


def test_a_run_that_ends_while_the_page_looks_keeps_answering(visit, canvas, running, script):
    run = running()
    tab = visit("draw")
    canvas.draw(DIGITS[6])
    tab.run()
    script.say(END)
    assert run.wait(20)
    tab.run()
    is_answer_of(run, canvas.digit(), tab)
    assert "finished" in tab.get_by_key("draw_with").options[0]


def test_the_page_asks_for_what_the_run_has_learned(visit, canvas, running):
    running(spec=replace(DEFAULT, data="emnist_letters"))
    tab = visit("draw")
    text = words(tab.main).replace("\\", "")
    assert "Draw a letter" in text
    assert "A, B, C" in text
    assert "…, Z" in text
    canvas.draw(DIGITS[0])
    tab.run()
    assert tab.has("answer")
    names = tab.chart("class")[1].name.tolist()
    assert set(names) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert len(names) == 15


def test_images_taken_as_they_are_are_drawn_as_they_are(
    visit, canvas, running, tmp_path, monkeypatch
):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    images = np.full((6, 28, 28), 245, np.uint8)
    images[:3, 8:20, 1:5] = 20
    images[3:, 8:20, 23:27] = 20
    images[range(6), 26, range(10, 16)] = 240  # no two are copies
    key = keep(
        OwnImages("sides", ("left", "right"), images, np.repeat([0, 1], 3), preparation="as_is")
    )
    run = running(1, replace(DEFAULT, data=key, batch_size=2))
    tab = visit("draw")
    assert "neither centred nor enlarged" in words(tab.main)
    canvas.draw([[(0.08, 0.4), (0.08, 0.6)]])
    tab.run()
    seen = from_ink(canvas.ink(), info_of(key))
    assert seen[0, 0, 14, 2] < 40
    assert seen[0, 0, :, 8:].min() == 245
    expected = probabilities(run.spec, run.weights(), seen).tolist()
    assert tab.chart("chance")[1].chance.tolist() == pytest.approx(expected, abs=1e-6)
    assert "neither centred nor enlarged" in words(tab.main)
    tab.get_by_key("input").set_value("Picture").run()
    label = tab.get_by_key("picture").label
    assert "digit" not in label
    assert "dark on light" not in label


def test_whoever_is_to_bring_a_picture_is_not_told_to_draw(visit, canvas, trained):
    tab = visit("draw")
    assert "Draw a digit" in words(tab.main)
    tab.get_by_key("input").set_value("Picture").run()
    assert "Show it a picture" in words(tab.main)
    assert "Draw a digit" not in words(tab.main)
    assert "one digit, dark on light" in tab.get_by_key("picture").label


def test_digits_of_mnist_are_not_told_to_be_as_they_are(visit, canvas, trained):
    tab = visit("draw")
    canvas.draw(DIGITS[4])
    assert "neither centred nor enlarged" not in words(tab.run().main)


def test_a_picture_of_few_levels_is_answered_and_what_is_assumed_is_told(visit, canvas, trained):
    stream = io.BytesIO()
    Image.fromarray(render(DIGITS[5])[..., 0].astype(np.uint16) * 2).save(stream, "PNG")
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    tab.get_by_key("picture").upload("five.png", stream.getvalue()).run()
    is_answer_of(trained, digit_from_picture(stream.getvalue()), tab)
    assert "510 for white" in words(tab.main)


def pair(left: int, right: int) -> bytes:
    """A photo of two digits side by side, of which either may be meant."""
    sheet = Sheet(drawn(left, 1), 4, (480, 640)).write(0.4, BLACK, (0.5, 0.27))
    sheet.pen = drawn(right, 1)
    return sheet.write(0.4, BLACK, (0.5, 0.73)).photo()


def test_what_else_a_picture_may_show_is_offered_as_pictures(visit, canvas, trained):
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    data = pair(3, 5)
    tab.get_by_key("picture").upload("pair.jpg", data).run()
    digits = digits_from_picture(data)
    assert len(digits) > 1
    is_answer_of(trained, digits[0], tab)
    choice = next(iter(tab.get_by_key("readings").get("button_group")))
    assert len(choice.options) == len(digits)
    assert all("data:image/png" in option.content for option in choice.proto.options)
    choice.set_value(1).run()
    is_answer_of(trained, digits[1], tab)


def test_a_plain_picture_offers_nothing_to_choose(visit, canvas, trained):
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    tab.get_by_key("picture").upload("digit.png", picture_of(3)).run()
    assert not tab.has("readings")


def test_a_picture_that_is_refused_is_looked_at_once_while_a_run_trains(
    visit, canvas, running, monkeypatch
):
    looks = []

    def look(data, info):
        looks.append(data)
        return all_from_picture(data, info)

    monkeypatch.setattr("pages.parts.draw.picture_input.all_from_picture", look)
    running()
    tab = visit("draw")
    tab.get_by_key("input").set_value("Picture").run()
    tab.get_by_key("picture").upload("digit.png", png((100, 100))).run()
    said = tab.error[0].value
    assert [error.value for error in tab.run().error] == [said]
    assert len(looks) == 1
    tab.get_by_key("picture").upload("digit.png", picture_of(3)).run()
    assert not tab.error
    assert len(looks) == 2
