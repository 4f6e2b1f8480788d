"""The offer to download a data set, its progress, and what went wrong."""

from functools import partial

import streamlit as st

from core.data.catalogue import info_of
from core.data.download import download_of
from core.data.loading import is_available
from core.data.own.kept import is_own
from core.runs.manager import runs
from core.words.errors import UserError
from core.words.message import message
from pages.shared import live
from pages.shared.data_words import data_title
from pages.shared.language import _, say
from pages.shared.person import person
from pages.shared.words import duration, plain

_LIVE_S = 0.5
# Somebody else may have begun it.
_IDLE_S = 4.0


def download_panel(key: str) -> None:
    """Show a button, or the progress of a download that runs; rerun the page when it is done.

    Args:
        key: of a data set that is not here.
    """
    if is_own(key):
        try:
            runs().own_data.require(key, person())
        except UserError as error:
            st.warning(plain(say(error.message)), icon=":material/image_not_supported:")
            return
        st.warning(
            _("{title}. Bring the images in again below, or choose other data.").format(
                title=plain(data_title(key))
            ),
            icon=":material/image_not_supported:",
        )
        return
    with st.container(border=True, key="download"):
        live.live("download", partial(_panel, key))


def _panel(key: str) -> float:
    download = download_of(key)
    now = download.snapshot()
    if now.state != "running" and is_available(key):
        live.redraw()  # the whole page has waited for them
    title = download.source.title
    if now.state == "running":
        share = now.bytes_done / now.bytes_total
        text = _("{what} · {title}: {done:.1f} of {total:.1f} MB, {time} left").format(
            what=say(now.message),
            title=say(title),
            done=now.bytes_done / 1e6,
            total=now.bytes_total / 1e6,
            time=duration(now.remaining_s),
        )
        st.progress(min(1.0, share), text=text)
        st.button(_("Cancel"), icon=":material/close:", on_click=download.cancel)
        return _LIVE_S
    if now.state == "failed":
        st.error(plain(say(now.message)), icon=":material/cloud_off:")
    elif now.state == "cancelled":
        st.caption(plain(say(now.message)))
    st.markdown(
        say(
            message(
                "{title!u} is not on this machine yet. It is downloaded once, about {size:.0f} MB, "
                "and used from disk ever after. The built-in digits go on working.",
                title=title,
                size=download.source.size / 1e6,
            )
        )
    )
    st.caption(plain(say(info_of(key).credit)))
    st.button(
        _("Download {name}").format(name=download.source.name),
        icon=":material/download:",
        key="download_start",
        on_click=download.start,
    )
    return _IDLE_S
