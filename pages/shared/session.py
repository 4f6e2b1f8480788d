"""The only owner of session keys and of the address.

A page never holds a spec of its own. Widgets change the draft in callbacks, which run before the
page does, so that everything on the page is drawn from the same draft.
"""

from collections.abc import Callable, Iterable, Sequence
from secrets import token_hex
from typing import Final, TypeVar

import streamlit as st

from core.drawing.strokes import Drawing
from core.spec import RunSpec, SpecError, parts
from core.spec.codec import from_query, to_query
from core.spec.presets import DEFAULT
from core.spec.settings import Value
from pages.shared.exercise import exercise_entry, take_exercise
from pages.shared.language import choose_language, chosen_language, language
from pages.shared.messages_behind import Behind, came_back

T = TypeVar("T")

_DRAFT: Final = "draft"
_MENDED: Final = "address_mended"
_BEHIND: Final = "behind"
_REFUSED: Final = "refused"
_REFUSALS: Final = "refusals"
_DRAWING: Final = "drawing"
_LIT: Final = "part"
_RUN: Final = "run"
_LANGUAGE: Final = "lang"
_COMPARED: Final = "compare"
_SECTION: Final = "section"
_SECTION_SHOWN: Final = "section_shown"
_TABLE: Final = "runs_table"
_LISTED: Final = "runs_listed"
_DELETED: Final = "runs_deleted"
_ASKER: Final = "asker"
_UNSEEN: Final = "unseen"
_TOLD: Final = "told_in"
_GO: Final = "go"
_WIDGET: Final = "field:"

# More runs than this are not laid over each other, and do not stand in the address.
MAX_COMPARED: Final = 5
_MAX_ID: Final = 40


def read_address() -> None:
    """Take over what the address says, if a person has gone there.

    That is a session's first address, one that the session never wrote, or one to which the
    browser's Back or Forward led. Any other is of this session's own, and as old as what the
    browser had heard when it sent its message: less than the callbacks of this run have said since.
    """
    query = dict(st.query_params)
    _behind().heard(query)
    if _DRAFT in st.session_state and (not query or (_behind().knows(query) and not came_back())):
        return
    if run_id := query.pop(_RUN, None):
        st.session_state[_RUN] = run_id
    choose_language(query.pop(_LANGUAGE, None))
    listed = query.pop(_COMPARED, None)
    # More than can be compared never stood in an address.
    if listed is not None or len(compared()) <= MAX_COMPARED:
        st.session_state[_COMPARED] = _ids(listed or "")
    if section := query.pop(_SECTION, None):
        st.session_state[_SECTION] = section
    if _DRAFT in st.session_state and not query:
        return
    take_exercise(query)
    spec, mended = from_query(query, DEFAULT)
    st.session_state[_DRAFT] = spec
    st.session_state[_MENDED] = mended


def write_address() -> None:
    """Bring the address up to date, so that it can be reloaded, bookmarked and sent."""
    ids = compared()
    more = {
        _RUN: chosen_run(),
        _COMPARED: ",".join(ids) if len(ids) <= MAX_COMPARED else "",
        _LANGUAGE: chosen_language(),
        # Only of a page that has sections.
        _SECTION: st.session_state.pop(_SECTION_SHOWN, None),
    }
    wanted = (
        to_query(draft()) | exercise_entry() | {key: value for key, value in more.items() if value}
    )
    # The browser may be about to hear of another one.
    if dict(st.query_params) != wanted or not _behind().is_newest(wanted):
        _behind().wrote(wanted)
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
        st.session_state[_MENDED] = [error.message]


def widget_key(path: str, text: str | None = None) -> str:
    """Return the key of the widget for a field, holding the draft's value, or a text for it."""
    return put(_WIDGET + path, draft().value(path) if text is None else text)


def typed(path: str) -> str | None:
    """Return what a person has typed for a field; None where the browser only repeats itself."""
    text: str = st.session_state[_WIDGET + path]
    return None if is_stale(_WIDGET + path) else text


