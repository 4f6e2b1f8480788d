"""No stroke is ever lost, and what is drawn is what is read; on every screen."""

import base64
import contextlib
import io
import os
import re
import signal
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import psutil
import pytest
from PIL import Image
from playwright.sync_api import Locator, WebSocketRoute, expect
from websockets.exceptions import ConnectionClosed

from core.drawing.centring import digit_from_ink
from core.drawing.strokes import UNITS, ink_of_strokes
from tests.bench._client import Client
from tests.e2e.conftest import OpenTab
from tests.e2e.server import App
from tests.e2e.tab import Tab
from tests.strokes import DIGITS, Point

LINE: Final = [(0.3, 0.3), (0.5, 0.5), (0.7, 0.7)]
# As browsers that guard their owners' privacy answer whoever reads pixels.
FALSIFIED: Final = """
const noise = data => data.map((_, i) => (i * 7919) % 256);
const read = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...place) {
  const image = read.apply(this, place);
  image.data.set(noise(image.data));
  return image;
};
HTMLCanvasElement.prototype.toDataURL = () => 'data:image/png;base64,iVBORw0KGgo=';
HTMLCanvasElement.prototype.toBlob = done => done(new Blob([]));
"""


def stroke(easel: Tab, points: Sequence[Point], *, let_go: bool = True) -> None:
    """Draw with the mouse, waiting for nothing."""
    box = easel.canvas().bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    easel.page.mouse.move(*places[0])
    easel.page.mouse.down()
    for place in places[1:]:
        easel.page.mouse.move(*place)
    if let_go:
        easel.page.mouse.up()


def strokes(easel: Tab) -> list[list[int]]:
    """What the browser holds as drawn."""
    kept: str = easel.page.evaluate("sessionStorage.getItem('netsketch-drawing') ?? '||'")
    text = kept.split("|")[2]
    return [[int(number) for number in one.split(",")] for one in text.split(";") if one]


def seen_digit(easel: Tab) -> np.ndarray:
    """The 28 x 28 pixels that the page shows as what the network sees."""
    uri = easel.seen()
    assert uri is not None
    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    return np.asarray(image.convert("L"), np.int64)[5::10, 5::10]


def is_read(easel: Tab, points: Sequence[Sequence[Point]], brush: int = 200) -> bool:
    """Whether the network sees exactly these strokes."""
    wanted = [(brush, *(round(n * UNITS) for point in one for n in point)) for one in points]
    digit = digit_from_ink(ink_of_strokes(tuple(wanted), 340))
    assert digit is not None
    return easel.seen() is not None and np.abs(seen_digit(easel) - digit[0, 0].numpy()).mean() < 3


def test_a_stroke_right_after_a_tool_is_kept(easel: Tab) -> None:
    stroke(easel, LINE)
    for _ in range(6):
        easel.button("clear").click()
        stroke(easel, LINE)
        assert len(strokes(easel)) == 1
        easel.button("undo").click()
        stroke(easel, LINE)
        assert len(strokes(easel)) == 1
    for size in (30, 12):
        easel.key("brush").get_by_role("slider").fill(str(size))
        stroke(easel, LINE)
        assert strokes(easel)[-1][0] == 10 * size
    for count in (4, 5):
        stroke(easel, LINE)
        assert len(strokes(easel)) == count
    for _ in range(5):
        easel.button("undo").click()
    expect(easel.answer()).to_have_count(0)
    assert strokes(easel) == []
    stroke(easel, LINE)
    easel.button("clear").dblclick(force=True)
    stroke(easel, DIGITS[7][0])
    expect(easel.answer()).to_have_text("7")
    assert len(strokes(easel)) == 1


def test_whoever_leaves_or_reloads_at_once_finds_the_stroke_again(easel: Tab) -> None:
    stroke(easel, DIGITS[7][0])
    easel.turn_to("Build")
    easel.turn_to("Draw")
    expect(easel.answer()).to_have_text("7")
    drawn = easel.ink()
    assert drawn
    stroke(easel, LINE)
    easel.button("undo").click()
    easel.page.reload()
    easel.settle()
    expect(easel.answer()).to_have_text("7")
    easel.until(lambda: easel.ink() == drawn, "The drawing differs after a reload")
    # Left in the middle of a stroke, by a reload.
    stroke(easel, LINE, let_go=False)
    easel.page.reload()
    easel.settle()
    easel.page.mouse.up()
    assert len(strokes(easel)) == 2
    another = easel.another()
    another.open("Draw")
    expect(another.canvas()).to_be_visible()
    expect(another.answer()).to_have_count(0)
    assert another.ink() == 0
    another.page.close()


