"""Keeps files that were made for the next time that somebody asks for them."""

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from core.runs.record import to_plain
from core.take_home.contents import RunContents
from core.words.message import N_

MAX_BYTES: Final = 64 * 2**20


class FileCache:
    """Finished files by what they were made of; the one asked for longest ago is forgotten first.

    One file is made at a time, so that whatever is taken home leaves the other cores to the run
    that trains, and two who want the same file have it made once.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._making = threading.RLock()
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._max_bytes = max_bytes

    def take(
        self,
        contents: RunContents,
        name: str,
        make: Callable[[], bytes],
        tell: Callable[[str], None] = lambda words: None,
    ) -> bytes:
        """Return the file of this name, made of exactly these contents; `make` may raise.

        Args:
            contents: what it is made of.
            name: tells files of the same contents apart.
            make: makes it.
            tell: told if it has to wait for another file.
        """
        key = (name, fingerprint(contents))
        if not self._making.acquire(blocking=False):
            tell(N_("Waiting until another file is made"))
            self._making.acquire()
        try:
            if key not in self._kept:
                self._keep(key, made := make())
                return made
            self._kept.move_to_end(key)
            return self._kept[key]
        finally:
            self._making.release()

    def _keep(self, key: tuple[str, str], made: bytes) -> None:
        self._kept[key] = made
        while sum(map(len, self._kept.values())) > self._max_bytes:
            self._kept.popitem(last=False)


def fingerprint(contents: RunContents) -> str:
    """Return what differs as soon as anything in the contents of a run does."""
    digest = hashlib.sha256(json.dumps(to_plain(contents.record), sort_keys=True).encode())
    for values in (contents.steps.loss, contents.steps.accuracy):
        digest.update(values.tobytes())
    for name, tensor in sorted((contents.weights or {}).items()):
        digest.update(name.encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
