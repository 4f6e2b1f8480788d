"""The server ends, whichever way, and what a run had learned is there when it is served again."""

import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import assert_well
from tests.e2e.server import serve
from tests.e2e.tab import Tab
from tests.strokes import DIGITS

QUERY = "v=1&blocks=1&b1.channels=8&b1.stride=2&batch_size=32&num_epochs=16"
PATIENCE_S = 15


@pytest.mark.parametrize(
    "how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name
)
def test_a_run_goes_on_after_the_server_was_ended(
    tmp_path: Path, browser: Browser, how: signal.Signals
) -> None:
    window = browser.new_context()
    with serve(tmp_path) as app:
        tab = Tab(window.new_page(), app.address)
        tab.open("Build", QUERY)
        run = tab.train()
        tab.wait_for_curve(points=130)  # so an epoch has ended
        assert_well([tab], app)
        seen = tab.steps()
        tab.page.close()
        began = time.monotonic()
        app.process.send_signal(how)
        app.process.wait(PATIENCE_S)
        assert time.monotonic() - began < PATIENCE_S
    with serve(tmp_path) as app:
        tab = Tab(window.new_page(), app.address)
        tab.open("Train", f"run={run}")
        expect(tab.shown("was ended while this run was under way", "stAlert")).to_be_visible()
        tab.wait_for_curve(points=30)
        kept = tab.steps()
        # Who asks the server to end loses nothing; who kills it, all since the last checkpoint.
        assert kept >= seen or how is signal.SIGKILL
        tab.turn_to("Draw")
        tab.draw(DIGITS[1])
        expect(tab.answer()).to_have_text(re.compile(r"^\d$"))
        tab.turn_to("Train")
        tab.button("panel_resume").click()
        expect(tab.button("panel_stop")).to_be_visible()
        # Not the corners of the curve: a longer run has fewer, once several steps share one.
        tab.until(lambda: tab.steps() > kept, f"The run stays at step {kept}")
        assert tab.right_of_500() > 300
        assert tab.curve()[0][0] < 5
        assert_well([tab], app)
    window.close()
