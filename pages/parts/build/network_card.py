"""The card in which blocks and dense layers are added, chosen and edited."""

from dataclasses import replace

import streamlit as st

from core.spec import (
    MAX_BLOCKS,
    MAX_DENSE,
    MIN_BLOCKS,
    RECURRENT,
    BlockSpec,
    DenseSpec,
    RunSpec,
    parts,
    settings,
)
from core.spec.order import orders_that_differ
from core.training.check import Problem
from pages.parts.build.fields import field, field_grid
from pages.parts.build.network_words import part_name
from pages.shared import session
from pages.shared.charts.activation_strip import activation_strip
from pages.shared.fold import fold
from pages.shared.language import _, say
from pages.shared.words import plain

# Before the activations' curves, and right behind them; what other settings there are comes last.
_BLOCK_FIELDS = (
    ("channels", "kernel_size", "activation", "dropout"),
    ("pool", "pool_size", "pool_stride", "stride", "padding"),
)
_DENSE_FIELDS = (("units", "activation", "dropout"), ())
# Shown in another way, below the others.
_APART = ("order", "residual")


def network_card(spec: RunSpec, problem: Problem | None) -> None:
    """Show the counters, a tab for every block and layer, and the fields of the chosen one."""
    field("family", wide=True)
    with st.container(horizontal=True, vertical_alignment="center"):
        if spec.family == "conv":
            _counter(_("Blocks"), "blocks", len(spec.blocks), MIN_BLOCKS, MAX_BLOCKS)
            st.space("small")
        _counter(_("Dense layers"), "dense", len(spec.dense), 0, MAX_DENSE)
    if parts(spec):
        _part_card(spec, problem)
    else:
        st.caption(
            _("No hidden layer: every pixel votes for every class, and the votes are added.")
        )
    rest = ["head"] if spec.family == "conv" else []
    fold(_("More"), "network", ":material/tune:", lambda: field_grid(*rest, "init"))


def _part_card(spec: RunSpec, problem: Problem | None) -> None:
    names = parts(spec)
    part = st.segmented_control(
        _("Edit"),
        names,
        key=session.lit_key(names),
        format_func=lambda path: _tab(path, problem),
        required=True,
        label_visibility="collapsed",
    )
    assert part is not None  # a choice is required
    if problem and _lies_in(problem.path, part):
        st.markdown(f":red[:material/error: {plain(say(problem.message))}]")
    if part == "recurrent":
        field_grid(*RECURRENT)
        return
    group = part.partition(".")[0]
    first, rest = _BLOCK_FIELDS if group == "blocks" else _DENSE_FIELDS
    field_grid(*(f"{part}.{name}" for name in first))
    activation_strip(str(spec.value(f"{part}.activation")))
    others = (name for name in settings(type(spec.value(part))) if name not in (*first, *rest))
    field_grid(*(f"{part}.{name}" for name in (*rest, *others) if name not in _APART))
    if group == "blocks":
        _order(part, spec.blocks[int(part.partition(".")[2])])
    with st.container(horizontal=True, vertical_alignment="center"):
        if group == "blocks":
            field(f"{part}.residual")
        _apply_button(part, len(getattr(spec, group)))


def _order(part: str, block: BlockSpec) -> None:
    """Show the orders of a block that differ, in a row of its own; of one nothing can be chosen."""
    orders = orders_that_differ(block.order, block.follows)
    if len(orders) > 1:
        named = {order: say(words) for order, words in orders.items()}
        field(f"{part}.order", options=named)


def _lies_in(path: str, part: str) -> bool:
    return path.startswith(f"{part}.") or (part == "recurrent" and path in RECURRENT)


def _counter(title: str, group: str, count: int, low: int, high: int) -> None:
    # Together, so that on a narrow page they go to the next line together.
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        st.markdown(f"**{title}**", width="content")
        for sign, delta, name, words, off in (
            ("–", -1, "less", _("One fewer"), count <= low),
            ("+", 1, "more", _("One more"), count >= high),
        ):
            if delta > 0:
                st.markdown(f"**{count}**", width="content")
            st.button(
                sign,
                key=f"{group}_{name}",
                disabled=off,
                on_click=_set_count,
                args=(group, delta),
                help=words,
            )


def _set_count(group: str, delta: int) -> None:
    spec = session.draft()
    if group == "blocks":
        more: tuple[BlockSpec, ...] = (*spec.blocks, spec.blocks[-1])
        blocks = more if delta > 0 else spec.blocks[:-1]
        session.adopt(replace(spec, blocks=blocks))
        session.light(f"blocks.{len(blocks) - 1}")
        return
    dense = (*spec.dense, DenseSpec()) if delta > 0 else spec.dense[:-1]
    session.adopt(replace(spec, dense=dense))
    session.light(f"dense.{len(dense) - 1}" if dense else f"blocks.{len(spec.blocks) - 1}")


def _tab(part: str, problem: Problem | None) -> str:
    name = part_name(part)
    broken = problem is not None and _lies_in(problem.path, part)
    return f":red[:material/error:] {name}" if broken else name


def _apply_button(part: str, count: int) -> None:
    label = _("Apply to all dense layers")
    words = _("Give all dense layers the settings of this one. Each keeps its own number of units.")
    if part.startswith("blocks"):
        label = _("Apply to all blocks")
        words = _(
            "Give all blocks the settings of this one. Each keeps its own number of channels."
        )
    st.button(
        label,
        key="apply_to_all",
        icon=":material/content_copy:",
        on_click=_apply_to_all,
        args=(part,),
        disabled=count == 1,
        help=words,
    )


def _apply_to_all(part: str) -> None:
    spec = session.draft()
    group, index = part.split(".")
    if group == "blocks":
        block = spec.blocks[int(index)]
        blocks = tuple(replace(block, channels=other.channels) for other in spec.blocks)
        session.adopt(replace(spec, blocks=blocks))
    else:
        dense = spec.dense[int(index)]
        layers = tuple(replace(dense, units=other.units) for other in spec.dense)
        session.adopt(replace(spec, dense=layers))
