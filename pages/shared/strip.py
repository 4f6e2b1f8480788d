"""The line on every page that shows the active run, or the newest one."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.record import ENDED
from core.run import Run
from core.runs import runs
from core.snapshot import RunSnapshot
from pages.shared.launch import go_on
from pages.shared.person import person
from pages.shared.words import duration, percent, plain

LIVE_S = 1.0
# An idle page looks this often whether another tab has started a run.
IDLE_S = 4.0

STATUS_WORDS = {
    "queued": ":gray[:material/hourglass_top:] waits in line",
    "running": ":blue[:material/play_circle:] trains",
    "paused": ":orange[:material/pause_circle:] paused",
    "finished": ":green[:material/check_circle:] finished",
    "stopped": ":gray[:material/stop_circle:] stopped",
    "interrupted": ":orange[:material/power_off:] interrupted",
    "imported": ":gray[:material/upload_file:] brought in",
    "diverged": ":red[:material/error:] diverged",
    "failed": ":red[:material/error:] failed",
}


def strip() -> None:
    """Show the strip; it looks again by itself."""
    # A run that waits will train in a moment.
    live = any(run.status not in ENDED for run in runs().all())
    with st.container(key="strip"):
        st.fragment(_panel, run_every=LIVE_S if live else IDLE_S)(_statuses())


def _statuses() -> tuple[tuple[str, str], ...]:
    """Every run and its status, as pages list them."""
    return tuple((run.id, run.status) for run in runs().all())


def _panel(shown: tuple[tuple[str, str], ...]) -> None:
    if _statuses() != shown:
        st.rerun()  # the whole page: what it lists is no longer so, perhaps by another tab's doing
    # The newest one says how it ended as long as none is active; of a duel both are.
    for run in runs().all_active() or runs().all()[:1]:
        _line(run, run.snapshot())
    if not shown:
        st.caption("No run yet. Build a network, then press **Train**.")


def _line(run: Run, now: RunSnapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(now.name)}** {STATUS_WORDS[now.status]}", width="content")
        if now.active:
            st.progress(now.progress, width=180)
        words = [f"fold {now.fold}/{now.spec.folds}"] if now.active and now.spec.folds else []
        words += [f"epoch {now.epoch_of_fold}/{now.spec.num_epochs}"] if now.active else []
        if now.val_accuracy is not None:
            words.append(f"validation {percent(now.val_accuracy)}")
        if now.ended and now.test is not None:
            words.append(f"test {percent(now.test.correct / now.test.total)}")
        if now.active and now.remaining_s is not None:
            words.append(f"{duration(now.remaining_s)} left")
        waiting = sum(other.status == "queued" for other in runs().all())
        if waiting:
            words.append(f"{waiting} in line")
        st.markdown(" · ".join(words) or " ", width="content")
        if now.active:
            first = runs().active() is run
            controls(run, now, "strip" if first else "strip_rival", small=True)


def controls(run: Run, now: RunSnapshot, where: str, *, small: bool) -> None:
    """Show what can be done with a run: pause, resume, stop."""
    if now.ended and not (now.resumable and not small):
        return
    mine = runs().may_change(run.id, person())
    other = "It was started in another browser, and on this server each changes their own runs."
    if now.ended:
        _control(
            "Resume", "play_arrow", f"{where}_resume", partial(go_on, run.id), mine, other, small
        )
        return
    if now.status == "paused":
        _control("Resume", "play_arrow", f"{where}_resume", run.resume, mine, other, small)
    elif now.status == "running":
        _control("Pause", "pause", f"{where}_pause", run.pause, mine, other, small)
    words = "Stop and keep what was learned" if now.active else "Take it out of the line"
    _control("Stop", "stop", f"{where}_stop", run.stop, mine, words if mine else other, small)


def _control(
    label: str,
    icon: str,
    key: str,
    act: Callable[[], None],
    mine: bool,
    words: str,
    small: bool,
) -> None:
    st.button(
        "" if small else label,
        icon=f":material/{icon}:",
        help=label if mine and label != "Stop" else words,
        key=key,
        on_click=act,
        disabled=not mine,
    )
