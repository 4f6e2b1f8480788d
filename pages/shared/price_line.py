"""How long a run would take, told under the Train button before it is pressed."""

import streamlit as st

from core.check import Problem
from core.runs import runs
from core.spec import RunSpec
from pages.shared import state
from pages.shared.words import duration

_ASK_AGAIN_S = 0.3


def price_line(spec: RunSpec, problem: Problem | None) -> None:
    """Show seconds an epoch and in all; a few batches are measured for it in the background."""
    if problem:
        st.caption("No time to tell until it works.")
        return
    runs().price(state.asker(), spec)
    pending = runs().price_pending(state.asker())
    with st.container(key="price"):
        st.fragment(_line, run_every=_ASK_AGAIN_S if pending else None)(spec, pending)


def _line(spec: RunSpec, was_pending: bool) -> None:
    price = runs().price(state.asker(), spec)
    if was_pending and not runs().price_pending(state.asker()):
        st.rerun()
    if price is None:
        st.caption("Measuring …" if was_pending else "Its time cannot be told.")
        return
    st.caption(
        f"**{duration(price.epoch_s)}** an epoch, about **{duration(price.run_s)}** in all",
        help=f"Measured just now with a few batches on {price.device}: "
        f"{price.images_per_s:,.0f} images a second while nothing else runs.",
    )
