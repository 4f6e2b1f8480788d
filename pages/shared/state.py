"""The only owner of session keys and of the address.

A page never holds a spec of its own. Widgets change the draft in callbacks, which run before the
page does, so that everything on the page is drawn from the same draft.
"""

from secrets import token_hex
from typing import Final

import streamlit as st

from core.codec import from_query, to_query
from core.presets import DEFAULT
from core.settings import Value
from core.spec import RunSpec, SpecError

_DRAFT: Final = "draft"
_MENDED: Final = "address_mended"
_WRITTEN: Final = "address_written"
_REFUSED: Final = "refused"
_CANVAS: Final = "canvas_version"
_STROKES: Final = "canvas_strokes"
_SEEN_STROKES: Final = "canvas_seen"
_LIT: Final = "part"
_RUN: Final = "run"
_RUN_WRITTEN: Final = "run_written"
_ASKER: Final = "asker"
_UNSEEN: Final = "unseen"
_GO: Final = "go"
_WIDGET: Final = "field:"


def read_address() -> None:
    """Take over what the address says, if it is not what this session wrote there."""
    query = {key: st.query_params[key] for key in st.query_params}
    run_id = query.pop(_RUN, None)
    # What this session wrote there is older than a choice made since, by a callback of this run.
    if run_id is not None and run_id != st.session_state.get(_RUN_WRITTEN):
        st.session_state[_RUN] = run_id
    if _DRAFT in st.session_state and (not query or query == st.session_state.get(_WRITTEN)):
        return
    spec, mended = from_query(query, DEFAULT)
    st.session_state[_DRAFT] = spec
    st.session_state[_MENDED] = mended


def write_address() -> None:
    """Bring the address up to date, so that it can be reloaded, bookmarked and sent."""
    query = to_query(draft())
    st.session_state[_WRITTEN] = query
    run_id = chosen_run()
    st.session_state[_RUN_WRITTEN] = run_id
    wanted = query | ({_RUN: run_id} if run_id else {})
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def mended() -> list[str]:
    """Sentences about an address that had to be mended when it was read."""
    return list(st.session_state.get(_MENDED, []))


def draft() -> RunSpec:
    """The spec being edited in this session."""
    spec: RunSpec = st.session_state[_DRAFT]
    return spec


def adopt(spec: RunSpec) -> None:
    """Make a whole spec the draft. For use as a callback."""
    st.session_state[_DRAFT] = spec
    st.session_state[_MENDED] = []


def change(path: str, value: Value) -> None:
    """Change one value of the draft; a value that is not allowed changes nothing."""
    try:
        adopt(draft().with_value(path, value))
    except SpecError as error:
        st.session_state[_MENDED] = [str(error)]


def widget_key(path: str) -> str:
    """Return the key of the widget for a field, holding the draft's value."""
    key = _WIDGET + path
    value = draft().value(path)
    unseen: set[str] = st.session_state.setdefault(_UNSEEN, set())
    # Only where it differs: a needless write would fight a slider that is still being dragged.
    if key in unseen or st.session_state.get(key) != value:
        st.session_state[key] = value
        unseen.add(key)
    return key


def all_shown() -> None:
    """Note that a run of the script has come to its end.

    What an interrupted run had to say to the browser may never reach it, so until then every run
    says again what the draft has put into a widget. The browser would send back what it shows, and
    that would overwrite the draft.
    """
    st.session_state[_UNSEEN] = set()


def take_widget(path: str) -> None:
    """Callback of a field's widget: bring its value into the draft."""
    change(path, st.session_state[_WIDGET + path])


def chosen_run() -> str | None:
    """Id of the run that this session looks at, as the address says it."""
    run_id: str | None = st.session_state.get(_RUN)
    return run_id


def choose_run(run_id: str) -> None:
    """Look at a run from now on. For use as a callback."""
    st.session_state[_RUN] = run_id


def asker() -> str:
    """Return a name of this browser's session that no other one has."""
    name: str = st.session_state.setdefault(_ASKER, token_hex(8))
    return name


def go_to(page: str) -> None:
    """Show another page from the next run of the script on. For use as a callback.

    Args:
        page: its file, such as `pages/train_page.py`.
    """
    st.session_state[_GO] = page


def take_turn() -> str | None:
    """Return the page chosen by `go_to`, once."""
    page: str | None = st.session_state.pop(_GO, None)
    return page


def refuse(sentence: str) -> None:
    """Keep a sentence to be shown once, where the next page looks for it."""
    st.session_state[_REFUSED] = sentence


def take_refusal() -> str | None:
    """Return the sentence kept by `refuse`, once."""
    sentence: str | None = st.session_state.pop(_REFUSED, None)
    return sentence


def lit(spec: RunSpec) -> str:
    """The part of the network being edited, such as `blocks.0`."""
    # A browser that sends a change before it has drawn the chooser of parts sends None for it.
    part: str = st.session_state.get(_LIT) or "blocks.0"
    group, _, index = part.partition(".")
    return part if int(index) < len(getattr(spec, group)) else "blocks.0"


def light(part: str) -> None:
    """Edit a part from now on. For use as a callback."""
    st.session_state[_LIT] = part


def lit_key(parts: list[str]) -> str:
    """Return the key of the widget that chooses the part, holding one of `parts`."""
    if st.session_state.get(_LIT) not in parts:
        st.session_state[_LIT] = parts[0]
    return _LIT


def canvas_key() -> str:
    """Return the key of the present canvas; a new one begins after each undo and clear."""
    return f"canvas_{st.session_state.get(_CANVAS, 0)}"


def first_strokes() -> dict[str, object] | None:
    """Return the drawing with which the present canvas begins.

    A canvas that comes back from another page begins with what was last seen on it.
    """
    if canvas_key() not in st.session_state:
        st.session_state[_STROKES] = st.session_state.get(_SEEN_STROKES)
    drawing: dict[str, object] | None = st.session_state.get(_STROKES)
    return drawing


def remember(strokes: list[dict[str, object]]) -> None:
    """Keep what is on the canvas, for when the person comes back to the page."""
    st.session_state[_SEEN_STROKES] = _drawing(strokes)


def redraw(strokes: list[dict[str, object]]) -> None:
    """Begin a new canvas with these strokes. For use as a callback."""
    st.session_state[_CANVAS] = st.session_state.get(_CANVAS, 0) + 1
    st.session_state[_STROKES] = _drawing(strokes)
    remember(strokes)


def _drawing(strokes: list[dict[str, object]]) -> dict[str, object] | None:
    return {"version": "4.4.0", "objects": strokes} if strokes else None
