"""Files that were made when a person asked for them, until the browser has fetched them.

Streamlit 1.67 counts a file that was made on demand as nobody's, and throws it away at the end of
the second script run after that, whoever's it is. Pages that tick end several a second, so that the
browser often came too late. Kept under a place of no session, a file stays until something else
takes that place. Each session has a place of its own for every file of its page, and gives them up
when it leaves the page; what all together hold is limited.
"""

import itertools
import logging
import threading
import time
import weakref
from dataclasses import dataclass
from typing import Final

from streamlit import runtime

from core.words.errors import UserError
from core.words.message import N_

# Of all sessions together. One more file is made all the same where it is the only one.
MAX_BYTES: Final = 400 * 2**20
# A page whose panel has not looked for so long is left; a browser lets hidden tabs look once a
# minute.
LEFT_S: Final = 150.0
_NOTHING: Final = b"-"

_owners = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")


class Page:
    """A session's page that offers files; it is left where nobody says any more that it is seen."""

    def __init__(self) -> None:
        self.offer = ""
        self._seen_at = time.monotonic()

    def seen(self) -> None:
        """Note that a person looks at it."""
        self._seen_at = time.monotonic()

    @property
    def is_left(self) -> bool:
        """Whether nobody has looked at it for long."""
        return time.monotonic() - self._seen_at > LEFT_S


@dataclass
class _Place:
    number: int
    page: weakref.ref[Page]
    offer: str
    name: str
    num_bytes: int

    @property
    def is_free(self) -> bool:
        page = self.page()
        return page is None or page.is_left or page.offer != self.offer


class HeldFiles:
    """All that is held. Safe in any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._places: list[_Place] = []
        self._spare: list[int] = []

    def hold(self, page: Page, made: bytes, mime: str, saved_as: str) -> None:
        """Keep a finished file until the page is left, or offers files of something else.

        Args:
            page: for whose browser it was made.
            made: the file.
            mime: its kind.
            saved_as: the name that the browser gives it; another file of this name takes its place.

        Raises:
            UserError: too much is held already for pages that are open.
        """
        if not runtime.exists():
            return
        with self._lock:
            for place in [one for one in self._places if one.is_free]:
                self._give_up(place)
            for place in [one for one in self._places if self._is_of(one, page, saved_as)]:
                self._give_up(place)
            held = sum(place.num_bytes for place in self._places)
            if held and held + len(made) > MAX_BYTES:
                raise UserError(
                    N_(
                        "The server holds as many finished files for open pages as it can. Close "
                        "pages that you no longer need, or try again in three minutes."
                    )
                )
            number = self._spare.pop() if self._spare else next(self._numbers)
            self._places.append(_Place(number, weakref.ref(page), page.offer, saved_as, len(made)))
            _put(number, made, mime, saved_as)

    def _is_of(self, place: _Place, page: Page, name: str) -> bool:
        return place.page() is page and place.name == name

    def _give_up(self, place: _Place) -> None:
        self._places.remove(place)
        self._spare.append(place.number)
        # What lay there goes at the end of the next script run.
        _put(place.number, _NOTHING, "text/plain", "nothing")


def _put(number: int, made: bytes, mime: str, saved_as: str) -> None:
    # It would warn that no session is there to own the file, which is the point.
    _owners.disabled = True
    try:
        runtime.get_instance().media_file_mgr.add(
            made, mime, f"take_home_{number}", saved_as, is_for_static_download=True
        )
    finally:
        _owners.disabled = False


held_files: Final = HeldFiles()
