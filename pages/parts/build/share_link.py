"""Buttons that copy the address of the configuration, with its mends or without."""

from html import escape
from urllib.parse import urlencode

import streamlit as st

from core.spec import RunSpec
from core.spec.codec import to_query
from pages.shared.exercise import ENTRY, HIDDEN, hides_mends
from pages.shared.language import _


def share_link(spec: RunSpec) -> None:
    """Show the buttons. What a click does is `static/copy.js`, for only a browser can copy.

    Whoever does an exercise passes it on as one.
    """
    query = to_query(spec)
    exercise = query | {ENTRY: HIDDEN}
    without = _(
        "For an exercise: whoever opens this link is told what is wrong with the network, but not "
        "how to mend it."
    )
    plainly = _("The address of this very configuration, to be sent or kept.")
    buttons = [_button(_("Copy link"), plainly, exercise if hides_mends() else query)]
    if not hides_mends():
        buttons.append(_button(_("Copy link without mends"), without, exercise))
    done, field = _("Copied."), _("Link")
    press = _("Copy it from here: Ctrl+C, or hold it on a phone.")
    st.html(
        f'<div class="share" data-done="{escape(done)}" data-press="{escape(press)}">'
        f"{''.join(buttons)}"
        '<span class="share-said" role="status"></span>'
        f'<input class="share-link" readonly aria-label="{escape(field)}" value="">'
        "</div>"
    )


def _button(label: str, help_: str, query: dict[str, str]) -> str:
    return (
        f'<button type="button" title="{escape(help_)}" data-copy="{escape(urlencode(query))}">'
        f"{escape(label)}</button>"
    )
