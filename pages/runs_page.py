"""Runs: find again what was trained, and set it side by side."""

from pathlib import Path

import streamlit as st

from core.runs.manager import runs
from core.runs.store import RunRow
from core.runs.view import Run
from core.training.check import check
from pages.parts.runs.bring_in import bring_in
from pages.parts.runs.compare import compare
from pages.parts.runs.deletion import delete_button, undo_bar
from pages.parts.runs.run_card import run_card
from pages.parts.runs.runs_table import runs_table
from pages.parts.runs.take_home import take_home
from pages.shared import live, session
from pages.shared.data_here import data_here
from pages.shared.language import _, n_, say
from pages.shared.launch import launch
from pages.shared.strip import statuses
from pages.shared.words import plain


def _notices() -> None:
    for notice in runs().notices():
        st.warning(plain(say(notice)), icon=":material/healing:")
    if not runs().are_kept:
        st.warning(
            _(
                "Runs cannot be kept on this disk: they are on the Train page until NetSketch "
                "ends, and gone after that."
            ),
            icon=":material/cloud_off:",
        )
    refused = session.take_refusal()
    if refused:
        st.error(plain(say(refused)), icon=":material/block:")


def _no_run_yet() -> None:
    draft = session.draft()
    with st.container(border=True):
        st.markdown("#### " + _("Every run is kept here"))
        st.markdown(
            _(
                "Its settings, curves and weights, until you delete it. Tick one to see what "
                "became of it; tick two, and the page says what differs between them, which one is "
                "better, and whether that is more than luck."
            )
        )
        st.button(
            _("Train the first one"),
            type="primary",
            icon=":material/play_arrow:",
            key="train",
            on_click=launch,
            kwargs={"then": "pages/train_page.py"},
            disabled=check(draft).problem is not None or not data_here(draft.data),
            help=_("The network of the Build page"),
        )


def _chosen(rows: tuple[RunRow, ...]) -> list[Run]:
    """Return the chosen runs that there are, and say so where some are gone."""
    known = {row.id for row in rows}
    wanted = session.compared()
    found = [run for run in map(runs().get, (i for i in wanted if i in known)) if run is not None]
    if len(found) < len(wanted):
        session.compare(run.id for run in found)
        words = n_(
            "{n:,} run of this choice cannot be found here.",
            "{n:,} runs of this choice cannot be found here.",
            len(wanted) - len(found),
        )
        st.info(words, icon=":material/search_off:")
    return found


def _several(chosen: list[Run]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="compare_head"):
        words = _("{count} runs side by side").format(count=len(chosen))
        st.markdown(f"#### {words}", width="content")
        st.button(
            _("Clear the choice"),
            icon=":material/close:",
            key="clear",
            on_click=session.compare,
            args=((),),
        )
        delete_button(chosen)
    if len(chosen) > session.MAX_COMPARED:
        words = _("At most {most} runs can be compared. Untick {too_many}.").format(
            most=session.MAX_COMPARED, too_many=len(chosen) - session.MAX_COMPARED
        )
        st.info(words, icon=":material/filter_5:")
        return
    compare(chosen)


st.html(Path(__file__).parent / "parts/runs/runs.css")
_notices()
undo_bar()
live.depends_on(statuses)
rows = runs().rows()
if not rows:
    _no_run_yet()
else:
    chosen = _chosen(rows)
    runs_table(rows)
    if not chosen:
        st.caption(
            _("Tick a run to see it, two or more to compare them. A click on a column sorts.")
        )
    elif len(chosen) == 1:
        tags = sorted({tag for row in rows for tag in row.tags})
        run_card(chosen[0], next(row for row in rows if row.id == chosen[0].id), tags)
        take_home(chosen[0])
    else:
        _several(chosen)
with st.expander(_("Bring in a file"), icon=":material/upload_file:"):
    bring_in()
