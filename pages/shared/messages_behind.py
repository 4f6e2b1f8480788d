"""What a browser had not heard yet when it sent a message.

A browser sends every widget's value, and the address, as it shows them at that moment. Whoever
types a number and presses a button at once sends the second message before the answer to the first
has come: its address is an older one of this session's own, and a widget that the script has
changed meanwhile is sent as it was before.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from streamlit.runtime.scriptrunner import get_script_run_ctx

# A browser is a few addresses behind, never so many.
_MOST_ADDRESSES: Final = 64

Query = Mapping[str, str]


def came_back() -> bool:
    """Tell whether a person's Back or Forward led to the present run of the script."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and context.is_history_navigation


@dataclass
class Behind:
    """What one session has told its browser, and what of it the browser may not know yet."""

    _written: deque[frozenset[tuple[str, str]]] = field(
        default_factory=lambda: deque(maxlen=_MOST_ADDRESSES)
    )
    _before: dict[str, object] = field(default_factory=dict)
    _whole: bool = True

    def wrote(self, query: Query) -> None:
        """Note an address that the script writes."""
        self._written.append(frozenset(query.items()))

    def knows(self, query: Query) -> bool:
        """Tell whether an address was written by the script, now or earlier."""
        return frozenset(query.items()) in self._written

    def is_newest(self, query: Query) -> bool:
        """Tell whether it is the address that the script wrote last."""
        return bool(self._written) and frozenset(query.items()) == self._written[-1]

    def put(self, key: str, before: object) -> None:
        """Note that the script gives a widget another value than `before`, which it shows."""
        self._before.setdefault(key, before)
        self._whole = False

    def all_sent(self) -> None:
        """Note that a run of the script has come to its end, and all that it said was sent."""
        self._whole = True

    def heard(self, query: Query) -> None:
        """Note the address of a message: a browser that has the newest one has all before it."""
        if self._whole and self.is_newest(query):
            self._before.clear()

    def is_stale(self, key: str, value: object) -> bool:
        """Tell whether a widget's value is what it showed before the script changed it."""
        return key in self._before and self._before[key] == value
