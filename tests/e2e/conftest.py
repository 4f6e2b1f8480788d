"""What the browser tests share: a served app, and tabs on it that answer for what went wrong."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser import CHROMIUM_ARGS, find_chromium
from tests.e2e.server import App, serve
from tests.e2e.tab import TRAINING_S, Tab
from tests.strokes import DIGITS

OpenTab = Callable[..., Tab]


def assert_well(tabs: Iterable[Tab], app: App, since: int = 0) -> None:
    """Fail if anything went wrong in the tabs, or in the server after `since` of its log."""
    troubles = [trouble for tab in tabs for trouble in tab.all_troubles()]
    troubles += app.troubles(since)
    assert not troubles, "\n".join(troubles)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Start the Chromium of this machine."""
    return {
        **browser_type_launch_args,
        "executable_path": find_chromium(),
        "args": CHROMIUM_ARGS,
    }


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """NetSketch, served from its first start on; the tests of a module share it."""
    with serve(tmp_path_factory.mktemp("served")) as app:
        yield app


@pytest.fixture
def open_tab(app: App, new_context: Callable[..., BrowserContext]) -> Iterator[OpenTab]:
    """Open empty tabs, each in a browser window of its own; afterwards ask each how it went.

    Keywords go to the window, such as `viewport` and `color_scheme`.
    """
    tabs: list[Tab] = []
    since = len(app.log())

    def open_one(**window: object) -> Tab:
        window = {"viewport": {"width": 1280, "height": 800}, **window}
        tabs.append(Tab(new_context(**window).new_page(), app.address))
        return tabs[-1]

    yield open_one
    assert_well(tabs, app, since)


@pytest.fixture
def tab(open_tab: OpenTab) -> Tab:
    """One empty tab."""
    return open_tab()


@pytest.fixture(scope="module")
def trained(app: App, browser: Browser) -> None:
    """The default network, trained by the button of an empty Draw page."""
    window = browser.new_context()
    tab = Tab(window.new_page(), app.address)
    tab.open("Draw")
    tab.button("train_default").click()
    expect(tab.button("strip_stop")).to_be_visible()
    expect(tab.button("strip_stop")).to_have_count(0, timeout=TRAINING_S * 1000)
    tab.draw(DIGITS[0])
    expect(tab.answer()).to_have_text("0")
    assert_well([tab], app)
    window.close()


@pytest.fixture
def easel(trained: None, open_tab: OpenTab) -> Tab:
    """A Draw page with a trained network and an empty canvas."""
    tab = open_tab()
    tab.open("Draw")
    expect(tab.canvas()).to_be_visible()
    return tab
