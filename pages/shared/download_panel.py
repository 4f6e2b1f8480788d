"""The offer to download full MNIST, its progress, and what went wrong."""

import streamlit as st

from core.download import mnist_download
from pages.shared.words import duration, plain

_LIVE_S = 0.5


def download_panel() -> None:
    """Show a button, or the progress of a download that runs; rerun the page when it is done."""
    running = mnist_download().snapshot().state == "running"
    with st.container(border=True, key="download"):
        st.fragment(_panel, run_every=_LIVE_S if running else None)(running)


def _panel(was_running: bool) -> None:
    now = mnist_download().snapshot()
    if (now.state == "running") != was_running:
        st.rerun()
    if now.state == "running":
        share = now.bytes_done / now.bytes_total
        done, total = now.bytes_done / 1e6, now.bytes_total / 1e6
        left = duration(now.remaining_s)
        text = f"Downloading MNIST: {done:.1f} of {total:.1f} MB, {left} left"
        st.progress(min(1.0, share), text=text)
        st.button("Cancel", icon=":material/close:", on_click=mnist_download().cancel)
        return
    if now.state == "failed":
        st.error(plain(now.message), icon=":material/cloud_off:")
    st.markdown(
        "Full MNIST is not on this machine yet. It is downloaded once, 12 MB, and used from disk "
        "ever after. The built-in digits go on working."
    )
    st.button(
        "Download MNIST",
        icon=":material/download:",
        key="download_start",
        on_click=mnist_download().start,
    )
