"""A network as a drawing: a box for every stage, as wide as its channels, as high as its image."""

from dataclasses import dataclass, field, replace
from math import log2

import plotly.graph_objects as go

from core.network.layer import IMAGE_SHAPE, Layer
from core.network.layers import Network
from core.spec import RunSpec, place
from core.spec.order import unusual_order
from pages.parts.build.network_words import caption, hover, legend, part_name
from pages.shared.charts.figure_text import figure_text
from pages.shared.data_words import class_titles
from pages.shared.language import _, say
from pages.shared.palette import Palette
from pages.shared.words import width

HEIGHT_PX = 250
_SMALL_PX = 10
# All lengths are in units of the drawing; only their proportions show.
_SLANT = 0.28
_SPAN = 640.0
_NARROWEST_GAP, _WIDEST_GAP = 12.0, 64.0
# Between a convolution and its own pooling, as a share of the gap between blocks.
_WITHIN_BLOCK = 0.35
_MIN_SIDE = 5.0
_BASE = 0.0
# Names of classes that are written, letters of each, and the width of one.
_MAX_OUTPUTS = 10
_OUTPUTS_HIGH = 95.4
_MAX_LETTERS = 12
_LETTER = 5.0


@dataclass(frozen=True)
class _Stage:
    """One box: a state of the image between two steps."""

    part: str
    width: float
    side: float
    colour: str
    hover: str
    joined: bool = False
    ends_block: bool = False


@dataclass(frozen=True)
class _Drawing:
    """The parts of the figure, which Plotly checks faster all at once than one after another."""

    traces: list[dict[str, object]] = field(default_factory=list)
    annotations: list[dict[str, object]] = field(default_factory=list)
    shapes: list[dict[str, object]] = field(default_factory=list)

    def scatter(self, **properties: object) -> None:
        self.traces.append({"type": "scatter", **properties})

    def write(self, **properties: object) -> None:
        self.annotations.append({"showarrow": False, **properties})

    def shape(self, **properties: object) -> None:
        self.shapes.append(properties)


def network_figure(spec: RunSpec, network: Network, lit: str, colours: Palette) -> go.Figure:
    """Draw a network, also one that breaks half way.

    Args:
        spec: the whole spec.
        network: its layers, up to the break.
        lit: the part being edited, such as `blocks.0`; its boxes get an outline.
        colours: of the present theme.
    """
    drawing = _Drawing()
    x = 0.0
    first_of_part: dict[str, tuple[float, float]] = {}
    stages = _stages(network, colours)
    gap = _gap(stages)
    for stage in stages:
        start = x
        x = _box(drawing, x, stage, lit=stage.part == lit, colours=colours)
        left = first_of_part.get(stage.part, (start, 0))[0]
        first_of_part[stage.part] = (left, x)
        if stage.part in network.residual and stage.ends_block:
            _way_around(drawing, left, x, gap, stage, colours)
        x += gap * (_WITHIN_BLOCK if stage.joined else 1.0)
    if network.broken:
        x = _break(drawing, x, network, colours)
    else:
        x = _outputs(drawing, x, class_titles(spec.data), colours)
    for part, (left, right) in first_of_part.items():
        if network.broken and network.broken.path.startswith(f"{part}."):
            continue
        name = _("Input") if part == "input" else part_name(part)
        drawing.write(
            x=(left + right) / 2,
            y=-9,
            yanchor="top",
            text=f"<b>{name}</b><br>{caption(network, part)}{_order(spec, part)}",
            font={"size": 12},
        )
    drawing.write(
        x=1,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="top",
        text=legend(spec, colours),
        font={"size": 12},
    )
    pad = max(0.0, (_SPAN - x) / 2)
    return go.Figure(
        data=drawing.traces,
        layout={
            "annotations": drawing.annotations,
            "shapes": drawing.shapes,
            "height": HEIGHT_PX,
            "margin": {"l": 4, "r": 4, "t": 6, "b": 4},
            "showlegend": False,
            "hovermode": "closest",
            "dragmode": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "xaxis": {"visible": False, "range": [-14 - pad, x + pad + 14], "fixedrange": True},
            "yaxis": {"visible": False, "range": [_lowest(spec), 116], "fixedrange": True},
            "hoverlabel": {"align": "left"},
        },
    )


