"""What becomes of a picture's shape in the article's network, as a drawing."""

from base64 import b64encode
from html import escape
from typing import Final

from core.article.printed import MENDED, PRINTED_SIDE, features, sides
from core.words.palette import Palette
from pages.shared.language import _

_HEIGHT: Final = 190
_BASE: Final = 132
_STEP: Final = 160
# Sides up to this one are drawn to scale; of larger pictures the largest is as high as that.
_HIGHEST: Final = 84.0


def shapes_figure(side: int, colours: Palette) -> str:
    """Draw the picture and its maps after each pooling, and what the printed program expects.

    Args:
        side: of the picture, in pixels.
        colours: of the present theme.
    """
    found = sides(side)
    channels = [1, *(block.channels for block in MENDED.blocks)]
    parts = []
    for i, (one, count) in enumerate(zip(found, channels, strict=True)):
        middle = 60 + i * _STEP
        colour = colours.pooling if i else colours.quiet
        parts.append(_box(middle, one / side * _HIGHEST, colour, depth=4 + 3 * i))
        parts.append(_text(middle, _BASE + 18, f"{count} @ {one} × {one}", colours.ink, 600))
        if i:
            halved = f"⌊{found[i - 1]} / 2⌋ = {one}"
            parts.append(_text(middle - _STEP / 2, 54, halved, colours.quiet, size=12))
            parts.append(_arrow(middle - _STEP / 2, 76, colours.quiet))
    parts += _expected(found[-1], 60 + len(found) * _STEP, colours)
    width = 60 + len(found) * _STEP + 90
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" '
        f"font-family=\"Inter, 'Noto Sans CJK SC', Helvetica, Arial, sans-serif\">"
        f"{''.join(parts)}</svg>"
    )
    words = _("From {first} × {first} pixels, four poolings leave {last} × {last} a channel.")
    return (
        '<div class="shapes-room"><img class="shapes" '
        f'src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}" '
        f'alt="{escape(words.format(first=side, last=found[-1]))}"></div>'
    )


def _expected(last: int, middle: float, colours: Palette) -> list[str]:
    """Say how many values are left, and how many the printed program expects."""
    fits = last == PRINTED_SIDE
    colour = colours.right if fits else colours.wrong
    channels = MENDED.blocks[-1].channels
    there = _("there are {count:,}").format(count=features(last))
    wanted = _("printed: {count:,}").format(count=features(PRINTED_SIDE))
    sign = "=" if fits else "≠"
    return [
        _arrow(middle - _STEP / 2, 76, colours.quiet),
        _text(middle, 48, f"{channels} · {last} · {last}", colours.ink, 600),
        _text(middle, 66, there, colours.ink),
        _text(middle, 90, sign, colour, 700, 20),
        _text(middle, 112, f"{channels} · {PRINTED_SIDE} · {PRINTED_SIDE}", colour, 600),
        _text(middle, 130, wanted, colour),
    ]


def _box(middle: float, side: float, colour: str, depth: float) -> str:
    side = max(side, 3.0)
    left, top = middle - side / 2, _BASE - side
    return (
        f'<path d="M{left + depth},{top - depth}h{side}v{side}l{-depth},{depth}v{-side}z '
        f'M{left},{top}l{depth},{-depth}h{side}l{-depth},{depth}z" fill="{colour}" '
        f'fill-opacity="0.45"/><rect x="{left}" y="{top}" width="{side}" height="{side}" '
        f'fill="{colour}" fill-opacity="0.85"/>'
    )


def _text(x: float, y: float, words: str, colour: str, weight: int = 400, size: int = 13) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="middle" font-size="{size}" font-weight="{weight}" '
        f'fill="{colour}">{escape(words)}</text>'
    )


def _arrow(x: float, y: float, colour: str) -> str:
    return (
        f'<path d="M{x - 14},{y}h26m-6,-5l6,5l-6,5" fill="none" stroke="{colour}" '
        'stroke-width="1.5"/>'
    )
