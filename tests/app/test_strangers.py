"""Another browser that sends what the owner's would: on a class server nothing comes of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from unittest.mock import PropertyMock

import numpy as np
import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.context import ContextProxy

from core.data.own.kept import OwnImages, images_path
from core.data.own.owners import OwnData
from core.runs.manager import Runs
from core.serving.limits import Limits
from core.serving.ownership import Ownership
from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from tests.app.script import eventually, steps_to

SENTENCE = "This run is somebody else’s. On this server each changes their own."


@pytest.fixture
def as_person(visit, monkeypatch) -> Iterator[Callable[..., object]]:
    """Open a page in the browser of a person, whose cookie is their name in hexadecimal."""
    cookies = PropertyMock()
    monkeypatch.setattr(ContextProxy, "cookies", cookies)

    def be(name: str) -> None:
        cookies.return_value = {"_streamlit_xsrf": f"2|00|{name.encode().hex()}|1"}

    def open_page(name: str, *page: str, **address: object):
        be(name)
        return visit(*page, **address)

    open_page.be = be
    return open_page


@pytest.fixture
def shared(line) -> Runs:
    """A server on which each changes their own."""
    line.limits = Limits(only_own_runs=True)
    line._registry.ownership = Ownership(only_own=True)
    line.own_data = OwnData(line.limits)
    return line


@pytest.fixture
def anns(as_person, shared, script):
    """Ann's run, which trains."""
    as_person("ann", "train").click("train")
    (run,) = shared.all()
    script.say(steps_to(100))
    eventually(lambda: run.snapshot().step == 100)
    return run


def replay(tab, key: str):
    """Send a click on a button, though the page shows it as disabled or does not open its place."""
    states = tab._tree.get_widget_states()
    button = tab.get_by_key(key)
    states.widgets.append(WidgetState(id=button.proto.id, trigger_value=True))
    tab._run(states)
    return tab


def refusals(tab) -> list[str]:
    return [error.value.replace("\\", "") for error in tab.error]


def untouched(run) -> bool:
    now = run.snapshot()
    return (run.status, now.lr_wanted, run._pause_wanted, run._end_wanted) == (
        *("running", None, False, None),
    )


CONTROLS = {
    "build": ("strip_pause", "strip_stop"),
    "train": ("panel_pause", "panel_stop", "rate_3", "rate_set"),
    "article": ("strip_pause", "strip_stop"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_another_browser_replays_does_nothing(as_person, anns, name):
    tab = as_person("ben", name, query={"run": anns.id})
    for key in CONTROLS[name]:
        replay(tab, key)
        assert untouched(anns), key
    assert refusals(tab) in ([], [SENTENCE])


def test_the_rate_that_another_browser_replays_is_refused_in_words(as_person, anns):
    tab = as_person("ben", "train", query={"run": anns.id})
    assert tab.get_by_key("rate").proto.popover.disabled
    for key in ("rate_0", "rate_3", "rate_set"):
        assert refusals(replay(tab, key)) == [SENTENCE]
    assert untouched(anns)
    assert refusals(tab.run()) == []


@pytest.mark.parametrize("name", CONTROLS)
def test_a_button_that_was_its_owners_is_refused_in_words_to_anyone_else(as_person, anns, name):
    tab = as_person("ann", name, query={"run": anns.id})
    for key in CONTROLS[name]:
        as_person.be("ann")
        assert refusals(tab.run()) == []
        assert not tab.get_by_key(key).disabled
        as_person.be("ben")
        assert refusals(tab.click(key)) == [SENTENCE], key
        assert untouched(anns), key


def test_a_paused_run_is_resumed_by_its_owner_only(as_person, anns):
    tab = as_person("ann", "train").click("panel_pause")
    eventually(lambda: anns.status == "paused")
    tab.run()
    as_person.be("ben")
    assert refusals(tab.click("panel_resume")) == [SENTENCE]
    assert anns.status == "paused"
    as_person.be("ann")
    tab.run().click("panel_resume")
    eventually(lambda: anns.status == "running")


def test_a_run_that_waits_is_neither_moved_nor_taken_out(as_person, anns, shared):
    for seed in (1, 2):
        shared.start(DEFAULT.with_value("seed", seed), anns.owner)
    last = shared.all()[0]
    tab = as_person("ann", "train", query={"run": last.id})
    as_person.be("ben")
    assert refusals(tab.click("earlier")) == [SENTENCE]
    as_person.be("ann")
    tab.run()
    as_person.be("ben")
    assert refusals(tab.click("panel_stop")) == [SENTENCE]
    assert shared.place_in_line(last) == 2
    as_person.be("ann")
    tab.run().click("earlier")
    assert shared.place_in_line(last) == 1


@pytest.fixture
def anns_images(shared, tmp_path, monkeypatch) -> str:
    """The key of images that Ann has brought in."""
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    pixels = np.random.RandomState(0).randint(0, 256, (12, 28, 28)).astype(np.uint8)
    images = OwnImages("holiday", ("sea", "hill"), pixels, np.arange(12) % 2)
    return shared.own_data.keep(images, sha256(b"ann").hexdigest()[:16])


def build(as_person, name: str, key: str):
    """The Build page at an address that names somebody's images."""
    return as_person(name, "build", query=to_query(replace(DEFAULT, data=key, batch_size=4)))


def seen(tab) -> bool:
    """Whether the page shows pictures of Ann's classes."""
    return any("data:image" in node.value and "hill" in node.value for node in tab.html)


def test_their_owner_sees_and_uses_images(as_person, anns_images):
    tab = build(as_person, "ann", anns_images)
    assert "holiday (your own, 12 images)" in tab.field("data").options
    assert not tab.get_by_key("train").disabled
    assert seen(tab)
    assert tab.has(f"own_delete_{anns_images}")


def test_others_neither_see_use_nor_delete_them_by_an_address(as_person, anns_images, shared):
    tab = build(as_person, "ben", anns_images)
    assert not any("your own, 12 images" in option for option in tab.field("data").options[:-1])
    assert "somebody else’s" in tab.warning[0].value
    assert not seen(tab)
    assert not tab.has(f"own_delete_{anns_images}")
    replay(tab, "train")
    assert shared.all() == ()


def test_buttons_that_were_their_owners_do_nothing_for_others(as_person, anns_images, shared):
    tab = build(as_person, "ann", anns_images)
    as_person.be("ben")
    tab.click(f"own_delete_{anns_images}")
    (said,) = refusals(tab)
    assert "The images of “holiday” are somebody else’s" in said
    assert images_path(anns_images).is_file()
    as_person.be("ann")
    tab = build(as_person, "ann", anns_images)
    as_person.be("ben")
    tab.click("train")
    assert "The images of “holiday” are somebody else’s" in refusals(tab)[0]
    assert shared.all() == ()


def test_on_a_laptop_every_browser_may(as_person, line, running):
    run = running()
    as_person("ben", "train").click("panel_pause")
    eventually(lambda: run.status == "paused")
