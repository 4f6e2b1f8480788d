"""The README's pictures, taken from the running app: `python -m tests.e2e.screenshots`."""

import sys
import tempfile
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlencode

from playwright.sync_api import Browser, expect, sync_playwright

from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from tests.browser import CHROMIUM_ARGS, find_chromium
from tests.e2e.server import REPOSITORY, App, serve
from tests.e2e.tab import Tab
from tests.strokes import DIGITS

FOLDER: Final = REPOSITORY / "static" / "screenshots"
SIZE: Final = {"width": 1280, "height": 800}
DIGIT: Final = 5


def _open(browser: Browser, app: App, scheme: Literal["light", "dark"]) -> Tab:
    window = browser.new_context(viewport=SIZE, color_scheme=scheme, reduced_motion="reduce")
    return Tab(window.new_page(), app.address)


def _take(tab: Tab, name: str) -> Path:
    """Write a picture of what a person sees without scrolling."""
    tab.settle()
    tab.page.mouse.move(0, 0)  # no hint of a help text, no lit button
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.evaluate("document.fonts.ready")
    path = FOLDER / f"{name}.png"
    tab.page.screenshot(path=path, animations="disabled", caret="hide")
    print(path.relative_to(REPOSITORY), flush=True)
    return path


def _draw(tab: Tab) -> None:
    tab.draw(DIGITS[DIGIT])
    expect(tab.answer()).to_have_text(str(DIGIT))
    expect(tab.bars()).to_have_count(10)


def take_all(browser: Browser, app: App) -> list[str]:
    """Build, train and draw as a newcomer does; return what went wrong on the way."""
    light = _open(browser, app, "light")
    light.open()
    expect(light.shown("Output", "stPlotlyChart")).to_be_visible()
    expect(light.key("price")).to_contain_text("an epoch")
    _take(light, "build")
    first = light.train()
    light.right_of_500()
    _take(light, "train")
    light.turn_to("Draw")
    _draw(light)
    _take(light, "draw")
    light.open("Build", urlencode(to_query(DEFAULT.with_value("schedule", "constant"))))
    second = light.train()
    light.right_of_500()
    light.open("Runs", f"compare={first},{second}")
    expect(light.page.get_by_text("What is said")).to_be_visible()
    _take(light, "runs")
    light.turn_to("Article")
    expect(light.page.get_by_text("After block 2")).to_be_visible()
    _take(light, "article")
    dark = _open(browser, app, "dark")
    dark.open("Draw")
    _draw(dark)
    _take(dark, "draw_dark")
    return [*light.all_troubles(), *dark.all_troubles(), *app.troubles()]


def main() -> int:
    """Take every picture; return 1 if anything went wrong in a page or in the server."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_ARGS)
        troubles = take_all(browser, app)
        browser.close()
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
