"""Executors, which let workers train: here in the calling thread.

An executor gets jobs and the workers' end of a channel. It sends the reports of each job there, in
order, up to `Ended`, and takes wishes from there. Another executor may start a process, or a task
of a cluster, that runs `ThisThread`, and pass reports and wishes on, as the one for tests does in
`tests/core/runs/elsewhere.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from core.questions.fair_share import Guest
from core.runs.channel import WorkersEnd
from core.runs.messages import Job, Wish
from core.runs.pause_limit import LOOK_S, Patience
from core.runs.store import Store
from core.runs.worker import Worker

# A guest of a run that trains has the device this long at most after each report.
GUEST_S: Final = 0.2


class Executor(Protocol):
    """Lets workers do jobs."""

    def execute(self, jobs: Sequence[Job], end: WorkersEnd) -> None:
        """Do jobs side by side, in turns of a few steps, until `Ended` is sent for each.

        Args:
            jobs: one, or the two of a duel.
            end: the workers' end of the channel to the runs.
        """
        ...


# Makes an executor for a turn, by how long others wait for runs of it that are paused.
MakeExecutor = Callable[[Patience], Executor]


@dataclass(frozen=True)
class ThisThread:
    """Lets workers do jobs in the calling thread.

    Attributes:
        store: keeps runs on the disk; None where they live in memory only.
        guest: gets the device between two reports, while the clock of the run stands still.
        patience: of others who wait while runs are paused; None where nobody waits.
    """

    store: Store | None
    guest: Guest | None = None
    patience: Patience | None = None

    def execute(self, jobs: Sequence[Job], end: WorkersEnd) -> None:
        """See `Executor`."""
        for _ in self.steps(jobs, end):
            pass

    def steps(self, jobs: Sequence[Job], end: WorkersEnd) -> Iterator[None]:
        """Do jobs as `execute` does, yielding after every few steps.

        Of two workers, the one that has come less far is next. A worker that is to end goes first,
        even past one that is paused.
        """
        turn = _Turn([Worker(job, end, self.store) for job in jobs], end)
        while turn.works:
            turn.hear()
            if (resting := turn.resting()) is not None:
                self._look_after(resting, turn)
                continue
            now = turn.next()
            if turn.advance(now) and self._guest_waits:
                now.hold()
                self._serve()
                now.go()
            yield

    def _look_after(self, resting: Worker, turn: "_Turn") -> None:
        """Keep a worker paused for a moment, or shorter if a wish comes."""
        if not resting.is_paused:
            turn.advance(resting)
            return
        if turn.since is None and self.patience is not None:
            turn.since = self.patience.clock()
        turn.hear(0.0 if self._guest_waits else LOOK_S)
        if not resting.pauses:
            return
        if self.patience is None or turn.since is None or not self.patience.is_over(turn.since):
            self._serve()
            return
        for worker in turn.works:
            worker.hear(Wish("leave"))

    @property
    def _guest_waits(self) -> bool:
        return self.guest is not None and self.guest.waits

    def _serve(self) -> None:
        if self.guest is not None and self.guest.waits:
            self.guest.serve(GUEST_S)


class _Turn:
    """Workers that share the device.

    Attributes:
        works: the training of each worker that has not ended.
        since: when the pause began, by the clock of `Patience`; None outside of a pause.
    """

    def __init__(self, workers: Sequence[Worker], end: WorkersEnd) -> None:
        self.works = {worker: worker.work() for worker in workers}
        self.since: float | None = None
        self._of = {worker.id: worker for worker in workers}
        self._end = end
        self._now: Worker | None = None

    def hear(self, wait_s: float = 0.0) -> None:
        """Pass wishes on to the workers, after waiting for one up to `wait_s` seconds."""
        for run_id, wish in self._end.wishes(wait_s):
            self._of[run_id].hear(wish)
        if not any(worker.pauses for worker in self.works):
            self.since = None

    def resting(self) -> Worker | None:
        """Return a worker that is to pause, unless another is to end first."""
        pausing = [worker for worker in self.works if worker.pauses]
        if not pausing or self._ending:
            return None
        # Of the two of a duel, only the one with the device has to pause.
        return self._now if self._now in pausing else pausing[0]

    def next(self) -> Worker:
        """Return the worker whose turn it is, with its clock going and no other's."""
        chosen = min(self._ending or self.works, key=lambda worker: worker.progress)
        if chosen is not self._now:
            if self._now in self.works:
                self._now.hold()
            self._now = chosen
            chosen.go()
        return chosen

    def advance(self, worker: Worker) -> bool:
        """Let a worker do a few steps; return whether a guest may have the device after them."""
        lent = next(self.works[worker], None)
        if lent is None:
            del self.works[worker]
        return bool(lent)

    @property
    def _ending(self) -> list[Worker]:
        return [worker for worker in self.works if worker.is_ending]
