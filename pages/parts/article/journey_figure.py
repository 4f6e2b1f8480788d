"""A digit's way through a network and back as one figure: values above, gradients below."""

from html import escape

from torch import Tensor

from core.article.journey import Journey, Stage
from core.words.palette import Palette
from pages.parts.article.tiles import grey, signed, tiles
from pages.shared.language import _
from pages.shared.words import percent, shape

# Pictures side by side, by how many there are.
_COLUMNS = {1: 1, 6: 3, 12: 4}


def journey_figure(found: Journey, digit: Tensor, label: int, colours: Palette) -> str:
    """Write the figure as HTML.

    Args:
        found: the way of the digit.
        digit: uint8 (1, 1, 28, 28).
        label: which digit it is.
        colours: of the present theme.
    """
    cells = [_side_titles()]
    for stage in found.stages:
        cells.append(_stage(stage, digit, colours))
    cells.append(_scores(found, label, colours))
    cells.append(_loss(found, label))
    return f'<div class="journey">{"".join(cells)}</div>'


def gradient_bars(lengths: dict[str, float], colours: Palette) -> str:
    """Write the length of each layer's gradient as a bar."""
    longest = max(lengths.values())
    lines = "".join(
        _bar(name, length / longest if longest else 0.0, f"{length:.3g}", colours.lit)
        for name, length in lengths.items()
    )
    return f'<div class="bars wide">{lines}</div>'


def _side_titles() -> str:
    values, gradients = escape(_("Values")), escape(_("Gradients"))
    return _column("", f"<b>{values} →</b>", f"<b>← {gradients}</b>", "side")


def _stage(stage: Stage, digit: Tensor, colours: Palette) -> str:
    name = {
        "picture": _("The picture"),
        "pool1": _("After block 1"),
        "pool2": _("After block 2"),
    }[stage.name]
    count = len(stage.values)
    columns = _COLUMNS[count]
    if stage.name == "picture":
        values = [grey(digit[0, 0].float(), 0, 255)]
    else:
        top = float(stage.values.max())
        values = [grey(channel, 0, top) for channel in stage.values]
    most = float(stage.gradients.abs().max())
    gradients = [signed(channel, most, colours) for channel in stage.gradients]
    scale = escape(_("up to ±{most:.2g}").format(most=most))
    size = shape(tuple(stage.values.shape)).replace(" × ", " @ ", 1)
    return _column(
        f"<b>{escape(name)}</b><small>{size}</small>",
        tiles(values, name, columns),
        tiles(gradients, _("Gradient: {name}").format(name=name), columns)
        + f"<small>{scale}</small>",
    )


def _scores(found: Journey, label: int, colours: Palette) -> str:
    chances, gradients = found.chances.tolist(), found.score_gradients.tolist()
    above = "".join(
        _bar(str(i), chance, percent(chance), colours.right if i == label else colours.quiet)
        for i, chance in enumerate(chances)
    )
    below = "".join(_signed_bar(str(i), value, colours) for i, value in enumerate(gradients))
    title = escape(_("Probabilities"))
    return _column(
        f"<b>{title}</b><small>10</small>",
        f'<div class="bars">{above}</div>',
        f'<div class="bars">{below}</div>',
    )


def _loss(found: Journey, label: int) -> str:
    chance = percent(float(found.chances[label])).replace(" ", "\u00a0")
    words = _("minus the log of {chance}").format(chance=chance)
    title, begin = escape(_("Loss")), escape(_("the way back begins here"))
    return _column(
        f"<b>{title}</b><small>1</small>",
        f'<span class="loss">{found.loss:.3f}</span><small>{escape(words)}</small>',
        f'<span class="loss">1</span><small>{begin}</small>',
        "last",
    )


def _column(head: str, above: str, below: str, kind: str = "") -> str:
    return (
        f'<div class="head {kind}">{head}</div><div class="above {kind}">{above}</div>'
        f'<div class="below {kind}">{below}</div>'
    )


def _bar(name: str, share: float, words: str, colour: str) -> str:
    width = f"width:{100 * max(0.0, min(1.0, share)):.1f}%;background:{colour}"
    return f'<i>{escape(name)}</i><span><u style="{width}"></u></span><em>{escape(words)}</em>'


def _signed_bar(name: str, value: float, colours: Palette) -> str:
    side = "right:50%" if value < 0 else "left:50%"
    colour = colours.right if value < 0 else colours.wrong
    width = f"{side};width:{50 * min(1.0, abs(value)):.1f}%;background:{colour}"
    return (
        f'<i>{escape(name)}</i><span class="both"><u style="{width}"></u></span>'
        f"<em>{value:+.3f}</em>"
    )
