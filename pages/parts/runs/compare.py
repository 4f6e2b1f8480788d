"""Several runs side by side: who is better, how they learned, and what differs between them."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

import pandas as pd
import streamlit as st

from core.data.loading import load
from core.judging.confusion import confusion
from core.judging.verdict import Answers, Verdict, verdicts
from core.runs.view import Run
from core.spec.difference import ALIKE, differences, loss_in_words, same_loss
from core.words.errors import UserError
from core.words.message import N_, Quoted
from pages.shared.charts.confusion_figure import confusion_figure
from pages.shared.charts.curves_chart import Axis, Measure
from pages.shared.charts.overlay_chart import (
    DASHES,
    LETTERS,
    FairQueue,
    Images,
    overlay_chart,
    overlay_rows,
)
from pages.shared.data_words import class_titles
from pages.shared.language import _, n_, say
from pages.shared.palette import Palette, palette
from pages.shared.verdict_words import folds_line, how_judged, verdict_line
from pages.shared.words import duration, percent, plain

# Enough for a chart of half a page; neighbours are averaged, which also calms the lines.
_POINTS: Final = 120
_TITLES: Final[Mapping[tuple[Measure, Images], str]] = {
    ("loss", "validation"): N_("Loss on validation images"),
    ("loss", "training"): N_("Loss on training images"),
    ("accuracy", "validation"): N_("Accuracy on validation images"),
    ("accuracy", "training"): N_("Accuracy on training images"),
}


def compare(chosen: Sequence[Run]) -> None:
    """Show two or more runs side by side, in the order in which they were chosen."""
    lines = [
        FairQueue(letter=letter, name=say(run.name), curves=run.curves(_POINTS))
        for letter, run in zip(LETTERS, chosen, strict=False)
    ]
    st.html(_legend(lines, chosen, palette()))
    _verdict(chosen)
    _curves(lines, chosen)
    if len(chosen) == 2:
        left, right = st.columns([1, 1], gap="large")
        with left:
            _differences(chosen)
        with right:
            _confusion(chosen)
    else:
        _differences(chosen)


def _legend(lines: Sequence[FairQueue], chosen: Sequence[Run], colours: Palette) -> str:
    """Name the runs, each beside a piece of its line."""
    entries = []
    for line, run, colour, dash in zip(lines, chosen, colours.runs, DASHES, strict=False):
        now, record = run.snapshot(), run.record()
        test = _("not tested") if now.test is None else _tested(now.test.correct, now.test.total)
        params = n_("{n:,} parameter", "{n:,} parameters", record.params)
        entries.append(
            f'<span class="run-letter">{line.letter}</span>'
            f'<span class="run-line" style="background: {_dashed(colour, dash)}"></span>'
            f'<span class="run-name">{escape(line.name)}</span>'
            f'<span class="run-figure">{escape(test)}</span>'
            f'<span class="run-figure">{escape(params)}</span>'
            f'<span class="run-figure">{duration(now.elapsed_s)}</span>'
        )
    return f'<div class="run-legend">{"".join(entries)}</div>'


def _dashed(colour: str, dash: tuple[int, ...]) -> str:
    """Return a line of these dashes as a CSS background."""
    stops: list[str] = []
    at = 0
    for i, length in enumerate(dash):
        ink = "transparent" if i % 2 else colour
        stops.append(f"{ink} {at}px {at + length}px")
        at += length
    return f"repeating-linear-gradient(90deg, {', '.join(stops)})"


def _tested(correct: int, total: int) -> str:
    return _("{correct:,} of {total:,} right ({share})").format(
        correct=correct, total=total, share=percent(correct / total, 2)
    )


def _verdict(chosen: Sequence[Run]) -> None:
    answers, untested = _answers(chosen)
    with st.container(border=True, key="verdict"):
        _fold_verdict(chosen)
        if len(answers) < 2:
            words = n_(
                "There is no verdict before {runs} has been tested.",
                "There is no verdict before {runs} have been tested.",
                len(untested),
                runs=_(" and ").join(untested),
            )
            st.markdown(f":gray[:material/balance:] {plain(words)}")
            return
        try:
            labels = load(answers[0].data).test.labels
            found = verdicts(answers, labels, best=0 if len(answers) == 2 else None)
        except UserError as error:
            st.markdown(f":gray[:material/balance:] {plain(say(error))}")
            return
        how = how_judged()
        for verdict in found:
            st.markdown(_sentence(verdict, alone=len(found) == 1), help=how)
        if untested:
            words = _("Not tested, so left out: {runs}.").format(runs=_(", ").join(untested))
            st.caption(words)


def _fold_verdict(chosen: Sequence[Run]) -> None:
    """Say which of two cross-validations is better, where that can be told."""
    if len(chosen) == 2 and all(run.spec.folds for run in chosen):
        told, how = folds_line(chosen[0], chosen[1], (LETTERS[0], LETTERS[1]))
        st.markdown(told, help=how)


def _answers(chosen: Sequence[Run]) -> tuple[list[Answers], list[str]]:
    """Return what the tested runs say of the test images, and the letters of the others."""
    answers: list[Answers] = []
    untested: list[str] = []
    for letter, run in zip(LETTERS, chosen, strict=False):
        logits = run.logits()
        if logits is None:
            untested.append(letter)
        else:
            answers.append(Answers(name=letter, data=run.spec.data, logits=logits))
    return answers, untested


def _sentence(verdict: Verdict, *, alone: bool) -> str:
    if alone:
        return verdict_line(verdict)
    told = (
        _("{first} against {second}: {better} is better.")
        if verdict.better
        else _("{first} against {second}: within noise.")
    )
    head = told.format(first=verdict.first, second=verdict.second, better=verdict.better)
    return verdict_line(verdict, Quoted(head))


def _curves(lines: Sequence[FairQueue], chosen: Sequence[Run]) -> None:
    one_point = all(len(line.curves.epochs) <= 1 for line in lines)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**" + _("Curves") + "**", width="content")
        st.space("stretch")
        images: Images = st.segmented_control(
            _("Images"),
            ["validation", "training"],
            key="overlay_images",
            persist_state="session",
            default="training" if one_point else "validation",
            required=True,
            format_func={"validation": _("Validation"), "training": _("Training")}.__getitem__,
            label_visibility="collapsed",
            width="content",
        )
        axis: Axis = st.segmented_control(
            _("Horizontal axis"),
            ["step", "epoch"],
            key="overlay_axis",
            persist_state="session",
            default="step" if one_point else "epoch",
            required=True,
            format_func={"step": _("By step"), "epoch": _("By epoch")}.__getitem__,
            label_visibility="collapsed",
            width="content",
        )
    loss, accuracy = st.columns(2, gap="medium")
    with loss:
        _chart(lines, "loss", images, axis)
        _losses(chosen)
    with accuracy:
        _chart(lines, "accuracy", images, axis)


def _chart(lines: Sequence[FairQueue], measure: Measure, images: Images, axis: Axis) -> None:
    st.markdown(say(_TITLES[measure, images]))
    rows = overlay_rows(lines, measure, images, axis)
    st.vega_lite_chart(
        rows, overlay_chart(rows, measure, axis, palette()), key=f"overlay_{measure}"
    )


def _losses(chosen: Sequence[Run]) -> None:
    """Say so where the runs make different things small: then the heights mean nothing."""
    specs = [run.spec for run in chosen]
    if all(same_loss(specs[0], spec) for spec in specs[1:]):
        return
    each = _("; ").join(
        f"{letter}: {say(loss_in_words(spec))}"
        for letter, spec in zip(LETTERS, specs, strict=False)
    )
    words = _(
        "These losses are different ones ({each}), so a lower line is not a better run here: "
        "compare the accuracies."
    )
    st.markdown(f":orange[:material/warning: {plain(words.format(each=each))}]")


def _differences(chosen: Sequence[Run]) -> None:
    st.markdown("**" + _("What differs between them") + "**")
    found = differences([run.spec for run in chosen])
    for letter, run in zip(LETTERS, chosen, strict=False):
        if changes := run.snapshot().lr_changes:
            made = ", ".join(f"{lr:.3g}" for _step, lr in changes)
            words = _("The learning rate of {run} was changed by hand while it trained: {rates}.")
            st.caption(words.format(run=letter, rates=made))
    if not found:
        st.caption(say(ALIKE))
        return
    columns = {
        letter: [say(difference.values[i] or N_("not there")) for difference in found]
        for i, letter in enumerate(LETTERS[: len(chosen)])
    }
    st.dataframe(
        pd.DataFrame({"Setting": [say(difference.label) for difference in found], **columns}),
        hide_index=True,
        column_config={"Setting": _("Setting")},
        height="content",
        key="differences",
    )


def _confusion(chosen: Sequence[Run]) -> None:
    """Show in which mistakes two runs differ."""
    answers = _answers(chosen)[0]
    if len(answers) < 2 or answers[0].data != answers[1].data:
        return
    st.markdown(
        "**" + _("Where their answers differ") + "**",
        help=_(
            "A number is how many more images A has there than B: on the diagonal right answers, "
            "elsewhere mistakes. Point at a cell to read it."
        ),
    )
    try:
        data = load(answers[0].data)
    except UserError as error:
        st.caption(plain(say(error)))
        return
    first, second = (confusion(one.logits, data.test.labels) for one in answers)
    st.caption(_(":green[Teal]: A does better than B. :red[Wine]: A does worse."))
    st.plotly_chart(
        confusion_figure(first, second, ("A", "B"), class_titles(answers[0].data), palette()),
        key="confusion_difference",
        config={"displayModeBar": False},
    )
