"""Every loss over the probability of the right class, and the pull that training feels."""

from typing import Final

import streamlit as st

from core.article.losses import CHANCES, Point, curve, losses, point, score_of
from core.spec import setting_at
from core.spec.settings import Choice
from pages.parts.article.line_chart import Axis, FairQueue, line_chart, rows
from pages.shared.charts.overlay_chart import DASHES
from pages.shared.language import _, say
from pages.shared.palette import palette
from pages.shared.words import percent, plain

_CHANCE: Final = "article_chance"
_MOST: Final = 5.0


@st.fragment
def loss_functions() -> None:
    """Let a person move the probability and see every loss and its gradient."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            _(
                "**What.** A loss is one number for how wrong an answer is. Training never sees "
                "more of it than its slope."
            )
        )
        st.latex(
            r"\begin{gathered}L_{\text{CE}}=-\log p_y\\[0.5em]"
            r"L_{\text{MSE}}=\tfrac1{10}\textstyle\sum_i (p_i-[\,i=y\,])^2\end{gathered}"
        )
        st.markdown(
            _(
                "**Why it matters.** Move the slider to the left: the network is sure and wrong. "
                "Now compare the gradients: how hard does each loss pull the right score up?"
            )
        )
    with right:
        share = st.slider(
            _("Probability that the right class is given"),
            0.1,
            99.9,
            10.0,
            0.1,
            format="%.1f\N{NO-BREAK SPACE}%%",
            key=_CHANCE,
            persist_state="session",
        )
        now = [point(loss, share / 100) for loss in losses()]
        score = score_of(share / 100)
        st.caption(
            _(
                "The right class has a score of {score:+.2f}, each of the nine others "
                "{other:+.2f}: softmax makes {chance} of that."
            ).format(score=score, other=0.0 - score, chance=percent(share / 100))
        )
        _table(now)
    above, below = st.columns(2, gap="medium")
    with above:
        _chart("value", now, _("Loss"), (0.0, _MOST))
    with below:
        _chart("gradient", now, _("Gradient of the right score"), (-1.05, 0.05))
    chosen = st.selectbox(
        _("More about"),
        losses(),
        format_func=_name,
        key="article_loss",
        persist_state="session",
        width=320,
    )
    st.markdown(plain(say(_record().notes[chosen])))


def _table(now: list[Point]) -> None:
    """List the five losses at the present probability, each with its line."""
    colours = palette()
    lines = "".join(
        f'<span class="line" style="border-top:3px {_border(i)} {colours.runs[i]}"></span>'
        f"<span>{_name(one.loss)}</span><b>{one.value:.3f}</b><em>{one.gradient:+.3f}</em>"
        for i, one in enumerate(now)
    )
    value, gradient = _("Loss"), _("Gradient")
    head = f"<i></i><i></i><small>{value}</small><small>{gradient}</small>"
    st.html(f'<div class="loss-table">{head}{lines}</div>')


def _border(i: int) -> str:
    return ("solid", "dashed", "dotted", "dashed", "dashed")[i]


def _chart(what: str, now: list[Point], title: str, ends: tuple[float, float]) -> None:
    colours = palette()
    lines = [
        FairQueue(
            name=_name(one.loss),
            x=[100 * chance for chance in CHANCES],
            y=[float(getattr(at, what)) for at in curve(one.loss)],
            colour=colours.runs[i],
            dash=DASHES[i],
            width=2.5,
            mark=(100 * one.chance, float(getattr(one, what))),
        )
        for i, one in enumerate(now)
    ]
    x = Axis(title=_("Probability of the right class, in %"), ends=(0, 100))
    st.markdown(f"**{title}**")
    st.vega_lite_chart(
        rows(lines),
        line_chart(lines, x, Axis(title=title, ends=ends), colours, legend=False, height=240),
        key=f"article_loss_{what}",
    )


def _name(loss: str) -> str:
    return say(_record().name(loss))


def _record() -> Choice:
    record = setting_at("loss")
    assert isinstance(record, Choice)
    return record