def _lowest(spec: RunSpec) -> float:
    """Leave room for the second line of an order."""
    blocks = spec.blocks if spec.family == "conv" else ()
    longest = max((len(unusual_order(b.order, b.follows)) for b in blocks), default=0)
    return -54 if longest > 2 else -46


def _order(spec: RunSpec, part: str) -> str:
    """Say in small letters what follows a block's convolution, where that is not as usual."""
    group, _, index = part.partition(".")
    if group != "blocks":
        return ""
    block = spec.blocks[int(index)]
    words = [say(name) for name in unusual_order(block.order, block.follows)]
    # Two to a line, so that the lines of neighbours do not meet.
    lines = [" → ".join(words[i : i + 2]) for i in range(0, len(words), 2)]
    told = "<br>→ ".join(lines)
    return f'<br><span style="font-size:{_SMALL_PX}px">{told}</span>' if told else ""


def _gap(stages: list[_Stage]) -> float:
    """Spread the boxes over the drawing's width, as far as that looks like one network."""
    boxes = sum(stage.width + _depth(stage) for stage in stages)
    gaps = sum(_WITHIN_BLOCK if stage.joined else 1.0 for stage in stages)
    return min(_WIDEST_GAP, max(_NARROWEST_GAP, (_SPAN - boxes) / gaps))


def _depth(stage: _Stage) -> float:
    """How far the slanted faces reach to the right and up."""
    return stage.side * _SLANT if stage.part.startswith(("blocks", "input")) else 3.0


def _stages(network: Network, colours: Palette) -> list[_Stage]:
    side = float(IMAGE_SHAPE[1])
    stages = [
        _Stage("input", 4, _height(side), colours.quiet, _("One grey image of 28 × 28 pixels"))
    ]
    for part in dict.fromkeys(layer.part for layer in network.layers):
        if part != "output":
            stages += _stages_of_part(part, network.of_part(part), colours)
    return stages


def _stages_of_part(part: str, layers: tuple[Layer, ...], colours: Palette) -> list[_Stage]:
    """Return a box for each layer that has one, which tells of the layers behind it as well."""
    boxes: list[list[Layer]] = []
    # What stands before the first box is told of there.
    before: list[Layer] = []
    for layer in layers:
        if layer.operation.box != "none":
            boxes.append([*before, layer])
            before = []
        elif not boxes:
            before.append(layer)
        elif not layer.is_head:
            boxes[-1].append(layer)
    own = [box for box in boxes if not _drawn(box).is_head]
    return [
        replace(_stage(part, box, colours), joined=box is not boxes[-1], ends_block=box is own[-1])
        for box in boxes
    ]


def _stage(part: str, layers: list[Layer], colours: Palette) -> _Stage:
    """Return a box as large as what the first layer that has one makes."""
    layer = _drawn(layers)
    words = hover(part, layers)
    match layer.operation.box:
        case "dense":
            return _Stage(part, 7, _column(layer.shape[0]), colours.dense, words)
        case "recurrent":
            # Thicker with every layer.
            thickness = 7.0 * layer.number("num_layers", 1)
            return _Stage(part, thickness, _column(layer.shape[0]), colours.convolution, words)
    colour = colours.pooling if layer.operation.box == "pooling" else colours.convolution
    return _Stage(part, _width(layer.shape[0]), _height(layer.shape[1]), colour, words)


def _drawn(layers: list[Layer]) -> Layer:
    """Return the layer of a box that it is drawn for."""
    return next(layer for layer in layers if layer.operation.box != "none")


def _column(values: int) -> float:
    return 14 + 7 * log2(values + 1)


def _width(channels: int) -> float:
    return 3.0 + 4.6 * log2(channels + 1)


def _height(side: float) -> float:
    return max(_MIN_SIDE, side / 28 * 84)


