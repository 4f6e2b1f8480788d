import numpy as np
import pytest

from core.words.palette import DARK, LIGHT
from pages.shared.charts.confusion_figure import confusion_difference, confusion_figure

FIRST = np.array([[8, 2, 0], [1, 9, 0], [0, 0, 10]])
SECOND = np.array([[5, 1, 4], [3, 7, 0], [0, 0, 10]])
NAMES = ("zero", "one", "two")


def test_more_right_answers_and_fewer_mistakes_are_both_better():
    assert confusion_difference(FIRST, SECOND, NAMES).tolist() == [
        [3, -1, 4],
        [2, 2, 0],
        [0, 0, 0],
    ]
    turned = confusion_difference(SECOND, FIRST, NAMES)
    assert (turned == -confusion_difference(FIRST, SECOND, NAMES)).all()


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_a_cell_tells_who_does_better_by_how_much_and_in_words(colours):
    figure = confusion_figure(FIRST, SECOND, ("A", "B"), NAMES, colours)
    (heat,) = figure.data
    assert heat.text[0] == ["+3", "+1", "–4"]
    assert heat.text[1] == ["–2", "+2", ""]
    assert heat.hovertext[0][0] == "zero named rightly: A 8, B 5 of 10"
    assert heat.hovertext[0][2] == "zero taken for two: A 0 times, B 4 times"
    assert (heat.zmin, heat.zmax) == (-4, 4)
    assert heat.colorscale[0][1] == colours.wrong
    assert heat.colorscale[2][1] == colours.right
    assert figure.layout.yaxis.autorange == "reversed"  # the first class on top


def test_equal_answers_are_a_quiet_picture():
    (heat,) = confusion_figure(FIRST, FIRST, ("A", "B"), NAMES, LIGHT).data
    assert not np.array(heat.z).any()
    assert set(np.array(heat.text).flat) == {""}
    assert heat.zmin < 0 < heat.zmax


def test_many_classes_have_no_numbers_in_their_cells_but_all_words():
    many = np.eye(26, dtype=np.int64)
    classes = [chr(97 + i) for i in range(26)]
    (heat,) = confusion_figure(3 * many, many, ("A", "B"), classes, LIGHT).data
    assert set(np.array(heat.text).flat) == {""}
    assert heat.hovertext[25][25] == "z named rightly: A 3, B 1 of 3"


def test_no_class_s_name_becomes_a_tag_or_an_entity():
    names = ('<a href="http://evil.example">x</a>', "&lt;b&gt;", "<br>")
    (heat,) = confusion_figure(FIRST, SECOND, ("A", "B"), names, LIGHT).data
    assert list(heat.x) == list(heat.y)
    assert heat.x[0] == '&lt;a href="http://evil.example"&gt;x&lt;/a&gt;'
    assert heat.x[1] == "&amp;lt;b&amp;gt;"
    said = "".join([*heat.x, *np.array(heat.hovertext).flat])
    assert "<" not in said
    assert "named rightly" in said
