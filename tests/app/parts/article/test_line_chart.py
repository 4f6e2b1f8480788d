"""Charts of lines with a mark where a choice lies."""

from pages.parts.article.line_chart import DASHED, Axis, FairQueue, line_chart, rows
from pages.shared.palette import LIGHT

LINES = [
    FairQueue(name="slope", x=[0, 1, 2], y=[1.0, 0.5, 0.25], colour="#111111", dash=DASHED),
    FairQueue(name="value", x=[0, 1], y=[3.0, 4.0], colour="#222222", width=3, mark=(0.5, 3.5)),
]


def test_every_point_and_mark_is_a_row():
    table = rows(LINES).to_pylist()
    curve = [(r["x"], r["y"]) for r in table if (r["kind"], r["line"]) == ("curve", "slope")]
    assert curve == [(0, 1.0), (1, 0.5), (2, 0.25)]
    assert [r for r in table if r["kind"] == "mark"] == [
        {"x": 0.5, "y": 3.5, "line": "value", "kind": "mark"}
    ]
    assert len(table) == 6


def test_a_chart_without_lines_yet_has_its_columns():
    assert rows([]).column_names == ["x", "y", "line", "kind"]
    assert rows([]).num_rows == 0


def test_each_line_has_its_colour_dashes_and_width():
    chart = line_chart(LINES, Axis(title="In"), Axis(title="Out", ends=(0, 5)), LIGHT)
    colour = chart["encoding"]["color"]["scale"]
    assert dict(zip(colour["domain"], colour["range"], strict=True)) == {
        "slope": "#111111",
        "value": "#222222",
    }
    drawn = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "line")
    assert drawn["encoding"]["strokeDash"]["scale"]["range"] == [list(DASHED), [1, 0]]
    assert drawn["encoding"]["strokeWidth"]["scale"]["range"] == [2.0, 3]
    assert chart["encoding"]["y"]["scale"]["domain"] == [0, 5]


def test_axes_are_as_they_are_asked_for():
    x = Axis(title="Rate", ends=(0.001, 1), log=True, format="~g", values=(0.01, 0.1))
    channel = line_chart(LINES, x, Axis(title="Loss"), LIGHT)["encoding"]["x"]
    assert (channel["scale"]["type"], channel["scale"]["domain"]) == ("log", [0.001, 1])
    assert (channel["axis"]["format"], channel["axis"]["values"]) == ("~g", [0.01, 0.1])


def test_the_legend_can_be_left_out():
    axes = Axis(title="In"), Axis(title="Out")
    assert line_chart(LINES, *axes, LIGHT)["encoding"]["color"]["legend"]["orient"] == "top"
    assert line_chart(LINES, *axes, LIGHT, legend=False)["encoding"]["color"]["legend"] is None
