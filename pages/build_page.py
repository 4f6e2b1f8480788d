"""Build: set an architecture and see at once what each choice does."""

from dataclasses import replace

import streamlit as st

from core.check import Problem, Verdict, check, size_in_words
from core.data import is_available
from core.device import devices
from core.layers import Network
from core.memory import step_memory
from core.model import source
from core.presets import PRESETS, preset_of
from core.spec import MAX_BLOCKS, MAX_DENSE, MIN_BLOCKS, BlockSpec, DenseSpec, RunSpec, place
from pages.shared import state
from pages.shared.download_panel import download_panel
from pages.shared.fields import field
from pages.shared.launch import launch
from pages.shared.layer_table import layer_table
from pages.shared.network_figure import network_figure
from pages.shared.palette import palette
from pages.shared.words import plain, short

_OWN = "own"


def _take_preset() -> None:
    key = st.session_state["preset"]
    if key in PRESETS:
        spec = PRESETS[key].spec
        now = state.draft()
        state.adopt(replace(spec, data=now.data, device=now.device, seed=now.seed))


def _top(spec: RunSpec, verdict: Verdict) -> None:
    data, start, train = st.columns([3, 3, 2], vertical_alignment="bottom")
    with data:
        field("data")
    with start:
        key = preset_of(spec)
        st.session_state["preset"] = key or _OWN
        st.selectbox(
            "Start from",
            [*PRESETS, *([] if key else [_OWN])],
            format_func=lambda k: PRESETS[k].title if k in PRESETS else "Your own network",
            key="preset",
            on_change=_take_preset,
            help="\n\n".join(f"**{p.title}** {p.sentence}" for p in PRESETS.values()),
        )
    with train:
        ready = verdict.problem is None and is_available(spec.data)
        if st.button(
            "Train",
            type="primary",
            icon=":material/play_arrow:",
            key="train",
            disabled=not ready,
            on_click=launch,
            width="stretch",
        ):
            st.switch_page("pages/train_page.py")


def _troubles(spec: RunSpec, verdict: Verdict) -> None:
    mended = state.mended()
    if mended:
        listed = "\n".join(f"- {plain(sentence)}" for sentence in mended)
        st.warning(
            f"The address could not be taken as it was:\n{listed}", icon=":material/link_off:"
        )
    refused = state.take_refusal()
    if refused:
        st.error(plain(refused), icon=":material/block:")
    if not is_available(spec.data):
        download_panel()
    problem = verdict.problem
    if problem:
        with st.container(border=True, key="problem"):
            st.markdown(f":red[:material/error:] **{plain(problem.message)}**")
            with st.container(horizontal=True):
                for i, fix in enumerate(problem.fixes):
                    st.button(
                        fix.label,
                        key=f"fix_{i}",
                        icon=":material/build:",
                        on_click=state.adopt,
                        args=(fix.spec,),
                    )


def _totals(spec: RunSpec, network: Network) -> None:
    memory = step_memory(spec, network).total
    st.markdown(
        f"**{network.params:,}** parameters · **{short(network.multiply_adds)}** multiply-adds an "
        f"image · about **{size_in_words(memory)}** of memory for a training step",
        help="Parameters: the numbers that training sets. Multiply-adds: multiplications with an "
        "addition to look at one image once. Memory: weights, their gradients and optimiser "
        "states, and the values kept for the backward pass.",
    )


def _set_count(group: str, delta: int) -> None:
    spec = state.draft()
    if group == "blocks":
        more: tuple[BlockSpec, ...] = (*spec.blocks, spec.blocks[-1])
        blocks = more if delta > 0 else spec.blocks[:-1]
        state.adopt(replace(spec, blocks=blocks))
        state.light(f"blocks.{len(blocks) - 1}")
        return
    dense = (*spec.dense, DenseSpec()) if delta > 0 else spec.dense[:-1]
    state.adopt(replace(spec, dense=dense))
    state.light(f"dense.{len(dense) - 1}" if dense else f"blocks.{len(spec.blocks) - 1}")


