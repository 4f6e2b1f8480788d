"""A run in words and numbers: its result, four figures, and the small print."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from core.runs.history import Curves
from core.runs.how_it_runs import how_it_runs
from core.runs.record import Status
from core.runs.snapshot import RunSnapshot
from core.spec import setting_at
from core.spec.difference import in_words
from core.words.message import N_
from pages.shared.data_words import data_title
from pages.shared.language import _, say
from pages.shared.words import duration, percent, plain

# Each status as it stands behind a run's name.
STATES: Final[Mapping[Status, str]] = {
    "queued": N_("queued"),
    "running": N_("running"),
    "paused": N_("paused"),
    "finished": N_("finished"),
    "stopped": N_("stopped"),
    "interrupted": N_("interrupted"),
    "diverged": N_("diverged"),
    "failed": N_("failed"),
    "imported": N_("imported"),
}


def result(now: RunSnapshot) -> None:
    """Say how a run ended, and how well it does, or why it does not go on."""
    if now.held:
        st.info(
            _(
                "It was paused for longer than this server lets a pause hold up others, so another "
                "run has its place. All that it learned is saved, and it waits in line: **Resume** "
                "lets it go on from there as soon as it is its turn."
            ),
            icon=":material/pause_circle:",
        )
    if now.status in ("diverged", "failed"):
        st.error(plain(say(now.message)), icon=":material/error:")
    elif now.status == "interrupted":
        if now.message:
            st.warning(plain(say(now.message)), icon=":material/hourglass_top:")
        st.info(
            _(
                "NetSketch was ended while this run was under way. All that it learned is kept: "
                "**Resume** goes on from there."
            ),
            icon=":material/power_off:",
        )
    elif now.ended and now.message:
        st.info(plain(say(now.message)), icon=":material/info:")
    if now.ended and now.test is not None:
        early = _("Stopped early. ") if now.status == "stopped" else ""
        words = _(
            "**{correct:,} of {total:,} right** ({share}) on test images that were never used for "
            "a choice. Now draw one of your own on the **Draw** page."
        ).format(
            correct=now.test.correct,
            total=now.test.total,
            share=percent(now.test.correct / now.test.total),
        )
        st.success(f"{early}{words}", icon=":material/verified:")


def numbers(now: RunSnapshot, curves: Curves) -> None:
    """Show the four figures that people look for first."""
    train_accuracy = now.train_accuracy
    if train_accuracy is None and len(curves.accuracy):
        train_accuracy = float(curves.accuracy[-1])  # of a run of an earlier day
    columns = st.container(key="numbers").columns(4)
    columns[0].metric(
        _("Validation accuracy"),
        percent(now.val_accuracy),
        help=_("On images that training does not see, after each epoch."),
    )
    columns[1].metric(
        _("Training accuracy"),
        percent(train_accuracy),
        help=_("On the newest batches, while they are learned from."),
    )
    columns[2].metric(
        _("Time left") if not now.ended else _("Time taken"),
        duration(now.elapsed_s if now.ended else now.remaining_s),
        help=_("Pauses are not counted."),
    )
    rate = now.images_per_s
    columns[3].metric(_("Images a second"), "–" if rate is None else f"{rate:,.0f}")


def details(now: RunSnapshot) -> None:
    """Say in small print where a run is and how it learns."""
    spec = now.spec
    epoch, total = now.epoch_of_fold, spec.num_epochs
    if spec.folds:
        fold = _("Fold {fold} of {total}").format(fold=now.fold, total=spec.folds)
        where = [fold, _("epoch {epoch} of {total}").format(epoch=epoch, total=total)]
    else:
        where = [_("Epoch {epoch} of {total}").format(epoch=epoch, total=total)]
    words = [
        *where,
        _("step {step:,} of {total:,}").format(step=now.step, total=now.num_steps),
        _("{time} elapsed").format(time=duration(now.elapsed_s)),
        _("learning rate {lr:.3g}").format(lr=now.lr),
        say(in_words(setting_at("optimizer"), spec.optimizer)),
        _("batch of {size:,}").format(size=spec.batch_size),
        _("seed {seed}").format(seed=spec.seed),
        plain(data_title(spec.data)),
        _("on {device}").format(device=plain(say(now.device.name)) if now.device else "–"),
    ]
    how = None
    if now.device:
        how = _("How this runs. {details}").format(
            details=plain(say(how_it_runs(spec, now.device, now.precision, now.stretches)))
        )
    st.caption(" · ".join(words), help=how)
