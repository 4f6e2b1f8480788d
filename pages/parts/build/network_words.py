"""What a drawing of a network says: the names of its parts, their layers, and its colours."""

from core.network.layer import Layer
from core.network.layers import Network
from core.spec import RunSpec, place
from pages.shared.language import _, say
from pages.shared.palette import Palette
from pages.shared.words import shape, short


def part_name(part: str) -> str:
    """Name a part in a word or two, such as `Block 1` or `Dense 2`."""
    group, *index = part.split(".")
    number = int(index[0]) + 1 if index else 0
    if group == "dense" and number:
        return _("Dense {number}").format(number=number)
    return _("Recurrent") if part == "recurrent" else say(place(part))


def hover(part: str, layers: list[Layer]) -> str:
    """Tell all of a box: its layers, what they cost, and what comes out of them."""
    lines = [f"<b>{say(place(part))}</b>"]
    for layer in layers:
        words = layer.operation.arguments
        args = [f"{say(words[key])} {value}" for key, value in layer.args.items()]
        lines.append(" · ".join([kind(layer), _(", ").join(args)] if args else [kind(layer)]))
        if layer.params:
            lines.append(f"   {_cost(layer)}")
    last = layers[-1]
    lines.append(
        _("Output {shape} · sees {side} × {side} pixels").format(
            shape=shape(last.shape), side=last.receptive_field
        )
    )
    return "<br>".join(lines)


def kind(layer: Layer) -> str:
    """Name a layer's class, and what else there is to say of it: `Conv2d, depthwise`."""
    return _(", ").join([layer.op, say(layer.note)] if layer.note else [layer.op])


def _cost(layer: Layer) -> str:
    if not layer.multiply_adds:
        return _("{params:,} parameters").format(params=layer.params)
    return _("{params:,} parameters, {cost} multiply-adds").format(
        params=layer.params, cost=short(layer.multiply_adds)
    )


def caption(network: Network, part: str) -> str:
    """Say what comes out of a part, in a word or two."""
    if part == "input":
        return "28 × 28"
    shapes = [layer.shape for layer in network.of_part(part)]
    # Of a block that is laid out in a row, its image.
    last = next((shape for shape in reversed(shapes) if len(shape) == 3), shapes[-1])
    if len(last) == 1:
        return f"{last[0]:,}"
    return f"{last[0]} @ {last[1]} × {last[2]}"


def legend(spec: RunSpec, colours: Palette) -> str:
    """Say which colour is which kind of layer."""
    kinds = [(colours.dense, _("dense"))]
    if spec.family == "conv":
        kinds = [(colours.convolution, _("convolution")), (colours.pooling, _("pooling")), *kinds]
    elif spec.family == "recurrent":
        kinds = [(colours.convolution, _("recurrent")), *kinds]
    return "   ".join(f'<span style="color:{colour}">■</span> {name}' for colour, name in kinds)
