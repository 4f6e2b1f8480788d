"""Kinds of pictures that people take of a digit, from a clean sheet to squares in a shadow."""

from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from tests.photos.digits import drawn
from tests.photos.sheet import BLACK, BLUE, Colour, Sheet, packed

Kind = Callable[[Sheet], bytes]
ORDINARY: dict[str, Kind] = {}
HARD: dict[str, Kind] = {}
FAINT: Colour = (0.72, 0.8, 0.9)


def ordinary(kind: Kind) -> Kind:
    """Enter a kind that is always read."""
    ORDINARY[kind.__name__] = kind
    return kind


def hard(kind: Kind) -> Kind:
    """Enter a kind that has something besides paper and ink."""
    HARD[kind.__name__] = kind
    return kind


def smooth(s: Sheet, grain: float) -> np.ndarray:
    """Return a random field (H, W) with mean 0 and deviation 1, its bumps `grain` pixels wide."""
    field = ndimage.gaussian_filter(s.rng.normal(0, 1, s.light.shape).astype(np.float32), grain)
    return field / field.std()


def pen_colour(s: Sheet) -> Colour:
    """Choose black, blue or grey."""
    return [BLACK, BLUE, (0.25, 0.25, 0.27)][s.rng.integers(3)]


@ordinary
def white_paper(s: Sheet) -> bytes:
    return s.write().photo()


@ordinary
def pencil(s: Sheet) -> bytes:
    s.write(colour=(0.42, 0.42, 0.44), strength=0.9)
    return s.photo(noise=4)


@ordinary
def blue_ink(s: Sheet) -> bytes:
    return s.write(colour=BLUE).photo()


@ordinary
def red_ink(s: Sheet) -> bytes:
    return s.write(colour=(0.8, 0.15, 0.15)).photo()


@ordinary
def grey_paper(s: Sheet) -> bytes:
    return s.paint((0.6, 0.6, 0.58)).write().photo()


@ordinary
def brown_paper(s: Sheet) -> bytes:
    return s.paint((0.75, 0.6, 0.42)).write().photo()


@ordinary
def uneven_light(s: Sheet) -> bytes:
    y, x = s.grid()
    return s.write().lit(0.75 + 0.15 * x - 0.12 * y).photo()


@ordinary
def lamp(s: Sheet) -> bytes:
    y, x = s.grid()
    return s.write().lit(0.55 + 0.45 * np.exp(-((x - 0.3) ** 2 + (y + 0.2) ** 2))).photo()


@ordinary
def noisy(s: Sheet) -> bytes:
    return s.write().photo(noise=16)


@ordinary
def poor_jpeg(s: Sheet) -> bytes:
    return s.write().photo(quality=12)


@ordinary
def blurred(s: Sheet) -> bytes:
    return s.write().photo(blur=4)


@ordinary
def held_sideways(s: Sheet) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return packed(s.write().seen().transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)


@ordinary
def small_in_the_corner(s: Sheet) -> bytes:
    return s.write(share=s.between(0.13, 0.18), place=(0.2, 0.22)).photo(noise=2)


@ordinary
def lined_paper(s: Sheet) -> bytes:
    return s.ruled(FAINT, s.short / 12, 1.5, crossed=False).write().photo()


@ordinary
def faintly_squared_paper(s: Sheet) -> bytes:
    return s.ruled((0.82, 0.88, 0.92), s.short / 16, 1.2, crossed=True).write().photo()


@ordinary
def blackboard(s: Sheet) -> bytes:
    s.paint((0.16, 0.17, 0.17)).lit(1 + 0.06 * smooth(s, 20))
    return s.write(colour=(0.9, 0.9, 0.86), strength=0.85).photo()


@ordinary
def green_board(s: Sheet) -> bytes:
    return s.paint((0.12, 0.3, 0.2)).write(colour=(0.95, 0.9, 0.6)).photo()


@ordinary
def transparent(s: Sheet) -> bytes:
    alpha = (255 * (1 - s.paint((1, 1, 1)).write(colour=(0, 0, 0)).colours[..., 0])).clip(0, 255)
    black = np.zeros_like(alpha)
    return packed(Image.fromarray(np.dstack([black, black, black, alpha]).astype("u1")), "PNG")


@ordinary
def screenshot(s: Sheet) -> bytes:
    return packed(s.paint((1, 1, 1)).write(colour=(0, 0, 0)).seen(noise=0, blur=0), "PNG")


