"""What a visitor sees of a server whose settings are wrong, and the end of that server.

A server looks at its settings before it serves; see app.py. This is for whoever has served it in
another way, or has changed a setting between that look and the first visit.
"""

import logging
import os
import threading
from typing import Final

import streamlit as st

from core.runs.manager import runs
from core.words.errors import UserError
from pages.shared.language import _, say
from pages.shared.words import plain

# Long enough for the sentence to reach the visitor's browser.
_TOLD_S: Final = 2.0

_log = logging.getLogger(__name__)


def require_sound_server() -> None:
    """Let nobody use a server whose settings are wrong: say why, and end it."""
    try:
        runs()
    except UserError as error:
        _log.error("NetSketch does not start. %s", error)
        st.error(
            plain(_("This server does not start: {why}").format(why=say(error.message))),
            icon=":material/block:",
        )
        end_soon()
        st.stop()


def end_soon() -> None:
    """End the process in a moment, as a program that could not do its work."""
    ending = threading.Timer(_TOLD_S, os._exit, (1,))
    ending.daemon = True
    ending.start()