def _box(drawing: _Drawing, x: float, stage: _Stage, *, lit: bool, colours: Palette) -> float:
    """Draw one box standing on the base line; return its right edge."""
    w, h = stage.width, stage.side
    d = _depth(stage)
    y = _BASE
    faces = (
        ([x, x + w, x + w, x], [y, y, y + h, y + h], 0.85),
        ([x, x + w, x + w + d, x + d], [y + h, y + h, y + h + d, y + h + d], 0.55),
        ([x + w, x + w + d, x + w + d, x + w], [y, y + d, y + h + d, y + h], 0.4),
    )
    for xs, ys, opacity in faces:
        drawing.scatter(
            x=[*xs, xs[0]],
            y=[*ys, ys[0]],
            fill="toself",
            mode="lines",
            fillcolor=_fade(stage.colour, opacity),
            line={"color": colours.lit if lit else stage.colour, "width": 2.5 if lit else 1},
            hoveron="fills",
            hoverinfo="text",
            text=stage.hover,
        )
    return x + w + d


def _way_around(
    drawing: _Drawing, left: float, right: float, gap: float, stage: _Stage, colours: Palette
) -> None:
    """Draw what a residual block adds to its output: an arch over its boxes, with a plus."""
    begin, end = left - gap / 2, right + gap / 2 * (_WITHIN_BLOCK if stage.joined else 1)
    height = stage.side / 2
    top = min(112.0, stage.side + _depth(stage) + 22)
    drawing.shape(
        type="path",
        path=f"M {begin},{height} C {begin},{top} {end},{top} {end},{height}",
        line={"color": colours.lit, "width": 2},
        layer="below",
    )
    drawing.write(
        x=end,
        y=height,
        text="<b>+</b>",
        font={"size": 22, "color": colours.lit},
        hovertext=_("{place}: its input is added to its output").format(
            place=say(place(stage.part))
        ),
    )


def _outputs(drawing: _Drawing, x: float, class_names: tuple[str, ...], colours: Palette) -> float:
    """Draw the outputs as a column of the classes' names; of many, the first and the last."""
    names = list(class_names)
    if len(names) > _MAX_OUTPUTS:
        names = [*names[: _MAX_OUTPUTS - 2], "⋮", names[-1]]
    longest = max(width(name) for name in names)
    step = _OUTPUTS_HIGH / max(1, len(names) - 1)
    drawing.scatter(
        x=[x + 6] * len(names),
        y=[96 - step * i for i in range(len(names))],
        mode="markers+text",
        marker={
            "size": 13,
            "color": _fade(colours.dense, 0.25),
            "line": {"color": colours.dense, "width": 1},
        },
        text=[figure_text(_cut(name)) for name in names],
        textposition="middle center" if longest == 1 else "middle right",
        textfont={"size": 10, "color": colours.ink},
        hovertext=[
            _("{count} more").format(count=len(class_names) - len(names) + 1)
            if name == "⋮"
            else _("Score of {name}").format(name=figure_text(name))
            for name in names
        ],
        hoverinfo="text",
    )
    count = "<b>" + _("Output") + f"</b><br>{len(class_names)}"
    drawing.write(x=x + 6, y=-9, yanchor="top", text=count, font={"size": 12})
    return x + 24 + (0 if longest == 1 else _LETTER * min(longest, _MAX_LETTERS))


def _cut(name: str) -> str:
    if width(name) <= _MAX_LETTERS:
        return name
    while width(name) > _MAX_LETTERS - 1:
        name = name[:-1]
    return f"{name}…"


def _break(drawing: _Drawing, x: float, network: Network, colours: Palette) -> float:
    """Mark the place where the image is used up."""
    assert network.broken is not None
    part = network.broken.path.rpartition(".")[0]
    drawing.shape(
        type="rect",
        x0=x,
        x1=x + 44,
        y0=0,
        y1=60,
        line={"color": colours.wrong, "width": 2, "dash": "dot"},
    )
    drawing.write(x=x + 22, y=30, text="✕", font={"size": 26, "color": colours.wrong})
    drawing.write(
        x=x + 22,
        y=-9,
        yanchor="top",
        text=f"<b>{say(place(part))}</b><br>" + _("does not fit"),
        font={"size": 12, "color": colours.wrong},
    )
    return x + 70


def _fade(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