@ordinary
def dark_screenshot(s: Sheet) -> bytes:
    return packed(s.paint((0.1, 0.1, 0.12)).write(colour=(1, 1, 1)).seen(noise=0, blur=0), "PNG")


@ordinary
def soft_shadow(s: Sheet) -> bytes:
    return s.write().shadow(0.3, s.short / 8).photo()


@ordinary
def shadow_beside(s: Sheet) -> bytes:
    return s.write().shadow(0.3, 3, through=False).photo()


@ordinary
def dusty(s: Sheet) -> bytes:
    s.write()
    dots = s.rng.uniform(0, 1, (25, 2)) * (s.width, s.height)
    return s.draw(BLACK, [[(x, y), (x + 1.5, y)] for x, y in dots], 2).photo()


@ordinary
def large_photo(s: Sheet) -> bytes:
    big = s.write().seen().resize((s.width * 5, s.height * 5), Image.Resampling.BICUBIC)
    return packed(big, "JPEG", quality=80)


def squared(s: Sheet, colour: Colour, cells: float, width: float, turn: float = 0.0) -> Sheet:
    return s.ruled(colour, s.short / cells, width, crossed=True, turn=turn)


@hard
def strong_squares(s: Sheet) -> bytes:
    squared(s, (0.35, 0.42, 0.55), s.between(8, 16), s.between(1.5, 3))
    return s.write(colour=pen_colour(s)).photo()


@hard
def black_squares(s: Sheet) -> bytes:
    squared(s, (0.2, 0.2, 0.2), s.between(6, 12), s.between(1.5, 2.5))
    return s.write(colour=BLACK).photo()


@hard
def thick_squares(s: Sheet) -> bytes:
    squared(s, (0.45, 0.5, 0.55), s.between(5, 9), s.between(3, 5))
    return s.write(colour=BLACK).photo()


@hard
def green_squares(s: Sheet) -> bytes:
    squared(s, (0.35, 0.7, 0.45), s.between(8, 18), s.between(1.5, 2.5))
    return s.write(colour=pen_colour(s)).photo()


@hard
def fine_squares(s: Sheet) -> bytes:
    return squared(s, (0.5, 0.6, 0.7), s.between(22, 30), 1.2).write(colour=BLUE).photo()


@hard
def turned_squares(s: Sheet) -> bytes:
    squared(s, (0.35, 0.42, 0.55), s.between(8, 16), s.between(1.5, 2.5), s.between(-25, 25))
    return s.write(colour=pen_colour(s)).photo()


@hard
def squares_from_the_side(s: Sheet) -> bytes:
    squared(s, (0.35, 0.42, 0.55), s.between(8, 14), s.between(1.5, 2.5))
    return s.write(colour=pen_colour(s)).tilted(0.12).photo()


@hard
def strong_lines(s: Sheet) -> bytes:
    s.ruled((0.3, 0.35, 0.5), s.short / s.between(7, 12), s.between(1.5, 3), crossed=False)
    return s.write(colour=pen_colour(s)).photo()


@hard
def turned_lines_and_margin(s: Sheet) -> bytes:
    turn = s.between(-10, 10)
    s.ruled((0.3, 0.4, 0.6), s.short / s.between(7, 12), 2, crossed=False, turn=turn)
    lean = np.tan(np.radians(turn)) * s.height
    left = s.between(0.08, 0.14) * s.width
    s.draw((0.8, 0.3, 0.3), [[(left + lean / 2, 0), (left - lean / 2, s.height)]], 2.5)
    return s.write(colour=pen_colour(s)).photo()


@hard
def dotted_paper(s: Sheet) -> bytes:
    step = s.short / s.between(12, 20)
    dots = [(x, y) for x in np.arange(5, s.width, step) for y in np.arange(5, s.height, step)]
    s.draw((0.4, 0.4, 0.45), [[(x - 1, y), (x + 1, y)] for x, y in dots], 2.5)
    return s.write(colour=pen_colour(s)).photo()


@hard
def printed_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.35, 0.5), colour=pen_colour(s))
    return s.framed(BLACK, s.between(0.1, 0.3), s.between(2, 6)).photo()


@hard
def turned_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.3, 0.45), colour=pen_colour(s))
    return s.framed(BLACK, s.between(0.15, 0.3), s.between(2, 5), s.between(-12, 12)).photo()


@hard
def thick_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.35, 0.45), colour=BLACK)
    return s.framed(BLACK, s.between(0.15, 0.3), s.between(8, 14)).photo()


@hard
def coloured_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.35, 0.45), colour=BLUE)
    return s.framed((0.85, 0.2, 0.2), s.between(0.15, 0.3), s.between(3, 6)).photo()


