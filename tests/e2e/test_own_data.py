"""Pictures of one's own, from the upload to a drawn prediction."""

import io
import math
import random
import re
import zipfile
from dataclasses import replace
from urllib.parse import urlencode

from PIL import Image, ImageDraw
from playwright.sync_api import expect

from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from tests.e2e.tab import TRAINING_S, Tab
from tests.strokes import DIGITS

PER_CLASS = 60


def photo(what: str, chance: random.Random) -> bytes:
    """A ring or a line, each a little different, dark on light."""
    image = Image.new("L", (120, 120), chance.randint(225, 255))
    draw = ImageDraw.Draw(image)
    ink, wide = chance.randint(0, 60), chance.randint(7, 11)
    x, y = (60 + chance.uniform(-10, 10) for _ in range(2))
    if what == "ring":
        across, down = (chance.uniform(22, 40) for _ in range(2))
        draw.ellipse((x - across, y - down, x + across, y + down), outline=ink, width=wide)
    else:
        angle, reach = math.radians(90 + chance.uniform(-35, 35)), chance.uniform(25, 45)
        across, down = reach * math.cos(angle), reach * math.sin(angle)
        draw.line((x - across, y - down, x + across, y + down), fill=ink, width=wide)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def archive() -> bytes:
    chance = random.Random(0)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for what in ("ring", "line"):
            for i in range(PER_CLASS):
                packed.writestr(f"shapes/{what}/{i}.png", photo(what, chance))
        packed.writestr("shapes/ring/readme.txt", "These are rings that I photographed. " * 3)
    return file.getvalue()


def test_ones_own_pictures_from_the_upload_to_a_drawn_prediction(tab: Tab) -> None:
    tab.open("Build", urlencode(to_query(replace(DEFAULT, batch_size=8))))
    page = tab.page
    tab.button("own_data").click()
    page.get_by_test_id("stFileUploaderDropzone").locator("input[type=file]").set_input_files(
        {"name": "shapes.zip", "mimeType": "application/zip", "buffer": archive()}
    )
    expect(tab.shown(re.compile(r"120 images of 2 classes"), "stMarkdown")).to_be_visible()
    expect(tab.shown(re.compile(r"shapes/ring/readme\.txt"), "stAlert")).to_be_visible()
    tab.button("own_use").click()
    page.wait_for_url(re.compile(r"data=own"))
    page.keyboard.press("Escape")
    data = tab.field("data").get_by_role("combobox")
    expect(data).to_have_value("shapes (your own, 120 images)")
    expect(tab.shown("ring", "stPlotlyChart")).to_be_visible()

    tab.button("train").click()
    page.wait_for_url(re.compile("/train"))
    expect(tab.button("strip_stop")).to_have_count(0, timeout=TRAINING_S * 1000)
    expect(tab.shown("shapes", "stCaptionContainer").first).to_be_visible()

    tab.turn_to("Draw")
    tab.draw(DIGITS[0])
    answer = tab.key("answer_in_words")
    expect(answer).to_have_text("ring")
    tab.button("clear").click()
    expect(answer).to_have_count(0)
    tab.draw([[(0.5, 0.15), (0.5, 0.5), (0.5, 0.85)]])
    expect(answer).to_have_text("line")
    expect(tab.bars()).to_have_count(2)
