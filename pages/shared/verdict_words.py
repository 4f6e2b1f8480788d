"""Verdicts on two runs, as lines of a page."""

from core.judging.fold_verdict import comparable, fold_verdict
from core.judging.verdict import ALPHA, Verdict
from core.runs.view import Run
from core.words.message import N_
from pages.shared.language import _, say
from pages.shared.words import plain

_HOW = N_(
    "McNemar’s exact test, two-sided. Only the images that one of the two names rightly and the "
    "other does not can tell them apart; were both equally good, each would fall to either side "
    "like a coin. Under {alpha:.0%} one is called better. It speaks of these two trained networks "
    "on these images: with another seed it may turn out otherwise."
)
_FOLDS_HOW = N_(
    "A paired t-test over the folds, corrected for what they share (Nadeau and Bengio, "
    "2003). It speaks of the two specifications, whichever images are held back; the "
    "verdict below speaks of the two networks of the last fold, on the test images."
)


def how_judged() -> str:
    """Say how two networks are compared."""
    return say(_HOW).format(alpha=ALPHA)


def icon_of(better: str | None) -> str:
    """Return a cup where one is better, else scales."""
    return ":gray[:material/balance:]" if better is None else ":green[:material/trophy:]"


def verdict_line(verdict: Verdict, headline: str | None = None) -> str:
    """Write a verdict and the numbers behind it.

    Args:
        verdict: on two networks.
        headline: the verdict in other words than its own.
    """
    head = say(verdict.headline if headline is None else headline)
    return f"{icon_of(verdict.better)} **{plain(head)}** {plain(say(verdict.reason))}"


def folds_line(first: Run, second: Run, names: tuple[str, str]) -> tuple[str, str | None]:
    """Write which of two cross-validations is better, and how that is told, where it can be.

    Args:
        first: one of them.
        second: the other.
        names: what each is called.
    """
    if not comparable(first.spec, second.spec):
        words = _(
            "They were cross-validated on other folds (another number of folds, seed or data set), "
            "so fold cannot be held against fold."
        )
        return f":gray[:material/donut_small:] {words}", None
    found, other = first.folds(), second.folds()
    verdict = fold_verdict(found, other, names) if found and other else None
    if verdict is None:
        words = _("There is no verdict over the folds before both runs have trained all of theirs.")
        return f":gray[:material/donut_small:] {words}", None
    told = f"**{plain(say(verdict.headline))}** {plain(say(verdict.reason))}"
    return f"{icon_of(verdict.better)} {told}", say(_FOLDS_HOW)
