"""Build: set an architecture and see at once what each choice does."""

from dataclasses import replace

import streamlit as st

from core.data.loading import is_available
from core.machine.device import devices
from core.network.layers import Network
from core.network.model import source
from core.spec import RunSpec
from core.spec.presets import PRESETS, preset_of
from core.training.check import Problem, Verdict, check, size_in_words
from core.training.memory import step_memory
from pages.parts.build.augmentation import augmentation
from pages.parts.build.data_choice import data_choice, data_strip
from pages.parts.build.download_panel import download_panel
from pages.parts.build.fields import field_grid, note
from pages.parts.build.layer_table import layer_table
from pages.parts.build.network_card import network_card
from pages.parts.build.network_figure import network_figure
from pages.parts.build.price_line import price_line
from pages.parts.build.problem_card import exercise_note, problem_card
from pages.parts.build.range_panel import range_panel
from pages.parts.build.share_link import share_link
from pages.shared import session
from pages.shared.charts.schedule_chart import schedule_line
from pages.shared.data_here import data_here
from pages.shared.exercise import hides_mends
from pages.shared.fold import fold
from pages.shared.language import _, say
from pages.shared.launch import launch
from pages.shared.palette import palette
from pages.shared.words import plain, short

_OWN = "own"


def _take_preset() -> None:
    key = st.session_state["preset"]
    if key in PRESETS and not session.is_stale("preset"):
        spec = PRESETS[key].spec
        now = session.draft()
        # One that is made for full MNIST is of little use on a few digits.
        data = spec.data if spec.data == "mnist" and is_available("mnist") else now.data
        session.adopt(replace(spec, data=data, device=now.device, seed=now.seed))


def _top(spec: RunSpec, verdict: Verdict) -> None:
    key = preset_of(spec)
    here = data_here(spec.data)
    problem = verdict.problem
    missing = None if here else _("The data are not on this computer yet.")
    why = say(problem.message) if problem else missing
    # Laid out by style.css: three in the first row, two in the second.
    with st.container(key="top"):
        data_choice()
        st.selectbox(
            _("Start from"),
            [*PRESETS, *([] if key else [_OWN])],
            format_func=lambda k: say(PRESETS[k].title) if k in PRESETS else _("Your own network"),
            key=session.put("preset", key or _OWN),
            on_change=_take_preset,
            help=_preset_words(),
        )
        st.button(
            _("Train"),
            type="primary",
            icon=":material/play_arrow:",
            key="train",
            disabled=why is not None,
            on_click=launch,
            kwargs={"then": "pages/train_page.py"},
            width="stretch",
            help=plain(why) if why else None,
        )
        hidden = hides_mends()  # the sentence may say what would help
        own = _("A network of your own.")
        st.caption(say(PRESETS[key].sentence) if key and not hidden else own)
        price_line(spec, problem)
    data_strip(spec)


def _preset_words() -> str | None:
    if hides_mends():
        return None
    return "\n\n".join(f"**{say(p.title)}** {say(p.sentence)}" for p in PRESETS.values())


def _troubles(spec: RunSpec) -> None:
    mended = session.mended()
    if mended:
        listed = "\n".join(f"- {plain(say(sentence))}" for sentence in mended)
        st.warning(
            _("The address could not be taken as it was:\n{listed}").format(listed=listed),
            icon=":material/link_off:",
        )
    refused = session.take_refusal()
    if refused:
        st.error(plain(say(refused)), icon=":material/block:")
    if not data_here(spec.data):
        download_panel(spec.data)


def _totals(spec: RunSpec, network: Network) -> None:
    memory = step_memory(spec, network).total
    st.markdown(
        _(
            "**{params:,}** parameters · **{cost}** multiply–adds an image · at most **{memory}** "
            "of memory for a training step"
        ).format(
            params=network.params,
            cost=short(network.multiply_adds),
            memory=size_in_words(memory),
        ),
        help=_(
            "Parameters: the numbers that training sets. Multiply–adds: multiplications with an "
            "addition to look at one image once. Memory: weights, their gradients and optimiser "
            "states, and the values kept for the backward pass."
        ),
    )


def _learning_card(spec: RunSpec, problem: Problem | None) -> None:
    st.markdown(_("**Learning**"))
    best = {"auto": _("Best here: {device}").format(device=say(devices()[0].name))}
    here = best | {device.key: say(device.name) for device in devices()}
    field_grid("loss", "optimizer")
    note("loss")
    field_grid(
        *("lr", "schedule", "batch_size", "num_epochs", "seed", "device"),
        options={"device": here},
    )
    schedule_line(spec)
    range_panel(spec, problem)
    fold(_("More"), "learning", ":material/tune:", _more_learning)
    fold(_("Stop early"), "stop_early", ":material/flag:", _stop_early)
    fold(_("Cross-validation"), "folds", ":material/donut_small:", _cross_validation)
    augmentation(spec)


def _more_learning() -> None:
    field_grid("momentum", "nesterov", "weight_decay", "clip_norm", "label_smoothing", "precision")
    field_grid("step_epochs", "step_factor", "warmup")


def _stop_early() -> None:
    if session.draft().folds:
        words = _("A cross-validation trains every fold to its last epoch, and keeps that.")
        st.caption(words)
        return
    field_grid("target_accuracy", "patience", "keep_best")


def _cross_validation() -> None:
    field_grid("folds")


spec = session.draft()
verdict = check(spec)
rest = st.container()
tabs = [_("Layers"), _("PyTorch code")]
table, code = st.tabs(tabs, key=session.labelled("listing", tabs), on_change="rerun")
# The table stands last and is sent first: what a change does is seen before the rest is drawn.
if table.open:
    with table:
        layer_table(verdict.network)
with rest:
    _top(spec, verdict)
    _troubles(spec)
    exercise_note()
    st.plotly_chart(
        network_figure(spec, verdict.network, session.lit(spec), palette()),
        key="network",
        config={"displayModeBar": False},
    )
    if verdict.problem:
        problem_card(verdict.problem)
    with st.container(horizontal=True, vertical_alignment="center"):
        if verdict.problem is None:
            _totals(spec, verdict.network)
        st.space("stretch")
        share_link(spec)
    left, right = st.columns([1, 1], gap="medium")
    with left.container(border=True):
        network_card(spec, verdict.problem)
    with right.container(border=True):
        _learning_card(spec, verdict.problem)
if code.open:
    with code:
        if verdict.network.broken:
            st.caption(_("The code appears when the network works."))
        else:
            st.code(source(verdict.network), language="python")
