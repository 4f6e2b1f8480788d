"""A run in words and numbers: its result, four figures, and the small print."""

import streamlit as st

from core.data import title_of
from core.difference import in_words
from core.history import Curves
from core.snapshot import RunSnapshot
from core.spec import setting_at
from core.trainer import how_it_runs
from pages.shared.words import duration, percent, plain


def result(now: RunSnapshot) -> None:
    """Say how a run ended, and how well it does."""
    if now.status in ("diverged", "failed"):
        st.error(plain(now.message), icon=":material/error:")
    elif now.status == "interrupted":
        st.info(
            "NetSketch was ended while this run was under way. All that it learned is kept: "
            "**Resume** goes on from there.",
            icon=":material/power_off:",
        )
    elif now.ended and now.message:
        st.info(plain(now.message), icon=":material/info:")
    if now.ended and now.test is not None:
        early = "Stopped early. " if now.status == "stopped" else ""
        st.success(
            f"{early}**{now.test.correct:,} of {now.test.total:,} right** "
            f"({percent(now.test.correct / now.test.total)}) on test images that were never used "
            "for a choice. Now draw a digit of your own on the **Draw** page.",
            icon=":material/verified:",
        )


def numbers(now: RunSnapshot, curves: Curves) -> None:
    """Show the four figures that people look for first."""
    train_accuracy = now.train_accuracy
    if train_accuracy is None and len(curves.accuracy):
        train_accuracy = float(curves.accuracy[-1])  # of a run of an earlier day
    columns = st.container(key="numbers").columns(4)
    columns[0].metric(
        "Validation accuracy",
        percent(now.val_accuracy),
        help="On images that training does not see, after each epoch.",
    )
    columns[1].metric(
        "Training accuracy",
        percent(train_accuracy),
        help="On the newest batches, while they are learned from.",
    )
    columns[2].metric(
        "Time left" if not now.ended else "Time taken",
        duration(now.elapsed_s if now.ended else now.remaining_s),
        help="Pauses are not counted.",
    )
    rate = now.images_per_s
    columns[3].metric("Images a second", "–" if rate is None else f"{rate:,.0f}")


def details(now: RunSnapshot) -> None:
    """Say in small print where a run is and how it learns."""
    spec = now.spec
    epoch = f"epoch {now.epoch_of_fold} of {spec.num_epochs}"
    where = f"Fold {now.fold} of {spec.folds} · {epoch}" if spec.folds else epoch.capitalize()
    st.caption(
        f"{where} · step {now.step:,} of {now.num_steps:,} · "
        f"{duration(now.elapsed_s)} elapsed · learning rate {now.lr:.3g} · "
        f"{in_words(setting_at('optimizer'), spec.optimizer)} · batch of {spec.batch_size:,} · "
        f"seed {spec.seed} · {plain(title_of(spec.data))} · on {plain(now.device) or '–'}",
        help=f"How this runs. {plain(how_it_runs(spec))}" if now.device else None,
    )