def put(key: str, value: object, *, anew: bool = False) -> str:
    """Let the widget of this key hold a value; return the key.

    Args:
        key: of the widget.
        value: to be held.
        anew: whether the browser is told again though it holds the value, as for a choice whose
            words change.
    """
    unseen: set[str] = st.session_state.setdefault(_UNSEEN, set())
    # A browser sends a choice by its words, so it needs those of another language with it.
    is_new_language = st.session_state.get(_TOLD) != language()
    differs = key in st.session_state and st.session_state[key] != value
    if differs:
        _behind().put(key, st.session_state[key])
    # Only where it differs: a needless write would fight a slider that is still being dragged.
    if anew or key in unseen or is_new_language or differs or key not in st.session_state:
        st.session_state[key] = value
        unseen.add(key)
    return key


def is_stale(key: str) -> bool:
    """Tell a widget's callback whether the browser only sent what it showed before a `put`.

    The person has then chosen something else, before the browser heard of the `put`.
    """
    _behind().heard(dict(st.query_params))
    return _behind().is_stale(key, st.session_state[key])


def all_shown() -> None:
    """Note that a run of the script has come to its end.

    What an interrupted run had to say to the browser may never reach it, so until then every run
    says again what the draft has put into a widget. The browser would send back what it shows, and
    that would overwrite the draft.
    """
    st.session_state[_UNSEEN] = set()
    st.session_state[_TOLD] = language()
    _behind().all_sent()


def labelled(key: str, labels: Sequence[str]) -> str:
    """Return the key of a fold, or of tabs, that stays open where its words have changed.

    Streamlit takes a fold or tabs with other labels for new ones.

    Args:
        key: of the widget; the session holds whether the fold is open, or which tab is.
        labels: as they are now.
    """
    shown: list[str] = held(f"{key}_labels", lambda: list(labels))
    opened = st.session_state.get(key)
    if shown != list(labels) and opened is not None:
        st.session_state[key] = labels[shown.index(opened)] if opened in shown else opened
    st.session_state[f"{key}_labels"] = list(labels)
    return key


def take_widget(path: str) -> None:
    """Callback of a field's widget: bring its value into the draft."""
    if not is_stale(_WIDGET + path):
        change(path, st.session_state[_WIDGET + path])


def chosen_run() -> str | None:
    """Id of the run that this session looks at, as the address says it."""
    run_id: str | None = st.session_state.get(_RUN)
    return run_id


def choose_run(run_id: str) -> None:
    """Look at a run from now on. For use as a callback."""
    st.session_state[_RUN] = run_id


def compared() -> tuple[str, ...]:
    """Ids of the runs chosen on the Runs page, in the order in which they were chosen."""
    ids: tuple[str, ...] = st.session_state.get(_COMPARED, ())
    return ids


def compare(run_ids: Iterable[str]) -> None:
    """Choose runs on the Runs page, in place of those chosen before. For use as a callback."""
    st.session_state[_COMPARED] = tuple(dict.fromkeys(run_ids))


def section(known: Sequence[str]) -> str:
    """Return which section of the Article page is open, and let the address say so.

    Args:
        known: their names, in order; the first is open as long as none was chosen.
    """
    if came_back() and _SECTION not in st.query_params:
        st.session_state.pop(_SECTION, None)
    chosen: str | None = st.session_state.get(_SECTION)
    opened = chosen if chosen is not None and chosen in known else known[0]
    st.session_state[_SECTION_SHOWN] = opened if opened != known[0] else None
    return opened


def open_section(name: str) -> None:
    """Show a section of the Article page from now on. For use as a callback."""
    st.session_state[_SECTION] = name


def table_key(listed: Sequence[str]) -> str:
    """Return the key of the table of runs, its chosen rows being those of the chosen runs.

    Args:
        listed: ids of the runs in the table, from its first row on.
    """
    st.session_state[_LISTED] = tuple(listed)
    chosen = set(compared())
    rows = [row for row, run_id in enumerate(listed) if run_id in chosen]
    held = st.session_state.get(_TABLE, {}).get("selection", {}).get("rows", [])
    # The browser names them in the order of the clicks.
    rows = list(held) if sorted(held) == rows else rows
    return put(_TABLE, {"selection": {"rows": rows, "columns": [], "cells": []}})