def _apply_to_all(index: int) -> None:
    spec = state.draft()
    like = spec.blocks[index]
    blocks = tuple(replace(like, channels=block.channels) for block in spec.blocks)
    state.adopt(replace(spec, blocks=blocks))


def _counter(title: str, group: str, count: int, low: int, high: int) -> None:
    st.markdown(f"**{title}**", width="content")
    st.button(
        "–",
        key=f"{group}_less",
        disabled=count <= low,
        on_click=_set_count,
        args=(group, -1),
        help="One fewer",
    )
    st.markdown(f"**{count}**", width="content")
    st.button(
        "+",
        key=f"{group}_more",
        disabled=count >= high,
        on_click=_set_count,
        args=(group, 1),
        help="One more",
    )


def _tab(part: str, problem: Problem | None) -> str:
    name = place(part).replace("Dense layer", "Dense")
    broken = problem is not None and problem.path.startswith(f"{part}.")
    return f":red[:material/error:] {name}" if broken else name


def _network_card(spec: RunSpec, problem: Problem | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _counter("Blocks", "blocks", len(spec.blocks), MIN_BLOCKS, MAX_BLOCKS)
        st.space("small")
        _counter("Dense layers", "dense", len(spec.dense), 0, MAX_DENSE)
    parts = [f"blocks.{i}" for i in range(len(spec.blocks))]
    parts += [f"dense.{i}" for i in range(len(spec.dense))]
    part = st.segmented_control(
        "Edit",
        parts,
        key=state.lit_key(parts),
        format_func=lambda path: _tab(path, problem),
        required=True,
        label_visibility="collapsed",
    )
    if problem and problem.path.startswith(f"{part}."):
        st.markdown(f":red[:material/error: {plain(problem.message)}]")
    names = (
        ("channels", "kernel_size", "activation", "pool", "pool_size", "stride", "padding")
        if part.startswith("blocks")
        else ("units", "activation", "dropout")
    )
    columns = st.columns(2, gap="medium")
    for i, name in enumerate(names):
        with columns[i % 2]:
            field(f"{part}.{name}")
    if part.startswith("blocks"):
        with columns[1]:
            field(f"{part}.dropout")
        with st.container(horizontal=True, vertical_alignment="center"):
            field(f"{part}.batch_norm")
            st.button(
                "Apply to all blocks",
                icon=":material/content_copy:",
                on_click=_apply_to_all,
                args=(int(part.split(".")[1]),),
                disabled=len(spec.blocks) == 1,
                help="Give every block this kernel, activation, pooling and the rest. Each keeps "
                "its own number of channels.",
            )


def _learning_card() -> None:
    st.markdown("**Learning**")
    columns = st.columns(2, gap="medium")
    here = ["auto", *(device.key for device in devices())]
    for i, name in enumerate(("loss", "optimizer", "lr", "batch_size", "num_epochs", "seed")):
        with columns[i % 2]:
            field(name)
    with columns[0]:
        field("schedule")
    with columns[1]:
        field("device", options=here)
    with st.expander("More", icon=":material/tune:"):
        field("momentum")
        field("weight_decay")


spec = state.draft()
verdict = check(spec)
_top(spec, verdict)
_troubles(spec, verdict)
st.plotly_chart(
    network_figure(spec, verdict.network, state.lit(spec), palette()),
    key="network",
    config={"displayModeBar": False},
)
_totals(spec, verdict.network)
left, right = st.columns([1, 1], gap="medium")
with left.container(border=True):
    _network_card(spec, verdict.problem)
with right.container(border=True):
    _learning_card()
table, code = st.tabs(["Layers", "PyTorch code"])
with table:
    layer_table(verdict.network)
with code:
    if verdict.network.broken:
        st.caption("The code appears when the network works.")
    else:
        st.code(source(verdict.network), language="python")
