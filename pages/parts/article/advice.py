"""The article's advice, each piece tried: two networks trained, and what the test images say."""

from collections.abc import Sequence
from html import escape
from typing import Final, cast

import streamlit as st

from core.article.advice import ADVICE, Advice, missing, outcome, pairs_of
from core.judging.verdict import ALPHA, Verdict
from core.network.layers import lay_out
from core.runs.manager import runs
from core.runs.view import Run
from core.spec.difference import differences
from core.words.errors import UserError
from pages.parts.article.advice_preview import preview
from pages.shared import live, session
from pages.shared.charts.overlay_chart import FairQueue, overlay_chart, overlay_rows
from pages.shared.language import _, n_, say
from pages.shared.launch import set_against
from pages.shared.palette import palette
from pages.shared.person import person
from pages.shared.strip import status_words
from pages.shared.words import duration, percent, plain, short

LIVE_S: Final = 0.5
_POINTS: Final = 60


def advice_checked() -> None:
    """Show each piece of advice with its comparison."""
    st.markdown(
        _(
            "Advice is cheap to check where a run takes seconds. Each comparison trains two "
            "networks on the built-in digits, from the same seed, and asks whether the difference "
            "on the 500 test images is more than luck. With another seed it may come out "
            "differently: try."
        )
    )
    live.depends_on(_listed)
    live.live("advice", _panel)


def _listed() -> tuple[tuple[str, str], ...]:
    """The runs of the newest comparisons, and their statuses."""
    newest = (pair for each in ADVICE for pair in _pairs(each)[:1])
    return tuple((run.id, run.status) for pair in newest for run in pair)


def _panel() -> float | None:
    trains = False
    for each in ADVICE:
        with st.container(border=True, key=f"article_advice_{each.key}"):
            trains |= _one(each)
    return LIVE_S if trains else None


def _one(advice: Advice) -> bool:
    """Show one piece of advice; return whether its comparison is under way."""
    pairs = _pairs(advice)
    newest = pairs[0] if pairs else None
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown(f"#### {say(advice.title)}")
        st.markdown(_words(advice))
        st.html(_both(advice, newest))
        _buttons(advice, newest)
    with right:
        if newest is None:
            preview(advice)
            st.caption(_plan(advice))
            return False
        _curves(newest)
        if _is_live(newest):
            for letter, run in zip("AB", newest, strict=True):
                now = run.snapshot()
                st.progress(now.progress, f"**{letter}** {status_words(now)}")
            return True
        _verdict(newest)
        _other_seeds(pairs)
    return False


def _words(advice: Advice) -> str:
    return {
        "kernels": _(
            "A larger kernel sees more of the picture at once, and has more weights to learn. "
            "Unlike what the article says it makes no network deeper."
        ),
        "depth": _(
            "More layers can build more complicated patterns out of simple ones. They also take "
            "longer, and the gradient has further to go."
        ),
        "adam": _(
            "The article recommends Adam for safety, which is not what it gives: it adapts the "
            "step to every weight. Everything else is the same here, the learning rate included; "
            "with one of its own SGD may do better."
        ),
    }[advice.key]


def _both(advice: Advice, pair: tuple[Run, Run] | None) -> str:
    """Write both networks: what they are, their size and, once known, how they did."""
    heads = ("", "", _("right"), _("parameters"), _("time"))
    cells = [f"<small>{escape(head)}</small>" for head in heads]
    cost = escape(_("multiply–adds"))
    cells.insert(4, f'<small class="cost">{cost}</small>')
    specs = (advice.first, advice.second)
    names = (advice.first_name, advice.second_name)
    for i, (letter, name, spec) in enumerate(zip("AB", names, specs, strict=True)):
        network = lay_out(spec)
        right, taken = _figures(pair[i]) if pair else ("–", "–")
        colour = palette().runs[i]
        cells += [
            f'<b style="color:{colour}">{letter}</b>',
            f"<span>{escape(say(name))}</span>",
            f"<em>{right}</em>",
            f"<em>{network.params:,}</em>",
            f'<em class="cost">{short(network.multiply_adds)}</em>',
            f"<em>{taken}</em>",
        ]
    return f'<div class="versus">{"".join(cells)}</div>'


def _figures(run: Run) -> tuple[str, str]:
    now = run.snapshot()
    if not now.ended or now.test is None:
        return "–", duration(now.elapsed_s)
    return f"{now.test.correct} / {now.test.total}", duration(now.elapsed_s)


