"""A browser tab on NetSketch, and what a person does in it."""

import re
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response, expect

from tests.strokes import Point

PageName = Literal["Build", "Train", "Draw", "Runs", "Article"]
PATHS: Final[dict[PageName, str]] = {
    "Build": "/",
    "Train": "/train",
    "Draw": "/draw",
    "Runs": "/runs",
    "Article": "/article",
}
# On two cores that also train, a page takes some seconds.
PATIENCE_S: Final = 20
TRAINING_S: Final = 90
expect.set_options(timeout=PATIENCE_S * 1000)

# Where a tab is opened at /train, Streamlit's script first asks whether its server lives there.
_PROBE: Final = re.compile(r"/(train|draw|runs|article)/_stcore/(health|host-config)$")
# Says so in the console when an exception stands in the page, however briefly.
_WATCH_FOR_EXCEPTIONS: Final = """
new MutationObserver(() => {
  const box = document.querySelector('[data-testid=stException]');
  if (box) console.error('An exception stands in the page: ' + box.innerText);
}).observe(document, {childList: true, subtree: true});
"""
# What a page says that has lost messages, and while it is not connected any more.
_LOST: Final = "Bad delta path"
_UNSENT: Final = "Cannot send rerun backMessage when disconnected"
# An undo puts a new canvas in the place of the old: for a moment there are none, or two.
_INK: Final = """canvases => {
  if (canvases.length !== 1) return null;
  const [canvas] = canvases;
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let lit = 0;
  for (let i = 0; i < data.length; i += 4) lit += data[i] > 127 && data[i + 3] > 127;
  return lit;
}"""


