"""All runs in a table: sought, filtered, sorted, starred, chosen."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Final, cast

import pandas as pd
import streamlit as st

from core.runs.manager import runs
from core.runs.record import Status
from core.runs.store import RunRow
from core.take_home.sheet import sheet
from core.words.errors import UserError
from core.words.translation import tell
from pages.parts.runs.held_files import Page, held_files
from pages.shared import session
from pages.shared.data_words import data_title, short_data_title
from pages.shared.language import _, language, n_, say
from pages.shared.person import person
from pages.shared.strip import STATUS_WORDS
from pages.shared.words import disk_size

_FILTERS: Final = ("runs_text", "runs_starred", "runs_tags", "runs_data", "runs_states")
_FILE: Final = "runs.csv"
_CSV: Final = "text/csv"
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
        network = row.network.words
        said = " ".join(
            (row.name, _named(row), *row.tags, row.note, network, say(network))
        ).casefold()
        return all(word in said for word in self.text.casefold().split())


def runs_table(rows: Sequence[RunRow]) -> None:
    """Show the filters and the table of those runs that pass them."""
    wanted = _filters(rows)
    found = [row for row in rows if wanted.fits(row)]
    with st.container(horizontal=True, vertical_alignment="center", key="runs_count"):
        if wanted.everything:
            count = n_("{n:,} run", "{n:,} runs", len(rows))
        else:
            count = n_(
                "{found:,} of {n:,} run",
                "{found:,} of {n:,} runs",
                len(rows),
                found=len(found),
            )
        st.caption(count, width="content")
        st.caption(
            _("{size} on the disk").format(size=disk_size(runs().disk_used())),
            width="content",
            help=n_(
                "Settings, curves and weights of all runs. A deleted run counts until it leaves "
                "the disk, after {n:,} day.",
                "Settings, curves and weights of all runs. A deleted run counts until it leaves "
                "the disk, after {n:,} days.",
                runs().limits.keep_deleted_days,
            ),
        )
        if not wanted.everything:
            st.button(
                _("Show all"), icon=":material/filter_alt_off:", on_click=_show_all, key="all"
            )
        if found:
            st.space("stretch")
            st.download_button(
                _("Table (.csv)"),
                partial(table_file, session.held("runs_file", Page), found),
                _FILE,
                _CSV,
                key="runs_csv",
                type="tertiary",
                icon=":material/download:",
                on_click="ignore",
                help=_("These runs for a spreadsheet, every name as text"),
            )
    if not found:
        st.info(_("No run is like that."), icon=":material/search_off:")
        return
    column = st.column_config
    st.dataframe(
        table_rows(found, st.context.timezone or "UTC"),
        key=session.table_key([row.id for row in found]),
        on_select=session.take_table,
        selection_mode="multi-row",
        hide_index=True,
        height=_ROW_PX * (min(len(found), _MOST_ROWS) + 1) + 3,
        column_config={
            "★": column.ButtonColumn(
                width=44,
                type="tertiary",
                help=_("Click to star a run"),
                on_click=_star,
                key="runs_star",
            ),
            "Name": column.TextColumn(_("Name"), width=236),
            "Test": column.NumberColumn(
                _("Test"),
                width=80,
                format="%.1f\N{NO-BREAK SPACE}%%",
                help=_("Share of the test images that are named rightly"),
            ),
            "State": column.TextColumn(_("State"), width=110),
            "Network": column.TextColumn(
                _("Network"),
                width=150,
                help=_("Channels of each convolution block + units of each dense layer"),
            ),
            "Data": column.TextColumn(_("Data"), width=95),
            "Parameters": column.NumberColumn(
                _("Parameters"), width=100, format="localized", help=_("Numbers that training sets")
            ),
            "Time": column.NumberColumn(
                _("Time"),
                width=80,
                format=_("%.1f s"),
                help=_("Seconds of work; pauses are not counted"),
            ),
            # In the letters of moment.js.
            "Begun": column.DatetimeColumn(_("Begun"), width=150, format=_("D MMM YYYY, HH:mm")),
            "Tags": column.ListColumn(_("Tags"), width=130),
            "Note": column.TextColumn(_("Note"), width=180),
            "Device": column.TextColumn(_("Device"), width=120),
            "Disk": column.NumberColumn(
                _("Disk"), width=80, format="bytes", help=_("What its folder takes on the disk")
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
            "Name": [_named(row) for row in rows],
            "Test": [None if r.test_accuracy is None else 100 * r.test_accuracy for r in rows],
            "State": [_words(row.status) for row in rows],
            "Network": [say(row.network.words) for row in rows],
            "Data": [short_data_title(row.data) for row in rows],
            "Parameters": [row.params for row in rows],
            "Time": [row.elapsed_s for row in rows],
            "Begun": when.tz_convert(timezone),
            "Tags": [list(row.tags) for row in rows],
            "Note": [row.note for row in rows],
            "Device": [say(row.device.name) if row.device else "" for row in rows],
            "Disk": [row.num_bytes for row in rows],
        }
    ).astype({"Test": "float64"})


def table_file(page: Page, rows: Sequence[RunRow]) -> bytes:
    """Make the table for a spreadsheet, and hold it until the browser has fetched it.

    Args:
        page: of the session that asks.
        rows: one a run.
    """
    made = table_csv(rows).encode()
    page.seen()
    # Where there is no room, a browser that is quick enough gets it all the same.
    with suppress(UserError):
        held_files.hold(page, made, _CSV, _FILE)
    return made


def table_csv(rows: Sequence[RunRow]) -> str:
    """Write one line a run, for a spreadsheet; times are those of UTC."""
    columns: dict[str, Callable[[RunRow], object]] = {
        "number": lambda row: row.number,
        "name": lambda row: str(row.name),
        "starred": lambda row: int(row.starred),
        "test_accuracy": lambda row: row.test_accuracy,
        "status": lambda row: row.status,
        "network": lambda row: str(row.network.words),
        "data": lambda row: data_title(row.data),
        "parameters": lambda row: row.params,
        "seconds": lambda row: row.elapsed_s,
        "begun": lambda row: datetime.fromtimestamp(row.created_at, UTC).isoformat(" ", "seconds"),
        "tags": lambda row: ", ".join(row.tags),
        "note": lambda row: row.note,
        "device": lambda row: str(row.device.name) if row.device else "",
        "bytes": lambda row: row.num_bytes,
    }
    return sheet(list(columns), ([value(row) for value in columns.values()] for row in rows))


def _named(row: RunRow) -> str:
    """Return a run's name in the reader's language."""
    return _told(row.id, row.name, language())


# To tell a name that NetSketch has made takes 37 µs of one core of an EPYC, and there may be
# thousands, in every run of the script.
@lru_cache(maxsize=20_000, typed=True)
def _told(run_id: str, name: str, read_in: str) -> str:
    return tell(name, read_in)


def _filters(rows: Sequence[RunRow]) -> Wanted:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            _("Search"),
            key="runs_text",
            persist_state="session",
            placeholder=_("Search names, tags, notes, networks"),
            icon=":material/search:",
            label_visibility="collapsed",
            max_chars=100,
            live=True,
        )
        starred = st.toggle(_("Starred"), key="runs_starred", persist_state="session")
        tags = _choices("runs_tags", {tag for row in rows for tag in row.tags})
        data = _choices("runs_data", {row.data for row in rows})
        states = _choices("runs_states", {row.status for row in rows})
        narrowed = sum(bool(st.session_state.get(key)) for key in _FILTERS[2:])
        on = _("Filter, {count} on").format(count=narrowed) if narrowed else _("Filter")
        with st.popover(on, icon=":material/filter_alt:"):
            _choose(_("Tags, any of them"), tags, "runs_tags", str)
            _choose(_("Data"), data, "runs_data", data_title)
            _choose(_("State"), states, "runs_states", _words)
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


def _choose(label: str, options: list[str], key: str, words: Callable[[str], str]) -> None:
    st.multiselect(
        label,
        options,
        format_func=words,
        key=key,
        persist_state="session",
        placeholder=_("Choose options") if options else _("No options to select"),
        disabled=not options,
    )


def _show_all() -> None:
    st.session_state["runs_text"], st.session_state["runs_starred"] = "", False
    for key in _FILTERS[2:]:
        st.session_state[key] = []


def _star() -> None:
    """Callback of a star in the table."""
    run_id = session.listed_run(st.session_state["runs_star"]["row"])
    row = next((row for row in runs().rows() if row.id == run_id), None)
    if row is not None:
        try:
            runs().change(row.id, starred=not row.starred, owner=person())
        except UserError as error:
            session.refuse(error.message)


def _words(status: Status | str) -> str:
    """Return a status as the strip words it, without its icon."""
    return say(STATUS_WORDS[cast(Status, status)])
