"""The order in which the rest of a block follows its convolution."""

from itertools import permutations
from typing import Final

from core.spec.settings import Choice
from core.words.message import N_, joined, message, shown

# What can follow a convolution, by the names that an address and JSON have for it.
PARTS: Final = {
    "norm": N_("norm"),
    "act": N_("activation"),
    "pool": N_("pooling"),
    "drop": N_("dropout"),
}


def _in_words(names: tuple[str, ...]) -> str:
    return joined((PARTS[name] for name in names), " → ")


ORDERS: Final = {"-".join(names): _in_words(names) for names in permutations(PARTS)}
DEFAULT_ORDER: Final = next(iter(ORDERS))


class OrderChoice(Choice):
    """A choice among all orders, whose complaint does not list them."""

    def complaint(self, value: object) -> str | None:
        """See `Setting.complaint`."""
        if isinstance(value, str) and value in self.options:
            return None
        return message(
            "must name {parts} once each, such as {example}, not “{value}”",
            parts=", ".join(PARTS),
            example=DEFAULT_ORDER,
            value=shown(value),
        )


def orders_that_differ(order: str, present: frozenset[str]) -> dict[str, str]:
    """Return the orders that differ for a block, with what it has in words.

    Args:
        order: the block's own, which stands for all that are the same.
        present: which of PARTS it has.
    """
    own = _restricted(order, present)
    found: dict[tuple[str, ...], str] = {}
    for other in ORDERS:
        found.setdefault(_restricted(other, present), other)
    found[own] = order
    return {chosen: _in_words(names) for names, chosen in found.items()}


def unusual_order(order: str, present: frozenset[str]) -> tuple[str, ...]:
    """Name what a block has, in its order, where that differs from the usual one; else nothing.

    Args:
        order: the block's own.
        present: which of PARTS it has.
    """
    own = _restricted(order, present)
    usual = own == _restricted(DEFAULT_ORDER, present)
    return () if usual else tuple(PARTS[name] for name in own)


def _restricted(order: str, present: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in order.split("-") if name in present)
