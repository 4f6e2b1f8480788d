"""What can be taken home of a run: one zip of all, or each file by itself, made when asked for."""

import logging
from functools import partial
from typing import Final

import streamlit as st

from core.runs.record import ENDED
from core.runs.view import Run
from core.take_home import File, contents_of, everything, folder_name, make, offered
from core.words.errors import UserError
from core.words.message import N_, message
from pages.parts.runs.held_files import Page, held_files
from pages.shared import live, session
from pages.shared.language import _, say
from pages.shared.words import plain

# How often the line is drawn that says what is being made.
_LOOK_S: Final = 1.0
_ZIP: Final = "application/zip"
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


class Making(Page):
    """The making of one session's files, told by the server's threads that make them.

    Attributes:
        words: what is done at the moment; empty when nothing is.
        failure: why the last file could not be made; empty if it could.
    """

    def __init__(self) -> None:
        super().__init__()
        self.words = ""
        self.failure = ""

    def file(self, run: Run, name: str | None, saved_as: str, mime: str) -> bytes:
        """Make a file of a run, or the zip of all where there is no name.

        Args:
            run: what it is made of.
            name: of one of `core.take_home.FILES`, or None.
            saved_as: the name that the browser gives it.
            mime: its kind.

        Raises:
            UserError: it cannot be made; `failure` says why, too.
        """
        self.failure, self.words = "", N_("Reading the run")
        try:
            contents = contents_of(run)
            if name is None:
                made = everything(contents, self._tell)
            else:
                made = make(contents, name, self._tell)
            held_files.hold(self, made, mime, saved_as)
            return made
        except UserError as error:
            self.failure = error.message
            raise
        except Exception as error:
            _log.error("A file could not be made", exc_info=error)
            self.failure = message(
                "{file} could not be made because of a fault inside NetSketch; its details are in "
                "the server's log. The other files can still be had.",
                file=saved_as,
            )
            raise UserError(self.failure) from None
        finally:
            self.words = ""

    def _tell(self, words: str) -> None:
        self.words = words


def take_home(run: Run) -> None:
    """Offer what can be taken home of a run.

    A click must not run the page's script again: it would give each button a new file to ask for,
    before the server has been asked for the old one. So a line of its own looks how it goes.
    """
    making = session.held("take_home", Making)
    making.offer = run.id
    making.seen()
    record = run.record()
    files = offered(record, has_weights=run.has_weights)
    with st.container(border=True, key="take_home"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**" + _("Take it home") + "**", width="content")
            if record.status not in ENDED:
                words = _("Weights, curves, ONNX and a report when the run has ended.")
                st.markdown(f":gray[{words}]")
                for file in files:
                    _file(run, making, file)
                return
            saved_as = f"{folder_name(record)}.zip"
            st.download_button(
                _("Everything (.zip)"),
                partial(making.file, run, None, saved_as, _ZIP),
                saved_as,
                _ZIP,
                key="take_all",
                type="primary",
                icon=":material/folder_zip:",
                on_click="ignore",
                help=_("All files below and a README that explains them. It takes a few seconds."),
            )
            live.live("take_home", partial(_doing, making))
        with st.expander(_("Single files")):
            for side, column in enumerate(st.columns(2)):
                with column:
                    for file in files[side::2]:
                        _file(run, making, file)


def _doing(making: Making) -> float:
    making.seen()
    if making.failure:
        st.markdown(f":red[:material/error: {plain(say(making.failure))}]")
    elif making.words:
        st.markdown(f":gray[:material/hourglass_top: {plain(say(making.words))} …]")
    else:
        st.markdown(" ")
    return _LOOK_S


def _file(run: Run, making: Making, file: File) -> None:
    st.download_button(
        f"**{plain(file.name)}** · {plain(say(file.words))}",
        partial(making.file, run, file.name, file.name, file.mime),
        file.name,
        file.mime,
        key=f"take_{file.name}",
        type="tertiary",
        icon=_ICONS[file.name],
        wrap=True,
        on_click="ignore",
    )
