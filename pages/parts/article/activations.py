"""The activations: each one's curve and slope, and what it does to values and gradients."""

from typing import Final

import streamlit as st
import torch

from core.article.activations import DEPTH, Effect, curve, effect, gradients_by_layer
from core.spec import ACTIVATIONS
from pages.parts.article.digit_choice import digit_choice
from pages.parts.article.line_chart import DASHED, Axis, FairQueue, line_chart, rows
from pages.parts.article.tiles import grey, tile
from pages.shared.charts.activation_strip import activation_strip
from pages.shared.language import _, say
from pages.shared.palette import palette
from pages.shared.words import percent

_CHOSEN: Final = "article_activation"
_VALUE: Final = "article_value"
_REACH: Final = 5.0
_FORMULAS: Final = {
    "relu": r"f(x)=\max(0,\,x)",
    "sigmoid": r"f(x)=\frac{1}{1+e^{-x}}",
    "tanh": r"f(x)=\tanh x",
    "leaky_relu": r"f(x)=\max(0.01\,x,\;x)",
    "gelu": r"f(x)=x\,\Phi(x)",
    "elu": r"f(x)=\begin{cases}x & x>0\\ e^{x}-1 & x\le 0\end{cases}",
    "silu": r"f(x)=\frac{x}{1+e^{-x}}",
    "none": r"f(x)=x",
}


@st.fragment
def activations() -> None:
    """Let a person choose an activation and see what it does."""
    chosen = st.segmented_control(
        _("Activation"),
        list(ACTIVATIONS),
        default="relu",
        required=True,
        key=_CHOSEN,
        persist_state="session",
        format_func=lambda key: say(ACTIVATIONS[key]),
        label_visibility="collapsed",
    )
    activation_strip(chosen)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            _(
                "**What it is for.** Layers that only weigh and add are, however many, one single "
                "layer. The bend between them makes a deep network more than that."
            )
        )
        st.markdown(
            _(
                "**What it costs.** On the way back the gradient is multiplied by the slope of "
                "every bend it passes. Where the curve is flat, nothing behind it learns."
            )
        )
        st.latex(_FORMULAS[chosen])
        value = st.slider(
            _("A value that comes in"),
            -_REACH,
            _REACH,
            1.0,
            0.1,
            key=_VALUE,
            persist_state="session",
        )
        _numbers(chosen, value)
    with right:
        _curves(chosen, value)
    st.markdown("##### " + _("On a real digit"))
    found = effect(chosen, digit_choice().picture)
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.html(_pictures(found))
        st.caption(_effect_in_words(found))
    with right:
        _depth(chosen)


def _numbers(chosen: str, value: float) -> None:
    y, slope = (float(found[0]) for found in curve(chosen, torch.tensor([value])))
    out, passed, deep = st.container(key="article_numbers").columns(3)
    out.metric(_("Comes out"), f"{y:.3f}")
    passed.metric(_("Slope"), f"{slope:.3f}")
    deep.metric(
        _("After {depth} layers").format(depth=DEPTH),
        f"{slope**DEPTH:.2g}",
        help=_("What is left of a gradient that passes so many bends of this slope."),
    )


def _curves(chosen: str, value: float) -> None:
    colours = palette()
    x = torch.linspace(-_REACH, _REACH, 201)
    y, slope = curve(chosen, x)
    at_y, at_slope = (float(found[0]) for found in curve(chosen, torch.tensor([value])))
    lines = [
        FairQueue(
            name=_("slope"),
            x=x.tolist(),
            y=slope.tolist(),
            colour=colours.pooling,
            dash=DASHED,
            mark=(value, at_slope),
        ),
        FairQueue(
            name=_("value"),
            x=x.tolist(),
            y=y.tolist(),
            colour=colours.lit,
            width=3,
            mark=(value, at_y),
        ),
    ]
    axes = (
        Axis(title=_("Comes in"), ends=(-_REACH, _REACH)),
        Axis(title=_("Comes out"), ends=(-1.5, 3.0)),
    )
    st.vega_lite_chart(
        rows(lines), line_chart(lines, *axes, colours, height=330), key="article_activation_curve"
    )


def _pictures(found: Effect) -> str:
    """Write what a convolution found before and after the activation, on the same grey scale."""
    both = torch.stack([found.before, found.after])
    low, high = float(both.min()), float(both.max())
    before, after = (
        f"{tile(grey(values, low, high), words)}<small>{words}</small>"
        for values, words in (
            (found.before, _("What a convolution found")),
            (found.after, _("After the activation")),
        )
    )
    arrow = '<div class="arrow">→</div>'
    return f'<div class="reading"><div>{before}</div>{arrow}<div>{after}</div></div>'


def _effect_in_words(found: Effect) -> str:
    return _(
        "{zero} of its values are exactly 0 afterwards; for {flat} the slope is next to nothing, "
        "so that no gradient comes through."
    ).format(zero=percent(found.zero), flat=percent(found.flat))


def _depth(chosen: str) -> None:
    colours = palette()
    layers = list(range(1, DEPTH + 1))
    others = [
        FairQueue(
            name=say(name),
            x=layers,
            y=gradients_by_layer(key),
            colour=colours.quiet,
            width=1,
            dash=(3, 3),
        )
        for key, name in ACTIVATIONS.items()
        if key != chosen
    ]
    lit = FairQueue(
        name=say(ACTIVATIONS[chosen]),
        x=layers,
        y=gradients_by_layer(chosen),
        colour=colours.lit,
        width=3,
    )
    st.markdown(
        _("**What reaches the first layers** of {depth}, the others faint").format(depth=DEPTH),
        help=_(
            "A stack of linear layers with this activation, the same weights drawn by Kaiming’s "
            "rule for each, and the loss of 64 real digits at its end: the length of the gradient "
            "at every layer. The scale is logarithmic."
        ),
    )
    x = Axis(title=_("Layer"), ends=(1, DEPTH), values=tuple(layers), format="d")
    y = Axis(
        title=_("Length of the gradient"),
        ends=(1e-5, 10),
        log=True,
        format=".0e",
        values=(1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10),
    )
    lines = [*others, lit]
    st.vega_lite_chart(
        rows(lines),
        line_chart(lines, x, y, colours, legend=False, height=230),
        key="article_activation_depth",
    )
