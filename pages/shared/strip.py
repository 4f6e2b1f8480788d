"""The line on every page that shows the active run, or the newest one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.runs.manager import runs
from core.runs.record import ENDED, Status
from core.runs.snapshot import RunSnapshot
from core.runs.view import Run
from core.words.message import N_
from pages.shared import live
from pages.shared.language import _, say
from pages.shared.launch import go_on, pause, resume, stop
from pages.shared.person import person
from pages.shared.words import duration, percent, plain

LIVE_S = 1.0
# An idle page looks this often whether another tab has started a run.
IDLE_S = 4.0

STATUS_WORDS: Final[Mapping[Status, str]] = {
    "queued": N_("waits in line"),
    "running": N_("trains"),
    "paused": N_("paused"),
    "finished": N_("finished"),
    "stopped": N_("stopped"),
    "interrupted": N_("interrupted"),
    "imported": N_("brought in"),
    "diverged": N_("diverged"),
    "failed": N_("failed"),
}
_ICONS: Final[Mapping[Status, str]] = {
    "queued": ":gray[:material/hourglass_top:]",
    "running": ":blue[:material/play_circle:]",
    "paused": ":orange[:material/pause_circle:]",
    "finished": ":green[:material/check_circle:]",
    "stopped": ":gray[:material/stop_circle:]",
    "interrupted": ":orange[:material/power_off:]",
    "imported": ":gray[:material/upload_file:]",
    "diverged": ":red[:material/error:]",
    "failed": ":red[:material/error:]",
}


def status_words(now: RunSnapshot) -> str:
    """Return a run's state with its icon, in the reader's language."""
    if now.held:
        words, icon = _("paused and saved, its place given up"), _ICONS["paused"]
    else:
        words, icon = say(STATUS_WORDS[now.status]), _ICONS[now.status]
    return f"{icon} {words}"


def strip() -> DeltaGenerator:
    """Show the strip, which looks again by itself; return a place for one sentence below it."""
    with st.container(key="strip"):
        live.live("strip", _panel)
        return st.empty()


def statuses() -> tuple[tuple[str, str], ...]:
    """Every run and its status, as pages list them."""
    return tuple((run.id, run.status) for run in runs().all())


def _panel() -> float:
    live.redraw_if_changed()
    known = runs().all()
    # The newest one says how it ended as long as none is active; of a duel both are.
    for run in runs().all_active() or known[:1]:
        _line(run, run.snapshot())
    if not known:
        st.caption(_("No run yet. Build a network, then press **Train**."))
    # A run that waits will train in a moment.
    return LIVE_S if any(run.status not in ENDED for run in known) else IDLE_S


def _line(run: Run, now: RunSnapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(say(now.name))}** {status_words(now)}", width="content")
        # Before the facts, which change in width: a button must not move away under the mouse.
        if now.active:
            st.progress(now.progress, width=160)
            first = runs().active() is run
            controls(run, now, "strip" if first else "strip_rival", small=True)
        st.markdown(" · ".join(_facts(now)) or " ", width="content")


def _facts(now: RunSnapshot) -> list[str]:
    """Say how far a run is and how well it does, a few words each."""
    words = []
    if now.active and now.spec.folds:
        words.append(_("fold {fold}/{total}").format(fold=now.fold, total=now.spec.folds))
    if now.active:
        epoch, total = now.epoch_of_fold, now.spec.num_epochs
        words.append(_("epoch {epoch}/{total}").format(epoch=epoch, total=total))
    if now.val_accuracy is not None:
        words.append(_("validation {share}").format(share=percent(now.val_accuracy)))
    if now.ended and now.test is not None:
        right = percent(now.test.correct / now.test.total)
        words.append(_("test {share}").format(share=right))
    if now.active and now.remaining_s is not None:
        words.append(_("{time} left").format(time=duration(now.remaining_s)))
    waiting = sum(other.status == "queued" for other in runs().all())
    if waiting:
        words.append(_("{count} in line").format(count=waiting))
    return words


def controls(run: Run, now: RunSnapshot, where: str, *, small: bool) -> None:
    """Show what can be done with a run: pause, resume, stop."""
    if now.ended and not (now.resumable and not small):
        return
    mine = runs().may_change(run.id, person())
    again, hold = _("Resume"), _("Pause")
    if now.ended:
        _control(again, "play_arrow", f"{where}_resume", partial(go_on, run.id), mine, again)
        return
    if now.status == "paused" or now.held:
        _control(again, "play_arrow", f"{where}_resume", partial(resume, run.id), mine, again)
    elif now.status == "running":
        _control(hold, "pause", f"{where}_pause", partial(pause, run.id), mine, hold)
    words = (
        _("Stop and keep what was learned")
        if now.active or now.held
        else _("Take it out of the line")
    )
    _control(_("Stop"), "stop", f"{where}_stop", partial(stop, run.id), mine, words)


def _control(
    label: str,
    icon: str,
    key: str,
    act: Callable[[], None],
    mine: bool,
    words: str,
) -> None:
    if not mine:
        words = _(
            "It was started in another browser, and on this server each changes their own runs."
        )
    st.button(
        label,  # in the strip read out, not seen; see style.css
        icon=f":material/{icon}:",
        help=words,
        key=key,
        on_click=_change,
        args=(act,),
        disabled=not mine,
    )


def _change(act: Callable[[], None]) -> None:
    live.hurry()
    act()
