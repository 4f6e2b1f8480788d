"""The article's program as it is printed: its mistakes, what PyTorch says, and the mends."""

from dataclasses import dataclass
from html import escape
from typing import Final

import streamlit as st

from core.article.falling import NUM_STEPS, Losses, fall
from core.article.printed import BATCH_SIZE, SIDE, Fault, Outcome, run
from core.network.layers import lay_out
from core.network.model import source
from core.spec.presets import PRESETS
from core.words.message import N_
from pages.parts.article.line_chart import Axis, FairQueue, line_chart, rows
from pages.parts.article.shapes_figure import shapes_figure
from pages.shared.fold import fold
from pages.shared.language import _, say
from pages.shared.launch import launch
from pages.shared.palette import palette
from pages.shared.words import shape

_SIDE: Final = "article_side"
_LOSSES: Final = "article_losses"
_SIDES: Final = (28, 32, 48, 64, 96, 128, 160)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A mistake: what it is called, its cause, and the lines before and after the mend.

    Each line of code stands with a sign: `-` for the printed line, `+` for the mended one, a space
    for what stays.
    """

    title: str
    cause: str
    code: tuple[str, ...]


_MISTAKES: Final[dict[Fault, Mistake]] = {
    "channels": Mistake(
        title=N_("28 is the side, not the number of channels"),
        cause=N_(
            "A convolution’s first number says how many channels a picture has. A grey picture has "
            "one; its 28 rows and columns are none of the convolution’s business, as the window "
            "slides over however many there are."
        ),
        code=(
            "-conv1 = nn.Conv2d(28, 64, kernel_size=3, padding=1)",
            "+conv1 = nn.Conv2d(1, 64, kernel_size=3, padding=1)",
            " x = conv1(images)",
        ),
    ),
    "batch": Mistake(
        title=N_("The whole batch becomes one row"),
        cause=N_(
            "`view(-1)` lays out everything in one row: where one picture ends and the next one "
            "begins is lost. Convolutions need the picture as it is. Whoever starts the printed "
            "program meets this one first, and once more in its test."
        ),
        code=(
            "-inputs = inputs.view(-1)",
            " outputs = model(inputs)",
        ),
    ),
    "features": Mistake(
        title=N_("After four poolings one value a channel is left"),
        cause=N_(
            "Each pooling halves the side and rounds down: 28, 14, 7, 3, 1. So 128 values arrive "
            "and not 128 · 8 · 8. With the printed batch of 64 it is worse than an error: 64 · 128 "
            "happens to be 8,192 too, so the batch passes as one single picture, and only the loss "
            "notices. Try another batch size."
        ),
        code=(
            "-fc1 = nn.Linear(128 * 8 * 8, 512)",
            "+fc1 = nn.Linear(128 * 1 * 1, 512)",
            "-x = x.view(-1, 128 * 8 * 8)",
            "+x = x.view(-1, 128)",
            " loss = criterion(fc2(torch.relu(fc1(x))), labels)",
        ),
    ),
}
_NO_STEP: Final = (
    "+optimizer = torch.optim.Adam(model.parameters(), lr=0.001)",
    " loss = criterion(model(inputs), labels)",
    "+optimizer.zero_grad()",
    "+loss.backward()",
    "+optimizer.step()",
    " running_loss += loss.item()",
)
_BATCHES: Final = (16, 32, 64, 128)


def printed_code() -> None:
    """Show each mistake, let a person run it, and start the mended network."""
    _shapes()
    for number, fault in enumerate(_MISTAKES, start=1):
        with st.container(border=True, key=f"article_fault_{fault}"):
            _mistake(number, fault)
    with st.container(border=True, key="article_fault_step"):
        _no_step()
    _train()


@st.fragment
def _shapes() -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            _(
                "The article prints a network of four convolutions for grey digits of 28 × 28 "
                "pixels, and a loop that is to train it. It does not run, and if it did, it would "
                "not learn. Four mistakes, each really run here, line by line."
            )
        )
    with right:
        side = st.select_slider(
            _("Side of the pictures, in pixels"),
            _SIDES,
            value=SIDE,
            key=_SIDE,
            persist_state="session",
            help=_("For which pictures would the printed 128 · 8 · 8 be right?"),
        )
    st.html(shapes_figure(side, palette()))


@st.fragment
def _mistake(number: int, fault: Fault) -> None:
    told = _MISTAKES[fault]
    st.markdown(f"**{number} · {say(told.title)}**")
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(say(told.cause))
    with right:
        st.html(_diff(told.code))
        with st.container(horizontal=True, vertical_alignment="center"):
            which = st.segmented_control(
                _("Run"),
                ["printed", "mended"],
                default="printed",
                required=True,
                key=f"article_run_{fault}",
                persist_state="session",
                format_func={
                    "printed": _(":material/play_arrow: As printed"),
                    "mended": _(":material/play_arrow: Mended"),
                }.__getitem__,
                label_visibility="collapsed",
            )
            batch_size = _batch_size() if fault == "features" else BATCH_SIZE
        st.html(_outcome(run(fault, mended=which == "mended", batch_size=batch_size)))


def _batch_size() -> int:
    return st.select_slider(
        _("Batch size"),
        _BATCHES,
        value=BATCH_SIZE,
        key="article_batch",
        persist_state="session",
        width=220,
    )


def _outcome(found: Outcome) -> str:
    """Write what came of running the lines: the shapes, and PyTorch's own words."""
    ways = [_shape(one) for one in found.shapes]
    passed = f'<span class="passed">{" → ".join(ways)}</span>'
    if found.error:
        return (
            f'<div class="outcome failed">{passed} → <b>✕</b><code>{escape(found.error)}</code>'
            "</div>"
        )
    return f'<div class="outcome worked">{passed} <b>✓</b></div>'


