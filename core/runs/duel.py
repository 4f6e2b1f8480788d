"""Two runs side by side: whether that is fair."""

from collections.abc import Sequence

from core.machine.device import free_memory, resolve
from core.network.layers import lay_out
from core.spec import RunSpec
from core.spec.difference import Difference, differences
from core.training.check import require_runnable, size_in_words
from core.training.memory import step_memory
from core.words.errors import UserError
from core.words.message import N_, joined, message


def require_fair(first: RunSpec, second: RunSpec) -> None:
    """See to it that a duel of two specs shows something, and that both can be trained at once.

    Raises:
        UserError: they differ in nothing that counts, in more than one thing or in what they learn
            from; one of them cannot run here, or both together cannot.
    """
    found = differences([first, second])
    if len(found) != 1:
        raise UserError(_unfair(found))
    if found[0].path.startswith("blocks.") and lay_out(first) == lay_out(second):
        # Such as the place of a norm in the order of a block that has none.
        raise UserError(_unfair([]))
    if found[0].path in ("data", "seed", "device"):
        raise UserError(
            message(
                "A fair duel needs the same data, seed and device; these differ in {label!l}.",
                label=found[0].label,
            )
        )
    needed = 0
    for spec in (first, second):
        needed += step_memory(spec, require_runnable(spec)).total
    free = free_memory(resolve(first.device).key)
    if needed > free:
        raise UserError(
            message(
                "Both networks together take about {needed} to train, and {free} are free. "
                "Train them one after the other.",
                needed=size_in_words(needed),
                free=size_in_words(free),
            )
        )


def _unfair(found: Sequence[Difference]) -> str:
    """Say why two specs are no match."""
    if not found:
        return N_(
            "A fair duel is between two networks that differ in exactly one thing; these are the "
            "same."
        )
    labels = [difference.label for difference in found[:4]]
    if len(found) > 4:
        labels.append("…")
    return message(
        "A fair duel is between two networks that differ in exactly one thing; these differ in "
        "{count}: {labels}.",
        count=len(found),
        labels=joined(labels, ", "),
    )