class Tab:
    """A tab that notes whatever goes wrong in it.

    Args:
        page: an empty page of its own.
        address: where NetSketch is served.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.troubles: list[str] = []
        page.set_default_timeout(PATIENCE_S * 1000)
        page.add_init_script(_WATCH_FOR_EXCEPTIONS)
        page.on("console", self._note_said)
        page.on("pageerror", lambda error: self._note_if(True, "script", str(error)))
        page.on("crash", lambda _: self._note_if(True, "crash", page.url))
        page.on("request", self._note_stranger)
        page.on("requestfailed", self._note_failure)
        page.on("response", self._note_refusal)

    def _note_if(self, wrong: bool, kind: str, words: str) -> None:
        if wrong:
            self.troubles.append(f"{kind}: {words}")

    def _note_said(self, said: ConsoleMessage) -> None:
        wrong = said.type == "error" and not _PROBE.search(said.location["url"])
        self._note_if(wrong, "console", f"{said.text} ({said.location['url']})")

    def _note_refusal(self, reply: Response) -> None:
        wrong = reply.status >= 400 and not _PROBE.search(reply.url)
        self._note_if(wrong, str(reply.status), reply.url)

    def _note_stranger(self, request: Request) -> None:
        own = request.url.startswith((f"{self.address}/", "data:", "blob:"))
        self._note_if(not own, "request to a stranger", request.url)

    def _note_failure(self, request: Request) -> None:
        # What a page still loads when a person leaves it is broken off; nobody waits for it.
        left = request.failure == "net::ERR_ABORTED"
        self._note_if(not left, "failed request", f"{request.url} {request.failure}")

    def another(self) -> "Tab":
        """Open a second tab of the same browser window."""
        return Tab(self.page.context.new_page(), self.address)

    # Going places

    def open(self, place: PageName = "Build", query: str = "") -> None:
        """Enter an address and wait for the page."""
        self.page.goto(self.address + PATHS[place] + (f"?{query}" if query else ""))
        self.settle()

    def turn_to(self, place: PageName) -> None:
        """Follow the link at the top of every page."""
        self.page.get_by_test_id("stTopNavLink").filter(has_text=place).click()
        self.page.wait_for_url(lambda url: urlsplit(url).path == PATHS[place])
        self.settle()

    def settle(self) -> None:
        """Wait until the page is drawn and its script is at rest.

        A panel that looks by itself every half second may start again at once.
        """
        expect(self.key("strip")).to_be_visible()
        rest = "[data-test-connection-state=CONNECTED][data-test-script-state=notRunning]"
        expect(self.page.locator(f"[data-testid=stApp]{rest}")).to_be_visible()
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0)

    @property
    def query(self) -> dict[str, str]:
        """The settings in the address."""
        return {key: values[0] for key, values in parse_qs(urlsplit(self.page.url).query).items()}

    # Finding things

    def key(self, name: str) -> Locator:
        """What the page names so."""
        return self.page.locator(f".st-key-{re.sub('[^a-zA-Z0-9_-]', '-', name)}")

    def shown(self, text: str | re.Pattern[str], kind: str) -> Locator:
        """The elements of one kind, such as `stAlert`, in which a text stands."""
        return self.page.get_by_test_id(kind).filter(has_text=text)

    def button(self, name: str) -> Locator:
        """The button in what the page names so."""
        return self.key(name).get_by_role("button")

    def field(self, path: str) -> Locator:
        """The widget of a setting, such as `blocks.0.channels`."""
        return self.key(f"field:{path}")

    def options(self, box: Locator) -> Locator:
        """Open a select box; return what it offers."""
        offered = self.page.get_by_role("option")

        def opened() -> bool:
            if not offered.count():
                # A click is lost where the page is still growing and moves under the mouse.
                box.get_by_role("combobox").click()
                self.page.wait_for_timeout(200)
            return offered.count() > 0

        self.until(opened, "The select box does not open")
        return offered

    def choose(self, box: Locator, option: str) -> None:
        """Open a select box and take an option."""
        self.options(box).filter(has_text=option).click()

    # Training

    def train(self) -> str:
        """Press Train on this page; return the id of the run that is then shown."""
        self.button("train").click()
        self.page.wait_for_url(re.compile(r"/train\?.*\brun="))
        expect(self.chart("loss")).to_be_visible()
        return self.query["run"]

    def chart(self, measure: Literal["loss", "accuracy"]) -> Locator:
        """The drawing of one of the two charts of the Train page."""
        charts = self.page.get_by_test_id("stVegaLiteChart")
        return charts.nth(("loss", "accuracy").index(measure)).locator("svg.marks")

    def curve(self, measure: Literal["loss", "accuracy"] = "loss") -> list[tuple[float, float]]:
        """The corners of the training curve as drawn, in pixels."""
        drawn = self.chart(measure).locator(".training_marks path").first
        path = drawn.get_attribute("d") if drawn.count() else None
        return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path or "")]

    def wait_for_curve(self, points: int) -> None:
        """Wait until the training curve of the loss has more corners than that."""
        self.until(lambda: len(self.curve()) > points, f"The curve keeps under {points} corners")

    def steps(self) -> int:
        """Training steps that the run has done, as the small print says."""
        said = self.page.get_by_text(re.compile(r"· step [\d,]+ of")).first.inner_text()
        found = re.search(r"step ([\d,]+) of", said)
        assert found is not None
        return int(found[1].replace(",", ""))

    def progress(self) -> int:
        """Percent of the active run, as the strip shows it."""
        bar = self.key("strip").get_by_role("progressbar")
        return int(bar.get_attribute("aria-valuenow") or "")

    def verdict(self) -> Locator:
        """The sentence on the Train page that says how many of 500 test images were right."""
        return self.shown(re.compile(r"\d of 500 right"), "stAlert")

    def right_of_500(self) -> int:
        """Wait for the end of a run; return how many test images were right."""
        expect(self.verdict()).to_be_visible(timeout=TRAINING_S * 1000)
        found = re.search(r"(\d+) of 500 right", self.verdict().inner_text())
        assert found
        return int(found[1])

    # Drawing

    def canvas(self) -> Locator:
        """What the mouse draws on."""
        return self.page.locator("canvas.upper-canvas")

    def draw(self, strokes: Sequence[Sequence[Point]]) -> None:
        """Draw strokes of the unit square with the mouse, as a hand does: down, along, up.

        Waits after each stroke until the page shows what the network sees of it.
        """
        expect(self.canvas()).to_have_count(1)
        self.canvas().scroll_into_view_if_needed()
        box = self.canvas().bounding_box()
        assert box is not None
        for stroke in strokes:
            before = self.seen()
            places = [
                (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke
            ]
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place)
            self.page.mouse.up()
            self.until(lambda before=before: self.seen() not in (None, before), "It is not seen")

    def seen(self) -> str | None:
        """Which picture stands in the page as that which the network sees."""
        picture = self.page.get_by_test_id("stImage").get_by_role("img")
        return picture.get_attribute("src") if picture.count() else None

    def ink(self) -> int:
        """How many pixels of the canvas are lit."""
        canvases = self.page.locator("canvas.dc-canvas.lower-canvas")
        lit: int | None = None

        def counted() -> bool:
            nonlocal lit
            lit = canvases.evaluate_all(_INK)
            return lit is not None

        self.until(counted, "There is no canvas, or more than one")
        assert lit is not None
        return lit

    def answer(self) -> Locator:
        """The digit that the page says it sees."""
        return self.key("answer")

    def bars(self) -> Locator:
        """The bars of the ten probabilities on the Draw page."""
        return self.page.get_by_test_id("stVegaLiteChart").locator(".mark-rect path")

    def recognises(self, digit: int, within_s: float = 5) -> bool:
        """Tell whether the page comes to say that it sees this digit."""
        try:
            expect(self.answer()).to_have_text(str(digit), timeout=within_s * 1000)
        except AssertionError:
            return False
        return True

    def until(self, true: Callable[[], bool], complaint: str) -> None:
        """Wait for what no locator can wait for."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, complaint
            self.page.wait_for_timeout(50)

    def all_troubles(self) -> list[str]:
        """What went wrong in this tab since it was opened.

        A page that loses messages to Streamlit begins anew by itself (static/connection.js); what
        it says until then is no trouble, if it has.
        """
        if any(_LOST in trouble for trouble in self.troubles):
            self.troubles = [
                trouble
                for trouble in self.troubles
                if _LOST not in trouble and _UNSENT not in trouble
            ]
        if not self.page.is_closed() and self.page.get_by_test_id("stException").count():
            return [*self.troubles, "An exception stands in the page"]
        return self.troubles