def _shape(sides: tuple[int, ...]) -> str:
    return escape(shape(sides) if sides else _("one loss"))


def _diff(code: tuple[str, ...]) -> str:
    """Write lines of code, the printed ones and their mends marked by a sign and a colour."""
    kinds = {"-": "minus", "+": "plus", " ": "same"}
    lines = "".join(
        f'<span class="{kinds[line[0]]}"><i>{escape(line[0])}</i>{escape(line[1:])}</span>'
        for line in code
    )
    return f'<pre class="diff">{lines}</pre>'


@st.fragment
def _no_step() -> None:
    st.markdown("**4 · " + _("The loss is computed, and nothing follows from it") + "**")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(
            _(
                "There is no optimizer: no gradient is computed, no weight is ever changed. "
                "PyTorch has nothing to complain about, so that this is the mistake that costs the "
                "most time. The loop below trains both versions on the same digits, in the same "
                "order, from the same first weights."
            )
        )
        st.html(_diff(_NO_STEP))
        clicked = st.button(
            _("Run {steps} steps of both").format(steps=NUM_STEPS),
            icon=":material/play_arrow:",
            key="article_fall",
            help=_("A few seconds on one core; a run in training goes on beside it."),
        )
    with right:
        place = st.empty()
        if clicked:
            losses: list[Losses] = []
            for one in fall():
                losses.append(one)
                _chart(place, losses)
            st.session_state[_LOSSES] = losses
        else:
            _chart(place, st.session_state.get(_LOSSES, []))
        _fallen()


def _chart(place: st.delta_generator.DeltaGenerator, losses: list[Losses]) -> None:
    colours = palette()
    steps = [one.step for one in losses]
    lines = [
        FairQueue(
            name=_("as printed"),
            x=steps,
            y=[one.printed for one in losses],
            colour=colours.wrong,
            width=2.5,
        ),
        FairQueue(
            name=_("mended"),
            x=steps,
            y=[one.mended for one in losses],
            colour=colours.right,
            width=2.5,
        ),
    ]
    x = Axis(title=_("Step"), ends=(1, NUM_STEPS), format="d")
    y = Axis(title=_("Loss"), ends=(0.0, 3.0))
    place.vega_lite_chart(
        rows(lines), line_chart(lines, x, y, colours, height=230), key="article_fall_chart"
    )


def _fallen() -> None:
    losses: list[Losses] = st.session_state.get(_LOSSES, [])
    if not losses:
        st.caption(_("Nothing has been run yet."))
        return
    last = losses[-1]
    st.caption(
        _(
            "At step {step} the loss is {printed:.2f} as printed and {mended:.2f} mended. Guessing "
            "evenly among ten digits costs 2.30."
        ).format(step=last.step, printed=last.printed, mended=last.mended)
    )


def _train() -> None:
    st.markdown("##### " + _("Now for good"))
    article, bad = PRESETS["article"], PRESETS["bad"]
    st.markdown(
        _(
            "The mended network has {params:,} parameters. One click trains it on the built-in "
            "digits and goes to its curves. The other one shows that a program may run without any "
            "error and still hardly learn."
        ).format(params=lay_out(article.spec).params)
    )
    with st.container(horizontal=True):
        st.button(
            _("Train the mended one"),
            type="primary",
            icon=":material/play_arrow:",
            key="article_train",
            on_click=launch,
            args=(article.spec,),
            kwargs={"then": "pages/train_page.py"},
            help=say(article.sentence),
        )
        st.button(
            _("Train one that is bad on purpose"),
            icon=":material/play_arrow:",
            key="article_train_bad",
            on_click=launch,
            args=(bad.spec,),
            kwargs={"then": "pages/train_page.py"},
            help=say(bad.sentence),
        )
    fold(_("The mended network as code"), "article_code", ":material/code:", _code)


def _code() -> None:
    st.code(source(lay_out(PRESETS["article"].spec)), language="python")
