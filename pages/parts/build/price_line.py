"""How long a run would take, told under the Train button before it is pressed."""

from functools import partial

import streamlit as st

from core.questions.price import BUSY_RETRY_S, Price
from core.runs.manager import runs
from core.spec import RunSpec
from core.training.check import Problem
from pages.shared import live, session
from pages.shared.language import _, say
from pages.shared.person import address
from pages.shared.words import duration

_ASK_AGAIN_S = 0.3


def price_line(spec: RunSpec, problem: Problem | None) -> None:
    """Show seconds an epoch and in all; a few batches are measured for it in the background."""
    if problem:
        st.caption(_("No time to tell until it works."))
        return
    with st.container(key="price"):
        live.live("price", partial(_line, spec))


def _pace(price: Price | None) -> float | None:
    """Return after how many seconds to look again, or None where all is known."""
    if price is not None:
        return None if price.steady else BUSY_RETRY_S
    return _ASK_AGAIN_S if runs().price_pending(session.asker()) else None


def _line(spec: RunSpec) -> float | None:
    price = runs().price(session.asker(), spec, address())
    pace = _pace(price)
    _told(price, measuring=pace is not None)
    return pace


def _told(price: Price | None, *, measuring: bool) -> None:
    if price is None:
        st.caption(_("Measuring …") if measuring else _("Its time cannot be told."))
        return
    if not price.steady:
        st.caption(
            _("At most **{epoch}** an epoch, **{whole}** in all").format(
                epoch=duration(price.epoch_s), whole=duration(price.run_s)
            ),
            help=_(
                "Other programs keep this machine busy, so that this is longer than it takes when "
                "nothing else runs. It is measured again from time to time."
            ),
        )
        return
    st.caption(
        _("**{epoch}** an epoch, about **{whole}** in all").format(
            epoch=duration(price.epoch_s), whole=duration(price.run_s)
        ),
        help=_(
            "Measured just now with a few batches on {device}: {rate:,.0f} images a second while "
            "nothing else runs."
        ).format(device=say(price.device.name), rate=price.images_per_s),
    )
