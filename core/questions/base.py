"""What all questions that pages leave for the training thread have in common.

Only that thread has a team of all cores, and a second team would halve the speed of both. So a page
leaves its question here and goes on. The thread works on questions between the steps of a run, and
without pause where nothing is trained: a little at a time, next for the asker who has had least of
its time, and no longer on a question that nobody waits for. What takes long to read is read before,
by another thread, so that no run waits for a disk. An answer is kept for all who ask the same.
"""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic, TypeVar

from core.machine.device import release_freed_memory
from core.network.layers import lay_out
from core.questions.turns import Turns, surplus
from core.spec import RunSpec
from core.training.memory import step_memory
from core.training.randomness import generators_kept
from core.words.errors import UserError
from core.words.message import N_

# Below it, memory is kept for the next steps of anyone.
_WORTH_RELEASING: Final = 256 * 2**20

_log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
# What the work yields at each step, such as the share that is done.
Said = TypeVar("Said")
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Known(Generic[Answer]):
    """What came of a question.

    Attributes:
        answer: None where there is none.
        trouble: why the last attempt failed, for people; empty where it did not.
        at: when that was, by the monotonic clock.
        attempts: how many there have been.
    """

    answer: Answer | None
    trouble: str
    at: float
    attempts: int


@dataclass(frozen=True)
class _Wanted(Generic[Key]):
    """A question that waits: its key, who asked it, and from which network address."""

    key: Key
    asker: str
    address: str


@dataclass(eq=False)
class Now(Generic[Key, Said, Answer]):
    """The question that is worked on, since when, and what the work has yielded."""

    key: Key
    work: Generator[Said, None, Answer]
    said: list[Said] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)


