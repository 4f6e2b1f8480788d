"""How soon a page answers a hand, against the least that Streamlit itself takes for the like.

`python -m tests.bench.latency`: by turns, in headless Chromium,

* a stroke on the Draw page and on `_echo_page.py`, from the release of the mouse to the changed
  answer in the page: while nothing else runs, and while a network trains behind both;
* a moved slider on the Build page and on `_table_page.py`, from the key to the changed table as it
  is drawn.

Times are taken inside the page. Every pair of pages is in one browser.
"""

import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from tests.bench._client import Client
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.bench._server import NETSKETCH, PAGES, serve
from tests.browser import CHROMIUM_ARGS, find_chromium

PAIRS: Final = 20
WARM_UP: Final = 3
PATIENCE_MS: Final = 15_000
T = TypeVar("T")

# Notes the release of the mouse, and when the answer and the digit that the network sees change
# after it. The Draw page shows that digit as an image, and its answer also changes by itself while
# the network learns: only what comes with another image answers the stroke.
_WATCH_ANSWER: Final = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const now = () => ({
    words: [...main.querySelectorAll('[data-testid=stMarkdownContainer]')]
      .map(box => box.textContent).join('|'),
    image: main.querySelector('[data-testid=stImage] img')?.src ?? '',
  });
  let seen = now();
  window.released = null;
  window.answered = null;
  window.addEventListener('pointerup', () => {
    window.released = performance.now();
    window.answered = null;
    window.withImage = !seen.image;
    seen = now();
  }, true);
  new MutationObserver(() => {
    const next = now();
    if (next.image !== seen.image) window.withImage = true;
    if (next.words !== seen.words && window.withImage && window.released && !window.answered)
      window.answered = performance.now();
    seen = next;
  }).observe(main, {
    childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['src'],
  });
}"""
# Notes a key, and when a word is then drawn on a canvas.
_WATCH_TABLE: Final = """() => {
  window.wanted = null;
  window.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
  const fill = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
    if (text === window.wanted && window.pressed && !window.drawn) window.drawn = performance.now();
    return fill.call(this, text, ...rest);
  };
}"""


class Easel:
    """A page with a canvas, on which one dot after another is made."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._page = _open(browser, address)
        self._canvas = self._page.locator("canvas.upper-canvas")
        self._canvas.wait_for()
        self._page.evaluate(_WATCH_ANSWER)
        self._hand = random.Random(0)

    def measure(self) -> float | None:
        """Make a short stroke; return the milliseconds to the answer, None if it stays the same."""
        box = self._canvas.bounding_box()
        assert box is not None
        x = box["x"] + self._hand.uniform(0.2, 0.8) * box["width"]
        y = box["y"] + self._hand.uniform(0.2, 0.8) * box["height"]
        mouse = self._page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(x + 8, y + 8, steps=4)
        mouse.up()
        try:
            self._page.wait_for_function("window.answered", timeout=3_000)
        except PlaywrightTimeoutError:
            return None
        _rest(self._page)
        return float(self._page.evaluate("window.answered - window.released"))


class Desk:
    """A page with a slider of channels, 16 at first and then 24, and a table of shapes."""

    def __init__(self, browser: Browser, address: str, slider_key: str) -> None:
        self._page = _open(browser, address)
        self._slider = self._page.locator(f".st-key-{slider_key} input[type=range]")
        self._slider.wait_for(state="attached")
        self._page.locator("[data-testid=stDataFrame] canvas").first.wait_for()
        self._page.evaluate(_WATCH_TABLE)
        self._channels = 16

    def measure(self) -> float:
        """Move the slider by one; return the milliseconds to the changed table."""
        key, self._channels = ("ArrowRight", 24) if self._channels == 16 else ("ArrowLeft", 16)
        self._page.evaluate(
            "wanted => Object.assign(window, {wanted, pressed: null, drawn: null})",
            f"{self._channels} × 28 × 28",
        )
        self._slider.press(key)
        self._page.wait_for_function("window.drawn", timeout=PATIENCE_MS)
        _rest(self._page)
        return float(self._page.evaluate("window.drawn - window.pressed"))


def _open(browser: Browser, address: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 1600}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    _rest(page)
    return page


def _rest(page: Page) -> None:
    """Wait until the page's script is over, and a moment for what it draws."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(250)


def take_turns(ours: Callable[[], T], least: Callable[[], T]) -> list[tuple[T, T]]:
    """Measure one after the other, again and again; leave out what comes while caches fill."""
    return [(ours(), least()) for _ in range(WARM_UP + PAIRS)][WARM_UP:]


def tell(figure: str, pairs: Sequence[tuple[float | None, float | None]], at_most: float) -> None:
    """Report the ratio of the medians; pairs without an answer are counted and left out."""
    whole = [(ours, least) for ours, least in pairs if ours is not None and least is not None]
    ours, least = (statistics.median(times) for times in zip(*whole, strict=True))
    report(
        figure,
        ours / least,
        "times",
        n=len(whole),
        at_most=at_most,
        ours_ms=round(ours),
        least_ms=round(least),
        unchanged=len(pairs) - len(whole),
    )


def train(address: str, data: str, num_epochs: int, *, to_the_end: bool) -> None:
    """Start a run of the default network, and wait until it is over or has begun."""
    query = urlencode(to_query(replace(DEFAULT, data=data, num_epochs=num_epochs)))
    with Client(address, "train", query) as client:
        client.settle()
        client.click("train")
        client.wait_for(r"right\*\*" if to_the_end else r"step [1-9]", 120)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


def main() -> None:
    """Print the figures."""
    with (
        data_folder_of_its_own() as data,
        serve(NETSKETCH) as ours,
        serve(PAGES / "_table_page.py") as table,
        serve(PAGES / "_echo_page.py") as echo,
        chromium() as browser,
    ):
        progress("a slider of the Build page")
        desk = Desk(browser, ours, "field-blocks-0-channels")
        least_desk = Desk(browser, table, "channels")
        tell(
            "a moved slider to the changed layer table, against one slider and one table, idle",
            take_turns(desk.measure, least_desk.measure),
            at_most=2.0,
        )
        progress("a stroke, nothing else running")
        train(ours, "embedded", 2, to_the_end=True)
        easel, least_easel = Easel(browser, f"{ours}/draw"), Easel(browser, echo)
        tell(
            "end of a stroke to the answer, against a page that counts strokes, idle",
            take_turns(easel.measure, least_easel.measure),
            at_most=1.3,
        )
        progress("a stroke, while a network trains")
        train(ours, data, 200, to_the_end=False)
        easel, least_easel = Easel(browser, f"{ours}/draw"), Easel(browser, echo)
        tell(
            "end of a stroke to the answer of the network in training, against a page that counts "
            "strokes, both while that network trains",
            take_turns(easel.measure, least_easel.measure),
            at_most=2.0,
        )


if __name__ == "__main__":
    main()
