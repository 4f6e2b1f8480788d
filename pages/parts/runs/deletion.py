"""Deleting runs, and taking that back."""

from collections.abc import Sequence

import streamlit as st

from core.runs.manager import runs
from core.runs.record import ENDED
from core.runs.view import Run
from core.words.errors import UserError
from pages.shared import session
from pages.shared.language import _, n_, say
from pages.shared.person import person
from pages.shared.words import plain


def delete_button(chosen: Sequence[Run]) -> None:
    """Show the button that deletes the chosen runs."""
    going = [run for run in chosen if run.status not in ENDED]
    mine = all(runs().may_change(run.id, person()) for run in chosen)
    alone = len(chosen) == 1
    why = _("Undo brings it back") if alone else _("Undo brings them back")
    if going:
        why = _("{run} has not ended: stop it first.").format(run=say(going[0].name))
    elif not mine:
        why = _("On this server each deletes their own runs.")
    st.button(
        _("Delete") if alone else _("Delete {count}").format(count=len(chosen)),
        icon=":material/delete:",
        key="delete",
        on_click=_delete,
        args=([run.id for run in chosen],),
        disabled=bool(going) or not mine,
        help=plain(why),
    )


def undo_bar() -> None:
    """Offer to bring back what was deleted last."""
    run_ids, name = session.last_deleted()
    if not run_ids:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="undo_bar", border=True):
        words = (
            _("Deleted {run}.").format(run=plain(say(name)))
            if name
            else n_("Deleted {n:,} run.", "Deleted {n:,} runs.", len(run_ids))
        )
        st.markdown(f":material/delete: {words}", width="content")
        st.button(_("Undo"), icon=":material/undo:", key="undo_delete", on_click=_undo)
        st.space("stretch")
        st.button(
            _("Leave it deleted"),  # read out, not seen; see style.css
            icon=":material/close:",
            key="undo_close",
            type="tertiary",
            help=_("Leave it deleted"),
            on_click=session.forget_deleted,
        )


def _delete(run_ids: Sequence[str]) -> None:
    run = runs().get(run_ids[0])
    name = run.name if run is not None and len(run_ids) == 1 else ""
    try:
        runs().delete(run_ids, person())
    except UserError as error:
        session.refuse(error.message)
    else:
        session.note_deleted(run_ids, name)


def _undo() -> None:
    run_ids, _ = session.last_deleted()
    try:
        runs().restore(run_ids, person())
    except UserError as error:
        session.refuse(error.message)
    else:
        session.forget_deleted()
        session.compare(run_ids)