def take_table() -> None:
    """Callback of the table of runs: choose what is ticked.

    What was chosen and is not listed now, because of a filter, stays chosen.
    """
    if is_stale(_TABLE):
        return
    listed: tuple[str, ...] = st.session_state[_LISTED]
    rows: list[int] = st.session_state[_TABLE]["selection"]["rows"]
    ticked = [listed[row] for row in rows if row < len(listed)]
    kept = [run_id for run_id in compared() if run_id not in listed or run_id in ticked]
    compare([*kept, *ticked])


def listed_run(row: int) -> str | None:
    """Return the id of the run in a row of the table, as the browser shows it."""
    listed: tuple[str, ...] = st.session_state.get(_LISTED, ())
    return listed[row] if row < len(listed) else None


def note_deleted(run_ids: Iterable[str], name: str) -> None:
    """Remember what was deleted last, to be undone; nothing of it stays chosen.

    Args:
        run_ids: of the deleted runs.
        name: of the run, where it is a single one.
    """
    gone = tuple(run_ids)
    st.session_state[_DELETED] = gone, name
    compare(run_id for run_id in compared() if run_id not in gone)


def last_deleted() -> tuple[tuple[str, ...], str]:
    """Ids of the runs whose deletion can be undone here, and the name of a single one."""
    deleted: tuple[tuple[str, ...], str] = st.session_state.get(_DELETED, ((), ""))
    return deleted


def forget_deleted() -> None:
    """Offer to undo nothing any more. For use as a callback."""
    st.session_state.pop(_DELETED, None)


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
    st.session_state[_REFUSALS] = refusals() + 1


def refusals() -> int:
    """Return how many sentences have been kept by `refuse`; a live panel reruns its page for one.

    A click inside a panel runs that panel alone, and the sentence stands elsewhere on the page.
    """
    count: int = st.session_state.get(_REFUSALS, 0)
    return count


def take_refusal() -> str | None:
    """Return the sentence kept by `refuse`, once."""
    sentence: str | None = st.session_state.pop(_REFUSED, None)
    return sentence


def held(key: str, make: Callable[[], T]) -> T:
    """Return what this session keeps under a key, made at the first call."""
    if key not in st.session_state:
        st.session_state[key] = make()
    kept: T = st.session_state[key]
    return kept


def fresh_key(key: str) -> str:
    """Return the key of a widget that begins empty again after each `renew_key`."""
    return f"{key}_{st.session_state.get(f'{key}_version', 0)}"


def renew_key(key: str) -> None:
    """Let a widget begin empty at the next run of the script. For use as a callback."""
    st.session_state[f"{key}_version"] = st.session_state.get(f"{key}_version", 0) + 1


def lit(spec: RunSpec) -> str:
    """The part of the network being edited, such as `blocks.0`; empty where there is none."""
    known = parts(spec)
    # A browser that sends a change before it has drawn the chooser of parts sends None for it.
    part = st.session_state.get(_LIT)
    return part if part in known else known[0] if known else ""


def light(part: str) -> None:
    """Edit a part from now on. For use as a callback."""
    st.session_state[_LIT] = part


def lit_key(parts: list[str]) -> str:
    """Return the key of the widget that chooses the part, holding one of `parts`."""
    part = st.session_state.get(_LIT)
    return put(_LIT, part if part in parts else parts[0])


def drawing() -> Drawing:
    """Return what is drawn in this session, as far as it has arrived."""
    kept: Drawing = st.session_state.get(_DRAWING, Drawing())
    return kept


def keep_drawing(arrived: Drawing) -> None:
    """Keep a drawing, unless a newer one arrived before it.

    It outlives the canvas, so that a person who comes back to the page is answered at once.
    """
    if arrived.seq > drawing().seq:
        st.session_state[_DRAWING] = arrived


def _behind() -> Behind:
    return held(_BEHIND, Behind)


def _ids(text: str) -> tuple[str, ...]:
    """Read the runs that an address names; whoever shows them knows which of them exist."""
    named = (run_id for run_id in text.split(",") if 0 < len(run_id) <= _MAX_ID)
    return tuple(dict.fromkeys(named))[:MAX_COMPARED]
