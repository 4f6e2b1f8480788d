"""Deleting runs, and taking that back."""

from collections.abc import Sequence

import streamlit as st

from core.errors import UserError
from core.record import ENDED
from core.run import Run
from core.runs import runs
from pages.shared import state
from pages.shared.person import person
from pages.shared.words import counted, plain


def delete_button(chosen: Sequence[Run]) -> None:
    """Show the button that deletes the chosen runs."""
    going = [run for run in chosen if run.status not in ENDED]
    mine = all(runs().may_change(run.id, person()) for run in chosen)
    why = "Undo brings it back" if len(chosen) == 1 else "Undo brings them back"
    if going:
        why = f"{going[0].name} has not ended: stop it first."
    elif not mine:
        why = "On this server each deletes their own runs."
    st.button(
        "Delete" if len(chosen) == 1 else f"Delete {len(chosen)}",
        icon=":material/delete:",
        key="delete",
        on_click=_delete,
        args=([run.id for run in chosen],),
        disabled=bool(going) or not mine,
        help=plain(why),
    )


def undo_bar() -> None:
    """Offer to bring back what was deleted last."""
    run_ids, words = state.last_deleted()
    if not run_ids:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="undo_bar", border=True):
        st.markdown(f":material/delete: Deleted {plain(words)}.", width="content")
        st.button("Undo", icon=":material/undo:", key="undo_delete", on_click=_undo)
        st.space("stretch")
        st.button(
            "",
            icon=":material/close:",
            key="undo_close",
            type="tertiary",
            help="Leave it deleted",
            on_click=state.forget_deleted,
        )


def _delete(run_ids: Sequence[str]) -> None:
    run = runs().get(run_ids[0])
    words = run.name if run is not None and len(run_ids) == 1 else counted(len(run_ids), "run")
    try:
        runs().delete(run_ids, person())
    except UserError as error:
        state.refuse(str(error))
    else:
        state.note_deleted(run_ids, words)


def _undo() -> None:
    run_ids, _ = state.last_deleted()
    try:
        runs().restore(run_ids)
    except UserError as error:
        state.refuse(str(error))
    else:
        state.forget_deleted()
        state.compare(run_ids)
