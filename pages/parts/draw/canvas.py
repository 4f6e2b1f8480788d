"""The canvas of the Draw page: what a person draws belongs to the browser, and the server reads it.

streamlit-drawable-canvas shows the drawing (Fabric.js draws its paths, and the hand is on its
element). Its ways of input, undo and sending are replaced by `static/canvas/`: `strokes.js` has the
drawing, `easel.js` the controls and the sending. They mount it, because of what was measured with
it:

* every Undo, Clear or other brush was a turn of the server that ended in a new canvas, and a stroke
  begun in the meantime was lost: of 6 right after Clear, all; five quick Undos took three strokes;
* it sends 200 ms after a stroke, so that whoever leaves sooner loses that one; now a stroke is
  the browser's own from its first point on, through reruns, other pages and reloads;
* Fabric's pencil drops each stroke's last point but one, so that a 7 of three points became a line;
* it sends pixels, which browsers falsify for their owners' privacy; now the points are sent, and
  never anything from the server back.

The browser numbers its changes. The server tells the number that it has read, and the browser
sends again what was not: Streamlit loses what a component sends while it is being mounted anew.
Changes of a component's data make Streamlit 1.67 clean up behind a call that is already another's,
so easel.js has nothing that could be cleaned up: there is one easel, which goes to wherever it is
called to.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.bidi_component.constants import EVENT_DELIM
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state import session_state

from core.drawing.strokes import MAX_SIGNS, Drawing, StrokesError, read_drawing
from pages.shared import session
from pages.shared.language import _

KEY: Final = "canvas"
_PACKAGE: Final = "streamlit_drawable_canvas"
_FILES: Final = Path(__file__).parents[3] / "static" / "canvas"
# A drawing of the most signs, with the quotes and the name around it.
_MOST_JSON: Final = MAX_SIGNS + 100
_NO_DRAWING: Final = {"drawing": False}


def canvas() -> Drawing:
    """Show the canvas with its controls; return what is drawn on it.

    Raises:
        StrokesError: what arrived is no drawing.
    """
    labels = {
        "canvas": _("Canvas: draw with the mouse, a finger or a pen"),
        "brush": _("Brush"),
        "undo": _("Undo"),
        "redo": _("Redo"),
        "clear": _("Clear"),
        "strokes": _("Strokes on the canvas: {n}"),
        "full": _("The canvas is full: Undo or Clear makes room for more."),
    }
    # What has arrived for this run, so that the browser is told at once that it has.
    _take(_sent_before())
    sent = mount({"seen": session.drawing().seq, "labels": labels})
    return _take(sent, strictly=True)


def _sent_before() -> object:
    held = st.session_state.get(KEY)
    return held.get("drawing") if isinstance(held, Mapping) else None


def _take(sent: object, *, strictly: bool = False) -> Drawing:
    """Keep a drawing that is newer than the one before; return the newest."""
    if sent is not None:
        try:
            session.keep_drawing(read_drawing(sent))
        except StrokesError:
            if strictly:
                raise
    return session.drawing()


def mount(data: dict[str, object]) -> object:
    """Put the canvas on the page; return what its browser last sent. Page tests replace this."""
    show, fabric = _component()
    sent = show(
        key=KEY,
        data={**data, "fabric": fabric},
        on_drawing_change=lambda: None,
        width="stretch",
        height="content",
    )
    return sent.get("drawing")


@cache
def _component() -> tuple[Callable[..., Any], str]:
    """Register the canvas; return how to mount it and where the package's own script is served."""
    # Only where Streamlit runs can it be imported; then its files are served.
    import streamlit_drawable_canvas

    folder = Path(streamlit_drawable_canvas.__file__).parent / "frontend" / "build"
    script = next(folder.glob("index-*.js")).name
    loader = (_FILES / "loader.js").read_text(encoding="utf-8")
    show = st.components.v2.component(
        "netsketch_canvas",
        js=loader.replace("VERSION", _version()),
        css=(_FILES / "easel.css").read_text(encoding="utf-8"),
    )
    # Last of all: what fails before is tried again at the next mount, and this is to be done once.
    _read_only_what_a_hand_draws()
    return show, f"_stcore/bidi-components/{_PACKAGE.replace('_', '-')}.{_PACKAGE}/{script}"


def _version() -> str:
    """Return what tells these scripts from others in their addresses.

    A browser keeps a script by its address, and must not keep one of an older NetSketch, nor one
    of each.
    """
    scripts = b"\0".join(path.read_bytes() for path in sorted(_FILES.glob("*.js")))
    return hashlib.sha256(scripts).hexdigest()[:12]


def _read_only_what_a_hand_draws() -> None:
    """Let Streamlit parse nothing for the canvas that is longer than a drawing, or that it cannot.

    Streamlit 1.67 parses what a browser sends before any page can look at it, of whatever length;
    what is nested too deeply, or has a number of thousands of digits, ends the page's run with an
    exception. All of that is no drawing.
    """
    unpack = session_state.unpack_widget_state_value  # type: ignore[attr-defined]

    def unpack_if_sound(sent: WidgetState) -> Any:
        if sent.id.endswith(f"-{KEY}{EVENT_DELIM}events"):
            return None  # it triggers nothing
        ours = sent.id.endswith(f"-{KEY}")
        if ours and len(sent.json_value) > _MOST_JSON:
            return _NO_DRAWING
        try:
            value = unpack(sent)
        except (ValueError, RecursionError):
            value = None
        return _NO_DRAWING if ours and not isinstance(value, dict) else value

    session_state.unpack_widget_state_value = unpack_if_sound  # type: ignore[attr-defined, assignment]
