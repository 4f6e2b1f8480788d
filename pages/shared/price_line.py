"""How long a run would take, told under the Train button before it is pressed."""

import streamlit as st

from core.check import Problem
from core.runs import runs
from core.spec import RunSpec
from pages.shared import state
from pages.shared.language import _, say
from pages.shared.words import duration

_ASK_AGAIN_S = 0.3


def price_line(spec: RunSpec, problem: Problem | None) -> None:
    """Show seconds an epoch and in all; a few batches are measured for it in the background."""
    if problem:
        st.caption(_("No time to tell until it works."))
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
        st.caption(_("Measuring …") if was_pending else _("Its time cannot be told."))
        return
    st.caption(
        _("**{epoch}** an epoch, about **{whole}** in all").format(
            epoch=duration(price.epoch_s), whole=duration(price.run_s)
        ),
        help=_(
            "Measured just now with a few batches on {device}: {rate:,.0f} images a second while "
            "nothing else runs."
        ).format(device=say(price.device), rate=price.images_per_s),
    )
