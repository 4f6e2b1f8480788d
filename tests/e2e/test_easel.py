"""The Draw page: ten digits by mouse, the canvas's tools, and pictures, good and bad."""

import io
import re
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.e2e.tab import Tab
from tests.strokes import DIGITS, render


def clear(easel: Tab) -> None:
    easel.button("clear").click()
    easel.until(lambda: easel.ink() == 0, "The canvas is not empty")
    expect(easel.answer()).to_have_count(0)


def invitation(easel: Tab) -> None:
    """See that the page invites to draw and guesses nothing."""
    expect(
        easel.page.get_by_role("heading", name=re.compile("draw", re.IGNORECASE))
    ).to_be_visible()
    expect(easel.answer()).to_have_count(0)
    expect(easel.button("undo")).to_be_disabled()
    expect(easel.button("clear")).to_be_disabled()


def test_nine_of_ten_drawn_digits_are_recognised(easel: Tab) -> None:
    wrong = []
    for digit, strokes in DIGITS.items():
        easel.draw(strokes)
        if not easel.recognises(digit):
            wrong.append((digit, easel.answer().inner_text()))
        clear(easel)
    assert len(wrong) <= 1, wrong


def test_the_page_shows_ten_bars_and_what_the_network_sees(easel: Tab) -> None:
    easel.draw(DIGITS[4])
    expect(easel.answer()).to_have_text("4")
    expect(easel.bars()).to_have_count(10)
    expect(easel.page.get_by_test_id("stImage").get_by_role("img")).to_be_visible()


def test_undo_takes_back_one_stroke_and_clear_all_of_them(easel: Tab) -> None:
    invitation(easel)
    first, second = DIGITS[4]
    easel.draw([first])
    after_first = easel.ink()
    easel.draw([second])
    assert easel.ink() > after_first
    expect(easel.answer()).to_have_text("4")
    easel.button("undo").click()
    easel.until(lambda: easel.ink() == after_first, "Undo took back something else")
    easel.button("redo").click()
    expect(easel.answer()).to_have_text("4")
    easel.page.keyboard.press("Control+z")
    easel.until(lambda: easel.ink() == after_first, "The second undo differs")
    easel.button("undo").press("Enter")
    easel.until(lambda: easel.ink() == 0, "Undo left something of the only stroke")
    invitation(easel)
    easel.draw(DIGITS[4])
    expect(easel.answer()).to_have_text("4")
    clear(easel)
    invitation(easel)
    easel.button("redo").click()
    expect(easel.answer()).to_have_text("4")


def test_a_thicker_brush_draws_a_thicker_line_and_keeps_the_drawing(easel: Tab) -> None:
    line = [[(0.2, 0.3), (0.8, 0.3)]]
    easel.draw(line)
    thin = easel.ink()
    slider = easel.key("brush").get_by_role("slider", name="Brush")
    size = int(slider.input_value())
    for _ in range(10):
        slider.press("ArrowRight")
    expect(slider).to_have_value(str(size + 10))
    assert easel.ink() == thin
    easel.draw([[(x, y + 0.4) for x, y in line[0]]])
    thick = easel.ink() - thin
    assert thick / thin == pytest.approx((size + 10) / size, rel=0.15)
    easel.button("undo").click()
    easel.until(lambda: easel.ink() == thin, "Undo took back something else")


def test_there_is_one_set_of_tools(easel: Tab) -> None:
    easel.draw(DIGITS[4])
    easel.canvas().hover()
    for name in ("Undo", "Redo", "Clear"):
        tool = easel.page.get_by_role("button", name=re.compile(name))
        expect(tool.filter(visible=True)).to_have_count(1)
    expect(easel.key("easel_canvas").get_by_role("button").filter(visible=True)).to_have_count(3)
    expect(easel.page.get_by_role("img", name=re.compile("Canvas"))).to_be_visible()
    for tool in easel.key("easel_canvas").get_by_role("button").all():
        box = tool.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 24


def picture(digit: int, *, dark_on_light: bool) -> bytes:
    grey = Image.fromarray(render(DIGITS[digit], size=200)).convert("L")
    if dark_on_light:
        grey = grey.point([255 - value for value in range(256)])
    file = io.BytesIO()
    grey.save(file, "PNG")
    return file.getvalue()


def one_pixel() -> bytes:
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    return file.getvalue()


def bomb() -> bytes:
    """Half a megabyte of PNG that would fill 3.6 GB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    packer = zlib.compressobj(9)
    row = bytes(1 + 60_000 // 8)
    pixels = b"".join([*(packer.compress(row) for _ in range(60_000)), packer.flush()])
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def drop(easel: Tab, name: str, data: bytes) -> None:
    """Let go of a file over the place for pictures."""
    zone = easel.key("picture").get_by_test_id("stFileUploaderDropzone")
    file = easel.page.evaluate_handle(
        """([name, bytes]) => {
          const dragged = new DataTransfer();
          dragged.items.add(new File([new Uint8Array(bytes)], name, {type: 'image/png'}));
          return dragged;
        }""",
        [name, list(data)],
    )
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": file})


def turn_to_pictures(easel: Tab) -> None:
    easel.key("input").get_by_text("Picture").click()
    expect(easel.key("picture")).to_be_visible()


@pytest.mark.parametrize("dark_on_light", [True, False], ids=["dark on light", "light on dark"])
def test_a_dropped_picture_is_recognised(easel: Tab, dark_on_light: bool) -> None:
    turn_to_pictures(easel)
    drop(easel, "seven.png", picture(7, dark_on_light=dark_on_light))
    expect(easel.answer()).to_have_text("7")
    expect(easel.key("verdict_picture").get_by_role("img")).to_be_visible()
    expect(easel.key("verdict_seen").get_by_role("img")).to_be_visible()
    # One that the browser itself refuses: what is said of the one before goes, too.
    file = easel.page.evaluate_handle(
        """() => {
          const dragged = new DataTransfer();
          dragged.items.add(new File([new Uint8Array(12e6)], 'large.png', {type: 'image/png'}));
          return dragged;
        }"""
    )
    zone = easel.key("picture").get_by_test_id("stFileUploaderDropzone")
    for event in ("dragenter", "dragover", "drop"):
        zone.dispatch_event(event, {"dataTransfer": file})
    expect(easel.key("picture_refused")).to_be_visible()
    expect(easel.answer()).to_be_hidden()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: b"To be, or not to be: that is the question.\n" * 20, "text file"),
        (one_pixel, "1 × 1"),
        (bomb, "too many pixels"),
    ],
    ids=["text", "one pixel", "bomb"],
)
def test_a_bad_picture_gets_a_sentence_and_no_guess(
    easel: Tab, make: Callable[[], bytes], words: str
) -> None:
    turn_to_pictures(easel)
    drop(easel, "digit.png", make())
    expect(easel.shown(words, "stAlert")).to_be_visible()
    expect(easel.answer()).to_have_count(0)
    easel.key("picture").locator("input[type=file]").set_input_files(
        {"name": "ok.png", "mimeType": "image/png", "buffer": picture(2, dark_on_light=True)}
    )
    expect(easel.answer()).to_have_text("2")
    drop(easel, "digit.png", make())
    expect(easel.shown(words, "stAlert")).to_be_visible()
    expect(easel.answer()).to_have_count(0)