class Questions(ABC, Generic[Key, Said, Answer]):
    """Questions of one kind and their answers.

    Any thread may ask, look and stop; `advance` and `drop` are for the training thread alone.

    A question waits at a place, such as the id of a browser's session, until it is answered or
    another one is asked at the same place. `Key` stands for all questions with the same answer.

    Args:
        wake: called without a lock held when there is something new to do.
        most_each: so many may wait that were asked from one address; of more, the oldest go.
    """

    MOST_KNOWN: ClassVar[int] = 200
    MOST_WAITING: ClassVar[int] = 200
    # Whether something is to be read before the work begins.
    READS: ClassVar[bool] = True
    # For people, where the work broke off by a fault of ours.
    BROKE_OFF: ClassVar[str] = ""

    def __init__(self, wake: Callable[[], None], most_each: int | None = None) -> None:
        self._wake = wake
        self._most_each = self.MOST_WAITING if most_each is None else most_each
        self._lock = threading.Lock()
        # By place, the longest wait first.
        self._wanted: OrderedDict[Hashable, _Wanted[Key]] = OrderedDict()
        # How the work begins on all that is wanted and has been read.
        self._ready: dict[Key, Callable[[], Generator[Said, None, Answer]]] = {}
        self._known: OrderedDict[Key, Known[Answer]] = OrderedDict()
        self._turns: Turns[str] = Turns()
        self._served = ""
        self._now: Now[Key, Said, Answer] | None = None
        self._reader: threading.Thread | None = None

    # What a kind of question is

    @abstractmethod
    def _prepare(self, key: Key) -> Callable[[], Generator[Said, None, Answer]]:
        """Read what the work needs; return how it begins. It may raise what the work may."""

    def _will_do(self, key: Key) -> bool:
        """Within the lock: tell whether what is known need not be asked again for now."""
        known = self._known.get(key)
        if known is not None and known.trouble:
            del self._known[key]
            return False
        return known is not None

    def _better(self, key: Key, before: Answer | None, now: Answer | None) -> Answer | None:
        """Choose between two answers to a question that was asked again."""
        return now

    def _is_large(self, key: Key) -> bool:
        """Tell whether the work holds so much memory that it is given back to the system."""
        return False

    # Asking, from any thread

    def _ask(self, place: Hashable, key: Key, asker: str, address: str) -> Known[Answer] | None:
        """Return what is known, and leave the question where it is not; this never waits.

        Args:
            place: of the question among those that wait.
            key: of the question.
            asker: whose turn it will be, and whose time it takes.
            address: where it is asked; empty for this very machine.
        """
        with self._lock:
            before = self._wanted.get(place)
            will_do = self._will_do(key)
            fresh = not will_do and (before is None or before.key != key)
            if will_do or fresh:
                self._wanted.pop(place, None)
            if fresh:
                self._wanted[place] = _Wanted(key, asker, address)
                if not self.READS:
                    self._ready[key] = self._prepare(key)
            self._forget_surplus()
            if self._unread() is not None and self._reader is None:
                self._reader = threading.Thread(
                    target=self._read_all, name="netsketch-questions-reader", daemon=True
                )
                self._reader.start()
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if fresh and not self.READS:
            self._wake()
        return known

    def pending(self, place: Hashable) -> bool:
        """Tell whether what was asked for last at a place is still to be worked out."""
        return place in self._wanted

    def stop(self, place: Hashable) -> None:
        """Drop what is waited for at a place."""
        with self._lock:
            self._wanted.pop(place, None)
            self._forget_unwanted()
        self._wake()

    # Answering, in the training thread

    @property
    def waits(self) -> bool:
        """Whether `advance` has anything to do; cheap, and takes no lock."""
        return self._now is not None or bool(self._ready)

    def advance(self) -> None:
        """Work a little for the asker who has had least time.

        No exception leaves this, and PyTorch's generators stay as they are.
        """
        with self._lock:
            now = self._now
            stale = now is not None and all(now.key != one.key for one in self._wanted.values())
        if stale:
            self.drop()
        if self._now is None:
            self._begin()
        if (now := self._now) is None:
            return
        began = time.monotonic()
        answer, trouble = None, ""
        try:
            with generators_kept():
                said = next(now.work)
        except StopIteration as done:
            answer, over = done.value, True
        except UserError as error:
            trouble, over = error.message, True
        except Exception:  # the page says so, and the thread goes on
            _log.exception("%s: a question could not be answered", type(self).__name__)
            trouble, over = self.BROKE_OFF, True
        else:
            over = False
        if over:
            self._note(now.key, answer, trouble)
            self.drop()
        with self._lock:
            if not over:
                now.said.append(said)
            self._turns.used(self._served, time.monotonic() - began)

    def drop(self) -> None:
        """Give up the work under way. Its question still waits, and is begun anew."""
        with self._lock:
            now, self._now = self._now, None
        if now is not None:
            now.work.close()
            if self._is_large(now.key):
                release_freed_memory()

    def _begin(self) -> None:
        with self._lock:
            ready = [one for one in self._wanted.values() if one.key in self._ready]
            chosen = self._turns.next(one.asker for one in ready)
            for one in ready:
                if one.asker == chosen:
                    self._served = one.asker
                    self._now = Now(one.key, self._ready[one.key]())
                    return

    def _note(self, key: Key, answer: Answer | None, trouble: str) -> None:
        with self._lock:
            before = self._known.pop(key, None)
            self._known[key] = Known(
                answer=self._better(key, before.answer if before else None, answer),
                trouble=trouble,
                at=time.monotonic(),
                attempts=1 + (before.attempts if before else 0),
            )
            while len(self._known) > self.MOST_KNOWN:
                self._known.popitem(last=False)
            for place in [place for place, one in self._wanted.items() if one.key == key]:
                del self._wanted[place]
            self._forget_unwanted()

    # Reading, in a thread of its own

    def _read_all(self) -> None:
        """Read what is needed for all that is asked for, then end."""
        while True:
            with self._lock:
                key = self._unread()
                if key is None:
                    self._reader = None
                    return
            try:
                begin = self._prepare(key)
            except UserError as error:
                self._note(key, None, error.message)
                continue
            except Exception:
                _log.exception("A data set could not be read")
                self._note(key, None, N_("Its images cannot be read."))
                continue
            with self._lock:
                self._ready[key] = begin
                self._forget_unwanted()
            self._wake()

    # Within the lock

    def _said(self, key: Key) -> Sequence[Said] | None:
        """Return what the work on a question has said; None where another one is worked on."""
        return self._now.said if self._now is not None and self._now.key == key else None

    def _unread(self) -> Key | None:
        return next((one.key for one in self._wanted.values() if one.key not in self._ready), None)

    def _forget_surplus(self) -> None:
        address_of = {place: one.address for place, one in self._wanted.items()}
        going = surplus(tuple(self._wanted), address_of, self.MOST_WAITING, self._most_each)
        for place in going:
            if self._now is None or self._wanted[place].key != self._now.key:
                del self._wanted[place]
        self._forget_unwanted()

    def _forget_unwanted(self) -> None:
        wanted = {one.key for one in self._wanted.values()}
        self._ready = {key: begin for key, begin in self._ready.items() if key in wanted}


def takes_much_memory(spec: RunSpec) -> bool:
    """Tell whether a training step of a spec takes memory that others may miss."""
    return step_memory(spec, lay_out(spec)).total > _WORTH_RELEASING