@hard
def rounded_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.35, 0.45))
    return s.framed(BLACK, s.between(0.15, 0.25), s.between(3, 6), round_by=6).photo()


@hard
def circled(s: Sheet) -> bytes:
    s.write(share=s.between(0.3, 0.38))
    return s.framed(BLACK, s.between(0.3, 0.4), s.between(3, 6), round_by=2).photo()


@hard
def double_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.3, 0.4))
    return s.framed(BLACK, 0.15, 3).framed(BLACK, s.between(0.25, 0.3), s.between(3, 5)).photo()


@hard
def touching_the_box(s: Sheet) -> bytes:
    s.write(share=s.between(0.4, 0.5))
    return s.framed(BLACK, s.between(-0.02, 0.01), s.between(2, 5)).photo()


@hard
def in_a_table(s: Sheet) -> bytes:
    cell = s.short / s.between(2.2, 3.2)
    y, x = s.height / 2, s.width / 2
    lines = []
    for i in range(-4, 4):
        lines.append([(x + (i + 0.5) * cell * 1.2, 0), (x + (i + 0.5) * cell * 1.2, s.height)])
        lines.append([(0, y + (i + 0.5) * cell), (s.width, y + (i + 0.5) * cell)])
    s.draw((0.15, 0.15, 0.15), lines, s.between(2, 4))
    return s.write(share=0.65 * cell / s.short, place=(0.5, 0.5)).photo()


