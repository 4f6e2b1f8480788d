"""Accuracy, precision and recall of a real network, and what cross-validation does."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import Final

import streamlit as st
from torch import Tensor

from core.article.detector import Counts, called_so, counts, little_chances, sweep
from core.article.digits import DATA
from core.data.loading import load
from core.runs.manager import runs
from core.runs.record import ENDED
from core.runs.view import Run
from core.spec import setting_at
from core.spec.settings import Choice
from core.training.length import length_of
from pages.parts.article.digit_choice import FIRST
from pages.parts.article.line_chart import Axis, FairQueue, line_chart, rows
from pages.shared import live, session
from pages.shared.language import _, n_, say
from pages.shared.palette import palette
from pages.shared.pictures import strip_of_pictures
from pages.shared.words import percent, plain

_LITTLE: Final = ""
_WHOSE: Final = "article_whose"
_ASKED: Final = "article_asked"
_THRESHOLD: Final = "article_threshold"
_FOLDS: Final = "article_folds"
_MOST_RUNS: Final = 20
_MOST_PICTURES: Final = 14
_THRESHOLDS: Final = tuple(i / 100 for i in range(1, 100))


def measures() -> None:
    """Let a person move a threshold, and see what a cross-validation holds back."""
    live.depends_on(_listed)
    _detector()
    st.markdown("##### " + _("Is it luck? Cross-validation"))
    _folds()


@st.fragment
def _detector() -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(
            _(
                "**Accuracy** is the share of all answers that are right. One number, which does "
                "not say what kind of mistakes there are: whoever always says no is right about "
                "nine digits of ten."
            )
        )
        st.markdown(
            _(
                "**Precision**: of the pictures that are called this digit, how many are it? "
                "**Recall**: of all pictures of the digit, how many are called so? To ask for more "
                "certainty trades the one for the other."
            )
        )
        precision, recall = _("precision"), _("recall")
        st.latex(
            rf"\text{{{precision}}}=\frac{{\textit{{TP}}}}{{\textit{{TP}}+\textit{{FP}}}}\;\; "
            rf"\text{{{recall}}}=\frac{{\textit{{TP}}}}{{\textit{{TP}}+\textit{{FN}}}}"
        )
        run = _whose()
        digit = st.segmented_control(
            _("Is it this digit?"),
            list(range(10)),
            default=FIRST,
            required=True,
            key=_ASKED,
            persist_state="session",
        )
        share = st.slider(
            _("Called so from this probability on"),
            1,
            99,
            50,
            format="%d\N{NO-BREAK SPACE}%%",
            key=_THRESHOLD,
            persist_state="session",
        )
    chances = _chances(run)
    labels = load(DATA).test.labels
    found = counts(chances, labels, digit, share / 100)
    with right:
        _figures(found)
        st.html(_table(found, digit))
        _curves(chances, labels, digit, share, found)
    _mistakes(chances, digit, share / 100)
    _way_to_train(run)


def _listed() -> tuple[str, ...]:
    """The ended runs that may have been tested on these images."""
    return tuple(run.id for run in runs().all() if run.spec.data == DATA and run.status in ENDED)


def _tested() -> dict[str, Run]:
    return {
        run.id: run
        for run in runs().all()
        if run.spec.data == DATA and run.snapshot().test is not None and run.snapshot().ended
    }


def _whose() -> Run | None:
    """Let a person choose whose answers these are; None is the little network."""
    tested = _tested()
    options = [_LITTLE, *list(tested)[:_MOST_RUNS]]
    if st.session_state.get(_WHOSE) not in options:
        st.session_state[_WHOSE] = options[min(1, len(options) - 1)]
    chosen: str = st.selectbox(
        _("Whose answers to the 500 test images"),
        options,
        format_func=lambda one: (
            say(tested[one].name) if one else _("The little network of section 1")
        ),
        key=_WHOSE,
        persist_state="session",
    )
    return tested.get(chosen)


def _chances(run: Run | None) -> Tensor:
    logits = run.logits() if run is not None else None
    return little_chances() if logits is None else logits.softmax(1)


def _figures(found: Counts) -> None:
    accuracy, precision, recall = st.container(key="article_numbers").columns(3)
    accuracy.metric(_("Accuracy"), percent(found.accuracy))
    precision.metric(_("Precision"), percent(found.precision))
    recall.metric(_("Recall"), percent(found.recall))


def _table(found: Counts, digit: int) -> str:
    """Write the four counts, what is right in one colour and what is wrong in the other."""
    said = _("called a {digit}").format(digit=digit)
    not_said = _("not called so")
    true = _("it is a {digit}").format(digit=digit)
    other = _("it is another")
    cells = (
        f"<i></i><small>{escape(said)}</small><small>{escape(not_said)}</small>"
        f"<small>{escape(true)}</small>{_cell(found.hits, 'good', 'TP')}"
        f"{_cell(found.misses, 'bad', 'FN')}"
        f"<small>{escape(other)}</small>{_cell(found.false_alarms, 'bad', 'FP')}"
        f"{_cell(found.rest, 'good', 'TN')}"
    )
    return f'<div class="counts">{cells}</div>'


def _cell(count: int, kind: str, name: str) -> str:
    return f'<span class="{kind}"><b>{count}</b> <em>{name}</em></span>'


def _curves(chances: Tensor, labels: Tensor, digit: int, share: int, now: Counts) -> None:
    colours = palette()
    swept = sweep(chances, labels, digit, _THRESHOLDS)

    def line(name: str, what: str, colour: str, dash: tuple[int, ...]) -> FairQueue:
        known = [
            (100 * at, 100 * value)
            for at, one in zip(_THRESHOLDS, swept, strict=True)
            if (value := getattr(one, what)) is not None
        ]
        here = getattr(now, what)
        return FairQueue(
            name=name,
            x=[x for x, _value in known],
            y=[y for _at, y in known],
            colour=colour,
            dash=dash,
            width=2.5,
            mark=None if here is None else (float(share), 100 * here),
        )

    lines = [
        line(_("accuracy"), "accuracy", colours.quiet, (2, 2)),
        line(_("precision"), "precision", colours.lit, (1, 0)),
        line(_("recall"), "recall", colours.pooling, (7, 3)),
    ]
    lowest = min(min(one.y) for one in lines)
    x = Axis(title=_("Called so from this probability on, in %"), ends=(0, 100))
    y = Axis(title="%", ends=(min(80.0, lowest - 1), 100.5))
    st.vega_lite_chart(
        rows(lines), line_chart(lines, x, y, colours, height=270), key="article_thresholds"
    )


def _mistakes(chances: Tensor, digit: int, threshold: float) -> None:
    """Show the pictures that the network is wrong about."""
    test = load(DATA).test
    called, there = called_so(chances, digit, threshold), test.labels == digit
    missed, alarms = st.columns(2, gap="large")
    for column, wrong, words in (
        (missed, there & ~called, _("**Missed** (FN): a {digit}, and not called so")),
        (alarms, called & ~there, _("**False alarms** (FP): called a {digit}, and none")),
    ):
        with column:
            st.markdown(words.format(digit=digit))
            index = wrong.nonzero()[:, 0].tolist()
            if not index:
                st.caption(_("None."))
                continue
            names = [
                _("A {true}; the network gives {share} to {digit}").format(
                    true=int(test.labels[i]), share=percent(float(chances[i, digit])), digit=digit
                )
                for i in index[:_MOST_PICTURES]
            ]
            strip_of_pictures(test.images[index[:_MOST_PICTURES], 0].numpy(), names)
            if len(index) > _MOST_PICTURES:
                st.caption(_("and {count} more pictures").format(count=len(index) - _MOST_PICTURES))


def _way_to_train(run: Run | None) -> None:
    words = _(
        "For every run the Train page tells these figures of each class, with all confusions and "
        "how far its probabilities can be believed, once the run has been tested."
    )
    if run is None:
        st.caption(words)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button(
            _("All measures of {run}").format(run=plain(say(run.name))),
            icon=":material/monitoring:",
            key="article_measures",
            on_click=_show,
            args=(run.id,),
        )
        st.caption(words, width="stretch")
    if clicked:
        st.rerun()  # a click within a fragment runs only that again, and no page is turned


def _show(run_id: str) -> None:
    session.choose_run(run_id)
    session.go_to("pages/train_page.py")


@st.fragment
def _folds() -> None:
    left, right = st.columns([2, 3], gap="large")
    record = setting_at("folds")
    assert isinstance(record, Choice)
    offered = [int(k) for k in record.options if int(k)]
    with left:
        st.markdown(
            _(
                "One part of the images judges, the others teach; then the next part judges, until "
                "each has been held back once. The mean is a fairer figure than any single one, "
                "and the spread says how much of it is luck. The test images stay out of it."
            )
        )
        st.latex(
            r"\bar a=\frac1k\sum_{i=1}^{k}a_i \quad "
            r"s=\sqrt{\frac1{k-1}\sum_i (a_i-\bar a)^2}"
        )
    with right:
        folds = st.select_slider(_("Folds"), offered, value=5, key=_FOLDS, persist_state="session")
        st.html(_fold_figure(folds))
        draft = session.draft()
        course = length_of(replace(draft, data=DATA, folds=folds))
        st.caption(
            _(
                "Of the 4,500 images that are not for the test each network learns from {train:,} "
                "and is judged by {held:,}."
            ).format(train=course.train, held=course.validation)
        )
        clicked = st.button(
            n_("Set {n} fold on Build", "Set {n} folds on Build", folds),
            icon=":material/donut_small:",
            key="article_set_folds",
            on_click=_set_folds,
            args=(folds,),
            help=_("Under “Cross-validation” there; the Train page then shows every fold."),
        )
    if clicked:
        st.rerun()


def _set_folds(folds: int) -> None:
    session.change("folds", folds)
    session.go_to("pages/build_page.py")


def _fold_figure(folds: int) -> str:
    """Draw a row for each network and a cell for each part, the one that judges lit."""
    judges = escape(_("judges"))
    lines = "".join(_fold_row(row, folds, judges) for row in range(folds))
    return f'<div class="folds" style="--columns:{folds}">{lines}</div>'


def _fold_row(row: int, folds: int, judges: str) -> str:
    cells: Sequence[str] = [
        f'<span class="judge" title="{judges}"></span>' if part == row else "<span></span>"
        for part in range(folds)
    ]
    return "".join(cells)
