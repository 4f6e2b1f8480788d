"""Whatever a person wrote is text, wherever a page shows it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from html import escape

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from core.data.own.kept import OwnImages, keep
from core.spec.codec import to_query
from core.spec.presets import DEFAULT
from pages.shared.words import plain
from tests.app.conftest import PricedRuns
from tests.app.shelf import Shelf
from tests.app.tab import Tab

# Some of each kind that Markdown, Plotly, HTML or a spreadsheet would make something of.
NASTY = {
    "links": "http://evil.example www.evil.example a@evil.example [x](http://evil.example)",
    "marks": ":material/delete: :bomb: :red[gone] **x** `y` $x^2$ a -> b &lt;b&gt;",
    "tags": '<a href="http://evil.example">win</a> ![](http://evil.example/p.png)',
    "cell": '=HYPERLINK("http://evil.example")',
}
# What shows its words as they are, or as HTML in which they were escaped.
AS_IT_IS = ("text_input", "text_area", "selectbox", "multiselect", "arrow_data_frame", "html")


class IdleRuns(PricedRuns):
    """Runs whose turn never comes."""

    def _ensure_worker(self) -> None:
        """Start nothing."""


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[Shelf]:
    monkeypatch.setenv("NETSKETCH_DATA", str(tmp_path / "data"))
    shelf = Shelf(tmp_path / "kept")
    for name in NASTY.values():
        words = {"name": name, "tags": (name[:20],), "note": name}
        shelf.put(wrong=range(3), **words)
    made = IdleRuns(shelf.store)
    monkeypatch.setattr("core.runs.manager._runs", made)
    yield shelf
    made.close()


def texts(message: Message) -> Iterator[str]:
    """Every text that a page's element holds."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for part in value if field.is_repeated else [value]:
                if isinstance(part, Message):
                    yield from texts(part)
        elif field.type == FieldDescriptor.TYPE_STRING:
            yield from value if field.is_repeated else [value]


def read_as_markdown(tab: Tab, name: str) -> list[str]:
    """What of a page Streamlit would read as Markdown though a person wrote it."""
    found = []
    for node in tab._tree:
        proto = getattr(node, "proto", None)
        kind = getattr(node, "type", "")
        if not isinstance(proto, Message) or kind in AS_IT_IS or "chart" in kind:
            continue
        found += [f"{kind}: {text}" for text in texts(proto) if name in text]
    return found


def written(tab: Tab) -> str:
    """All that a page says, as it was sent."""
    nodes = (getattr(node, "proto", None) for node in tab._tree)
    return "\n".join(text for proto in nodes if isinstance(proto, Message) for text in texts(proto))


@pytest.mark.parametrize("kind", NASTY)
def test_a_run_s_name_tags_and_note_are_text_on_every_page(visit, canvas, served, kind):
    name = NASTY[kind]
    mine = next(row.id for row in served.store.rows() if row.name == name)
    other = next(row.id for row in served.store.rows() if row.name != name)
    tab = visit(query={"run": mine})
    for page in ("train", "draw", "runs"):
        assert read_as_markdown(tab.go(page), name) == [], page
    for chosen in (mine, f"{mine},{other}"):
        tab = visit("runs", query={"compare": chosen})
        assert read_as_markdown(tab, name) == []
        said = written(tab)
        assert plain(name) in said or escape(name) in said
    tab = visit("runs", query={"compare": mine})
    tab.click("delete")
    assert read_as_markdown(tab, name) == []
    assert plain(name) in written(tab)


def test_classes_and_data_sets_are_text_where_a_network_is_built(visit, served):
    names = tuple(NASTY.values())
    images = np.random.default_rng(0).integers(0, 255, (8 * len(names), 28, 28), np.uint8)
    labels = np.repeat(np.arange(len(names)), 8)
    key = keep(OwnImages(title=NASTY["tags"], class_names=names, images=images, labels=labels))
    tab = visit(query=to_query(replace(DEFAULT, data=key)))
    drawing = json.dumps(tab.figure())
    for name in (*names, NASTY["tags"]):
        assert read_as_markdown(tab, name) == []
        assert "<" not in name or json.dumps(name)[1:-1] not in drawing
    pictures = "\n".join(element.value for element in tab.html)
    assert "<a href" not in pictures


def test_the_table_s_own_download_is_off_and_ours_guards_every_cell(visit, served):
    from core.runs.manager import runs
    from pages.parts.runs.runs_table import table_csv

    tab = visit("runs")
    assert tab.has("runs_csv")
    text = table_csv(runs().rows())
    assert '"\'=HYPERLINK(""http://evil.example"")"' in text
    assert len(text.splitlines()) == len(NASTY) + 1
