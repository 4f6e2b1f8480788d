"""The line on every page that shows the active run, or the newest one."""

import streamlit as st

from core.record import ENDED
from core.run import Run
from core.runs import runs
from core.snapshot import RunSnapshot
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
    active = runs().active()
    newest = runs().all()
    run = active or (newest[0] if newest else None)
    if run is None:
        st.caption("No run yet. Build a network, then press **Train**.")
        return
    _line(run, run.snapshot())


def _line(run: Run, now: RunSnapshot) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{plain(now.name)}** {STATUS_WORDS[now.status]}", width="content")
        if now.active:
            st.progress(now.progress, width=180)
        words = [f"epoch {now.epoch}/{now.spec.num_epochs}"] if now.active else []
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
            controls(run, now, "strip", small=True)


def controls(run: Run, now: RunSnapshot, where: str, *, small: bool) -> None:
    """Show pause or resume, and stop, for a run that has not ended."""
    label = "" if small else None
    if now.status == "paused":
        st.button(
            label if label is not None else "Resume",
            icon=":material/play_arrow:",
            help="Resume",
            key=f"{where}_resume",
            on_click=run.resume,
        )
    elif now.status == "running":
        st.button(
            label if label is not None else "Pause",
            icon=":material/pause:",
            help="Pause",
            key=f"{where}_pause",
            on_click=run.pause,
        )
    if not now.ended:
        st.button(
            label if label is not None else "Stop",
            icon=":material/stop:",
            help="Stop and keep what was learned",
            key=f"{where}_stop",
            on_click=run.stop,
        )
