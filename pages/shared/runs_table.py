"""All runs in a table: sought, filtered, sorted, starred, chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from core.data import title_of
from core.errors import UserError
from core.record import Status
from core.runs import runs
from core.store import RunRow
from pages.shared import state
from pages.shared.person import person
from pages.shared.strip import STATUS_WORDS
from pages.shared.words import counted, disk_size

_FILTERS: Final = ("runs_text", "runs_starred", "runs_tags", "runs_data", "runs_states")
_ROW_PX: Final = 35
# So many rows are seen at once, and the rest of the page stays in sight below them.
_MOST_ROWS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which runs are to be listed; what is empty leaves all."""

    text: str = ""
    starred: bool = False
    tags: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether no run is left out."""
        return self == Wanted()

    def fits(self, row: RunRow) -> bool:
        """Tell whether a run is wanted: every word stands somewhere in its name, tags, note, ..."""
        if self.starred and not row.starred:
            return False
        if self.tags and not set(self.tags) & set(row.tags):
            return False
        if (self.data and row.data not in self.data) or (
            self.states and row.status not in self.states
        ):
            return False
        said = " ".join((row.name, *row.tags, row.note, row.network)).casefold()
        return all(word in said for word in self.text.casefold().split())


def runs_table(rows: Sequence[RunRow]) -> None:
    """Show the filters and the table of those runs that pass them."""
    wanted = _filters(rows)
    found = [row for row in rows if wanted.fits(row)]
    with st.container(horizontal=True, vertical_alignment="center", key="runs_count"):
        count = counted(len(rows), "run")
        st.caption(
            count if wanted.everything else f"{len(found):,} of {count}",
            width="content",
        )
        st.caption(
            f"{disk_size(runs().disk_used())} on the disk",
            width="content",
            help="Settings, curves and weights of all runs. A deleted run counts until it leaves "
            f"the disk, after {counted(runs().limits.keep_deleted_days, 'day')}.",
        )
        if not wanted.everything:
            st.button("Show all", icon=":material/filter_alt_off:", on_click=_show_all, key="all")
    if not found:
        st.info("No run is like that.", icon=":material/search_off:")
        return
    column = st.column_config
    st.dataframe(
        table_rows(found, st.context.timezone or "UTC"),
        key=state.table_key([row.id for row in found]),
        on_select=state.take_table,
        selection_mode="multi-row",
        hide_index=True,
        height=_ROW_PX * (min(len(found), _MOST_ROWS) + 1) + 3,
        column_config={
            "★": column.ButtonColumn(
                width=44,
                type="tertiary",
                help="Click to star a run",
                on_click=_star,
                key="runs_star",
            ),
            "Name": column.TextColumn(width=180),
            "Test": column.NumberColumn(
                width=80, format="%.1f %%", help="Share of the test images that are named rightly"
            ),
            "State": column.TextColumn(width=110),
            "Network": column.TextColumn(
                width=150, help="Channels of each convolution block + units of each dense layer"
            ),
            "Data": column.TextColumn(width=95),
            "Parameters": column.NumberColumn(
                width=100, format="localized", help="Numbers that training sets"
            ),
            "Time": column.NumberColumn(
                width=80, format="%.1f s", help="Seconds of work; pauses are not counted"
            ),
            "Begun": column.DatetimeColumn(width=150, format="D MMM YYYY, HH:mm"),
            "Tags": column.ListColumn(width=130),
            "Note": column.TextColumn(width=180),
            "Device": column.TextColumn(width=120),
            "Disk": column.NumberColumn(
                width=80, format="bytes", help="What its folder takes on the disk"
            ),
        },
        placeholder="–",
    )


def table_rows(rows: Sequence[RunRow], timezone: str) -> pd.DataFrame:
    """Return one row a run, values such that a column sorts as people expect.

    Args:
        rows: of the runs.
        timezone: in which times are shown, such as `Europe/Berlin`.
    """
    when = pd.to_datetime([row.created_at for row in rows], unit="s", utc=True)
    return pd.DataFrame(
        {
            "★": ["★" if row.starred else "☆" for row in rows],
            "Name": [row.name for row in rows],
            "Test": [None if r.test_accuracy is None else 100 * r.test_accuracy for r in rows],
            "State": [_words(row.status) for row in rows],
            "Network": [row.network for row in rows],
            "Data": [_data(row.data).partition(" (")[0] for row in rows],
            "Parameters": [row.params for row in rows],
            "Time": [row.elapsed_s for row in rows],
            "Begun": when.tz_convert(timezone),
            "Tags": [list(row.tags) for row in rows],
            "Note": [row.note for row in rows],
            "Device": [row.device for row in rows],
            "Disk": [row.num_bytes for row in rows],
        }
    ).astype({"Test": "float64"})


def _filters(rows: Sequence[RunRow]) -> Wanted:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search",
            key="runs_text",
            persist_state="session",
            placeholder="Search names, tags, notes, networks",
            icon=":material/search:",
            label_visibility="collapsed",
            max_chars=100,
            live=True,
        )
        starred = st.toggle("Starred", key="runs_starred", persist_state="session")
        tags = _choices("runs_tags", {tag for row in rows for tag in row.tags})
        data = _choices("runs_data", {row.data for row in rows})
        states = _choices("runs_states", {row.status for row in rows})
        narrowed = sum(bool(st.session_state.get(key)) for key in _FILTERS[2:])
        with st.popover(
            f"Filter, {narrowed} on" if narrowed else "Filter", icon=":material/filter_alt:"
        ):
            st.multiselect("Tags, any of them", tags, key="runs_tags", persist_state="session")
            st.multiselect(
                "Data", data, format_func=_data, key="runs_data", persist_state="session"
            )
            st.multiselect(
                "State",
                states,
                format_func=_words,
                key="runs_states",
                persist_state="session",
            )
    return Wanted(
        text=text or "",
        starred=starred,
        tags=tuple(st.session_state["runs_tags"]),
        data=tuple(st.session_state["runs_data"]),
        states=tuple(st.session_state["runs_states"]),
    )


def _choices(key: str, present: set[str]) -> list[str]:
    """Offer what there is, and what was chosen while there was any."""
    return sorted(present | set(st.session_state.get(key) or ()))


def _show_all() -> None:
    st.session_state["runs_text"], st.session_state["runs_starred"] = "", False
    for key in _FILTERS[2:]:
        st.session_state[key] = []


def _star() -> None:
    """Callback of a star in the table."""
    run_id = state.listed_run(st.session_state["runs_star"]["row"])
    row = next((row for row in runs().rows() if row.id == run_id), None)
    if row is not None:
        try:
            runs().change(row.id, starred=not row.starred, owner=person())
        except UserError as error:
            state.refuse(str(error))


def _data(key: str) -> str:
    return title_of(key)


def _words(status: Status) -> str:
    """Return a status as the strip words it, without its icon."""
    return STATUS_WORDS[status].rpartition("] ")[2]