def test_a_page_that_is_drawn_anew_in_mid_stroke_takes_nothing(easel: Tab) -> None:
    first, second = DIGITS[7][0][:16], DIGITS[7][0][16:]
    for label in ("中文", "English"):
        stroke(easel, first, let_go=False)
        # By a script: the mouse is on the canvas.
        easel.key("language").get_by_text(label).first.dispatch_event("click")
        expect(easel.button("clear")).to_have_text("清空" if label == "中文" else "Clear")
        easel.settle()
        box = easel.canvas().bounding_box()
        assert box is not None
        for x, y in second:
            easel.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        easel.page.mouse.up()
        assert len(strokes(easel)) == 1
        expect(easel.answer()).to_have_text("7")
        easel.until(lambda: is_read(easel, DIGITS[7]), "The network sees something else")
        easel.button("clear").click()
        expect(easel.answer()).to_have_count(0)


def test_a_busy_server_and_a_broken_connection_lose_nothing(
    trained: None, open_tab: OpenTab, app: App
) -> None:
    easel = open_tab()
    sockets: list[WebSocketRoute] = []

    def carry(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    easel.page.route_web_socket(re.compile("/_stcore/stream"), carry)
    easel.open("Draw")
    expect(easel.canvas()).to_be_visible()
    first, second = DIGITS[4]
    os.kill(app.process.pid, signal.SIGSTOP)
    try:
        stroke(easel, LINE)
        easel.button("undo").click()
        stroke(easel, first)
        stroke(easel, second)
        time.sleep(2)
    finally:
        os.kill(app.process.pid, signal.SIGCONT)
    expect(easel.answer()).to_have_text("4")
    easel.until(lambda: is_read(easel, DIGITS[4]), "The network sees something else")
    easel.button("clear").click()
    sockets[-1].close()
    stroke(easel, DIGITS[7][0])
    expect(easel.answer()).to_have_text("7")
    assert len(sockets) > 1
    # Streamlit says so of what is sent in the very moment in which the connection breaks.
    said = [trouble for trouble in easel.troubles if "Cannot send rerun" not in trouble]
    assert not said
    easel.troubles.clear()


@pytest.mark.parametrize(
    "drawn",
    [
        [[(0.25, 0.2), (0.7, 0.2), (0.4, 0.8)]],
        [[(0.5, 0.5)]],
        [[(0.2, 0.5), (0.8, 0.5)]],
        [[(0.3, 0.2), (0.3, 0.5), (0.7, 0.5)], [(0.7, 0.2), (0.7, 0.8)]],
    ],
    ids=["seven of three points", "dot", "fast line", "four of five points"],
)
def test_what_is_drawn_is_what_is_read(easel: Tab, drawn: list[list[Point]]) -> None:
    for one in drawn:
        stroke(easel, one)
    assert [len(one) // 2 for one in strokes(easel)] == [len(one) for one in drawn]
    easel.until(lambda: is_read(easel, drawn), "The network sees something else")


def test_falsified_pixels_do_not_matter(trained: None, open_tab: OpenTab) -> None:
    easel = open_tab()
    easel.page.add_init_script(FALSIFIED)
    easel.open("Draw")
    for digit in (7, 1, 4):
        easel.draw(DIGITS[digit])
        expect(easel.answer()).to_have_text(str(digit))
        easel.button("clear").click()
        expect(easel.answer()).to_have_count(0)


def in_sight(what: Locator, width: int, height: int) -> bool:
    box = what.bounding_box()
    assert box is not None
    return (
        min(box["x"], box["y"]) >= 0
        and box["x"] + box["width"] <= width
        and box["y"] + box["height"] <= height
    )


def test_the_canvas_is_whole_and_the_answer_in_sight(easel: Tab) -> None:
    easel.draw(DIGITS[4])
    for width in (320, 340, 360, 480, 640, 641, 700, 800, 900, 1000, 1280, 1920):
        easel.page.set_viewport_size({"width": width, "height": 800})
        easel.page.wait_for_timeout(100)
        canvas, place = easel.canvas().bounding_box(), easel.key("easel_canvas").bounding_box()
        assert canvas is not None
        assert place is not None
        assert canvas["width"] == pytest.approx(canvas["height"], abs=1)
        assert canvas["width"] >= min(width - 32, 300), width
        assert canvas["x"] + canvas["width"] <= place["x"] + place["width"] + 1, width
        assert place["x"] + place["width"] <= width
    # The last is 1280 x 800 at 200 %.
    for width, height in ((1280, 800), (390, 844), (320, 640), (640, 400)):
        easel.page.set_viewport_size({"width": width, "height": height})
        easel.page.wait_for_timeout(300)
        assert in_sight(easel.canvas(), width, height), (width, height)
        assert in_sight(easel.answer(), width, height), (width, height)


def test_one_finger_draws_and_nothing_scrolls(trained: None, open_tab: OpenTab) -> None:
    easel = open_tab(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    easel.open("Draw")
    expect(easel.canvas()).to_be_visible()
    box = easel.canvas().bounding_box()
    assert box is not None
    cdp = easel.page.context.new_cdp_session(easel.page)

    def touch(kind: str, *fingers: Point) -> None:
        at = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": finger}
            for finger, (x, y) in enumerate(fingers)
        ]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    top = "document.querySelector('[data-testid=stMain]').scrollTop"
    before = easel.page.evaluate(top)
    points = DIGITS[7][0]
    touch("touchStart", points[0])
    for point in points[1:20]:
        touch("touchMove", point)
    touch("touchStart", points[19], (0.9, 0.9))
    for point in points[20:]:
        touch("touchMove", point, (0.9 - point[1] / 3, 0.5))
    touch("touchEnd")
    expect(easel.answer()).to_have_text("7")
    assert len(strokes(easel)) == 1
    easel.until(lambda: is_read(easel, [points]), "The network sees something else")
    assert easel.page.evaluate(top) == before
    for tool in easel.key("easel_canvas").get_by_role("button").all():
        size = tool.bounding_box()
        assert size is not None
        assert min(size["width"], size["height"]) >= 44
    brush = easel.key("brush").get_by_role("slider").bounding_box()
    assert brush is not None
    assert brush["height"] >= 44


MB = 10**6
FORGED: Final = {
    "deep": "[" * 100_000,
    "deep object": '{"drawing":' * 5_000,
    "a number of a million digits": '{"drawing": ' + "9" * 10**6 + "}",
    "not a number": '{"drawing": NaN}',
    "a list": '{"drawing": [[1, 2], [3, 4]]}',
    "another whole": "[1, 2, 3]",
    "text": "drawing",
    "a picture": '{"drawing": {"raw": {"objects": [{}]}, "data": "data:image/png;base64,PNG"}}',
    "long": '{"drawing": "1|200' + ",1,1" * 2_000_000 + '"}',
    "many lists": '{"drawing": [' + "[]," * 3_000_000 + "0]}",
}


def test_a_forged_canvas_costs_the_server_nothing(app: App) -> None:
    picture = io.BytesIO()
    Image.new("L", (13_000, 13_000)).save(picture, "PNG")
    png = base64.b64encode(picture.getvalue()).decode()
    server = psutil.Process(app.process.pid)
    before = server.memory_info().rss
    for name, forged in FORGED.items():
        value = forged.replace("PNG", png)
        with Client(app.address, "draw") as client:
            client.settle()
            # What is longer than any drawing ends the connection.
            ends = pytest.raises(ConnectionClosed) if len(value) > MB else contextlib.nullcontext()
            with ends:
                client.forge("canvas", value)
                client.wait_for("no drawing", 10)
        assert server.memory_info().rss - before < 300e6, name
    with Client(app.address, "draw") as client:
        client.settle()
        client.forge("canvas", '{"drawing": "1|200,1000,1000"}')
        client.settle()
    with Client(app.address, "draw") as client:
        client.settle()
        # Too long for any message; the server may hang up while it is still being sent.
        with contextlib.suppress(ConnectionClosed):
            client.forge("canvas", '{"drawing": "' + "1" * 60_000_000 + '"}')
        with pytest.raises(ConnectionClosed):
            client.wait_for("no drawing", 10)
    assert server.memory_info().rss - before < 300e6
    assert not app.troubles()
