"""One digit's way through a network and back, and one step of gradient descent."""

from typing import Final, cast

import streamlit as st

from core.article.journey import RATES, Journey, Losses, losses_after, stepped, travel
from core.article.little import SPEC, Start, Weights, weights_of
from core.network.layers import lay_out
from pages.parts.article.digit_choice import Chosen, digit_choice
from pages.parts.article.journey_figure import gradient_bars, journey_figure
from pages.parts.article.line_chart import DASHED, Axis, FairQueue, line_chart, rows
from pages.shared.language import _, n_
from pages.shared.palette import palette

_START: Final = "article_start"
_RATE: Final = "article_rate"
# The weights as the steps so far have left them, and how many steps those were.
_STEPPED: Final = "article_stepped"
_FIRST_RATE: Final = 0.01


@st.fragment
def one_digit() -> None:
    """Show the way forward and back, and let a person take steps."""
    with st.container(horizontal=True, vertical_alignment="center"):
        chosen = digit_choice()
        start = _start()
    weights, num_steps = _present(start)
    found = travel(weights, chosen.picture, chosen.digit)
    st.html(journey_figure(found, chosen.picture, chosen.digit, palette()))
    st.caption(
        _(
            ":green[Teal]: more of this value would make the loss smaller. :red[Wine]: it would "
            "make it larger. All of it is computed at this moment by PyTorch’s autograd, in a "
            "network of {params:,} parameters."
        ).format(params=lay_out(SPEC).params)
    )
    _words()
    _step(found, weights, num_steps, chosen)


def _words() -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            _(
                "**Forward.** A network is a row of simple functions; each is fed with what the "
                "one before it made. This one has two blocks of convolution, ReLU and pooling, "
                "and ten scores at the end. Softmax makes probabilities of the scores, and the "
                "loss says how little was given to the right digit."
            )
        )
        st.latex(
            r"\begin{gathered}h_k=\operatorname{pool}\bigl(\operatorname{ReLU}"
            r"(W_k * h_{k-1}+b_k)\bigr)\\[0.5em] L=-\log p_y\end{gathered}"
        )
    with right:
        st.markdown(
            _(
                "**Backward.** For every value on the way, the chain rule says how the loss would "
                "change with it. It begins at the scores, where that is simply probability minus "
                "truth, and goes back through the same weights that carried the values forward."
            )
        )
        st.latex(
            r"\frac{\partial L}{\partial z_i}=p_i-[\,i=y\,]\quad\; "
            r"\frac{\partial L}{\partial W_k}=\frac{\partial L}{\partial h_k}\,"
            r"\frac{\partial h_k}{\partial W_k}"
        )


def _start() -> Start:
    return cast(
        Start,
        st.segmented_control(
            _("Weights"),
            ["fresh", "trained"],
            default="fresh",
            required=True,
            key=_START,
            persist_state="session",
            format_func={
                "fresh": _("Random first weights"),
                "trained": _("After one epoch"),
            }.__getitem__,
            on_change=_begin_again,
            label_visibility="collapsed",
        ),
    )


def _step(found: Journey, weights: Weights, num_steps: int, chosen: Chosen) -> None:
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.markdown(
            _(
                "**One step.** Gradient descent moves every weight a little against its gradient. "
                "How far is up to the learning rate. By the slope at this place the loss would "
                "fall by $\\eta\\lVert g\\rVert^2$, and a small step keeps that promise. See what "
                "a large one does to other digits: that "
                "is why training follows the mean over a batch, in small steps."
            )
        )
        st.latex(r"w \leftarrow w-\eta\,\frac{\partial L}{\partial w}")
        st.markdown(
            _("**Gradient by layer**"),
            help=_(
                "How long the gradient of each layer’s weights is: the root of the sum of "
                "their squares."
            ),
        )
        st.html(gradient_bars(found.layer_gradients, palette()))
    with right:
        lr = st.select_slider(
            _("Learning rate"),
            RATES,
            value=_FIRST_RATE,
            key=_RATE,
            persist_state="session",
            format_func=lambda rate: f"{rate:g}",
        )
        args = weights, found.weight_gradients
        now, after = losses_after(*args, [0.0, lr], chosen.picture, chosen.digit)
        _numbers(now, after)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                _("Take the step"),
                type="primary",
                icon=":material/trending_down:",
                key="article_step",
                on_click=_take,
                args=(stepped(*args, lr), num_steps + 1),
            )
            st.button(
                _("Begin again"),
                icon=":material/restart_alt:",
                key="article_restart",
                on_click=_begin_again,
                disabled=not num_steps,
            )
            if num_steps:
                st.markdown(n_("{n:,} step taken", "{n:,} steps taken", num_steps))
        _chart(found, now, after, losses_after(*args, RATES, chosen.picture, chosen.digit))


def _numbers(now: Losses, after: Losses) -> None:
    own, others = st.container(key="article_numbers").columns(2)
    own.metric(
        _("This digit’s loss"),
        f"{after.own:.3f}",
        f"{after.own - now.own:+.3f}",
        delta_color="inverse",
        help=_("After the step; below it, what the step changes."),
    )
    others.metric(
        _("Loss of 100 other pictures"),
        f"{after.others:.3f}",
        f"{after.others - now.others:+.3f}",
        delta_color="inverse",
    )


def _chart(found: Journey, now: Losses, after: Losses, tried: list[Losses]) -> None:
    colours = palette()
    rates = [one.lr for one in tried]
    lines = [
        FairQueue(
            name=_("what the slope promises"),
            x=rates,
            y=[now.own - rate * found.steepness for rate in rates],
            colour=colours.quiet,
            dash=DASHED,
        ),
        FairQueue(
            name=_("100 other pictures"),
            x=rates,
            y=[one.others for one in tried],
            colour=colours.validation,
            mark=(after.lr, after.others),
        ),
        FairQueue(
            name=_("this digit"),
            x=rates,
            y=[one.own for one in tried],
            colour=colours.training,
            width=2.5,
            mark=(after.lr, after.own),
        ),
    ]
    x = Axis(title=_("Learning rate"), ends=(RATES[0], RATES[-1]), log=True)
    y = Axis(title=_("Loss after the step"), ends=(0.0, 2 * max(now.own, now.others, 0.5)))
    st.vega_lite_chart(
        rows(lines), line_chart(lines, x, y, colours, height=240), key="article_rates"
    )


def _present(start: Start) -> tuple[Weights, int]:
    """Return the weights after the steps taken so far, and how many those are."""
    kept: tuple[Weights, int] | None = st.session_state.get(_STEPPED)
    if kept is not None:
        return kept
    with st.spinner(_("The network learns for one epoch.")):
        return weights_of(start), 0


def _take(weights: Weights, num_steps: int) -> None:
    st.session_state[_STEPPED] = weights, num_steps


def _begin_again() -> None:
    st.session_state.pop(_STEPPED, None)
