"""What page tests share: the app as a server runs it, runs of their own, a canvas to set."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import app_test

from core.data.loading import DATASETS
from core.network.model import build
from core.questions.price import Price
from core.runs import worker as worker_module
from core.runs.manager import Runs
from core.runs.view import Run
from core.serving.limits import Limits
from core.spec import RunSpec
from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from core.training.events import Event
from core.training.state import State
from tests.app.canvas import Canvas
from tests.app.script import Script, eventually, steps_to
from tests.app.shelf import Shelf
from tests.app.tab import Tab

APP = Path(__file__).resolve().parents[2] / "app.py"


class ServedPages(PagesManager):
    """The pages as a server knows them once anyone has opened the app."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        # A new AppTest run forgets that there was a navigation, and runs the page without app.py.
        PagesManager.uses_pages_directory = False


class PricedRuns(Runs):
    """Runs whose price a test tells: measuring it takes a second of all cores."""

    told: Price | None = None
    measuring = False

    def price(self, asker: str, spec: RunSpec, address: str = "") -> Price | None:
        """What the test told."""
        return self.told

    def price_pending(self, asker: str) -> bool:
        """Whether it is still being measured."""
        return self.measuring


class IdleRuns(PricedRuns):
    """Runs whose turn never comes."""

    def _ensure_worker(self) -> None:
        """Start nothing."""


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every AppTest run as on a server that has shown the app before."""
    monkeypatch.setattr(PagesManager, "uses_pages_directory", False)
    monkeypatch.setattr(app_test, "PagesManager", ServedPages)


@pytest.fixture(autouse=True)
def line(monkeypatch: pytest.MonkeyPatch) -> Iterator[PricedRuns]:
    """The runs of a process of their own, ended with the test."""
    made = PricedRuns()
    monkeypatch.setattr("core.runs.manager._runs", made)
    # What the training thread reads before anyone asks takes a second, and these tests do not ask.
    monkeypatch.setattr("core.runs.training_thread.load", lambda key: None)
    yield made
    made.close()
    assert not made._thread.is_alive


Opener = Callable[..., Tab]


@pytest.fixture
def visit() -> Opener:
    """Open the app in a new tab."""

    def open_tab(
        page: str = "build", *, spec: RunSpec | None = None, query: Mapping[str, str] | None = None
    ) -> Tab:
        """Open a page.

        Args:
            page: `build`, `train`, `draw`, `runs` or `article`.
            spec: the network that the address holds.
            query: the address as it is, instead.
        """
        tab = Tab(APP, default_timeout=30)
        # Else every tab looks through all installed packages for components that no test shows.
        tab._bidi_component_manager = BidiComponentManager()
        for name in ("learning", "stop_early", "folds", "augmentation", "network"):
            tab.session_state[f"fold_{name}"] = True  # as if they had been opened
        tab.query_params = dict(query if query is not None else to_query(spec) if spec else {})
        tab.run()
        return tab if page == "build" else tab.go(page)

    return open_tab


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let a script take the place of training."""
    told = Script()

    class Trainer:
        ended_early = ""
        precision = "float32"
        lr_changes: tuple[tuple[int, float], ...] = ()
        stretches: tuple[object, ...] = ()

        def set_lr(self, lr: float) -> None:
            self.lr_changes += ((100, lr),)

        def __init__(self, spec: RunSpec, data: object, team: object = None) -> None:
            torch.manual_seed(spec.seed)
            self._weights = build(spec).state_dict()

        def fit(self) -> Iterator[Event]:
            return told.fit()

        def test(self) -> Iterator[Event]:
            yield told.tested

        def weights(self) -> dict[str, torch.Tensor]:
            return {name: value.clone() for name, value in self._weights.items()}

        def weights_are_finite(self) -> bool:
            return True

        def state(self) -> State:
            return State(step=0, epoch=0, tensors={}, numbers={})

        def restore(self, state: State) -> None:
            """The script goes on where it was."""

    monkeypatch.setattr(worker_module, "learner", Trainer)
    monkeypatch.setattr(worker_module, "load", lambda key: None)
    return told


@pytest.fixture
def running(line: Runs, script: Script) -> Callable[..., Run]:
    """Start a run that has done some steps and waits for the script's next line."""

    def begin(step: int = 100, spec: RunSpec = DEFAULT) -> Run:
        run = line.start(spec)
        script.say(steps_to(step))
        eventually(lambda: run.snapshot().step == step)
        return run

    return begin


@pytest.fixture
def quick(make_digits, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small data for real training."""
    digits = make_digits(200)
    info = replace(DATASETS["embedded"], train=200, validation=20, test=30)
    monkeypatch.setattr("core.training.length.info_of", lambda key: info)
    monkeypatch.setattr(worker_module, "load", lambda key: digits)


@pytest.fixture
def canvas(monkeypatch: pytest.MonkeyPatch) -> Canvas:
    """Put a canvas under the test's hand in place of the browser's."""
    made = Canvas()
    monkeypatch.setattr("pages.parts.draw.canvas.mount", made)
    return made


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A store of the test's own."""
    return Shelf(tmp_path / "kept")


@pytest.fixture
def shelve(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Runs]]:
    """Serve what lies on the shelf."""
    opened = []

    def open_shelf(allowed: Limits | None = None) -> Runs:
        """Open the store as a server does."""
        made = IdleRuns(shelf.store, allowed)
        monkeypatch.setattr("core.runs.manager._runs", made)
        opened.append(made)
        return made

    yield open_shelf
    for made in opened:
        made.close()
