"""The house as its imports build it: rooms, the arrows between them, and their picture.

    python -m tests.house

draws `static/house.svg` for the README; `tests/core/test_house.py` holds the picture and the order
of the rooms against the code.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PICTURE: Final = ROOT / "static" / "house.svg"

# From the ground up: a room imports only from rooms that stand before it here.
ROOMS: Final = (
    "words",
    "machine",
    "serving",
    "drawing",
    "data",
    "spec",
    "network",
    "training",
    "judging",
    "questions",
    "runs",
    "take_home",
    "bring_in",
    "article",
)
# Who may be asked for by a name on the command line; they stand on the roof.
ENTRANCES: Final = ("start", "cli")

_WIDTH, _MARGIN, _GAP, _BOX_HEIGHT, _STOREY = 660, 20, 24, 58, 92
_STYLE: Final = """
text { font-family: Inter, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: #1f2933 }
.name { font-size: 15px; font-weight: 600 }
.about { font-size: 11.5px; fill: #52606d }
.room { fill: #eef4fb; stroke: #2f6fb3; stroke-width: 1.2 }
.pages { fill: #fdf3e3; stroke: #b7791f; stroke-width: 1.2 }
.arrow { fill: none; stroke: #7b8794; stroke-width: 1.1; marker-end: url(#head) }
.ground { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7eb }
  .about { fill: #b8c2cc }
  .room { fill: #16263a; stroke: #6fa8dc }
  .pages { fill: #33270f; stroke: #d9a441 }
  .arrow { stroke: #9aa5b1 }
  .ground { fill: #0e1117 }
}
"""


@dataclass(frozen=True)
class Module:
    """One file of Python.

    Attributes:
        name: dotted, a package by its own name.
        path: of the file.
        imports: names of the project's modules that it imports, wherever in the file.
    """

    name: str
    path: Path
    imports: frozenset[str]


def modules(*folders: str) -> dict[str, Module]:
    """Read the modules below some folders of the repository, and what each imports of them."""
    paths = {
        _name(path): path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))
    }
    return {name: Module(name, path, _imports(name, path, paths)) for name, path in paths.items()}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imports(name: str, path: Path, known: Mapping[str, Path]) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return frozenset(found & known.keys()) - {name}


def room_of(name: str) -> str:
    """Return the room in which a module of core lies: `training` for `core.training.state`."""
    return name.split(".")[1]


def arrows() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Return which room of core imports from which, each with the modules that do."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for module in modules("core").values():
        for other in module.imports:
            if "." in module.name and "." in other:
                pair = room_of(module.name), room_of(other)
                if pair[0] != pair[1]:
                    found.setdefault(pair, []).append((module.name, other))
    return found


def circles(all_modules: Mapping[str, Module]) -> list[list[str]]:
    """Return the groups of modules that import each other in a circle (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = lowest[name] = len(number)
        open_.append(name)
        for other in all_modules[name].imports:
            if other not in number:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in open_:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            at = open_.index(name)
            group = open_[at:]
            del open_[at:]
            if len(group) > 1:
                found.append(sorted(group))

    for name in all_modules:
        if name not in number:
            visit(name)
    return found


def _direct(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the arrows that no chain of others stands for."""
    below: dict[str, set[str]] = {}
    for high, low in pairs:
        below.setdefault(high, set()).add(low)

    def reaches(start: str, end: str) -> bool:
        return any(next_ == end or reaches(next_, end) for next_ in below.get(start, ()))

    return sorted(
        (high, low)
        for high, lows in below.items()
        for low in lows
        if not any(other != low and reaches(other, low) for other in lows)
    )


def _about(folder: Path) -> str:
    """Return the first sentence that a room's own file says of it, short enough for its box."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0].rstrip(".")


def _storeys(pairs: Iterable[tuple[str, str]], names: Iterable[str]) -> dict[str, int]:
    """Return how high each room stands: one storey above the highest that it imports."""
    below: dict[str, set[str]] = {name: set() for name in names}
    for high, low in pairs:
        below[high].add(low)
    heights: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in heights:
            heights[name] = 1 + max((height(other) for other in below[name]), default=-1)
        return heights[name]

    return {name: height(name) for name in below}


def _wrapped(text: str, width: float) -> list[str]:
    """Break a line for a box, at most two lines, by the width of an average letter."""
    most = int(width / 6.0)
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    if len(lines) > 2:
        lines = [lines[0], lines[1].rstrip(",;:") + " …"]
    return lines


def drawing() -> str:
    """Draw the house as SVG: a box for each room, an arrow for each import that no others imply."""
    core = [
        (high, low)
        for high, low in arrows()
        if {high, low} <= set(ROOMS) and ROOMS.index(low) < ROOMS.index(high)
    ]
    about = {name: _about(ROOT / "core" / name) for name in ROOMS}
    storeys = _storeys(core, ROOMS)
    roof = max(storeys.values()) + 1
    tops = set(ROOMS) - {low for _, low in core}
    storeys |= dict.fromkeys(tops, roof - 1)
    pages = {
        "app.py": "What Streamlit serves",
        "pages": "One page each: widgets, a spec, what follows",
        "pages/parts": "What each page is made of",
        "pages/shared": "What more than one page uses",
    }
    for at, name in enumerate(reversed(pages)):
        storeys[name] = roof + at
    direct = [
        *_direct(core),
        ("app.py", "pages"),
        ("pages", "pages/parts"),
        ("pages/parts", "pages/shared"),
    ]
    direct += [("pages/shared", name) for name in sorted(tops, key=ROOMS.index)]
    height = 2 * _MARGIN + (max(storeys.values()) + 1) * _STOREY - (_STOREY - _BOX_HEIGHT)
    boxes = _boxes([*ROOMS, *pages], storeys, direct, height)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="The folders of NetSketch and which imports which">',
        f"<style>{_STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#7b8794"/></marker>'
        "</defs>",
        f'<rect class="ground" width="{_WIDTH}" height="{height}"/>',
        *(_arrow(boxes[high], boxes[low]) for high, low in direct),
    ]
    for name, words in (about | pages).items():
        parts += _room(name, words, boxes[name])
    return "\n".join([*parts, "</svg>", ""])


# The left edge of a box, its upper edge and its width, in pixels.
_Place = tuple[float, float, float]


def _boxes(
    names: Iterable[str],
    storeys: Mapping[str, int],
    direct: Iterable[tuple[str, str]],
    height: float,
) -> dict[str, _Place]:
    """Place the boxes of each storey side by side, in the order of the names."""
    boxes: dict[str, _Place] = {}
    for storey in sorted(set(storeys.values()), reverse=True):
        row = [name for name in names if storeys[name] == storey]
        width = min(298.0, (_WIDTH - 2 * _MARGIN - (len(row) - 1) * _GAP) / len(row))
        left = (_WIDTH - len(row) * width - (len(row) - 1) * _GAP) / 2
        above = [boxes[high] for high, low in direct if [low] == row and high in boxes]
        if above:
            # One room alone stands under those that import it, out of the way of other arrows.
            left = sum(x + w / 2 for x, _, w in above) / len(above) - width / 2
        y = height - _MARGIN - _BOX_HEIGHT - storey * _STOREY
        for at, name in enumerate(row):
            boxes[name] = left + at * (width + _GAP), y, width
    return boxes


def _arrow(high: _Place, low: _Place) -> str:
    """Draw an arrow from the lower edge of a box to the upper edge of one below it."""
    (x1, y1, w1), (x2, y2, w2) = high, low
    start, end = x1 + w1 / 2, x2 + w2 / 2
    top, bottom = y1 + _BOX_HEIGHT, y2 - 1
    middle = (top + bottom) / 2
    return (
        f'<path class="arrow" d="M{start:.0f} {top:.0f} C{start:.0f} {middle:.0f} '
        f'{end:.0f} {middle:.0f} {end:.0f} {bottom:.0f}"/>'
    )


def _room(name: str, about: str, place: _Place) -> list[str]:
    """Draw a box with its name and what is said of it."""
    x, y, width = place
    kind = "room" if name in ROOMS else "pages"
    label = f"core/{name}" if name in ROOMS else name
    box = (
        f'<rect class="{kind}" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" '
        f'height="{_BOX_HEIGHT}" rx="6"/>'
        f'<text class="name" x="{x + 10:.0f}" y="{y + 20:.0f}">{escape(label)}</text>'
    )
    lines = [
        f'<text class="about" x="{x + 10:.0f}" y="{y + 36 + 14 * at:.0f}">{escape(line)}</text>'
        for at, line in enumerate(_wrapped(about, width - 16))
    ]
    return [box, *lines]


if __name__ == "__main__":
    PICTURE.write_text(drawing(), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(ROOMS)} rooms, {len(arrows())} arrows between them.")