def _buttons(advice: Advice, newest: tuple[Run, Run] | None) -> None:
    seed = advice.first.seed
    again = False
    if newest is not None:
        again = all(run.status == "finished" for run in newest)
        seed = newest[0].spec.seed + again
    first, second = advice.with_seed(seed)
    wanted = missing(advice, seed, runs().all(), person())
    with st.container(horizontal=True):
        clicked = st.button(
            _("Again, with another seed") if again else _("Run the comparison"),
            type="secondary" if again else "primary",
            icon=":material/compare_arrows:",
            key=f"article_compare_{advice.key}",
            on_click=set_against,
            args=(first, second, wanted),
            disabled=newest is not None and _is_live(newest),
        )
        shown = again and st.button(
            _("Side by side on Runs"),
            icon=":material/table_rows:",
            key=f"article_runs_{advice.key}",
            on_click=_show,
            args=(newest,),
        )
    if clicked or shown:
        st.rerun()  # a click within a fragment runs only that again


def _show(pair: Sequence[Run]) -> None:
    session.compare(run.id for run in pair)
    session.go_to("pages/runs_page.py")


def _plan(advice: Advice) -> str:
    count = len(differences((advice.first, advice.second)))
    if count == 1:
        return _("They differ in one setting only, so they train side by side, as a duel.")
    return n_(
        "They differ in {n} setting, so they train one after the other.",
        "They differ in {n} settings, so they train one after the other.",
        count,
    )


def _curves(pair: tuple[Run, Run]) -> None:
    lines = [
        FairQueue(letter=letter, name=say(run.name), curves=run.curves(_POINTS))
        for letter, run in zip("AB", pair, strict=True)
    ]
    st.markdown(_("**Accuracy on validation images**, by epoch"))
    rows = overlay_rows(lines, "accuracy", "validation", "epoch")
    chart = overlay_chart(rows, "accuracy", "epoch", palette())
    encoding = cast(dict[str, dict[str, dict[str, object]]], chart["encoding"])
    # The ends of the run, and room for 100 %, from the first epoch on.
    encoding["x"]["scale"]["domain"] = [1, pair[0].spec.num_epochs]
    encoding["y"]["axis"]["minExtent"] = 50
    st.vega_lite_chart(
        rows, {**chart, "height": 190}, key=f"article_overlay_{pair[0].id}_{pair[1].id}"
    )


def _verdict(pair: tuple[Run, Run]) -> None:
    if any(run.status != "finished" for run in pair):
        st.info(
            _("One of the two did not come to its end, so there is nothing to compare."),
            icon=":material/info:",
        )
        return
    try:
        found = outcome(pair)
    except UserError as error:
        st.caption(plain(say(error)))
        return
    if found is not None:
        st.markdown(_sentence(found), help=_how(found))


def _sentence(found: Verdict) -> str:
    """Say whether the advice has held, and the numbers behind that."""
    reason = plain(say(found.reason))
    if found.better is None:
        head = _(":gray[:material/balance:] **These images cannot tell.**")
        return f"{head} {reason}"
    if found.better == found.second:
        head = _(":green[:material/thumb_up:] **Here the advice holds.**")
    else:
        head = _(":red[:material/thumb_down:] **Here the advice does not hold.**")
    return f"{head} {plain(say(found.headline))} {reason}"


def _how(found: Verdict) -> str:
    return _(
        "McNemar’s exact test on {total:,} test images. Under {alpha:.0%} a difference counts as "
        "more than luck."
    ).format(total=found.total, alpha=ALPHA)


def _other_seeds(pairs: tuple[tuple[Run, Run], ...]) -> None:
    """Say how the comparison came out with each seed so far."""
    told = []
    for pair in reversed(pairs):
        tests = [run.snapshot().test for run in pair]
        if all(run.status == "finished" for run in pair) and all(tests):
            rights = " : ".join(percent(t.correct / t.total) for t in tests if t is not None)
            told.append(_("seed {seed}: {rights}").format(seed=pair[0].spec.seed, rights=rights))
    if len(told) > 1:
        st.caption(_("A : B so far. {results}").format(results=" · ".join(told)))


def _pairs(advice: Advice) -> tuple[tuple[Run, Run], ...]:
    return pairs_of(advice, runs().all(), person())


def _is_live(pair: tuple[Run, Run]) -> bool:
    return any(not run.snapshot().ended for run in pair)
