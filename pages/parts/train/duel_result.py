"""How a duel stands: both networks by name, their test accuracies, and the verdict."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Final

import streamlit as st

from core.data.loading import load
from core.judging.verdict import Answers, Verdict, verdict
from core.runs.manager import runs
from core.runs.view import Run
from core.words.errors import UserError
from core.words.message import N_
from pages.shared.language import _, say
from pages.shared.strip import STATUS_WORDS
from pages.shared.verdict_words import folds_line, how_judged, verdict_line
from pages.shared.words import percent, plain

_LETTERS: Final = ("A", "B")


def duel_result(run: Run) -> None:
    """Show how the duel of a run stands; nothing where it trained alone.

    The place is there from the beginning, so that nothing below it moves when the verdict comes.
    """
    rival = runs().get(run.record().rival)
    if rival is None:
        return
    two = sorted((run, rival), key=lambda one: one.number)
    with st.container(border=True, key="duel"):
        st.html(_scores(two))
        if run.spec.folds and rival.spec.folds:
            told, how = folds_line(two[0], two[1], _LETTERS)
            st.markdown(told, help=how)
        told, how = _verdict(two)
        st.markdown(told, help=how)


def _scores(two: Sequence[Run]) -> str:
    """Write one row for each network."""
    rows = []
    for letter, run in zip(_LETTERS, two, strict=True):
        now = run.snapshot()
        share, right = "–", say(STATUS_WORDS[now.status])
        if now.test is not None:
            share = percent(now.test.correct / now.test.total)
            right = _("{correct:,} of {total:,} test images right").format(
                correct=now.test.correct, total=now.test.total
            )
        rows.append(
            f'<tr><th scope="row"><span class="duel-letter">{letter}</span> '
            f"{escape(say(now.name))}</th>"
            f'<td class="duel-share">{escape(share)}</td><td>{escape(right)}</td></tr>'
        )
    label, body = escape(_("The duel")), "".join(rows)
    return f'<table class="duel" aria-label="{label}"><tbody>{body}</tbody></table>'


def _verdict(two: Sequence[Run]) -> tuple[str, str | None]:
    """Write who won, or why that cannot be told, and how it is told."""
    waiting = [run for run in two if not run.snapshot().ended]
    if waiting:
        words = _("Who is better is told here as soon as both have been tested.")
        return f":gray[:material/balance:] {words}", how_judged()
    untested = [
        letter for letter, run in zip(_LETTERS, two, strict=True) if run.snapshot().test is None
    ]
    if untested:
        words = _("No verdict: {runs} ended before the test.").format(
            runs=_(" and ").join(untested)
        )
        return f":gray[:material/balance:] {plain(words)}", how_judged()
    try:
        found = _judged(two)
    except UserError as error:
        return f":gray[:material/balance:] {plain(say(error))}", None
    return verdict_line(found, _headline(found, two)), how_judged()


def _judged(two: Sequence[Run]) -> Verdict:
    """Compare what both say of the test images.

    Raises:
        UserError: that cannot be read, or was not said of the same images.
    """
    answers = []
    for letter, run in zip(_LETTERS, two, strict=True):
        logits = run.logits()
        if logits is None:
            raise UserError(run.trouble or N_("What it said of the test images is not kept."))
        answers.append(Answers(name=letter, data=run.spec.data, logits=logits))
    return verdict(answers[0], answers[1], load(answers[0].data).test.labels)


def _headline(found: Verdict, two: Sequence[Run]) -> str:
    """Call the better one by its name, which says what it does otherwise."""
    first, second = (run.name for run in two)
    if first == second:
        return found.headline
    return replace(found, first=first, second=second).headline
