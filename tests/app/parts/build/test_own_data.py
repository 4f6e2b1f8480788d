"""The panel for images of one's own, as a person meets it."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from core.data.catalogue import info_of
from core.data.intake import zip_file as intake_zip
from core.data.own.kept import delete, images_path, own_keys
from core.serving.memory_budget import memory_budget
from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from pages.parts.build import own_data
from pages.shared.closed_pages import let_go_of_closed
from pages.shared.pictures import strip_html
from tests.app.tab import words
from tests.core.data.intake.pictures import npz, png, shapes, zipped
from tests.core.data.intake.test_zip_file import packed

MINE = zipped({**shapes(6), "ring/notes.txt": b"[x](http://a.b) nothing but text"})


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))


def opened(visit, file: tuple[str, bytes, str] | None = None):
    tab = visit()
    if file is not None:
        (uploader,) = [one for one in tab.get("file_uploader") if one.key == "own_file"]
        uploader.set_value(file).run()
    return tab


def test_a_zip_is_shown_before_it_is_used_and_then_chosen(visit):
    tab = opened(visit, ("my shapes.zip", MINE, "application/zip"))
    assert not tab.exception
    text = words(tab).replace("\\", "")
    assert "12" in text
    assert "classes" in text
    assert "ring/notes.txt" in text
    assert "a text file" in text
    table = tab.dataframe[0].value
    assert table["Class"].tolist() == ["bar", "ring"]
    assert table["Images"].tolist() == [6, 6]
    assert own_keys() == ()
    assert "in use" not in text
    tab.click("own_use")
    assert not tab.has("own_use")
    assert "These images are in use" in words(tab)
    (key,) = own_keys()
    assert tab.query_params["data"] in (key, [key])
    (choice,) = [box for box in tab.selectbox if box.label == "Data"]
    assert choice.value == key
    assert "my shapes (your own, 12 images)" in choice.options
    assert tab.figure()["data"][-1]["text"] == ["bar", "ring"]


def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(visit):
    tab = opened(visit, ("[no](http://a.b).zip", b"nothing", "application/zip"))
    assert not tab.exception
    (error,) = tab.error
    assert "is not a zip archive" in error.value
    assert "[no](" not in error.value
    assert own_keys() == ()


def test_deleted_images_are_told_where_their_network_is_built(visit):
    tab = opened(visit, ("mine.zip", MINE, "application/zip"))
    tab.click("own_use")
    (key,) = own_keys()
    delete(key)
    again = visit(query=to_query(replace(DEFAULT, data=key)))
    assert not again.exception
    (warning,) = again.warning
    assert "its images were deleted" in warning.value.replace("\\", "")
    assert again.get_by_key("train").disabled
    assert not images_path(key).exists()


def test_a_picture_tells_its_name_and_no_name_becomes_a_tag():
    from core.drawing.picture import digit_from_picture

    image = digit_from_picture(png("ring"))[0].numpy()
    html = strip_html(image, ['<script>"x"'])
    assert 'title="&lt;script&gt;&quot;x&quot;"' in html
    assert "<script>" not in html
    assert html.count("<img ") == 1


def test_the_chosen_data_set_shows_an_image_of_each_class(visit):
    tab = visit()
    pictures = (element.proto.body for element in tab.get("html"))
    shown = [body for body in pictures if body.count("<img") > 1]  # one is of the activations
    assert len(shown) == 1
    assert [f'title="{digit}"' in shown[0] for digit in range(10)] == [True] * 10


def test_arrays_tell_what_was_assumed_of_them_before_they_are_used(visit):
    images = np.zeros((12, 28, 28), np.uint8)
    images[:, 6:20, 6:20] = np.random.default_rng(0).integers(0, 17, (12, 14, 14))
    content = npz(x_train=images, y_train=[0, 1] * 6, x_test=images[:, :, ::-1], y_test=[1, 0] * 6)
    tab = opened(visit, ("mine.npz", content, "application/octet-stream"))
    assert not tab.exception
    assert not tab.error
    told = words(tab).replace("\\", "")
    assert "from 0 to 16, which is no usual range" in told
    assert "The given test set stays as it is" in told
    assert own_keys() == ()


def test_arrays_that_are_refused_show_the_line_that_mends_them(visit):
    images = np.arange(12 * 600, dtype=np.float32).reshape(12, 600)
    content = npz(x=images, y=[0, 1] * 6)
    tab = opened(visit, ("mine.zip", content, "application/zip"))
    (error,) = tab.error
    line = "np.savez('mended.npz', images=d['x'].reshape(-1, 24, 25), labels=d['y'])"
    assert line in error.value.replace("\\", "")


def control(tab, start: str):
    """The widget whose key begins so, of whatever kind."""
    return next(
        one
        for kind in ("radio", "button_group", "segmented_control")
        for one in tab.get(kind)
        if (one.key or "").startswith(start)
    )


def test_a_given_test_set_stays_or_is_put_together_with_the_rest(visit):
    parts = {f"train/{name}": body for name, body in shapes(6).items()}
    parts |= {f"test/{shape}/9.png": png(shape, wide=17) for shape in ("ring", "bar")}
    tab = opened(visit, ("mine.zip", zipped(parts), "application/zip"))
    assert "The given test set stays as it is; its images: 2." in words(tab).replace("\\", "")
    tab.click("own_use")
    (key,) = own_keys()
    assert info_of(key).test == 2
    assert "came for it" in info_of(key).description
    tab = opened(visit, ("mine.zip", zipped(parts), "application/zip"))
    control(tab, "own_parts_").set_value(True).run()
    assert "All images were put together" in words(tab)
    tab.click("own_use")
    assert sorted(info_of(one).description for one in own_keys()) == [
        "Your own images, tested on those that came for it.",
        "Your own images.",
    ]


def test_doubtful_names_are_chosen_among_the_likely_readings(visit):
    names = {"猫": "猫".encode("gbk"), "dog": b"dog"}
    tab = opened(visit, ("mine.zip", packed(names), "application/zip"))
    choice = control(tab, "own_reading_")
    assert any(option.startswith("猫") or ", 猫" in option for option in choice.options)
    assert tab.dataframe[0].value["Class"].tolist() == ["dog", "猫"]
    other = next(i for i, option in enumerate(choice.options) if "è" in option)
    choice.set_value(other).run()
    assert tab.dataframe[0].value["Class"].tolist() == ["dog", "è"]
    tab.click("own_use")
    assert info_of(own_keys()[0]).class_names == ("dog", "è")


def test_classes_can_be_called_otherwise_before_they_are_used(visit):
    tab = opened(visit, ("mine.zip", MINE, "application/zip"))
    choices = tab.session_state["own_reading"].choices
    choices.choose(called={"ring": "circle"})
    tab.run()
    assert tab.dataframe[0].value["Class"].tolist() == ["bar", "circle"]
    choices.choose(called={"ring": "bar"})
    tab.run()
    assert "holds only one class" in tab.error[0].value.replace("\\", "")
    tab.click("own_use")
    assert info_of(own_keys()[0]).class_names == ("bar", "circle")


def test_a_long_read_shows_its_progress_and_can_be_cancelled(visit, monkeypatch):
    monkeypatch.setattr(own_data, "_AT_ONCE_S", 0.05)
    monkeypatch.setattr(own_data, "_SOON_S", 0.05)
    hold = threading.Event()
    read = intake_zip.digit_from_picture
    monkeypatch.setattr(intake_zip, "digit_from_picture", lambda data: hold.wait(30) and read(data))
    tab = opened(visit, ("mine.zip", MINE, "application/zip"))
    assert not tab.exception
    tab.click("own_cancel")
    hold.set()
    tab.run()
    assert "Reading was cancelled" in words(tab)
    assert own_keys() == ()
    monkeypatch.setattr(own_data, "_AT_ONCE_S", 20.0)
    tab.click("own_again")
    assert tab.dataframe[0].value["Class"].tolist() == ["bar", "ring"]


def test_whoever_goes_on_to_build_while_a_file_is_read_is_not_held_up(visit, monkeypatch):
    monkeypatch.setattr(own_data, "_AT_ONCE_S", 3.0)
    hold = threading.Event()
    read = intake_zip.digit_from_picture
    monkeypatch.setattr(intake_zip, "digit_from_picture", lambda data: hold.wait(60) and read(data))
    tab = opened(visit, ("mine.zip", MINE, "application/zip"))
    try:
        began = time.monotonic()
        tab.set("seed", 7)
        assert time.monotonic() - began < 3.0
        assert tab.has("own_cancel")
    finally:
        hold.set()


class Rerun(BaseException):
    """The page is drawn anew."""


def test_what_was_read_is_shown_at_once_however_many_look(monkeypatch):
    def rerun() -> None:
        raise Rerun

    monkeypatch.setattr(own_data.st, "rerun", rerun)
    monkeypatch.setattr("pages.shared.live.Pace.turn_in_s", lambda pace: 10.0)
    reading = own_data.Reading(MINE, "mine.zip", "centred")
    assert reading.result(30) is not None
    with pytest.raises(Rerun):
        own_data._progress(reading)


def test_a_file_that_was_used_is_let_go_and_not_read_again(visit, monkeypatch):
    tab = opened(visit, ("mine.zip", MINE, "application/zip"))
    tab.click("own_use")
    held = tab.session_state["own_reading"]
    assert held.reading is None
    with monkeypatch.context() as patch:
        patch.setattr(own_data, "Reading", lambda *args: pytest.fail("read again"))
        tab.run()
        assert not tab.exception
        (key,) = own_keys()
        assert tab.has(f"own_delete_{key}")
    tab.click("own_again")
    assert tab.dataframe[0].value["Class"].tolist() == ["bar", "ring"]
    tab.click("own_use")
    tab.click(f"own_delete_{key}")
    assert tab.has("own_use")


def test_what_was_looked_at_goes_with_its_page_and_is_read_again_when_that_comes_back(visit):
    tab = opened(visit, ("my shapes.zip", MINE, "application/zip"))
    assert tab.has("own_use")
    # Once a connection may break off; who is there is left alone.
    for here in (False, True, False):
        let_go_of_closed(lambda _session, here=here: here)
    assert tab.session_state["own_reading"].reading is not None
    kept = memory_budget().taken
    assert kept > 0
    let_go_of_closed(lambda _session: False)
    assert memory_budget().taken < kept
    tab.run()
    assert not tab.exception
    assert tab.has("own_use")
