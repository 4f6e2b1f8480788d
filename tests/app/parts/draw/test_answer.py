import json

import altair
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.data.catalogue import DIGITS
from core.judging.sureness import Sureness
from pages.parts.draw.answer import MAX_BARS, chance_chart, chance_rows, enlarged
from pages.shared.palette import DARK, LIGHT


def chances_of(**some: float) -> torch.Tensor:
    """Ten probabilities: the named ones, and the rest shared by the others."""
    rest = (1 - sum(some.values())) / (10 - len(some))
    return torch.tensor([some.get(f"d{digit}", rest) for digit in range(10)])


def said(
    chances: torch.Tensor, names: tuple[str, ...] = DIGITS, sureness: Sureness | None = None
) -> AppTest:
    """The answer as the page shows it."""

    def script(values, names, sureness):
        import torch

        from core.data.catalogue import info_of
        from pages.parts.draw.answer import answer
        from pages.shared.palette import LIGHT

        digit = torch.full((1, 1, 28, 28), 7, dtype=torch.uint8)
        answer(digit, torch.tensor(values), names, LIGHT, info_of("embedded"), sureness)

    args = (chances.tolist(), names, sureness)
    shown = AppTest.from_function(script, args=args, default_timeout=20).run()
    assert not shown.exception
    return shown


def test_a_digit_is_enlarged_pixel_by_pixel():
    digit = torch.arange(784, dtype=torch.int64).remainder(256).to(torch.uint8).view(1, 1, 28, 28)
    large = enlarged(digit, scale=4)
    assert large.shape == (112, 112)
    assert large.dtype == np.uint8
    for row, column in ((0, 0), (3, 11), (27, 27)):
        square = large[row * 4 : row * 4 + 4, column * 4 : column * 4 + 4]
        assert (square == int(digit[0, 0, row, column])).all()


@given(st.lists(st.floats(-30, 30), min_size=10, max_size=10))
def test_the_rows_are_the_ten_digits_in_order_with_one_sum(logits):
    rows = chance_rows(torch.softmax(torch.tensor(logits), 0), DIGITS)
    assert rows.name.tolist() == list("0123456789")
    assert rows.chance.sum() == pytest.approx(1, abs=1e-5)
    assert rows.chance[rows.best].min() == rows.chance.max()
    assert rows.best.any()
    for words, chance in zip(rows.words, rows.chance, strict=True):
        assert float(words.removesuffix("\xa0%")) == pytest.approx(100 * chance, abs=0.051)


def test_two_bars_have_as_much_room_each_as_ten():
    # The axis and its title take 90 pixels, however many classes there are.
    two, ten = (chance_chart(LIGHT, n)["height"] - 90 for n in (2, 10))
    assert two / 2 == ten / 10 >= 20


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_the_bars_are_valid_vega_lite_in_the_theme_s_colours(colours):
    chart = chance_chart(colours, 10)
    altair.Chart.from_dict({"data": {"values": []}, **chart})
    text = json.dumps(chart)
    assert colours.right in text
    assert colours.quiet in text
    columns = set(chance_rows(chances_of(d3=0.9), DIGITS).columns)
    assert {chart["encoding"][name]["field"] for name in ("x", "y")} <= columns
    assert chart["encoding"]["x"]["scale"]["domain"][0] == 0
    assert chart["encoding"]["x"]["scale"]["domain"][1] >= 1


@pytest.mark.parametrize(
    ("chances", "words", "never"),
    [
        (chances_of(d3=0.982), ["Quite sure", "98.2\xa0%"], ["Unsure", "perhaps"]),
        (chances_of(d4=0.75, d9=0.2), ["Fairly sure", "75.0\xa0%", "9", "20.0\xa0%"], ["Unsure"]),
        (
            chances_of(d1=0.4, d7=0.35),
            ["Unsure", "40.0\xa0%", "7", "35.0\xa0%"],
            ["Quite", "Fairly"],
        ),
    ],
)
def test_the_words_say_how_sure_it_is(chances, words, never):
    shown = said(chances)
    text = "\n".join(markdown.value for markdown in shown.markdown)
    assert all(word in text for word in words), text
    assert not any(word in text for word in never), text
    large = shown.get_by_key("answer").get("markdown")
    assert [markdown.value for markdown in large] == [str(int(chances.argmax()))]
    assert len(shown.image) == 1


@pytest.mark.parametrize(
    ("temperature", "words"), [(0.5, "Quite sure"), (1.0, "Fairly sure"), (2.0, "Unsure")]
)
def test_the_words_follow_what_a_probability_is_worth(temperature, words):
    """The same 88 % of networks of which one says too little, one what is so, one too much."""
    sureness = Sureness(images=500, temperature=temperature)
    chances = chances_of(d3=0.88)
    shown = said(chances, sureness=sureness)
    assert words in "\n".join(markdown.value for markdown in shown.markdown)
    assert "88.0\xa0%" in "\n".join(markdown.value for markdown in shown.markdown)
    told = shown.caption[0].value
    assert f"{100 * sureness.of(chances):.1f}\xa0%" in told
    assert "500 validation images" in told


def test_too_few_validation_images_are_told():
    shown = said(chances_of(d3=0.97), sureness=Sureness(images=12, temperature=None))
    assert "Quite sure" in "\n".join(markdown.value for markdown in shown.markdown)
    assert "12 validation images are too few" in shown.caption[0].value


def test_the_classes_are_called_by_their_names():
    shown = said(torch.tensor([0.2, 0.7, 0.1]), ("Trouser", "Ankle boot", "*Bag*"))
    large = shown.get_by_key("answer_in_words").get("markdown")
    assert [markdown.value for markdown in large] == ["Ankle boot"]
    text = "\n".join(markdown.value for markdown in shown.markdown)
    assert "perhaps Trouser (20.0\xa0%)" in text


def test_of_many_classes_the_likeliest_are_drawn_in_their_order():
    names = tuple(f"n{i}" for i in range(47))
    chances = torch.softmax(torch.arange(47.0).roll(5), 0)
    rows = chance_rows(chances, names)
    assert len(rows) == MAX_BARS
    kept = [names.index(name) for name in rows.name]
    assert kept == sorted(kept)
    left_out = [float(c) for i, c in enumerate(chances) if i not in kept]
    assert rows.chance.min() >= max(left_out)
    shown = said(chances, names)
    assert "15 likeliest of 47" in shown.caption[0].value
