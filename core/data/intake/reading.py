"""A person's file, read in the background: how far that is, and an end to it at any time."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from core.data.intake.array_file import read_npz_file
from core.data.intake.arrays import is_arrays
from core.data.intake.common import Intake, IntakeError, Preparation, Progress, shown_name
from core.data.intake.waiting_room import Lane
from core.data.intake.zip_archive import num_entries
from core.data.intake.zip_file import read_zip
from core.machine.device import release_freed_memory
from core.serving.held_file import HeldFile
from core.serving.memory_budget import memory_budget
from core.words.errors import UserError
from core.words.message import message

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
_counting: Final = threading.Lock()
# Arrays are unpacked whole, up to 200 MB of them: of these one file at a time.
_turn_of_arrays: Final = Lane(1)
# What a picture of an archive takes in memory while that is read: its entry there, its name, the
# image of 28 x 28, and that once more if others of its file are left out.
_PICTURE_BYTES: Final = 3_000
# A smaller file leaves little behind that would be worth giving back to the system.
_LARGE_BYTES: Final = 2**20


class Reading:
    """One file being read. Every method may be called by any thread."""

    def __init__(self, data: bytes | HeldFile, filename: str, preparation: Preparation) -> None:
        """Begin to read in a thread of its own."""
        held = HeldFile.of(data)
        named = filename.lower().endswith((".npz", ".npy"))
        holds_arrays = named or is_arrays(held)
        reader = read_npz_file if holds_arrays else read_zip
        self._holds_arrays = holds_arrays
        self._is_large = held.size > _LARGE_BYTES
        # Of arrays the reader itself says it, as soon as it knows them.
        self._memory = 0 if holds_arrays else num_entries(held) * _PICTURE_BYTES
        self._has_turn, self._turn_since_s = False, 0.0
        self._what = shown_name(filename)
        self._begin: Callable[[], Progress] = lambda: reader(held, filename, preparation)
        self._share, self._began_s = 0.0, 0.0
        self._asked_s = time.monotonic()
        self._ended, self._cancelled = threading.Event(), threading.Event()
        self._intake: Intake | None = None
        self._is_wanted = True
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
        """Tell whether the reading was ended before it was done."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End the reading after the present picture."""
        if not self._ended.is_set():
            self._cancelled.set()

    def let_go(self) -> None:
        """End the reading, and keep nothing of what came of it."""
        self._is_wanted = False
        self.cancel()
        self._intake = None

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
                room = memory_budget().reading(self._memory, self._is_over)
                if not taken.enter_context(room):
                    return
                taken.callback(self._leave)
                if not self._enter():
                    return
                self._began_s = time.monotonic()
                self._go_through(self._begin())
                intake = self._intake if self._is_wanted else None
                if intake is not None and intake.taken is not None:
                    memory_budget().keep(intake.taken, intake.taken.num_bytes)
        except UserError as error:
            self._trouble = IntakeError(error.message)
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
            if not self._is_wanted:
                self._intake = None
            self._give_memory_back()
            self._ended.set()

    def _give_memory_back(self) -> None:
        """Keep nothing of what pictures took: training keeps it (see `core.machine.device`)."""
        if self._is_large:
            release_freed_memory()

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
            self._give_memory_back()
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
