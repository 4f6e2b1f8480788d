"""One tab of a browser, without a browser."""

import json
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.proto.VegaLiteChart_pb2 import VegaLiteChart
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.common import TESTING_KEY
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, InitialValue, Selectbox, TextInput, Widget

from core.runs.manager import runs
from core.spec import RunSpec
from core.spec.codec import from_query
from core.spec.presets import DEFAULT
from core.words.number import read_number


class _ShownSelectbox(Selectbox):
    """A selectbox that keeps the words of its options as its page showed them."""

    @property
    def format_func(self) -> Callable[[object], str]:
        return self._shown_as


class Tab(AppTest):
    """One tab of a browser; no run of it may leave an exception on the page."""

    def _run(self, *args: object, **kwargs: object) -> AppTest:
        super()._run(*args, **kwargs)
        self._page_hash = ""  # the next run is of the page that this one ended on
        assert not self.exception, [element.value for element in self.exception]
        for box in self.selectbox:
            if box.key in ("shown_run", "draw_with"):
                self._keep_labels(box)
        return self

    def _keep_labels(self, box: Selectbox) -> None:
        """Send the labels that the page showed, as a browser does, though a run has gone on."""

        def shown(run_id: str) -> str:
            run = runs().get(run_id)
            start = f"{run.name}, " if run else run_id
            words = {option.replace("\u00a0", " "): option for option in box.options}
            return next(option for word, option in words.items() if word.startswith(start))

        self.session_state[TESTING_KEY][box.id] = shown

    @property
    def address(self) -> dict[str, str]:
        """What the address says of the network, without the runs, the section and the language."""
        return {
            key: value
            for key, value in self.query_params.items()
            if key not in ("run", "compare", "section", "lang", "mends")
        }

    @property
    def draft(self) -> RunSpec:
        """The network that the address stands for."""
        spec, mended = from_query(self.address, DEFAULT)
        assert mended == []
        return spec

    def has(self, key: str) -> bool:
        """Whether the page shows an element of this key."""
        return any(getattr(node, "key", None) == key for node in self._tree)

    def field(self, path: str) -> Widget:
        """The widget of a setting; its part must be the one that is open."""
        return self.get_by_key(f"field:{path}")

    def set(self, path: str, value: object) -> "Tab":
        """Set a setting as a person does; a number that is typed is typed."""
        return self.enter(path, value).run()

    def enter(self, path: str, value: object) -> Widget:
        """Set the widget of a setting, before the browser has told anyone."""
        widget = self.field(path)
        return widget.set_value(str(value) if isinstance(widget, TextInput) else value)

    def stands(self, path: str) -> object:
        """The value that the widget of a setting shows."""
        widget = self.field(path)
        return read_number(widget.value) if isinstance(widget, TextInput) else widget.value

    def hurry(self, *acts: Callable[["Tab"], Widget]) -> "Tab":
        """Do one thing after the other, each before the page has answered the one before.

        The browser sends every widget, and the address, as it showed them before the answer.

        Args:
            acts: what is done to the page as it stands, such as a click.
        """
        shown, address = self._tree, dict(self.query_params)
        for node in shown:
            if isinstance(node, Widget) and isinstance(getattr(node, "_value", None), InitialValue):
                node._value = node.value  # else it would follow the session
                if type(node) is Selectbox:
                    node._shown_as, node.__class__ = node.format_func, _ShownSelectbox
                if getattr(node.proto, "form_id", ""):
                    node.proto.form_id = ""  # else AppTest would look it up in the session too
        for act in acts:
            self._tree, self.query_params = shown, dict(address)
            act(self).run()
        return self

    def edit(self, part: str) -> "Tab":
        """Open a part, such as `blocks.1`, for editing."""
        return self.get_by_key("part").set_value(part).run()

    def click(self, key: str) -> "Tab":
        """Press a button."""
        return self.get_by_key(key).click().run()

    def go(self, page: str) -> "Tab":
        """Open another page by the navigation."""
        return self.switch_page(f"pages/{page}_page.py").run()

    def tick(self, *rows: int) -> "Tab":
        """Tick these rows of the table of runs, and no other, as a browser sends it."""
        states = self._tree.get_widget_states()
        selection = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
        table = self.get_by_key("runs_table")
        states.widgets.append(WidgetState(id=table.proto.id, string_value=json.dumps(selection)))
        self._run(states)
        return self

    def strip(self) -> str:
        """Every word of the strip."""
        return words(self.get_by_key("strip"))

    def figure(self) -> dict:
        """The drawing of the network as Plotly gets it."""
        return json.loads(self.get_by_key("network").proto.spec)

    def layers(self) -> pd.DataFrame:
        """The layer table."""
        return self.dataframe[0].value

    def source(self) -> str:
        """The PyTorch code, on the tab beside the layer table; empty where there is none."""
        self.session_state["listing"] = "PyTorch code"
        self.run()
        text = self.code[0].value if self.code else ""
        self.session_state["listing"] = "Layers"
        self.run()
        return text

    def metrics(self) -> list[str]:
        """The four large numbers."""
        return [metric.value for metric in self.metric]

    def charts(self, name: str) -> list[VegaLiteChart]:
        """The charts called `loss`, `accuracy` or `chance`: their keys do not come this far."""
        protos = [element.proto for element in self.get("vega_lite_chart")]
        return [
            proto
            for proto in protos
            if any(
                name in (tip["field"], tip["title"].lower())
                for tip in _tooltips(json.loads(proto.spec))
            )
        ]

    def chart(self, name: str) -> tuple[dict, pd.DataFrame]:
        """The description of a chart, and its rows."""
        (proto,) = self.charts(name)
        return json.loads(proto.spec), convert_arrow_bytes_to_pandas_df(proto.data.data)


def _tooltips(chart: dict[str, Any]) -> list[dict[str, str]]:
    """What a chart says where one points at it."""
    layers = [chart, *chart.get("layer", [])]
    return [tip for layer in layers for tip in layer.get("encoding", {}).get("tooltip", [])]


def as_read(markdown: str) -> str:
    """What a person reads where `plain` has escaped their words."""
    return re.sub(r":color\[(.)\]", r"\1", markdown.replace("\\", ""))


def words(block: Block) -> str:
    """All that can be read in a part of a page."""
    said = []
    for node in block:
        for name in ("label", "value", "help"):
            text = getattr(node, name, None)
            if isinstance(text, str):
                said.append(text)
    return "\n".join(said)
