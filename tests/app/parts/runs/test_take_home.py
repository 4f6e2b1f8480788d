"""The panel that hands out a run's files, made when they are asked for."""

import io
import threading
import zipfile
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.testing.v1 import AppTest

from core.bring_in import configuration, weights
from core.runs.view import Run
from core.spec.presets import DEFAULT
from core.take_home import FILES, TakeHomeError
from core.words.errors import UserError
from pages.parts.runs import held_files
from pages.parts.runs import take_home as panel
from tests.app.tab import words

Made = dict[str, Callable[[], bytes]]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What a click on each button of the newest page makes, by the file's name."""
    found: Made = {}
    kept = MediaFileManager.add_deferred

    def add_deferred(self, data_callable, mimetype, coordinates, file_name=None, **more):
        found[file_name] = data_callable
        return kept(self, data_callable, mimetype, coordinates, file_name, **more)

    monkeypatch.setattr(MediaFileManager, "add_deferred", add_deferred)
    return found


@pytest.fixture
def ended(running, script) -> Run:
    """A run that has ended."""
    run = running(63)
    script.finish()
    assert run.wait(20)
    return run


def open_panel(run: Run) -> AppTest:
    def page(run_id: str) -> None:
        from core.runs.manager import runs
        from pages.parts.runs.take_home import take_home

        take_home(runs().get(run_id))

    tab = AppTest.from_function(page, args=(run.id,), default_timeout=30).run()
    assert not tab.exception
    return tab


def buttons(tab: AppTest) -> list[str]:
    return [button.key.removeprefix("take_") for button in tab.download_button]


def test_a_run_that_has_ended_offers_each_file_and_all_in_one(made, ended):
    tab = open_panel(ended)
    assert sorted(buttons(tab)) == sorted(["all", *(file.name for file in FILES)])
    assert tab.download_button(key="take_all").label == "Everything (.zip)"
    for file in FILES:
        button = tab.download_button(key=f"take_{file.name}")
        label = button.label.replace("\\", "")
        assert label == f"**{file.name}** · {file.words}"
        assert button.proto.icon.startswith(":material/")


def test_nothing_is_made_before_it_is_asked_for(made, ended, monkeypatch):
    monkeypatch.setattr(panel, "contents_of", lambda run: pytest.fail("Nobody has asked."))
    open_panel(ended)


def test_a_click_makes_the_file_of_this_run(made, ended):
    open_panel(ended)
    assert configuration(made["configuration.json"]()) == DEFAULT
    assert weights(made["weights.safetensors"]()).spec == DEFAULT
    assert made["steps.csv"]().count(b"\n") == 64
    with zipfile.ZipFile(io.BytesIO(made[f"netsketch-{ended.id}.zip"]())) as archive:
        assert len(archive.namelist()) == len(FILES) + 1


def test_a_run_that_trains_offers_its_configuration_and_says_when_the_rest_comes(made, running):
    tab = open_panel(running())
    assert buttons(tab) == ["configuration.json"]
    assert "when the run has ended" in words(tab.main)


def test_while_a_file_is_made_the_page_says_what_is_done(made, ended, monkeypatch):
    tab = open_panel(ended)
    begun, go_on = threading.Event(), threading.Event()

    def slow(contents: object, name: str, tell: Callable[[str], None]) -> bytes:
        tell("Comparing ONNX with PyTorch on 1,000 digits")
        begun.set()
        assert go_on.wait(20)
        return b"file"

    monkeypatch.setattr(panel, "make", slow)
    thread = threading.Thread(target=made["network.onnx"])
    thread.start()
    assert begun.wait(20)
    assert "Comparing ONNX with PyTorch on 1,000 digits" in words(tab.run().main).replace("\\", "")
    go_on.set()
    thread.join()
    assert "Comparing" not in words(tab.run().main)


def test_what_cannot_be_made_is_a_sentence_until_something_can(made, ended, monkeypatch):
    tab = open_panel(ended)

    def refuse(contents: object, name: str, tell: object) -> bytes:
        raise TakeHomeError("The ONNX network is *not* offered: it differs.")

    with monkeypatch.context() as patched:
        patched.setattr(panel, "make", refuse)
        with pytest.raises(UserError):
            made["network.onnx"]()
    assert "The ONNX network is \\*not\\* offered\\: it differs\\." in words(tab.run().main)
    made["configuration.json"]()
    assert "offered" not in words(tab.run().main)


def test_a_fault_is_a_sentence_too(made, ended, monkeypatch):
    tab = open_panel(ended)

    def fail(run: Run) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(panel, "contents_of", fail)
    with pytest.raises(UserError):
        made["report.html"]()
    said = words(tab.run().main).replace("\\", "")
    assert "report.html could not be made because of a fault inside NetSketch" in said
    assert "ZeroDivision" not in said


def test_a_finished_file_waits_for_the_browser(ended, monkeypatch):
    files = MediaFileManager(MemoryMediaFileStorage("/media"))
    monkeypatch.setattr(held_files.runtime, "exists", lambda: True)
    monkeypatch.setattr(
        held_files.runtime, "get_instance", lambda: SimpleNamespace(media_file_mgr=files)
    )
    making = panel.Making()
    addresses = []
    for name in ("configuration.json", "load_weights.py", "train.py"):
        mime = next(file.mime for file in FILES if file.name == name)
        deferred = files.add_deferred(
            lambda name=name, mime=mime: making.file(ended, name, name, mime), mime, "1", name
        )
        addresses.append(files.execute_deferred(deferred))
        for _ in range(5):  # as many script runs end meanwhile
            files.remove_orphaned_files()
    for address in addresses:
        assert files.read_file(address.rsplit("/", 1)[1]) is not None
    making.offer = "another run"
    other = held_files.Page()
    held_files.held_files.hold(other, b"more", "text/plain", "more.txt")
    for _ in range(2):
        files.remove_orphaned_files()
    for address in addresses:
        assert files.read_file(address.rsplit("/", 1)[1]) is None


def test_a_click_runs_no_script_again(made, ended):
    tab = open_panel(ended)
    assert all(button.proto.ignore_rerun for button in tab.download_button)
