"""The offer to download a data set, its progress, and what went wrong."""

import streamlit as st

from core.data import title_of
from core.datasets.own import is_own
from core.datasets.table import info_of
from core.download import download_of
from pages.shared.words import duration, plain

_LIVE_S = 0.5


def download_panel(key: str) -> None:
    """Show a button, or the progress of a download that runs; rerun the page when it is done.

    Args:
        key: of a data set that is not here.
    """
    if is_own(key):
        st.warning(
            f"{plain(title_of(key))}. Bring the images in again below, or choose other data.",
            icon=":material/image_not_supported:",
        )
        return
    running = download_of(key).snapshot().state == "running"
    with st.container(border=True, key="download"):
        st.fragment(_panel, run_every=_LIVE_S if running else None)(key, running)


def _panel(key: str, was_running: bool) -> None:
    download = download_of(key)
    now = download.snapshot()
    if (now.state == "running") != was_running:
        st.rerun()
    title = download.source.title
    if now.state == "running":
        share = now.bytes_done / now.bytes_total
        done, total = now.bytes_done / 1e6, now.bytes_total / 1e6
        left = duration(now.remaining_s)
        text = f"{now.message} · {title}: {done:.1f} of {total:.1f} MB, {left} left"
        st.progress(min(1.0, share), text=text)
        st.button("Cancel", icon=":material/close:", on_click=download.cancel)
        return
    if now.state == "failed":
        st.error(plain(now.message), icon=":material/cloud_off:")
    elif now.state == "cancelled":
        st.caption(plain(now.message))
    st.markdown(
        f"{title[0].upper()}{title[1:]} is not on this machine yet. It is downloaded once, about "
        f"{download.source.size / 1e6:.0f} MB, and used from disk ever after. The built-in digits "
        "go on working."
    )
    st.caption(plain(info_of(key).credit))
    st.button(
        f"Download {title.removeprefix('full ')}",
        icon=":material/download:",
        key="download_start",
        on_click=download.start,
    )
