"""A configuration's link, copied where a browser lets a page copy and where it does not."""

from urllib.parse import urlencode

from playwright.sync_api import expect

from core.spec import BlockSpec, RunSpec
from core.spec.codec import to_query
from tests.e2e.conftest import OpenTab

BROKEN = urlencode(to_query(RunSpec(blocks=(BlockSpec(),) * 5)))
# As on an address of http, and on a browser that lets no page copy at all.
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
NO_COPY = "document.execCommand = () => false;"


def test_a_link_without_mends_is_copied_by_keyboard_and_opened(open_tab: OpenTab) -> None:
    teacher = open_tab(permissions=["clipboard-read", "clipboard-write"])
    teacher.open("Build", BROKEN)
    expect(teacher.button("fix_0")).to_be_visible()
    button = teacher.page.get_by_role("button", name="Copy link without mends")
    button.focus()
    before = button.bounding_box()
    teacher.page.keyboard.press("Enter")
    expect(teacher.page.locator(".share").get_by_role("status")).to_have_text("Copied.")
    assert teacher.page.locator("[data-copy]").nth(1).bounding_box() == before
    link = teacher.page.evaluate("navigator.clipboard.readText()")
    assert link == f"{teacher.address}/?{BROKEN}&mends=hidden"
    pupil = open_tab(viewport={"width": 390, "height": 844})
    pupil.page.goto(link)
    pupil.settle()
    expect(pupil.key("problem")).to_contain_text("does not fit")
    expect(pupil.key("exercise_note")).to_be_visible()
    expect(pupil.key("fix_0")).to_have_count(0)


def test_without_a_clipboard_the_link_is_selected(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.page.add_init_script(NO_CLIPBOARD + NO_COPY)
    tab.open("Build", BROKEN)
    tab.page.get_by_role("button", name="Copy link", exact=True).click()
    field = tab.page.get_by_role("textbox", name="Link", exact=True)
    expect(field).to_be_focused()
    expect(field).to_have_value(f"{tab.address}/?{BROKEN}")
    assert tab.page.evaluate("getSelection().toString()") == f"{tab.address}/?{BROKEN}"
    expect(tab.page.locator(".share").get_by_role("status")).to_contain_text("Ctrl+C")
