"""One run: what it is, how it ended, what people say of it, and what can be done with it."""

from datetime import UTC, datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from core.runs.manager import runs
from core.runs.record import MAX_NAME, MAX_NOTE, MAX_TAG, MAX_TAGS, RunRecord
from core.runs.snapshot import RunSnapshot
from core.runs.store import RunRow
from core.runs.view import Run
from core.spec import RunSpec
from core.spec.summary import outline_of
from core.words.errors import UserError
from core.words.message import N_
from pages.parts.runs.deletion import delete_button
from pages.shared import live, session
from pages.shared.data_here import data_here
from pages.shared.language import _, n_, say
from pages.shared.launch import go_on, launch
from pages.shared.person import person
from pages.shared.run_words import details, result
from pages.shared.strip import status_words
from pages.shared.words import disk_size, plain

_TRAIN: Final = "pages/train_page.py"
_LIVE_S: Final = 1.0
_MONTHS: Final = (
    N_("January"),
    N_("February"),
    N_("March"),
    N_("April"),
    N_("May"),
    N_("June"),
    N_("July"),
    N_("August"),
    N_("September"),
    N_("October"),
    N_("November"),
    N_("December"),
)


def run_card(run: Run, row: RunRow, tags: list[str]) -> None:
    """Show a run.

    Args:
        run: which one.
        row: what the list says of it.
        tags: those that any run has, to be offered.
    """
    now, record = run.snapshot(), run.record()
    mine = runs().may_change(run.id, person())
    with st.container(border=True, key="run_card"):
        left, right = st.columns([3, 2], gap="large")
        with left:
            _head(record, now, mine)
            result(now)
            live.live("run_card", partial(_where_it_is, run))
            st.caption(_small_print(record, row))
            _actions(run, now, mine)
        with right:
            _words(record, tags, mine)


def _head(record: RunRecord, now: RunSnapshot, mine: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="run_head"):
        # A heading of Markdown would be a link to itself, made of the name.
        st.subheader(plain(say(record.name)), anchor=False, width="content")
        st.markdown(status_words(now), width="content")
        st.button(
            _("★ Starred") if record.starred else _("☆ Star"),
            key="star",
            type="tertiary",
            on_click=_change,
            args=(record.id,),
            kwargs={"starred": not record.starred},
            disabled=not mine,
        )


def _where_it_is(run: Run) -> float | None:
    now = run.snapshot()
    details(now)
    return None if now.ended else _LIVE_S


def _small_print(record: RunRecord, row: RunRow) -> str:
    words = [
        say(outline_of(record.spec).words),
        n_("{n:,} parameter", "{n:,} parameters", record.params),
    ]
    if record.best_epoch:
        words.append(_("best after epoch {epoch}").format(epoch=record.best_epoch))
    made = (f"{plain(name)} {plain(text)}" for name, text in record.versions.items())
    words += [
        _("begun {moment}").format(moment=_when(record.created_at)),
        ", ".join(made),
        _("{size} on the disk").format(size=disk_size(row.num_bytes)),
    ]
    return " · ".join(words)


def _when(seconds: float) -> str:
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        zone = ZoneInfo("UTC")
    moment = datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    return _("{day} {month} {year}, {time}").format(
        day=moment.day,
        month=say(_MONTHS[moment.month - 1]),
        year=moment.year,
        time=f"{moment:%H:%M}",
    )


def _actions(run: Run, now: RunSnapshot, mine: bool) -> None:
    with st.container(horizontal=True, key="run_actions"):
        if now.resumable:
            st.button(
                _("Resume"),
                icon=":material/resume:",
                key="card_resume",
                on_click=_resume,
                args=(run.id,),
                disabled=not mine,
                help=_("Go on from where it was"),
            )
        st.button(
            _("Curves"),
            icon=":material/show_chart:",
            key="card_train",
            on_click=_look,
            args=(run.id, _TRAIN),
            help=_("Show it on the Train page"),
        )
        if run.has_weights:
            st.button(
                _("Draw"),
                icon=":material/draw:",
                key="card_draw",
                on_click=_look,
                args=(run.id, "pages/draw_page.py"),
                help=_("Draw a digit and let this network read it"),
            )
        st.button(
            _("Open in Build"),
            icon=":material/deployed_code:",
            key="card_build",
            on_click=_open,
            args=(run.spec,),
            help=_("Its settings take the place of those on the Build page"),
        )
        here = data_here(run.spec.data)
        st.button(
            _("Train again"),
            icon=":material/replay:",
            key="card_again",
            on_click=launch,
            args=(run.spec,),
            kwargs={"then": _TRAIN},
            disabled=not here,
            help=_("A new run of the same settings")
            if here
            else _("Its data are not on this machine."),
        )
        delete_button([run])


def _words(record: RunRecord, tags: list[str], mine: bool) -> None:
    """Let people say what they like of a run."""
    st.text_input(
        _("Name"),
        key=session.put(f"run_name_{record.id}", say(record.name)),
        max_chars=MAX_NAME,
        on_change=_take_name,
        args=(record.id,),
        disabled=not mine,
    )
    st.multiselect(
        _("Tags"),
        sorted({*tags, *record.tags}),
        key=session.put(f"run_tags_{record.id}", list(record.tags)),
        accept_new_options=True,
        max_selections=MAX_TAGS,
        placeholder=_("Type a word, then Enter"),
        on_change=_take_tags,
        args=(record.id,),
        disabled=not mine,
        help=_("At most {tags} of {letters} letters each, to find runs by").format(
            tags=MAX_TAGS, letters=MAX_TAG
        ),
    )
    st.text_area(
        _("Note"),
        key=session.put(f"run_note_{record.id}", record.note),
        max_chars=MAX_NOTE,
        height=110,
        placeholder=_("What was it for? What did you see?"),
        on_change=_take_note,
        args=(record.id,),
        disabled=not mine,
    )


def _take_name(run_id: str) -> None:
    key = f"run_name_{run_id}"
    run, typed = runs().get(run_id), st.session_state[key].strip()
    # Words that NetSketch has made stay facts, which each reads in their own language.
    if not session.is_stale(key) and (run is None or typed != say(run.name)):
        _change(run_id, name=typed)


def _take_tags(run_id: str) -> None:
    key = f"run_tags_{run_id}"
    if not session.is_stale(key):
        typed = (tag.strip() for tag in st.session_state[key])
        _change(run_id, tags=tuple(dict.fromkeys(tag for tag in typed if tag)))


def _take_note(run_id: str) -> None:
    key = f"run_note_{run_id}"
    if not session.is_stale(key):
        _change(run_id, note=st.session_state[key])


def _change(
    run_id: str,
    *,
    name: str | None = None,
    tags: tuple[str, ...] | None = None,
    note: str | None = None,
    starred: bool | None = None,
) -> None:
    try:
        runs().change(run_id, name=name, tags=tags, note=note, starred=starred, owner=person())
    except UserError as error:
        session.refuse(error.message)


def _resume(run_id: str) -> None:
    go_on(run_id)
    _look(run_id, _TRAIN)


def _look(run_id: str, page: str) -> None:
    session.choose_run(run_id)
    session.go_to(page)


def _open(spec: RunSpec) -> None:
    session.adopt(spec)
    session.go_to("pages/build_page.py")
