"""What can be taken home of a run: one zip of all, or each file by itself, made when asked for."""

import logging
import time
from functools import partial
from typing import Final

import streamlit as st

from core.errors import UserError
from core.record import ENDED
from core.run import Run
from core.take_home import File, everything, folder_name, make, offered, parcel_of
from pages.shared import state
from pages.shared.words import plain

_LIVE_S: Final = 0.5
# A click reaches the thread that makes the file and the one that draws the page in either order.
_SOON_S: Final = 3.0
_ICONS: Final = {
    "train.py": ":material/code:",
    "train.ipynb": ":material/menu_book:",
    "weights.safetensors": ":material/deployed_code:",
    "load_weights.py": ":material/code:",
    "network.onnx": ":material/hub:",
    "configuration.json": ":material/tune:",
    "steps.csv": ":material/table:",
    "epochs.csv": ":material/table:",
    "curves.png": ":material/show_chart:",
    "report.html": ":material/description:",
}

_log = logging.getLogger(__name__)


class Making:
    """The making of one session's files, told by the server's threads that make them.

    Attributes:
        words: what is done at the moment; empty when nothing is.
        failure: why the last file could not be made; empty if it could.
    """

    def __init__(self) -> None:
        self.words = ""
        self.failure = ""
        self._asked_at = float("-inf")

    @property
    def live(self) -> bool:
        """Whether there will soon be something new to see."""
        return bool(self.words) or time.monotonic() - self._asked_at < _SOON_S

    def ask(self) -> None:
        """Look out for what a click brings about. For use as a callback."""
        self._asked_at = time.monotonic()

    def file(self, run: Run, name: str | None) -> bytes:
        """Make a file of a run, or the zip of all where there is no name.

        Raises:
            UserError: it cannot be made; `failure` says why, too.
        """
        self.failure, self.words = "", "Reading the run"
        try:
            parcel = parcel_of(run)
            if name is None:
                return everything(parcel, self._tell)
            return make(parcel, name, self._tell)
        except UserError as error:
            self.failure = str(error)
            raise
        except Exception as error:
            _log.error("A file could not be made", exc_info=error)
            self.failure = (
                f"{name or 'The zip'} could not be made because of a fault inside NetSketch; its "
                "details are in the server's log. The other files can still be had."
            )
            raise UserError(self.failure) from None
        finally:
            self.words = ""

    def _tell(self, words: str) -> None:
        self.words = words


def take_home(run: Run) -> None:
    """Offer what can be taken home of a run."""
    making = state.held("take_home", Making)
    with st.container(border=True, key="take_home"):
        panel = st.fragment(_panel, run_every=_LIVE_S if making.live else None)
        panel(run, making, making.live)


def _panel(run: Run, making: Making, was_live: bool) -> None:
    if making.live != was_live:
        st.rerun()
    record = run.record()
    files = offered(record, has_weights=run.has_weights)
    ended = record.status in ENDED
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Take it home**", width="content")
        if ended:
            st.download_button(
                "Everything (.zip)",
                partial(making.file, run, None),
                f"{folder_name(record)}.zip",
                "application/zip",
                key="take_all",
                type="primary",
                icon=":material/folder_zip:",
                on_click=making.ask,
                help="All files below and a README that explains them. It takes a few seconds.",
            )
        if making.words:
            st.markdown(f":gray[:material/hourglass_top: {plain(making.words)} …]")
        elif not ended:
            st.markdown(":gray[Weights, curves, ONNX and a report when the run has ended.]")
    if making.failure:
        st.error(plain(making.failure), icon=":material/error:")
    if ended:
        with st.expander("Single files"):
            for side, column in enumerate(st.columns(2)):
                with column:
                    for file in files[side::2]:
                        _file(run, making, file)
    else:
        for file in files:
            _file(run, making, file)


def _file(run: Run, making: Making, file: File) -> None:
    st.download_button(
        f"**{plain(file.name)}** · {plain(file.words)}",
        partial(making.file, run, file.name),
        file.name,
        file.mime,
        key=f"take_{file.name}",
        type="tertiary",
        icon=_ICONS[file.name],
        on_click=making.ask,
    )
