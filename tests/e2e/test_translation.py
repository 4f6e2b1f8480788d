"""A page whose words a browser's translation replaces while they change, and other quick things."""

from typing import Final

from playwright.sync_api import expect

from tests.e2e.conftest import OpenTab
from tests.e2e.tab import Tab

# Puts two font elements in the place of every text, and goes on with what comes, as Chrome does.
TRANSLATE: Final = """() => {
  const spared = 'font, [translate=no], .notranslate, script, style, textarea, input';
  const translate = text => {
    if (!text.nodeValue.trim() || !text.parentElement || text.parentElement.closest(spared)) return;
    const [outer, inner] = [document.createElement('font'), document.createElement('font')];
    inner.append('~' + text.nodeValue);
    outer.append(inner);
    text.replaceWith(outer);
  };
  const all = root => {
    const texts = [], walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) texts.push(walker.currentNode);
    texts.forEach(translate);
  };
  all(document.body);
  new MutationObserver(records => {
    for (const record of records) {
      if (record.type === 'characterData') translate(record.target);
      for (const node of record.addedNodes) node.nodeType === 3 ? translate(node) : all(node);
    }
  }).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""
# No link, no icon, no emoji, no colour and no arrow.
NAME: Final = "http://evil.example www.evil.example a@evil.example :bomb: :material/delete: ->"
SHORT: Final = "v=1&blocks=1&dense=0&b1.channels=4&num_epochs=2"


def test_under_a_translation_every_page_lives_and_a_run_ends(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.open("Build", SHORT)
    tab.page.evaluate(TRANSLATE)
    expect(tab.key("price")).to_contain_text("~")
    tab.field("num_epochs").locator("input").fill("3")
    tab.page.keyboard.press("Enter")
    expect(tab.key("price")).to_contain_text("an epoch")
    tab.button("train").click()
    expect(tab.key("strip")).to_contain_text("finished", timeout=90_000)
    expect(tab.shown("right", "stAlert").first).to_contain_text("~")
    for place in ("Draw", "Runs", "Article", "Build"):
        tab.page.get_by_test_id("stTopNavLink").filter(has_text=place).click()
        expect(tab.key("strip")).to_contain_text("finished")
        tab.page.wait_for_timeout(700)
    assert tab.all_troubles() == []


def test_what_is_typed_as_train_is_pressed_is_kept_and_a_comma_understood(
    open_tab: OpenTab,
) -> None:
    tab = open_tab(viewport={"width": 1280, "height": 1800}, locale="de-DE")
    language = tab.page.locator("html")
    tab.open("Build", SHORT)
    expect(language).to_have_attribute("lang", "en")
    seed, train = tab.field("seed").locator("input"), tab.button("train")
    place = train.bounding_box()
    assert place is not None
    seed.click()
    tab.page.keyboard.press("Control+a")
    tab.page.keyboard.type("77,0")
    tab.page.mouse.move(place["x"] + 20, place["y"] + 10)
    tab.page.mouse.down()
    tab.page.wait_for_timeout(90)
    tab.page.mouse.up()
    tab.page.wait_for_url(lambda url: "/train" in url and "run=" in url)
    tab.settle()
    assert tab.query["seed"] == "77"
    tab.key("language").get_by_text("中文").click()
    expect(language).to_have_attribute("lang", "zh-CN")
    tab.page.go_back()
    tab.settle()
    tab.page.get_by_test_id("stTopNavLink").first.click()
    expect(seed).to_have_value("77")
    seed.fill("1.000")
    tab.page.keyboard.press("Enter")
    expect(tab.key("typed_seed")).to_contain_text("1000")
    expect(seed).to_have_value("77")
    _is_text_everywhere(tab)


def _is_text_everywhere(tab: Tab) -> None:
    """Give the run a name that Markdown would make something of, and look for it."""
    run = tab.query["run"]
    tab.open("Runs", f"compare={run}&lang=en")
    field = tab.key(f"run_name_{run}").locator("input")
    field.fill(NAME)
    tab.page.keyboard.press("Enter")
    expect(tab.key("run_head")).to_contain_text(NAME)
    for place in ("Runs", "Train", "Build"):
        tab.page.get_by_test_id("stTopNavLink").filter(has_text=place).click()
        expect(tab.key("strip")).to_contain_text(NAME)
        expect(tab.page.locator("a[href*='evil']")).to_have_count(0)
