"""A person's file, read in the background: how far that is, and an end to it at any time."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final
from weakref import WeakSet

from core.data.intake.array_file import read_npz_file
from core.data.intake.arrays import is_arrays
from core.data.intake.common import Intake, IntakeError, Preparation, Progress, shown_name
from core.data.intake.taken import Taken
from core.data.intake.waiting_room import Lane
from core.data.intake.zip_file import read_zip
from core.words.message import N_, message

# This many files are read at once in the whole process; others wait for their turn.
_AT_ONCE: Final = 2
# Nobody has asked for so long: the page is gone, and nobody waits for the images.
_FORGOTTEN_S: Final = 60.0
# After so many seconds of work the reader rests for this part of them, so that pages and training
# get on in the meantime.
_WORK_S: Final = 0.05
_REST: Final = 0.1
# What is left is not told before this has been done, for the beginning says too little.
_TELLING_S: Final = 1.0
_turns: Final = Lane(_AT_ONCE)
# A file that takes longer lets others have its turn after so long, and then waits for the next.
_TURN_S: Final = 3.0
# So many are left half read at most, for each holds up to 16 MB of images by then.
_MOST_ASIDE: Final = 24
_aside: Final[set["Reading"]] = set()
# What was read and is still looked at, on all pages together: 86 kB of a file may become 16 MB. No
# other file is read while there is more.
_MOST_LOOKED_AT: Final = 400 * 2**20
_looked_at: Final[WeakSet[Taken]] = WeakSet()
_counting: Final = threading.Lock()
# Arrays are unpacked whole, up to 200 MB of them: of these one file at a time.
_turn_of_arrays: Final = Lane(1)


class Reading:
    """One file being read. Every method may be called by any thread."""

    def __init__(self, data: bytes, filename: str, preparation: Preparation) -> None:
        """Begin to read in a thread of its own."""
        named = filename.lower().endswith((".npz", ".npy"))
        holds_arrays = named or is_arrays(data)
        reader = read_npz_file if holds_arrays else read_zip
        self._holds_arrays = holds_arrays
        self._has_turn, self._turn_since_s = False, 0.0
        self._what = shown_name(filename)
        self._begin: Callable[[], Progress] = lambda: reader(data, filename, preparation)
        self._share, self._began_s = 0.0, 0.0
        self._asked_s = time.monotonic()
        self._ended, self._cancelled = threading.Event(), threading.Event()
        self._intake: Intake | None = None
        self._trouble: IntakeError | None = None
        threading.Thread(target=self._read, name="own images", daemon=True).start()

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return self._share

    @property
    def remaining_s(self) -> float | None:
        """Seconds that are left, by what it took so far; None where that says nothing yet."""
        if not self._began_s:
            return None
        took_s = time.monotonic() - self._began_s
        if took_s < _TELLING_S or self._share <= 0:
            return None
        return took_s * (1 - self._share) / self._share

    @property
    def is_waiting(self) -> bool:
        """Tell whether other files are being read, and this one comes after them."""
        return not self._began_s and not self._ended.is_set()

    @property
    def is_cancelled(self) -> bool:
        """Tell whether it was ended before it was done."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End it after the picture that is being read."""
        if not self._ended.is_set():
            self._cancelled.set()

    def result(self, timeout_s: float) -> Intake | None:
        """Wait for what comes of the file; None if it is not done by then, or cancelled.

        Raises:
            IntakeError: nothing of the file can be used.
        """
        self._asked_s = time.monotonic()
        self._ended.wait(timeout_s)
        if self._trouble is not None:
            raise self._trouble
        return self._intake

    def _read(self) -> None:
        try:
            with ExitStack() as taken:
                if self._holds_arrays:
                    if not _turn_of_arrays.enter(self._is_over):
                        return
                    taken.callback(_turn_of_arrays.leave)
                taken.callback(self._leave)
                if not self._enter():
                    return
                self._began_s = time.monotonic()
                _require_memory()
                self._go_through(self._begin())
                _count(self._intake)
        except IntakeError as error:
            self._trouble = error
        except Exception:
            # A thread never dies in silence, and a stranger's file may hold anything.
            self._trouble = IntakeError(
                message(
                    "{file} cannot be read: pack it again, or take out what was added last.",
                    file=self._what,
                )
            )
        finally:
            # The file itself is not kept any longer than it is read.
            del self._begin
            self._ended.set()

    def _enter(self) -> bool:
        self._has_turn = _turns.enter(self._is_over)
        self._turn_since_s = time.monotonic()
        return self._has_turn

    def _leave(self) -> None:
        if self._has_turn:
            self._has_turn = False
            _turns.leave()

    def _give_way(self) -> None:
        """After some time let one that waits have the turn, and wait for the next."""
        if not _turns.is_waited_for or time.monotonic() - self._turn_since_s < _TURN_S:
            return
        with _counting:
            if len(_aside) >= _MOST_ASIDE:
                return
            _aside.add(self)
        try:
            self._leave()
            self._enter()
        finally:
            with _counting:
                _aside.discard(self)

    def _go_through(self, steps: Progress) -> None:
        began_s = time.monotonic()
        while not self._is_over():
            try:
                self._share = next(steps)
            except StopIteration as done:
                self._intake = done.value
                return
            worked_s = time.monotonic() - began_s
            if worked_s > _WORK_S:
                time.sleep(_REST * worked_s)
                self._give_way()
                began_s = time.monotonic()
        steps.close()

    def _is_over(self) -> bool:
        if time.monotonic() - self._asked_s > _FORGOTTEN_S:
            self._cancelled.set()
        return self._cancelled.is_set()


def _require_memory() -> None:
    """See to it that there is room for what another file holds.

    Raises:
        IntakeError: pages look at too much already.
    """
    with _counting:
        # Its images lie in memory as they were read, and once more as they would be kept.
        taken = sum(2 * one.images.nbytes for one in _looked_at)
    if taken > _MOST_LOOKED_AT:
        raise IntakeError(
            N_(
                "The server holds as many images as it can that people look at before they use "
                "them. Wait a minute, then choose the file again."
            )
        )


def _count(intake: Intake | None) -> None:
    """Count what was read for as long as anybody holds it."""
    if intake is not None and intake.taken is not None:
        with _counting:
            _looked_at.add(intake.taken)
