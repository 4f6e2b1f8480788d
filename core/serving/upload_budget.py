"""How much of other people's uploads a server holds at once, on its disk."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

# What is full: the place of one tab, of one network address, or of the whole server; or its disk.
Refusal = Literal["session", "address", "server", "disk"]
# A tab has a few uploaders, each of one or two files.
MAX_FILES: Final = 50
# Each is open for as long as it is held, and systems let a process open 1,024.
MAX_FILES_IN_ALL: Final = 400


@dataclass(frozen=True)
class Held:
    """What a session has uploaded and the server still holds: files, and their bytes."""

    files: int
    num_bytes: int


class TooMuch(Exception):
    """An upload has no room now; `full` says where."""

    def __init__(self, full: Refusal) -> None:
        super().__init__(full)
        self.full: Refusal = full


class UploadBudget:
    """Room for uploads, those under way and those that are held. Safe in any thread.

    Args:
        per_session, per_address, in_all: most bytes of one tab, of one network address, and of all.
        held: what each session has uploaded and the server still holds.
    """

    def __init__(
        self,
        *,
        per_session: int,
        per_address: int,
        in_all: int,
        held: Callable[[], Mapping[str, Held]],
    ) -> None:
        self._most: dict[Refusal, int] = {
            "session": per_session,
            "address": per_address,
            "server": in_all,
        }
        self._held = held
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._num_under_way: Counter[str] = Counter()
        self._addresses: dict[str, str] = {}

    @contextmanager
    def room(self, session: str, address: str, size: int) -> Iterator[None]:
        """Keep room for an upload while it is under way.

        Args:
            session: whose it is.
            address: where it comes from; empty for this machine, which has only the other limits.
            size: its bytes, as announced.

        Raises:
            TooMuch: there is none.
        """
        with self._lock:
            self._require(session, address, size)
            self._under_way[session] += size
            self._num_under_way[session] += 1
            self._addresses[session] = address
        try:
            yield
        finally:
            with self._lock:
                self._under_way[session] -= size
                self._num_under_way[session] -= 1

    def taken(self) -> int:
        """Return the bytes of all uploads, under way and held."""
        with self._lock:
            return sum(self._by_session().values())

    def _require(self, session: str, address: str, size: int) -> None:
        sizes = self._by_session()
        files = Counter({one: held.files for one, held in self._held().items()})
        files.update(self._num_under_way)
        if files[session] >= MAX_FILES or sizes.get(session, 0) + size > self._most["session"]:
            raise TooMuch("session")
        theirs = sum(n for one, n in sizes.items() if self._addresses.get(one) == address)
        if address and theirs + size > self._most["address"]:
            raise TooMuch("address")
        in_all = sum(sizes.values()) + size
        if in_all > self._most["server"] or files.total() >= MAX_FILES_IN_ALL:
            raise TooMuch("server")

    def _by_session(self) -> dict[str, int]:
        """Return the bytes of each session, and forget the sessions that have none."""
        sizes = Counter({session: held.num_bytes for session, held in self._held().items()})
        sizes.update(self._under_way)
        known = {session for session, size in sizes.items() if size or self._under_way[session]}
        for counts in (self._under_way, self._num_under_way, self._addresses):
            for session in [one for one in counts if one not in known]:
                del counts[session]
        return {session: sizes[session] for session in known}