@hard
def row_of_boxes(s: Sheet) -> bytes:
    cell, count = s.short / s.between(3.2, 4.2), 3
    y, x = s.height / 2, s.width / 2
    for i in range(-count // 2 + 1, count // 2 + 1):
        left, top = x + (i - 0.5) * cell, y - 0.6 * cell
        corners = [(left, top), (left + cell, top), (left + cell, top + 1.2 * cell)]
        s.draw(BLACK, [[*corners, (left, top + 1.2 * cell), (left, top)]], 2.5)
    return s.write(share=0.75 * cell / s.short, place=(0.5, 0.5)).photo()


@hard
def frame_at_the_border(s: Sheet) -> bytes:
    e, w, h = s.between(2, 10), s.width, s.height
    s.draw(BLACK, [[(e, e), (w - e, e), (w - e, h - e), (e, h - e), (e, 0)]], s.between(3, 8))
    return s.write().photo()


@hard
def dark_screen_with_frame(s: Sheet) -> bytes:
    s.paint((0.1, 0.1, 0.12)).write(share=0.4, colour=(0.95, 0.95, 0.95))
    s.framed((0.8, 0.8, 0.85), s.between(0.12, 0.3), s.between(2, 5))
    return packed(s.seen(noise=0, blur=0.3), "PNG")


@hard
def underlined(s: Sheet) -> bytes:
    s.write(share=0.45)
    bottom, left, right = s.box[2], s.box[1], s.box[3]
    y = bottom + s.between(-0.01, 0.06) * s.short
    more = 0.25 * s.short
    return s.draw(BLACK, [[(left - more, y), (right + more, y + 3)]], s.between(2, 4)).photo()


@hard
def with_a_caption(s: Sheet) -> bytes:
    s.write(share=0.45, place=(0.42, 0.5))
    x, y = s.width * 0.3, s.height * 0.82
    marks = []
    for _ in range(14):
        x += 9
        marks.append([(x, y), (x + s.between(0, 5), y - s.between(6, 12))])
        marks.append([(x, y - 6), (x + s.between(3, 6), y - s.between(0, 6))])
    return s.draw(BLACK, marks, 1.6).photo()


@hard
def corner_marks(s: Sheet) -> bytes:
    s.write(share=0.4)
    top, left, bottom, right = s.box
    m, k = 0.12 * s.short, 0.08 * s.short
    lines = []
    for y, dy in ((top - m, k), (bottom + m, -k)):
        for x, dx in ((left - m, k), (right + m, -k)):
            lines.append([(x + dx, y), (x, y), (x, y + dy)])
    return s.draw(BLACK, lines, 3).photo()


@hard
def hard_shadow(s: Sheet) -> bytes:
    return s.write(colour=pen_colour(s)).shadow(s.between(0.35, 0.6), 1.5).photo()


@hard
def deep_shadow(s: Sheet) -> bytes:
    return s.write(colour=BLACK).shadow(s.between(0.6, 0.72), 3).photo(noise=2)


@hard
def two_shadows(s: Sheet) -> bytes:
    s.write(colour=BLACK).shadow(s.between(0.3, 0.45), 1.5)
    return s.shadow(s.between(0.3, 0.45), 6).photo()


@hard
def shadow_of_a_hand(s: Sheet) -> bytes:
    s.write()
    y, x = s.grid()
    side = s.rng.integers(4)
    u, v = [(x, y), (y, x), (-x, y), (-y, x)][side]
    fingers = 0.25 * np.cos(9 * v + s.between(0, 6)) + s.between(0.0, 0.3)
    dark = ndimage.gaussian_filter((u > fingers).astype(np.float32), 2)
    return s.lit(1 - s.between(0.35, 0.5) * dark).photo()


@hard
def shadow_on_squares(s: Sheet) -> bytes:
    squared(s, (0.4, 0.5, 0.62), s.between(8, 14), s.between(1.5, 2.5))
    return s.write(colour=pen_colour(s)).shadow(s.between(0.3, 0.5), 2).photo()


@hard
def shadow_on_a_box(s: Sheet) -> bytes:
    s.write(share=0.4).framed(BLACK, s.between(0.15, 0.3), s.between(2, 5))
    return s.shadow(s.between(0.3, 0.5), 2).photo()


@hard
def box_on_lines(s: Sheet) -> bytes:
    s.ruled((0.4, 0.5, 0.65), s.short / s.between(8, 14), 1.8, crossed=False)
    return s.write(share=0.4).framed(BLACK, s.between(0.15, 0.3), s.between(2, 5)).photo()


def cropped(s: Sheet, margin: float) -> Image.Image:
    s.write(share=0.6, place=(0.5, 0.5), colour=pen_colour(s))
    y, x = s.grid()
    s.lit(0.85 + s.between(-0.1, 0.1) * x + s.between(-0.1, 0.1) * y)
    top, left, bottom, right = s.box
    m = margin * (bottom - top)
    return s.seen().crop((round(left - m), round(top - m), round(right + m), round(bottom + m)))


@hard
def tight_crop(s: Sheet) -> bytes:
    return packed(cropped(s, s.between(0.0, 0.04)), "JPEG")


@hard
def crop_into_the_ink(s: Sheet) -> bytes:
    return packed(cropped(s, s.between(-0.03, 0.0)), "PNG")


@hard
def tight_crop_of_a_board(s: Sheet) -> bytes:
    s.paint((0.12, 0.3, 0.2)).write(share=0.6, place=(0.5, 0.5), colour=(0.9, 0.9, 0.8))
    top, left, bottom, right = (round(v) for v in s.box)
    return packed(s.seen().crop((left - 5, top - 5, right + 5, bottom + 5)), "JPEG")


@hard
def glare(s: Sheet) -> bytes:
    s.paint((0.7, 0.69, 0.67)).write(colour=pen_colour(s))
    y, x = s.between(0.3, 0.7) * s.height, s.between(0.3, 0.7) * s.width
    return s.spot(y, x, s.between(0.12, 0.3), s.between(0.5, 0.75)).photo()


@hard
def glare_beside(s: Sheet) -> bytes:
    s.paint((0.55, 0.55, 0.53)).write(colour=pen_colour(s))
    y, x = s.between(0.1, 0.25) * s.height, s.between(0.1, 0.9) * s.width
    return s.spot(y, x, s.between(0.1, 0.2), 1.0).photo()


@hard
def glare_on_a_board(s: Sheet) -> bytes:
    s.paint((0.15, 0.16, 0.16)).write(colour=(0.9, 0.9, 0.86))
    y, x = s.between(0.3, 0.7) * s.height, s.between(0.3, 0.7) * s.width
    return s.spot(y, x, s.between(0.15, 0.35), s.between(0.3, 0.5)).photo()


@hard
def stained(s: Sheet) -> bytes:
    s.write()
    for _ in range(3):
        y, x = s.grid()
        cy, cx = s.between(-0.8, 0.8), s.between(-0.8, 0.8)
        edge = (y - cy) ** 2 + (x - cx) ** 2 + 0.02 * smooth(s, 15) < s.between(0.02, 0.08)
        s.lit(1 - 0.25 * ndimage.gaussian_filter(edge.astype(np.float32), 2))
    return s.photo()


@hard
def coffee_ring(s: Sheet) -> bytes:
    s.write(share=0.4)
    y, x = s.grid()
    y, x = y * s.height / s.short, x * s.width / s.short
    far = np.hypot(y - s.between(-0.3, 0.3), x - s.between(-0.3, 0.3))
    ring = np.exp(-(((far - s.between(0.45, 0.7)) / 0.03) ** 2)) * (0.8 + 0.2 * smooth(s, 10))
    return s.paint((0.5, 0.35, 0.2), 0.55 * ring.clip(0, 1).astype(np.float32)).photo()


@hard
def neighbours_cut(s: Sheet) -> bytes:
    s.write(share=0.45, place=(0.5, 0.5))
    box = s.box
    for i, (y, x) in enumerate([(0.5, 0.0), (0.5, 1.0), (0.02, 0.5)]):
        s.pen, before = drawn(int(s.rng.integers(10)), 50 + i), s.pen
        s.write(share=0.45, place=(y, x))
        s.pen = before
    s.box = box
    return s.photo()


@hard
def finger(s: Sheet) -> bytes:
    s.write()
    y, x = s.grid()
    cx = s.between(-0.7, 0.7)
    tip = ((x - cx) / 0.16) ** 2 + ((y - 1.15) / s.between(0.4, 0.55)) ** 2 < 1
    return s.paint((0.8, 0.58, 0.46), ndimage.gaussian_filter(tip.astype(np.float32), 1.5)).photo()


@hard
def edge_of_the_table(s: Sheet) -> bytes:
    s.write(place=(0.5, 0.58))
    y, x = s.grid()
    beyond = (x + 0.12 * y < s.between(-0.8, -0.6)).astype(np.float32)
    return s.paint((0.3, 0.2, 0.13), beyond).photo()


@hard
def sheet_on_a_dark_table(s: Sheet) -> bytes:
    s.write(share=0.35)
    y, x = s.grid()
    a = s.between(-0.2, 0.2)
    u, v = x * np.cos(a) + y * np.sin(a), y * np.cos(a) - x * np.sin(a)
    off = (np.maximum(np.abs(u), np.abs(v)) > s.between(0.68, 0.8)).astype(np.float32)
    return s.paint((0.2, 0.14, 0.1), off * (0.9 + 0.05 * smooth(s, 3)).astype(np.float32)).photo()


@hard
def yellow_note(s: Sheet) -> bytes:
    y, x = s.grid()
    s.paint((0.55, 0.5, 0.45))
    note = (np.maximum(np.abs(x - 0.05 * y), np.abs(y)) < 0.62).astype(np.float32)
    s.lit(1 - 0.3 * ndimage.shift(ndimage.gaussian_filter(note, 8), (8, 8), order=0))
    s.light = np.where(note > 0, 1, s.light).astype(np.float32)
    return s.paint((0.97, 0.9, 0.45), note).write(share=0.35, place=(0.5, 0.5)).photo()


@hard
def strong_vignette(s: Sheet) -> bytes:
    y, x = s.grid()
    return s.write().lit(1 - 0.42 * (x**2 + y**2)).photo()


@hard
def from_the_side(s: Sheet) -> bytes:
    s.ruled((0.6, 0.68, 0.78), s.short / 10, 1.5, crossed=False)
    return s.write(share=0.45).tilted(0.2).photo()


@hard
def crumpled(s: Sheet) -> bytes:
    s.write()
    folds = np.abs(smooth(s, 30)) * 0.08 + 0.05 * smooth(s, 60)
    lines = [
        [(s.between(0, s.width), 0), (s.between(0, s.width), s.height)],
        [(0, s.between(0, s.height)), (s.width, s.between(0, s.height))],
    ]
    s.lit((0.9 + folds).clip(0.5, 1.2))
    crease = Sheet(s.pen, 0, (s.height, s.width)).paint((0, 0, 0)).draw((1, 1, 1), lines, 4)
    return s.lit(1 - 0.25 * ndimage.gaussian_filter(crease.colours[..., 0], 2)).photo()


@hard
def low_contrast(s: Sheet) -> bytes:
    return s.paint((0.7, 0.7, 0.7)).write(colour=(0.56, 0.56, 0.56)).photo(noise=2)


@hard
def seen_through(s: Sheet) -> bytes:
    s.pen, before = drawn(int(s.rng.integers(10)), 7), s.pen
    s.write(share=0.5, colour=(0.8, 0.8, 0.8))
    s.pen = before
    return s.write(share=0.5).photo()


@hard
def punched_holes(s: Sheet) -> bytes:
    s.write()
    x = 0.07 * s.width
    return s.draw((0.1, 0.1, 0.1), [[(x - 6, s.height * y), (x + 6, s.height * y)]
                                    for y in (0.3, 0.7)], 14).photo()  # fmt: skip
