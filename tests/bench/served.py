"""What a page that someone looks at costs the training behind it.

`python -m tests.bench.served`: one run of the default network on full MNIST goes on in a served
NetSketch. By turns nobody looks, and a client polls the Train page as a browser does. The same
again with a headless Chromium, whose own work takes the same cores.

Images are counted by the steps that the page tells, between the first and the last message of a
look, and between the last one of a look and the first one of the next. So the evaluation after
each epoch counts on both sides.
"""

import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from tests.bench._client import Client, words
from tests.bench._data import data_folder_of_its_own
from tests.bench._report import progress, report
from tests.bench._server import NETSKETCH, serve
from tests.browser import CHROMIUM_ARGS, find_chromium

SPEC = replace(DEFAULT, num_epochs=200)
LOOK_S = 8.0
LIGHT_LOOKS = 9
BROWSER_LOOKS = 5
STEP = re.compile(r"step ([\d,]+) of ")

# Notes when the page tells another step: the time in seconds, and the step.
_WATCH = """() => {
  window.told = [];
  new MutationObserver(() => {
    for (const caption of document.querySelectorAll('[data-testid=stCaptionContainer]')) {
      const found = caption.textContent.match(/step ([\\d,]+) of /);
      if (!found) continue;
      const step = Number(found[1].replaceAll(',', ''));
      if (step !== window.told.at(-1)?.[1]) window.told.push([performance.now() / 1000, step]);
    }
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


@dataclass(frozen=True)
class Look:
    """When a page first and last told the step, in seconds, and what it told."""

    first_s: float
    first: int
    last_s: float
    last: int

    @property
    def rate(self) -> float:
        """Images a second while it was looked at."""
        return (self.last - self.first) * SPEC.batch_size / (self.last_s - self.first_s)

    def rate_until(self, later: "Look") -> float:
        """Images a second from its end to the beginning of another."""
        return (later.first - self.last) * SPEC.batch_size / (later.first_s - self.last_s)


def light_look(address: str) -> Look:
    """Look at the Train page with a client that draws nothing."""
    told: list[tuple[float, int]] = []
    with Client(address, "train") as client:
        for message in client.messages(LOOK_S):
            if found := STEP.search(words(message)):
                told.append((time.perf_counter(), _number(found)))
    return Look(*told[0], *told[-1])


def browser_look(browser: Browser, address: str) -> Look:
    """Look at the Train page with Chromium."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}/train")
    page.get_by_text(STEP).first.wait_for()
    page.evaluate(_WATCH)
    now_s = page.evaluate("performance.now() / 1000")
    ahead_s = time.perf_counter() - now_s
    page.wait_for_timeout(LOOK_S * 1000)
    told = page.evaluate("window.told")
    page.close()
    (first_s, first), (last_s, last) = told[0], told[-1]
    return Look(first_s + ahead_s, first, last_s + ahead_s, last)


def compare(look: Callable[[], Look], count: int) -> tuple[list[float], list[float]]:
    """Look `count` times with a pause between; return the rates unattended and attended."""
    looks: list[Look] = []
    for i in range(count):
        if looks:
            time.sleep(LOOK_S)
        looks.append(look())
        progress(f"look {i + 1} of {count}: {looks[-1].rate:,.0f} images/s")
    return [one.rate_until(other) for one, other in pairwise(looks)], [one.rate for one in looks]


def tell(figure: str, alone: list[float], looked_at: list[float], **goal: float) -> None:
    """Report the median of the looks between two pauses: rate over the mean of those pauses."""
    ratios = [
        2 * rate / (before + after)
        for rate, (before, after) in zip(looked_at[1:-1], pairwise(alone), strict=True)
    ]
    report(
        figure,
        statistics.median(ratios),
        "of the images/s unattended",
        n=len(ratios),
        spread=[round(min(ratios), 3), round(max(ratios), 3)],
        unattended=round(statistics.median(alone)),
        attended=round(statistics.median(looked_at)),
        **goal,
    )


@contextmanager
def training() -> Iterator[str]:
    """Serve NetSketch with a run in it; yield its address."""
    with data_folder_of_its_own() as data, serve(NETSKETCH) as address:
        query = urlencode(to_query(replace(SPEC, data=data)))
        with Client(address, "train", query) as client:
            client.settle()
            client.click("train")
            while not _number(client.wait_for(STEP.pattern)):
                pass
        # The library chooses its kernels meanwhile, and the allocator gets its memory.
        time.sleep(LOOK_S)
        yield address


def _number(found: re.Match[str]) -> int:
    return int(found[1].replace(",", ""))


def main() -> None:
    """Print both figures."""
    with training() as address:
        alone, looked_at = compare(partial(light_look, address), LIGHT_LOOKS)
        tell("training with a light client on the Train page", alone, looked_at, at_least=0.9)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=CHROMIUM_ARGS
            )
            alone, looked_at = compare(partial(browser_look, browser, address), BROWSER_LOOKS)
            browser.close()
        tell("training with headless Chromium on the Train page", alone, looked_at)


if __name__ == "__main__":
    main()
